"""A WebSocket session on a real exchange before a sink that remembers: no I/O, and time that moves by `wait` alone.

talk = Talk(max_size=100)
talk.hear(masked(0x81, b"hello"))
assert talk.taken() == ["hello"]
talk.session.send_text("hi")
assert talk.sent() == [(0x81, b"hi")]
"""

from typing import Any

from licorne.engine.exchange import Exchange
from licorne.engine.received import BodyBuffer, RequestHead
from licorne.engine.sink import ResponseSink
from licorne.engine.websocket import new_session_factory
from licorne.engine.websocket.deflate import DeflateOptions
from licorne.engine.websocket.session import SessionOptions, WebSocketSession
from tests.support.frames import masked

__all__ = ["CountingGate", "Talk", "closing", "parse_frames"]

NEVER = float("inf")
#: The example of RFC 6455 §1.3.
KEY = b"dGhlIHNhbXBsZSBub25jZQ=="


def closing(code: int | None = 1000, reason: bytes = b"") -> bytes:
    """Write a client's close frame; None for one without a code."""
    return masked(0x88, b"" if code is None else code.to_bytes(2, "big") + reason)


def parse_frames(data: bytes) -> list[tuple[int, bytes]]:
    """Return the first byte and the payload of each of a server's frames; they must be whole."""
    frames = []
    at = 0
    while at < len(data):
        head, size = data[at], data[at + 1]
        assert size < 128, "a server does not mask"
        width = {126: 2, 127: 8}.get(size, 0)
        start = at + 2 + width
        size = int.from_bytes(data[at + 2 : start], "big") if width else size
        assert start + size <= len(data)
        frames.append((head, data[start : start + size]))
        at = start + size
    return frames


class CountingGate:
    """Count how often it is opened."""

    def __init__(self) -> None:
        self.count = 0

    def open(self) -> None:
        """Count."""
        self.count += 1


class Sink(ResponseSink):
    """Remember what is sent."""

    def __init__(self) -> None:
        #: Pieces sent through the tunnel.
        self.pieces: list[bytes] = []
        self.fields: list[tuple[bytes, bytes]] = []
        #: The status of an ordinary answer, 101 for a tunnel.
        self.status = 0
        self.has_ended = False
        self.is_aborted = False

    def start_tunnel(self, fields: list[tuple[bytes, bytes]], flags: int) -> None:
        self.status = 101
        self.fields = fields

    def send_head(self, status: int, fields: list[tuple[bytes, bytes]], length: int, flags: int) -> None:
        self.status = status
        self.fields = fields

    def send_data(self, data: bytes, end: bool) -> None:
        assert not self.has_ended, "nothing is sent behind the end"
        self.pieces.append(data)
        self.has_ended = end

    def abort(self) -> None:
        self.is_aborted = True


class Talk:
    """Hold a session and what its peer was sent."""

    def __init__(
        self, codec: str = "native", *, accepts: bool = True, extensions: bytes = b"", key: bytes = KEY, **options: Any
    ) -> None:
        """Begin a session, and accept it at time 0; without `extensions` nothing is compressed."""
        options.setdefault("deflate", DeflateOptions(threshold=0) if extensions else None)
        self.exchange, self.sink = new_asking(extensions, key)
        self.session: WebSocketSession = new_session_factory(codec, SessionOptions(**options))(self.exchange)
        self.now = 0.0
        self.deadline = NEVER
        self.settle()
        if accepts:
            self.session.accept(None, [])
            self.settle()

    def settle(self) -> None:
        """Let the session look at the time, as its connection does after everything."""
        self.deadline = self.session.settle(self.now)

    def hear(self, *pieces: bytes) -> None:
        """Let bytes arrive."""
        for piece in pieces:
            self.session.receive_data(piece, self.now)
            while self.session.is_resting():
                self.session.go_on(self.now)
            self.settle()

    def wait(self, seconds: float) -> None:
        """Let time pass, stopping at each deadline on the way."""
        until = self.now + seconds
        self.settle()
        while self.deadline <= until:
            self.now = max(self.now, self.deadline)
            before = self.deadline
            self.session.expire(self.now)
            self.settle()
            assert self.deadline != before, "a deadline that has passed must move"
        self.now = until

    def sent(self) -> list[tuple[int, bytes]]:
        """Return the frames that were sent since the last call."""
        data = b"".join(self.sink.pieces)
        self.sink.pieces.clear()
        return parse_frames(data)

    def taken(self) -> list[str | bytes]:
        """Take all messages that have come, as an application does."""
        messages = []
        while (message := self.session.take_message()) is not None:
            messages.append(message)
        self.settle()
        return messages

    def ending(self) -> tuple[int, str] | None:
        """Return the close code and the reason that the application is told, None before the end."""
        return (self.session.close_code, self.session.close_reason) if self.session.has_ended() else None


def new_asking(extensions: bytes, key: bytes) -> tuple[Exchange, Sink]:
    """Return an exchange whose request asks for a WebSocket, and its sink."""
    head = RequestHead.__new__(RequestHead)
    head.asks_websocket = True
    head.content_length = 0
    head.expects_continue = False
    head.headers = [(b"sec-websocket-version", b"13"), (b"sec-websocket-key", key)]
    if extensions:
        head.headers.append((b"sec-websocket-extensions", extensions))
    head.http_version = "1.1"
    head.is_websocket = True
    head.method = "GET"
    head.path = head.target = b"/"
    head.query = b""
    head.takes_trailers = False
    exchange, sink = Exchange.__new__(Exchange), Sink()
    body = BodyBuffer(10)
    body.has_ended = True
    exchange.begin(head, body, sink)
    return exchange, sink
