"""A small, strict HTTP/2 client on a real socket: it sends whatever bytes it is given, and forgives the server nothing.

Every frame that arrives is judged by `http2_rules`. Nothing is sent behind the caller's back but, in `greet`, the
acknowledgement of the server's SETTINGS.
"""

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

from tests.support.http2_frames import (
    GOAWAY,
    PING,
    PREFACE,
    SETTINGS,
    Frame,
    settings,
    settings_ack,
    split_frame,
)
from tests.support.http2_frames import ping as write_ping
from tests.support.http2_rules import Answer, Rules

__all__ = ["Http2Peer"]

#: Far more than anything here takes on a busy machine.
DEADLINE_SECONDS = 20.0
READ_BYTES = 262144
#: A piece that is longer is cut less finely.
FINE_BYTES = 400


class Http2Peer:
    """Be a client with one connection."""

    def __init__(self, port: int, *, tls: ssl.SSLContext | None = None, is_slow: bool = False) -> None:
        """Connect; a slow one sends byte by byte."""
        self.sock = socket.create_connection(("127.0.0.1", port), DEADLINE_SECONDS)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            self.sock = tls.wrap_socket(self.sock, server_hostname="localhost")
        self.is_slow = is_slow
        self.rules = Rules()
        #: Every frame that came, in order.
        self.frames: list[Frame] = []
        #: The server has closed its side, or reset the connection.
        self.is_over = False
        self._received = bytearray()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.sock.close()

    # --- sending

    def greet(self, *pairs: tuple[int, int]) -> None:
        """Exchange prefaces and acknowledgements."""
        self.send(PREFACE + settings(*pairs))
        self.wait_for(lambda frame: frame.kind == SETTINGS and not frame.flags)
        self.send(settings_ack())
        self.wait_for(lambda frame: frame.kind == SETTINGS and bool(frame.flags))

    def send(self, sent: bytes) -> None:
        """Send bytes, whatever they mean; what a server that gave up no longer takes is lost."""
        self._note(sent)
        try:
            for piece in self._pieces(sent):
                self.sock.sendall(piece)
        except (ConnectionError, ssl.SSLError):
            pass

    def _pieces(self, sent: bytes) -> Iterator[bytes]:
        if not self.is_slow:
            yield sent
            return
        step = 1 if len(sent) < FINE_BYTES else 997
        for start in range(0, len(sent), step):
            yield sent[start : start + step]

    def _note(self, sent: bytes) -> None:
        """Tell the rules what the server will get to know."""
        rest = sent.removeprefix(PREFACE)
        while found := split_frame(rest):
            rest = rest[9 + len(found.payload) :]
            self.rules.note(found)

    # --- receiving

    def answer(self, stream: int = 1) -> Answer:
        """Return what has come on a stream so far."""
        return self.rules.open(stream)

    def read_answer(self, stream: int = 1) -> Answer:
        """Return the answer on a stream when it is whole or was reset."""
        answer = self.answer(stream)
        self.read_until(lambda: answer.is_ended or answer.code is not None)
        return answer

    def wait_for(self, fits: Callable[[Frame], bool]) -> Frame:
        """Return the next frame that fits; those before it are only judged."""
        while (found := self.next_frame()) is not None:
            if fits(found):
                return found
        raise AssertionError(f"the server closed the connection; {self._story()}")

    def wait_for_goaway(self) -> Frame:
        """Return the next GOAWAY."""
        return self.wait_for(lambda found: found.kind == GOAWAY)

    def read_until(self, holds: Callable[[], bool]) -> None:
        """Read frames until something holds."""
        while not holds():
            assert self.next_frame() is not None, f"the server closed the connection; {self._story()}"

    def read_to_the_end(self) -> None:
        """Read until the server closes."""
        while self.next_frame() is not None:
            pass

    def round_trip(self, payload: bytes = b"is there") -> None:
        """Wait until the server has seen all that was sent: for the answer to a PING."""
        self.send(write_ping(payload))
        self.wait_for(lambda found: found.kind == PING and bool(found.flags) and found.payload == payload)

    def next_frame(self) -> Frame | None:
        """Return the next frame, None at the end."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while (found := split_frame(self._received)) is None:
            if self.is_over or not self._receive(deadline):
                return None
        del self._received[: 9 + len(found.payload)]
        self.frames.append(found)
        self.rules.judge(found)
        return found

    def count(self, kind: int) -> int:
        """Return how many frames of one kind have come."""
        return sum(found.kind == kind for found in self.frames)

    def _story(self) -> str:
        """Return how what the server sent ends."""
        return f"it had sent {len(self.frames)} frames, the last {self.frames[-4:]}"

    def _receive(self, deadline: float) -> bool:
        assert time.monotonic() < deadline, f"nothing more comes; {self._story()}"
        try:
            received = self.sock.recv(READ_BYTES)
        except TimeoutError:
            raise AssertionError(f"nothing more comes; {self._story()}") from None
        except (ConnectionError, ssl.SSLError):
            received = b""
        self._received += received
        self.is_over = not received
        return not self.is_over
