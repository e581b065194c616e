"""Mux: the least engine that has many exchanges at a time, for what drivers and cycles must do for such a one.

→  PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n     as HTTP/2 begins
→  open 1            an exchange; streams are closed by `reset 1`
→  credit 1 100      its body may go out up to 100 bytes further; without, no body goes out at all
←  1 head 200        then `1 data 5 hello`, `1 end`, `1 aborted`, each a line
"""

from licorne.engine.connection import Closing, Connection
from licorne.engine.exchange import Exchange
from licorne.engine.received import BodyBuffer, RequestHead
from licorne.engine.sink import ResponseSink

__all__ = ["PREFACE", "MuxConnection"]

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#: Body that waits for credit beyond this makes its application wait.
FULL_BYTES = 100
#: What is handed to the transport at a time.
PULL_BYTES = 4096


class MuxStream(ResponseSink):
    """Hold what one exchange sends until it may leave."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.credit = 0
        self.body = b""
        self.has_ended = False
        self.exchange = Exchange.__new__(Exchange)
        self.lines: list[bytes] = []

    def begin(self, path: bytes) -> None:
        """Begin the exchange of a GET."""
        head = RequestHead.__new__(RequestHead)
        head.asks_websocket = head.is_websocket = head.expects_continue = head.takes_trailers = False
        head.content_length = 0
        head.headers = [(b"host", b"a")]
        head.http_version = "2"
        head.method = "GET"
        head.path = head.target = path
        head.query = b""
        body = BodyBuffer(10)
        body.has_ended = True
        self.exchange.begin(head, body, self)

    # the sink

    def can_inform(self) -> bool:
        return False

    def can_send_files(self) -> bool:
        return False

    def is_full(self) -> bool:
        return len(self.body) > self.credit + FULL_BYTES

    def send_head(self, status: int, fields: list[tuple[bytes, bytes]], length: int, flags: int) -> None:
        self._add(b"head %d" % status)

    def send_data(self, data: bytes, end: bool) -> None:
        self.body += data
        self.has_ended = end

    def withdraw(self) -> bool:
        return False

    def abort(self) -> None:
        self.body = b""
        self._add(b"aborted")

    # the connection's side

    def pull(self) -> bytes:
        """Take what may leave."""
        if self.credit and self.body:
            piece = self.body[: min(self.credit, PULL_BYTES)]
            self.body = self.body[len(piece) :]
            self.credit -= len(piece)
            self._add(b"data %d %b" % (len(piece), piece))
            if not self.is_full():
                self.exchange.open_write_gate()
        if self.has_ended and not self.body:
            self.has_ended = False
            self._add(b"end")
        lines, self.lines = self.lines, []
        return b"".join(lines)

    def is_ready(self) -> bool:
        """Tell whether something may leave."""
        return bool(self.lines or (self.credit and self.body) or (self.has_ended and not self.body))

    def _add(self, line: bytes) -> None:
        self.lines.append(b"%d %b\n" % (self.number, line))


class MuxConnection(Connection):
    """Have many exchanges at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.read = b""
        self.streams: dict[int, MuxStream] = {}
        self.ready: list[Exchange] = []

    def start(self, now: float) -> None:
        """Have no clock."""

    def receive_data(self, data: bytes, now: float) -> None:
        *lines, self.read = (self.read + data).removeprefix(PREFACE).split(b"\n")
        for line in lines:
            word, number, *rest = line.split(b" ")
            if word == b"open":
                stream = self.streams[int(number)] = MuxStream(int(number))
                stream.begin(b"/" + number)
                self.ready.append(stream.exchange)
            elif word == b"credit":
                self.streams[int(number)].credit += int(rest[0])
            else:
                self.streams.pop(int(number)).exchange.disconnect()
                self.has_departed = True

    def receive_eof(self, now: float) -> None:
        self.closing = Closing.FLUSH

    def lost(self) -> None:
        self.closing = Closing.ABORT
        streams, self.streams = self.streams, {}
        for stream in streams.values():
            stream.exchange.disconnect()

    def expire(self, now: float) -> None:
        """Have no clock."""

    def shutdown(self, now: float) -> None:
        self.closing = Closing.FLUSH

    def next_exchange(self, now: float) -> Exchange | None:
        return self.ready.pop(0) if self.ready else None

    def data_to_send(self) -> list[bytes]:
        return [piece for stream in self.streams.values() if (piece := stream.pull())]

    def pending_bytes(self) -> int:
        return sum(stream.is_ready() for stream in self.streams.values())

    def wants_data(self) -> bool:
        return not self.closing

    def can_hold(self) -> bool:
        return True

    def ends_with_connection(self) -> bool:
        return False

    def is_idle(self) -> bool:
        return not self.streams
