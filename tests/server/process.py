"""A server in a process of its own, and a client on a bare socket: what the tests of the server stand on.

Nothing sleeps for luck: a test waits for a line of the log or for bytes, and fails at a deadline.
"""

import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

__all__ = ["Client", "ServerProcess", "ask_patiently", "racing", "running"]

#: Far more than anything here takes on a busy machine.
DEADLINE_SECONDS = 60.0
APPS = Path(__file__).parent


class ServerProcess:
    """Run `licorne` with some arguments and read its log."""

    def __init__(
        self,
        *arguments: str,
        app_dir: Path = APPS,
        cwd: Path | None = None,
        pass_fds: Sequence[int] = (),
        variables: Mapping[str, str] | None = None,
        launcher: Sequence[str] = (),
    ) -> None:
        """Take the arguments, and perhaps a program that is to start the command behind it."""
        command = [*launcher, sys.executable, "-m", "licorne", *arguments, "--app-dir", str(app_dir)]
        self._begin(command, cwd, variables or {}, pass_fds)

    def _begin(
        self, command: Sequence[str], cwd: Path | None, variables: Mapping[str, str], pass_fds: Sequence[int] = ()
    ) -> None:
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            cwd=cwd,
            pass_fds=pass_fds,
            env={**os.environ, **variables},
        )
        self.lines: list[str] = []
        self._is_over = False
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()

    @property
    def log(self) -> str:
        """Return all that was written so far."""
        return "\n".join(self.lines)

    @property
    def port(self) -> int:
        """Return the port that it runs on."""
        return int(self.wait_for(r"Licorne running on https?://\S+:(\d+) ")[1])

    def wait_for(self, pattern: str, count: int = 1) -> re.Match[str]:
        """Return the match of the line that is the `count`th to match; fail if none comes."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        with self._changed:
            while len(found := [match for line in self.lines if (match := re.search(pattern, line))]) < count:
                if self._is_over or not self._changed.wait(deadline - time.monotonic()):
                    raise AssertionError(f"no line matches {pattern!r} in:\n{self.log}")
        return found[count - 1]

    def signal(self, number: int) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def wait(self) -> int:
        """Return the exit status when all is read; negative if it died of a signal."""
        status = self.process.wait(DEADLINE_SECONDS)
        self._reader.join(DEADLINE_SECONDS)
        return status

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._changed:
                self.lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._is_over = True
            self._changed.notify_all()


@contextmanager
def running(app: str, *arguments: str, cwd: Path | None = None) -> Iterator[ServerProcess]:
    """Serve one of the applications of apps.py on a free port of its own."""
    with ServerProcess(f"apps:{app}", "--port", "0", *arguments, cwd=cwd) as server:
        server.wait_for("Licorne running on ")
        yield server


class Client:
    """Be a client that sends and reads bytes."""

    def __init__(self, address: int | str | tuple[str, int]) -> None:
        """Connect to a port of this machine, to a path, or to an address."""
        if isinstance(address, str):
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(DEADLINE_SECONDS)
            self.sock.connect(address)
        else:
            target = ("127.0.0.1", address) if isinstance(address, int) else address
            self.sock = socket.create_connection(target, DEADLINE_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.sock.close()

    def get(self, path: str = "/") -> bytes:
        """Send a request and return the response."""
        self.send_request(path)
        return self.read_response()

    def send_request(self, path: str = "/") -> None:
        """Send a request without body."""
        self.sock.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())

    def send_half_a_request(self) -> None:
        """Send a request whose body lacks its second half, "lo"."""
        self.sock.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhel")

    def send_the_rest(self) -> None:
        """Send what `send_half_a_request` kept back."""
        self.sock.sendall(b"lo")

    def read_until(self, end: bytes) -> bytes:
        """Return what comes up to and with some bytes."""
        data = b""
        while end not in data:
            part = self.sock.recv(65536)
            assert part, f"the connection ended before {end!r}: {data!r}"
            data += part
        return data

    def read_response(self) -> bytes:
        """Return a response that has a content-length."""
        data = self.read_until(b"\r\n\r\n")
        head, _, body = data.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: *(\d+)", head)
        assert length, head
        while len(body) < int(length[1]):
            part = self.sock.recv(65536)
            assert part, f"the connection ended inside the body: {body!r}"
            body += part
        return head + b"\r\n\r\n" + body

    def read_to_the_end(self) -> bytes:
        """Return what comes until the server closes."""
        data = b""
        while part := self.sock.recv(65536):
            data += part
        return data


def ask_patiently(port: int) -> int:
    """Return the number of the process that answers; ask again if the one that hangs had accepted just before."""
    while True:
        with Client(port) as client:
            client.send_request()
            client.sock.settimeout(0.5)
            with suppress(TimeoutError, ConnectionError):
                return int(client.read_response().rpartition(b"\r\n\r\n")[2])


@contextmanager
def racing(source: str, argument: str, count: int) -> Iterator[tuple[list[subprocess.Popen[str]], list[str]]]:
    """Run a program so often that waits for a line, then all at once; yield them and the line that each answers.

    They live until the end of the `with` statement, and wait for another line.
    """
    with ExitStack() as closing:
        command = [sys.executable, "-c", source, argument]
        racers = [
            closing.enter_context(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
            for _ in range(count)
        ]
        for racer in racers:
            assert racer.stdin is not None
            racer.stdin.write("\n")
            racer.stdin.flush()
        yield racers, [racer.stdout.readline().strip() for racer in racers if racer.stdout is not None]
        for racer in racers:
            racer.communicate("\n", timeout=DEADLINE_SECONDS)
