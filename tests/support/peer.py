"""Peer: the client's end of one connection, the same in memory and over a socket.

What comes is kept; a test says what it waits for, and waits for that event with a deadline, never for a while.
"""

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import Any

from tests.support.http1 import Answer, read_answers

__all__ = ["DEADLINE", "Peer"]

#: Seconds after which an event that did not come will not come.
DEADLINE = 60.0


class Peer(asyncio.Protocol):
    """Be a client. A stage connects it: to a socket, or to a link in memory."""

    def __init__(self) -> None:
        self.transport: Any = None
        self.received = bytearray()
        #: How often something came.
        self.reads = 0
        #: The server's FIN has come, or the connection is gone.
        self.has_ended = False
        #: What ended the connection, if it was not a clean end.
        self.error: BaseException | None = None
        self.changed = asyncio.Event()

    # what the loop, or the link in memory, calls

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.received += data
        self.reads += 1
        self.changed.set()

    def eof_received(self) -> bool:
        self.has_ended = True
        self.changed.set()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self.error = self.error or exc
        self.has_ended = True
        self.changed.set()

    # what a test makes the client do

    def send(self, data: bytes) -> None:
        """Send bytes."""
        self.transport.write(data)

    def end(self) -> None:
        """Send FIN and go on reading."""
        self.transport.write_eof()

    def leave(self) -> None:
        """Close the connection."""
        self.transport.abort()

    def reset(self) -> None:
        """Close the connection with RST."""
        sock = self.transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    # what a test waits for

    async def until(self, is_true: Callable[[], bool], what: str) -> None:
        """Wait until something is true of what came; `what` names it when it does not come true in time."""
        async with asyncio.timeout(DEADLINE):
            while not is_true():
                assert not self.has_ended, f"the connection ended before {what}: {bytes(self.received)!r}"
                self.changed.clear()
                await self.changed.wait()

    async def answers(self, *methods: str) -> list[Answer]:
        """Wait for as many whole answers as there are methods, and take them; nothing else may have come."""
        await self.until(lambda: self._holds(methods), f"{len(methods)} whole answers")
        taken = read_answers(bytes(self.received), list(methods), self.has_ended)
        self.received.clear()
        assert len(taken) == len(methods)
        return taken

    async def answer(self, method: str = "GET") -> Answer:
        """Wait for one whole answer and take it."""
        (taken,) = await self.answers(method)
        return taken

    async def bytes_until(self, mark: bytes) -> bytes:
        """Wait until what came ends with `mark`; take it."""
        await self.until(lambda: self.received.endswith(mark), f"{mark!r}")
        taken = bytes(self.received)
        self.received.clear()
        return taken

    async def rest(self) -> bytes:
        """Wait until the server ends the connection; take all that came."""
        async with asyncio.timeout(DEADLINE):
            while not self.has_ended:
                self.changed.clear()
                await self.changed.wait()
        taken = bytes(self.received)
        self.received.clear()
        return taken

    def _holds(self, methods: tuple[str, ...]) -> bool:
        if self.received.count(b"HTTP/1.1 ") < len(methods):
            return False  # without reading all of them again with each piece that comes
        try:
            return len(read_answers(bytes(self.received), list(methods), self.has_ended)) >= len(methods)
        except ValueError:
            return False
