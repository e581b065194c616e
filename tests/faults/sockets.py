"""WebSocket clients that misbehave, on bare sockets, and one that behaves and says how long it had to wait.

Rules: the mask is of zeros, which RFC 6455 allows, so that a payload travels as it is and costs a client nothing.
"""

import select
import socket
import struct
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from tests.faults.watching import DEADLINE_SECONDS
from tests.support.frames import masked
from tests.support.websocket import asking

__all__ = ["BINARY", "CLOSE", "CONTINUATION", "DEFLATED", "FIN", "PING", "TEXT", "Bystander", "Socket", "frame"]

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
FIN = 0x80
DEFLATED = 0x40

RESET = struct.pack("ii", 1, 0)
PAUSE_SECONDS = 0.005


def frame(head: int, payload: bytes = b"") -> bytes:
    """Return a frame of a client, given its first byte."""
    return masked(head, payload, bytes(4))


class Socket:
    """Be a client with one WebSocket."""

    def __init__(self, port: int, path: str = "/", *fields: str, receive_buffer: int = 65536) -> None:
        self.sock = socket.socket()
        self.sock.settimeout(DEADLINE_SECONDS)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.connect(("127.0.0.1", port))
        self.received = b""
        self.sock.sendall(asking(path, *fields))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.sock.close()

    def read_answer(self) -> bytes:
        """Return the head of the answer to the handshake."""
        while b"\r\n\r\n" not in self.received:
            self.receive()
        head, _, self.received = self.received.partition(b"\r\n\r\n")
        return head

    def read_frame(self) -> tuple[int, bytes]:
        """Return the first byte and the payload of the next frame."""
        while not (parts := self._split()):
            self.receive()
        head, payload, self.received = parts
        return head, payload

    def read_message(self) -> bytes:
        """Return the next text message, however many control frames stand before it; answer pings."""
        while True:
            head, payload = self.read_frame()
            if head == FIN | TEXT:
                return payload
            if head == FIN | PING:
                self.sock.sendall(frame(FIN | PONG, payload))

    def read_close_code(self) -> int:
        """Return the code of the server's close frame, however much stands before it."""
        while True:
            head, payload = self.read_frame()
            if head == FIN | CLOSE:
                return int.from_bytes(payload[:2], "big")

    def receive(self) -> None:
        """Wait for more."""
        data = self.sock.recv(65536)
        assert data, "the server closed the connection"
        self.received += data

    def push(self, data: bytes, until: float, *, is_reading: bool, meanwhile: Callable[[], object]) -> None:
        """Send the same again and again, until some time, or until a close frame or the end comes."""
        self.sock.setblocking(False)
        pending = memoryview(data)
        try:
            while time.monotonic() < until:
                meanwhile()
                readable, writable, _ = select.select([self.sock] if is_reading else [], [self.sock], [], 0.05)
                if readable and self._hears_the_end():
                    return
                if writable:
                    pending = pending[self.sock.send(pending) :] or memoryview(data)
            self.sock.settimeout(DEADLINE_SECONDS)
            self.sock.sendall(pending)
        except ConnectionError:
            return
        finally:
            self.sock.settimeout(DEADLINE_SECONDS)

    def reset(self) -> None:
        """Leave in the rudest way."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.sock.close()

    def _hears_the_end(self) -> bool:
        """Take whole frames; tell whether the next is a close frame, which is kept."""
        self.receive()
        while parts := self._split():
            if parts[0] == FIN | CLOSE:
                return True
            self.received = parts[2]
        return False

    def _split(self) -> tuple[int, bytes, bytes] | None:
        data = self.received
        if len(data) < 2:
            return None
        start = 2 + {126: 2, 127: 8}.get(data[1], 0)
        size = data[1] if start == 2 else int.from_bytes(data[2:start], "big")
        if len(data) < start + size:
            return None
        return data[0], data[start : start + size], data[start + size :]


class Bystander:
    """Talk in a thread of its own, as others should, until the block ends."""

    def __init__(self, port: int) -> None:
        self.port = port
        #: Seconds for which each echo had to be waited for.
        self.waits: list[float] = []
        self._is_served = threading.Event()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._talk)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._is_served.wait(DEADLINE_SECONDS)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._is_over.set()
        self._thread.join()

    def assert_was_served(self, within: float) -> None:
        """Fail unless there were echoes, each of which came in time."""
        assert self.waits
        assert max(self.waits) < within

    def _talk(self) -> None:
        with Socket(self.port) as client:
            client.read_answer()
            while not self._is_over.wait(PAUSE_SECONDS):
                begun = time.monotonic()
                client.sock.sendall(frame(FIN | TEXT, b"hello"))
                assert client.read_message() == b"hello"
                self.waits.append(time.monotonic() - begun)
                self._is_served.set()
