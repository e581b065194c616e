"""Play HTTP/2 against an engine in memory: bytes in, frames out, time by hand.

    play = Http2Play()
    play.send(headers(1, request()))
    play.exchange.start_response(200, [])
    play.exchange.write(b"hello", True)
    assert play.frames() == [...]

The engine is pumped as a driver does it, after everything that happens. What the server says first was taken already.
"""

from collections.abc import Callable

import hpack

from licorne.engine.connection import Connection
from licorne.engine.defaults import DefaultHeaders
from licorne.engine.exchange import Exchange
from licorne.engine.http2 import new_connection_factory
from licorne.engine.limits import Limits
from tests.support.http2_frames import (
    DATA,
    GOAWAY,
    HEADERS,
    PREFACE,
    RST_STREAM,
    WINDOW_UPDATE,
    Frame,
    settings,
    settings_ack,
    split_frame,
)

__all__ = ["Http2Play", "new_connection"]


def new_connection(limits: Limits | None = None, *, takes_websocket: bool = True) -> Connection:
    """Make an engine with a server field and no date."""
    defaults = DefaultHeaders([(b"server", b"test")], has_date=False)
    return new_connection_factory(limits or Limits(), defaults, takes_websocket=takes_websocket)()


class Http2Play:
    """Hold a connection, the time, and what passes."""

    def __init__(
        self,
        limits: Limits | None = None,
        *pairs: tuple[int, int],
        takes_websocket: bool = True,
        is_greeted: bool = True,
    ) -> None:
        """Begin at time 0; `pairs` are the settings of the client."""
        self.now = 0.0
        self.connection = new_connection(limits, takes_websocket=takes_websocket)
        self.connection.start(self.now)
        self.exchanges: list[Exchange] = []
        self.answer: Callable[[Exchange], None] | None = None
        self.received = bytearray()
        self.is_held = False
        #: What the engine puts off is taken up at once.
        self.goes_on = True
        self.decoder = hpack.Decoder()
        if is_greeted:
            self.send(PREFACE, settings(*pairs), settings_ack())
            self.frames()

    @property
    def exchange(self) -> Exchange:
        """Return the exchange that came last."""
        return self.exchanges[-1]

    def send(self, *pieces: bytes) -> "Http2Play":
        """Let bytes come from the client, in one read."""
        self.connection.receive_data(b"".join(pieces), self.now)
        self.pump()
        while self.connection.is_resting() and self.goes_on:
            self.go_on()
        return self

    def go_on(self) -> "Http2Play":
        """Let the next turn of the loop come."""
        self.connection.go_on(self.now)
        return self.pump()

    def pump(self) -> "Http2Play":
        """Take what the engine has, as a driver does."""
        self._write()
        while (exchange := self.connection.next_exchange(self.now)) is not None:
            self.exchanges.append(exchange)
            if self.answer is not None:
                self.answer(exchange)
        self._write()
        return self

    def wait(self, seconds: float) -> "Http2Play":
        """Let time pass, stopping at each deadline on the way."""
        until = self.now + seconds
        while self.connection.deadline <= until:
            self.now = max(self.now, self.connection.deadline)
            before = self.connection.deadline
            self.connection.expire(self.now)
            self.pump()
            assert self.connection.deadline != before, "a deadline that has passed must move"
        self.now = until
        return self

    def frames(self) -> list[Frame]:
        """Return the frames that came since this was asked last, and check that all are whole."""
        frames = []
        while (frame := split_frame(self.received)) is not None:
            frames.append(frame)
            del self.received[: 9 + len(frame.payload)]
        assert not self.received
        return frames

    def kinds(self) -> list[tuple[int, int]]:
        """Return the kind and the stream of each such frame."""
        return [(frame.kind, frame.stream) for frame in self.frames()]

    def bodies(self) -> list[tuple[int, int]]:
        """Return the stream and the size of each DATA frame among them."""
        return [(frame.stream, len(frame.payload)) for frame in self.frames() if frame.kind == DATA]

    def resets(self) -> list[tuple[int, int]]:
        """Return the stream and the code of each RST_STREAM among them."""
        return [(frame.stream, frame.code) for frame in self.frames() if frame.kind == RST_STREAM]

    def goaways(self) -> list[tuple[int, int]]:
        """Return the last stream and the code of each GOAWAY among them."""
        found = [frame for frame in self.frames() if frame.kind == GOAWAY]
        return [(int.from_bytes(frame.payload[:4], "big"), frame.code) for frame in found]

    def credits(self) -> list[tuple[int, int]]:
        """Return the stream and the credit of each WINDOW_UPDATE among them."""
        found = [frame for frame in self.frames() if frame.kind == WINDOW_UPDATE]
        return [(frame.stream, int.from_bytes(frame.payload, "big")) for frame in found]

    def heads(self) -> list[list[tuple[bytes, bytes]]]:
        """Return the fields of each HEADERS frame among them; each can be asked for once."""
        found = [frame for frame in self.frames() if frame.kind == HEADERS]
        return [[(bytes(n), bytes(v)) for n, v in self.decoder.decode(frame.payload, raw=True)] for frame in found]

    def _write(self) -> None:
        while not self.is_held and self.connection.pending_bytes():
            pieces = self.connection.data_to_send()
            assert pieces, "bytes are pending, and none come"
            self.received += b"".join(pieces)
