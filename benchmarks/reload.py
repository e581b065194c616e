"""How long a developer waits: from a save to the first answer of the new code, beside what the bare import takes.

    python -m benchmarks.reload [--rounds 10] [--app fastapi|plain] [--idle 2] [--python PATH]

licorne and, for `--app fastapi`, FastAPI must be importable by the interpreter that is measured. `import` is the time
that `import main` takes in a new interpreter, with its bytecode in the cache; `restart` is the time from the line
that says so to the first answer of the new code; `save` is the time from the save to that answer, and so includes
what it takes to see the change. `--idle` connections of a browser stay open meanwhile and ask for nothing.

Rules: the versions of the application differ by a number in its answer; requests are sent one after another and none
may fail.
"""

import argparse
import contextlib
import http.client
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

__all__ = ["main"]

READY_SECONDS = 30.0
#: After a restart licorne starts the next interpreter in advance; a developer takes longer to the next save.
REST_SECONDS = 1.0

APPS = {
    "fastapi": """
from fastapi import FastAPI

app = FastAPI()


@app.get("/")
async def version() -> int:
    return {number}
""",
    "plain": """
async def app(scope, receive, send):
    assert scope["type"] == "http"
    await send({{"type": "http.response.start", "status": 200, "headers": []}})
    await send({{"type": "http.response.body", "body": b"{number}"}})
""",
}


class Server:
    """Run licorne with --reload in a directory and note when its lines come."""

    def __init__(self, python: str, directory: Path) -> None:
        self.process = subprocess.Popen(
            [python, "-m", "licorne", "main:app", "--reload", "--port", "0", "--no-access-log"],
            cwd=directory,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: list[tuple[float, str]] = []
        self.came = threading.Condition()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def wait_for(self, pattern: str, start: int = 0) -> tuple[float, re.Match[str]]:
        """Return when a line came, from the given one on, and its match."""
        deadline = time.monotonic() + READY_SECONDS
        with self.came:
            while True:
                for moment, line in self.lines[start:]:
                    if found := re.search(pattern, line):
                        return moment, found
                if not self.came.wait(deadline - time.monotonic()):
                    raise SystemExit(f"no line like {pattern!r}:\n" + "\n".join(line for _, line in self.lines))

    def stop(self) -> None:
        """End the server and its workers."""
        self.process.terminate()
        self.process.wait(READY_SECONDS)
        self.reader.join(READY_SECONDS)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self.came:
                self.lines.append((time.monotonic(), line))
                self.came.notify_all()


def save(directory: Path, app: str, number: int) -> None:
    """Save a version of the application as editors do: a new file takes the place of the old one."""
    new = directory / ".main.py.new"
    new.write_text(APPS[app].format(number=number))
    new.replace(directory / "main.py")


def ask(port: int) -> int:
    """Return the version that answers; anything else ends the measurement."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=READY_SECONDS)
    with contextlib.closing(connection):
        connection.request("GET", "/")
        return int(connection.getresponse().read())


def import_seconds(python: str, directory: Path) -> float:
    """Return how long the bare import takes."""
    code = "import time; began = time.perf_counter(); import main; print(time.perf_counter() - began)"
    return float(subprocess.run([python, "-c", code], cwd=directory, capture_output=True, check=True, text=True).stdout)


@contextlib.contextmanager
def idle_connections(port: int, count: int) -> Iterator[None]:
    """Hold connections open that ask for nothing, as browsers do."""
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(contextlib.closing(socket.create_connection(("127.0.0.1", port))))
        yield


def measure(server: Server, port: int, directory: Path, app: str, number: int) -> tuple[float, float]:
    """Return how long a restart took, and how long since the save."""
    start = len(server.lines)
    saved = time.monotonic()
    save(directory, app, number)
    while ask(port) != number:
        time.sleep(0.002)
    answered = time.monotonic()
    began, _ = server.wait_for("detected changes", start)
    return answered - began, answered - saved


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description="How long a developer waits for a reload.")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--app", choices=APPS, default="fastapi")
    parser.add_argument("--idle", type=int, default=2)
    parser.add_argument("--python", default=sys.executable)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(os.path.realpath(name))
        save(directory, options.app, 0)
        import_seconds(options.python, directory)
        server = Server(options.python, directory)
        try:
            port = int(server.wait_for(r"running on http://\S+:(\d+)")[1][1])
            ask(port)
            rows = []
            for number in range(1, options.rounds + 1):
                time.sleep(REST_SECONDS)
                with idle_connections(port, options.idle):
                    restart, save_to_answer = measure(server, port, directory, options.app, number)
                time.sleep(REST_SECONDS)
                rows.append((import_seconds(options.python, directory), restart, save_to_answer))
        finally:
            server.stop()
    report(rows)


def report(rows: list[tuple[float, float, float]]) -> None:
    """Print the medians, the extremes and the ratio."""
    columns = list(zip(*rows, strict=True))
    for name, column in zip(("import", "restart", "save"), columns, strict=True):
        print(f"{name:8} median {statistics.median(column):.3f} s, {min(column):.3f} to {max(column):.3f} s")
    print(f"restart / import {statistics.median(columns[1]) / statistics.median(columns[0]):.2f}")


if __name__ == "__main__":
    main()
