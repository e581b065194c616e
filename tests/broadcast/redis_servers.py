"""Real Redis servers, in processes of their own, which tests kill and start again."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.examples.deploying import kept_port
from tests.server.process import DEADLINE_SECONDS
from tests.support.programs import find_program

__all__ = ["RedisServer", "redis_at_a_socket", "redis_on_a_port"]


class RedisServer:
    """Run redis-server, at the same address each time it is started."""

    def __init__(self, directory: Path, *arguments: str, port: int = 0) -> None:
        self.directory = directory
        #: Short, because the path of a UNIX socket is.
        self.socket = directory / "r"
        self.port = port
        self._arguments = arguments
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.kill()

    @property
    def url(self) -> str:
        """Return what a Broadcast is given."""
        return f"redis://127.0.0.1:{self.port}" if self.port else f"redis+unix://{self.socket}"

    @property
    def options(self) -> dict[str, str]:
        """Return the options that it was given, each with its value."""
        return dict(zip(self._arguments[::2], self._arguments[1::2], strict=True))

    @property
    def pid(self) -> int:
        """Return the number of its process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it, and wait until it answers."""
        address = ("--bind", "127.0.0.1") if self.port else ("--unixsocket", str(self.socket))
        command = (
            *(find_program("redis-server"), *self._arguments, "--port", str(self.port), *address),
            *("--dir", str(self.directory), "--daemonize", "no"),
            *(() if "--sentinel" in self._arguments else ("--save", "")),
        )
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not self._answers():
            assert self._process.poll() is None, "redis-server has ended"
            assert time.monotonic() < deadline, "redis-server does not answer"
            time.sleep(0.01)

    def kill(self) -> None:
        """End it without a word to anybody."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._process = None

    def suspend(self) -> None:
        """Have it stand still."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Have it go on."""
        os.kill(self.pid, signal.SIGCONT)

    def command(self, *words: str) -> bytes:
        """Return what it answers to a command, as it comes."""
        family, address = (
            (socket.AF_INET, ("127.0.0.1", self.port)) if self.port else (socket.AF_UNIX, str(self.socket))
        )
        with socket.socket(family) as sock:
            sock.settimeout(DEADLINE_SECONDS)
            sock.connect(address)
            sock.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(w), w.encode()) for w in words))
            return sock.recv(65536)

    def _answers(self) -> bool:
        try:
            return self.command("PING").startswith((b"+PONG", b"-NOAUTH"))
        except OSError:
            return False


@contextmanager
def redis_at_a_socket(directory: Path, *arguments: str) -> Iterator[RedisServer]:
    """Run a Redis that only this test can reach."""
    with RedisServer(directory, *arguments) as server:
        yield server


@contextmanager
def redis_on_a_port(directory: Path, *arguments: str) -> Iterator[RedisServer]:
    """Run a Redis on a port that nobody else is given, also while it is killed."""
    with kept_port() as port, RedisServer(directory, *arguments, port=port) as server:
        yield server
