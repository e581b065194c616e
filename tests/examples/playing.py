"""Plays a page: writes the files that it shows, runs the commands, and looks for the lines that they are said to print.

Rules: `main.py` is served on a free port, and anew when a file has changed since. A line that a page shows must
come, in this order; "…" stands for what differs from run to run. What sets up a machine (`SET_UP`) is not run here.
"""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import pytest

from tests.examples.pages import Block, Command
from tests.server.process import ServerProcess

__all__ = ["SET_UP", "PagePlayer"]

#: The first words of commands that change the machine; others must run here.
SET_UP = {"git", "python3", "venv/bin/pip", ".", "pip", "make"}
#: Programs that end by themselves, and programs that serve until they are told to stop.
ENDING = {"embed.py", "test_main.py"}
SERVING = {"serve.py"}
#: What makes the command answer and exit.
ANSWERING = {"check", "cert", "--version", "--show-config", "--help"}
DEADLINE_SECONDS = 60.0
SHOWN_ADDRESS = "http://127.0.0.1:8000"
SHOWN_SECURE_ADDRESS = "https://localhost:8000"
#: For pages that show no application of their own.
HELLO = """\
async def app(scope, receive, send):
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"Hello!\\n"})
"""


class PagePlayer:
    """Play the blocks of one page in a directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.server: ServerProcess | None = None
        self._stack = ExitStack()
        (directory / "main.py").write_text(HELLO, encoding="utf-8")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def play(self, block: Block) -> None:
        """Do what a block asks for."""
        if block.file:
            self._write(block)
        if block.file in ENDING:
            self._expect(self._run([sys.executable, block.file]), 0, ())
        if block.file in SERVING:
            self._serve_program(block.file)
        if block.language == "console":
            for command in block.commands:
                self._play_command(command)

    # --- files -----------------------------------------------------------------------------------------------

    def _write(self, block: Block) -> None:
        text = block.text.replace("port=8080", "port=0")
        (self.directory / block.file).write_text(text, encoding="utf-8")
        self._stop()

    def _serve_program(self, name: str) -> None:
        process = subprocess.Popen(
            [sys.executable, name],
            cwd=self.directory,
            env=variables(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        with process:
            assert process.stderr is not None
            assert any("Licorne running on" in line for line in process.stderr)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=DEADLINE_SECONDS)
        assert process.returncode == 0

    # --- commands --------------------------------------------------------------------------------------------

    def _play_command(self, command: Command) -> None:
        words = shlex.split(command.line)
        assigned = {}
        while re.match(r"[A-Z_]+=", words[0]):
            name, _, value = words.pop(0).partition("=")
            assigned[name] = value
        if words[0] == "licorne":
            self._play_licorne(words[1:], assigned, command.output)
        elif words[0] == "curl":
            self._play_curl(words[1:], command.output)
        elif words[0] == "gunicorn":
            self._play_gunicorn(words[1:])
        else:
            assert words[0] in SET_UP, f"{command.line!r} is not run by the tests"

    def _play_licorne(self, words: list[str], assigned: dict[str, str], output: Sequence[str]) -> None:
        is_refusal = bool(output) and output[0].startswith("licorne: ")
        if is_refusal or ANSWERING & set(words):
            ended = self._run([sys.executable, "-m", "licorne", *words], assigned)
            self._expect(ended, 2 if is_refusal else 0, output)
            return
        assert not assigned, "a server is started without variables"
        self._serve(words)
        if output:
            assert self.server is not None
            log = self.server.log
            assert_lines(output, log if "--uds" in words else log.replace(f":{self.server.port} ", ":8000 "))

    def _play_gunicorn(self, words: list[str]) -> None:
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", *words, "--bind", "127.0.0.1:0"],
            cwd=self.directory,
            env=variables({"HOME": str(self.directory)}),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        with process:
            assert process.stderr is not None
            assert any("lifespan" in line for line in process.stderr)
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=DEADLINE_SECONDS)
        assert process.returncode == 0

    def _play_curl(self, words: list[str], output: Sequence[str]) -> None:
        curl = shutil.which("curl")
        if curl is None:
            pytest.skip("curl is not installed (Debian's package curl)")
        if self.server is None:
            self._serve(["main:app"])
        assert self.server is not None
        if "--unix-socket" not in words:
            words = [word.replace(SHOWN_ADDRESS, self._address()) for word in words]
            words = [word.replace(SHOWN_SECURE_ADDRESS, f"https://localhost:{self.server.port}") for word in words]
            words = [word.replace("~", str(self.directory)) for word in words]
        self._expect(self._run([curl, "-s", *words]), 0, output)

    # --- the server ------------------------------------------------------------------------------------------

    def _serve(self, words: list[str]) -> None:
        self._stop()
        address = [] if "--uds" in words else ["--port", "0"]
        server = ServerProcess(*words, *address, app_dir=self.directory, cwd=self.directory)
        self._stack.enter_context(server)
        server.wait_for("Licorne running on ")
        self.server = server

    def _address(self) -> str:
        assert self.server is not None
        return f"http://127.0.0.1:{self.server.port}"

    def _stop(self) -> None:
        if self.server is not None:
            self.server.signal(signal.SIGINT)
            assert self.server.wait() == 0, self.server.log
        self.server = None

    # --- what came of it -------------------------------------------------------------------------------------

    def _run(self, command: list[str], more: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.directory,
            env=variables({"HOME": str(self.directory), **(more or {})}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=DEADLINE_SECONDS,
            check=False,
        )

    def _expect(self, ended: subprocess.CompletedProcess[str], status: int, output: Sequence[str]) -> None:
        assert ended.returncode == status, f"{ended.args}: {ended.returncode}\n{ended.stdout}"
        assert_lines(output, ended.stdout)


def variables(more: dict[str, str] | None = None) -> dict[str, str]:
    """Return the environment of a user who has set nothing for licorne, and no proxy."""
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    ours = ("LICORNE_", "XDG_CONFIG_HOME")
    return {**{name: value for name, value in kept.items() if not name.startswith(ours)}, **(more or {})}


def assert_lines(shown: Sequence[str], printed: str) -> None:
    """Look for the lines that a page shows, in their order, in what was printed."""
    lines = iter(printed.splitlines())
    for line in shown:
        pattern = re.compile(".*".join(map(re.escape, line.rstrip().split("…"))))
        assert any(pattern.fullmatch(each.rstrip()) for each in lines), f"{line!r} is not printed, but:\n{printed}"
