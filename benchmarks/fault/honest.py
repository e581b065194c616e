"""Honest clients: connections that are kept, one request after another on each, and an account of every one.

Rules: a client that rests between two requests looks whether the server has left, as a careful client does; what it
finds broken before it has sent anything is no failure. Every failure names the client's port and what was answered
last there, by which it is known whose connection it was.
"""

import re
import select
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

__all__ = ["Failure", "HonestClients"]

TIMEOUT_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Failure:
    """Hold what became of a request that was not answered; without a connection `port` is 0 and `last_answer` empty."""

    reason: str
    port: int
    last_answer: bytes


@dataclass
class HonestClients:
    """Ask from so many connections at a time until the end of a `with` block."""

    port: int
    count: int = 8
    #: How long the clients rest between two requests, in turn, in seconds.
    rests: Sequence[float] = (0.0,)
    path: str = "/"
    failures: list[Failure] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._is_over = threading.Event()
        #: How often each client got each answer, so that no two add to the same.
        self._answers: list[Counter[bytes]] = [Counter() for _ in range(self.count)]
        self._threads = [
            threading.Thread(target=self._run, args=(answers, self.rests[number % len(self.rests)]), daemon=True)
            for number, answers in enumerate(self._answers)
        ]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join(2 * TIMEOUT_SECONDS)

    @property
    def answered(self) -> int:
        """Return how many requests were answered."""
        return sum(answers.total() for answers in self._answers)

    @property
    def answers(self) -> set[bytes]:
        """Return the different bodies that came."""
        return set().union(*self._answers)

    def wait_for(self, count: int) -> None:
        """Wait until so many more requests were answered. Raises TimeoutError."""
        goal = self.answered + count
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while self.answered < goal:
            if time.monotonic() >= deadline:
                raise TimeoutError(f"{self.answered} of {goal} answers, {self.failures}")
            time.sleep(0.005)

    def _run(self, answers: Counter[bytes], rest: float) -> None:
        connection: _Connection | None = None
        while not self._is_over.is_set():
            try:
                if connection is None or (rest and connection.was_closed_after(rest)):
                    connection = _Connection(self.port, self.path)
                answers[connection.ask()] += 1
            except (OSError, ValueError) as error:
                port, last_answer = (connection.client_port, connection.last_answer) if connection else (0, b"")
                self.failures.append(Failure(f"{type(error).__name__}: {error}", port, last_answer))
                if connection is not None:
                    connection.is_over = True
            if connection is not None and connection.is_over:
                connection.sock.close()
                connection = None
        if connection is not None:
            connection.sock.close()


class _Connection:
    """Be one connection, kept for as long as the server says."""

    def __init__(self, port: int, path: str) -> None:
        self.is_over = False
        self.last_answer = b""
        self.sock = socket.create_connection(("127.0.0.1", port), TIMEOUT_SECONDS)
        self.client_port: int = self.sock.getsockname()[1]
        self._request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()

    def ask(self) -> bytes:
        """Send a request; return the body of the answer. Raises OSError, ValueError."""
        self.sock.sendall(self._request)
        data = self._read(b"", lambda found: b"\r\n\r\n" in found)
        head, _, body = data.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
        if not head.startswith(b"HTTP/1.1 200 ") or length is None:
            raise ValueError(f"answered {data!r}")
        self.last_answer = self._read(body, lambda found: len(found) >= int(length[1]))
        self.is_over = b"\r\nconnection: close" in head.lower()
        return self.last_answer

    def was_closed_after(self, seconds: float) -> bool:
        """Rest; tell whether the server has closed the connection meanwhile, as it may."""
        readable, _, _ = select.select([self.sock], [], [], seconds)
        if readable:
            self.sock.close()
        return bool(readable)

    def _read(self, data: bytes, is_enough: Callable[[bytes], bool]) -> bytes:
        while not is_enough(data):
            part = self.sock.recv(65536)
            if not part:
                raise ValueError(f"the connection ended after {data!r}")
            data += part
        return data
