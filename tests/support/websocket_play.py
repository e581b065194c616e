"""Play bytes to the engine, and behind it an application that accepts WebSockets and listens; write down what happens.

The whole way is taken: an HTTP/1 connection, its exchange, a session with a codec. Time stands still. Nothing here
knows what is right; `read_frames` is strict, because a lenient client would hide faults.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from licorne.engine.connection import Closing
from licorne.engine.exchange import Exchange
from licorne.engine.limits import Limits
from licorne.engine.websocket.codec import new_codec
from licorne.engine.websocket.handshake import Upgrade, read_upgrade, refusal_fields
from licorne.engine.websocket.outgoing import LastFrame
from licorne.engine.websocket.session import SessionOptions, WebSocketSession
from licorne.errors import RemoteProtocolError
from tests.support.http1 import NOW, new_factory

__all__ = ["Dialogue", "Outcome", "play_socket", "read_frames"]

_new_connection = new_factory("native", Limits())


@dataclass(slots=True)
class Outcome:
    """Hold what must not depend on how the bytes were cut."""

    status: int
    messages: list[str | bytes]
    pongs: list[bytes]
    #: 0 while the session goes on.
    code: int
    reason: str
    #: The payloads of close frames sent.
    closes: list[bytes]
    is_closing: bool


class Dialogue:
    """Hold a connection, the session on it, and what was said."""

    def __init__(self, codec: str, options: SessionOptions) -> None:
        self.connection = _new_connection()
        self.codec = new_codec(codec, options.max_size)
        self.options = options
        self.session: WebSocketSession | None = None
        self.upgrade: Upgrade | None = None
        self.messages: list[str | bytes] = []
        #: The application takes messages.
        self.is_listening = True
        self.out = bytearray()
        self.connection.start(NOW)

    def receive(self, data: bytes) -> None:
        """Give the engine one read, as a driver does, and let the application act."""
        if self.connection.closing <= Closing.LINGER:
            self.connection.receive_data(data, NOW)
            self._settle()

    def receive_eof(self) -> None:
        """Close the client's side."""
        if self.connection.closing <= Closing.LINGER:
            self.connection.receive_eof(NOW)
            self._settle()

    def pending_bytes(self) -> int:
        """Return how many bytes the codec keeps."""
        return self.codec.pending_bytes()

    def head(self) -> tuple[int, list[tuple[bytes, bytes]]]:
        """Return the status and the fields of the answer; 0 if there is none."""
        head, mark, _ = bytes(self.out).partition(b"\r\n\r\n")
        if not mark:
            return 0, []
        first, *lines = head.split(b"\r\n")
        pairs = [line.partition(b": ") for line in lines]
        return int(first.split(b" ")[1]), [(name, value) for name, _, value in pairs]

    def outcome(self) -> Outcome:
        """Return what happened."""
        status, _ = self.head()
        frames = read_frames(bytes(self.out).partition(b"\r\n\r\n")[2]) if status == 101 else []
        assert {head for head, _ in frames} <= {0x88, 0x8A}, "a listening application sends no message"
        assert [head for head, _ in frames[:-1]].count(0x88) == 0, "something stands behind a close frame"
        ended = self.session is not None and self.session.has_ended()
        return Outcome(
            status=status,
            messages=self.messages,
            pongs=[payload for head, payload in frames if head == 0x8A],
            code=self.session.close_code if self.session is not None and ended else 0,
            reason=self.session.close_reason if self.session is not None and ended else "",
            closes=[payload for head, payload in frames if head == 0x88],
            is_closing=self.connection.closing != Closing.OPEN,
        )

    def _settle(self) -> None:
        """Let the application act until nothing moves any more."""
        is_moving = True
        while is_moving:
            is_moving = self._begin() | self._listen()
            for data in self.connection.data_to_send():
                self.out += data
                is_moving = True

    def _begin(self) -> bool:
        exchange = self.connection.next_exchange(NOW)
        if exchange is None:
            return False
        if not exchange.is_websocket():
            _answer(exchange, 200, [])
            return True
        try:
            self.upgrade = read_upgrade(exchange.head)
        except RemoteProtocolError as refusal:
            _answer(exchange, refusal.status, refusal_fields(refusal.status))
            return True
        self.session = WebSocketSession.__new__(WebSocketSession)
        self.session.begin(exchange, self.upgrade, self.codec, self.options, LastFrame())
        self.session.accept(next(iter(self.upgrade.subprotocols), None), [])
        return True

    def _listen(self) -> bool:
        before = len(self.messages)
        while self.is_listening and self.session is not None and (message := self.session.take_message()) is not None:
            self.messages.append(message)
        return len(self.messages) > before


def _answer(exchange: Exchange, status: int, fields: list[tuple[bytes, bytes]]) -> None:
    exchange.start_response(status, [*fields, (b"content-length", b"0")])
    exchange.write(b"", True)


def play_socket(
    codec: str, options: SessionOptions, pieces: Iterable[bytes], ends: bool = False, head: bytes = b""
) -> Dialogue:
    """Play a head whole, then all pieces, then the end of the stream if `ends`."""
    dialogue = Dialogue(codec, options)
    for piece in (head, *pieces):
        if piece:
            dialogue.receive(piece)
    if ends:
        dialogue.receive_eof()
    return dialogue


def read_frames(data: bytes) -> list[tuple[int, bytes]]:
    """Read a server's frames: whole, unmasked, with lengths in their shortest form."""
    frames, at = [], 0
    while at < len(data):
        head, size = data[at], data[at + 1]
        start = at + 2 + {126: 2, 127: 8}.get(size, 0)
        if size >= 126:
            size = int.from_bytes(data[at + 2 : start], "big")
            assert size >= (126 if start - at == 4 else 65536), "a length has a longer form than it needs"
        assert data[at + 1] < 128, "a server does not mask"
        assert start + size <= len(data), "a frame is cut"
        frames.append((head, data[start : start + size]))
        at = start + size
    return frames
