"""Intake: the streams that a peer opens, and what becomes of them: requests, their bodies, their ends.

Rules: an exchange is handed over once. A stream that ends before its time leaves an application behind that still
works; it counts as a stream until it has ended, so that resetting streams gains nothing. Body that nobody will take is
given back to the window of the connection at once, and to no other.
"""

from collections import deque

from licorne.engine.exchange import Exchange
from licorne.engine.http2.errors import H2Error
from licorne.engine.http2.frames import (
    CANCEL,
    MAX_WINDOW,
    NO_ERROR,
    PROTOCOL_ERROR,
    REFUSED_STREAM,
)
from licorne.engine.http2.guard import Guard
from licorne.engine.http2.outgoing import Outgoing
from licorne.engine.http2.scheduler import parse_priority
from licorne.engine.http2.settings import INITIAL_WINDOW, stream_window
from licorne.engine.http2.stream import CLOSED, Http2Stream
from licorne.engine.http2.streams import StreamTable
from licorne.engine.http2.uploads import Uploads
from licorne.engine.http2.windows import ReceiveWindow
from licorne.engine.limits import Limits
from licorne.engine.pseudo import check_trailers
from licorne.engine.received import BodyBuffer, RequestHead
from licorne.engine.sink import HAS_NO_CONTENT
from licorne.errors import RemoteProtocolError

__all__ = ["Intake"]

_NO_REASON = -1
_CANCEL = CANCEL
_CLOSED = CLOSED
_NO_ERROR = NO_ERROR
_PROTOCOL_ERROR = PROTOCOL_ERROR
_REFUSED_STREAM = REFUSED_STREAM
_HAS_NO_CONTENT = HAS_NO_CONTENT
_LARGEST_ID = MAX_WINDOW
_NO_LIMIT = 2**62

# Shared by all requests without a body: it has ended, and nothing is ever added to it.
_NO_BODY = BodyBuffer(0)
_NO_BODY.has_ended = True


class Intake:
    """Open, feed and end the streams of one connection."""

    __slots__ = (
        "guard",
        "has_departed",
        "last_id",
        "limits",
        "max_body",
        "outgoing",
        "ready",
        "send_buffer",
        "table",
        "takes_websocket",
        "uploads",
        "window",
        "window_size",
    )

    # construction

    def __init__(self, limits: Limits, outgoing: Outgoing, guard: Guard, takes_websocket: bool) -> None:
        self.limits = limits
        self.outgoing = outgoing
        self.guard = guard
        self.takes_websocket = takes_websocket
        self.max_body = limits.max_body_bytes
        self.send_buffer = limits.h2_send_buffer or _NO_LIMIT
        self.table = StreamTable(limits.h2_max_streams)
        #: Exchanges that wait for the application.
        self.ready: deque[Exchange] = deque()
        self.uploads = Uploads(limits, outgoing)
        #: What the peer may send on all streams together, and on a new one. A smaller one than it begins with holds
        #: only once the peer has said that it knows of it.
        self.window = self.uploads.window
        self.window_size = max(stream_window(limits), INITIAL_WINDOW)
        #: Streams after this one are ignored (RFC 9113 §6.8).
        self.last_id = _LARGEST_ID
        #: A peer has left an exchange of which the driver was not told.
        self.has_departed = False

    # input: streams

    def open(self, stream_id: int, ends: bool, now: float) -> Http2Stream | None:
        """Take note of a request, and return its stream; None when it is ignored or refused.

        Raises:
            H2Error: The peer asks for too many streams.
        """
        table = self.table
        table.note(stream_id)
        if stream_id > self.last_id:
            return None
        if table.is_full():
            self.outgoing.reset(stream_id, _REFUSED_STREAM)
            table.remember_reset(stream_id)
            self.guard.count_reset(now)
            return None
        stream = Http2Stream.__new__(Http2Stream)
        stream.begin(stream_id, self.outgoing.scheduler, self.outgoing.initial_window, self.send_buffer)
        table.add(stream)
        if ends:
            stream.finish_receiving()
        else:
            stream.window = ReceiveWindow(self.window_size)
            stream.start_reading(now)
            self.uploads.add(stream)
        return stream

    def begin(self, stream: Http2Stream, head: RequestHead, now: float) -> None:
        """Make an exchange of a request.

        Raises:
            H2Error: The peer has too many streams reset.
        """
        if self.max_body and head.content_length > self.max_body:
            error = RemoteProtocolError(413, "the request body is too large")
            self.refuse_new(stream, error, head.method == "HEAD", now)
            return
        ends = not stream.can_receive()
        exchange = Exchange.__new__(Exchange)
        exchange.begin(head, _NO_BODY if ends else BodyBuffer(self.window_size // 2), stream)
        stream.exchange = exchange
        if head.is_websocket and ends:
            self.uploads.add(stream)  # for its clocks
        self._prioritize(stream, head)
        self.ready.append(exchange)

    def refuse_new(self, stream: Http2Stream, error: RemoteProtocolError, is_head: bool, now: float) -> None:
        """Answer a request that does not become an exchange; `is_head` says that no content may answer it.

        Raises:
            H2Error: The peer has too many streams reset.
        """
        self.guard.count_reset(now)
        stream.is_discarding = True
        if is_head:
            stream.flags = _HAS_NO_CONTENT
        stream.refuse(error.status, error.reason)
        if error.status == 400:
            # RFC 9113 §8.1.1: malformed; the answer before the reset is for people.
            stream.reset_code = _PROTOCOL_ERROR

    def add_trailers(self, stream: Http2Stream, fields: list[tuple[bytes, bytes]] | None, ends: bool) -> None:
        """Take a trailer section, of which nobody asks (RFC 9113 §8.1).

        Raises:
            H2Error: A stream error.
        """
        if not ends:
            raise H2Error(_PROTOCOL_ERROR, "a second header block does not end its stream", stream.id)
        if fields is None:
            raise H2Error(_PROTOCOL_ERROR, "the trailer section is too large", stream.id)
        try:
            check_trailers(fields)
        except RemoteProtocolError as error:
            raise H2Error(_PROTOCOL_ERROR, error.reason, stream.id) from None

    def add_body(self, stream: Http2Stream, data: bytes, now: float) -> None:
        """Take body bytes, which are within the windows.

        Raises:
            H2Error: A stream error: more came than was announced.
        """
        stream.received += len(data)
        stream.on_change()
        exchange = stream.exchange
        if stream.is_discarding or exchange is None:
            self._discard(stream)
            return
        if stream.is_fed:
            tunnel = exchange.tunnel
            if tunnel is not None:
                tunnel.receive_data(data, now)
            return
        announced = exchange.head.content_length
        if announced >= 0 and stream.received > announced and not exchange.head.is_websocket:
            self.refuse(stream, RemoteProtocolError(400, "the request body is longer than announced"), now)
        elif self.max_body and stream.received > self.max_body and not exchange.head.is_websocket:
            self.refuse(stream, RemoteProtocolError(413, "the request body is too large"), now)
        elif self._is_too_slow(stream, now):
            self.refuse(stream, RemoteProtocolError(408, "the request body comes too slowly"), now)
        else:
            stream.read_at = now
            exchange.append_body(data)

    def finish_body(self, stream: Http2Stream, now: float) -> None:
        """Take the end of what a peer sends on a stream.

        Raises:
            H2Error: A stream error: less came than was announced, to a request that is answered.
        """
        exchange = stream.exchange
        announced = -1 if exchange is None else exchange.head.content_length
        if stream.has_ended() and announced >= 0 and stream.received != announced:
            raise H2Error(_PROTOCOL_ERROR, "the request body is shorter than announced", stream.id)
        stream.finish_receiving()
        if stream.state == _CLOSED:
            self.close(stream)
            return
        if exchange is None or stream.is_discarding:
            return
        if announced >= 0 and stream.received != announced:
            # RFC 9113 §8.1.1
            self.refuse(stream, RemoteProtocolError(400, "the request body is shorter than announced"), now)
            return
        exchange.finish_body()
        stream.on_change()
        tunnel = stream.tunnel()
        if stream.is_fed and tunnel is not None:
            tunnel.receive_eof(now)

    # input: ends before their time

    def reset(self, stream: Http2Stream, code: int) -> None:
        """End a stream by RST_STREAM, and the exchange with it."""
        self.outgoing.reset(stream.id, code)
        self.table.remember_reset(stream.id)
        self.depart(stream)

    def depart(self, stream: Http2Stream) -> None:
        """Take note that a stream is no more, before its time."""
        self._give_up(stream)
        self.close(stream)

    def refuse(self, stream: Http2Stream, error: RemoteProtocolError, now: float) -> None:
        """Answer in place of the application, if that can still be done, and end the stream."""
        exchange = stream.exchange
        if exchange is not None and exchange.is_complete():
            stream.is_discarding = True  # it has been answered already
            return
        self.guard.count_reset(now)
        self._give_up(stream)
        code = _PROTOCOL_ERROR if error.status == 400 else _NO_REASON
        if stream.has_left():
            self.reset(stream, _PROTOCOL_ERROR if error.status == 400 else _CANCEL)
            return
        stream.refuse(error.status, error.reason)
        stream.reset_code = code
        stream.is_discarding = True

    def close(self, stream: Http2Stream) -> None:
        """Forget a stream that has ended."""
        stream.state = _CLOSED
        stream.close()
        stream.exchange = None  # which knows its stream: neither should keep the other
        self.table.remove(stream)
        if self.uploads.streams:
            self.uploads.remove(stream)

    def linger(self, stream: Http2Stream, now: float) -> float:
        """Keep a stream whose answer has left, and whose request goes on: for a while its peer may end it.

        Returns the point in time at which it has to.

        RFC 9113 §8.1 has us reset it; a peer that is nearly done would take that for a failure.
        """
        stream.read_at = now
        if not stream.is_tunnel():
            stream.is_discarding = True
            stream.start_reading(now)
        stream.on_change()
        return self.uploads.linger_until(stream)

    # clocks

    def expire(self, now: float) -> None:
        """Act on the deadlines of streams that have passed."""
        timeout = self.limits.body_timeout
        uploads = self.uploads
        for stream in list(uploads.streams.values()):
            tunnel = stream.tunnel()
            if stream.has_ended():
                if now >= uploads.linger_until(stream):
                    self.reset(stream, _NO_ERROR)
            elif tunnel is not None:
                tunnel.expire(now)
            elif timeout and now >= stream.read_at + timeout and uploads.awaits(stream):
                self.refuse(stream, RemoteProtocolError(408, "the request body took too long"), now)

    # internals

    def _discard(self, stream: Http2Stream) -> None:
        """Judge body that nobody will take. When it goes on, its clock ends it."""
        exchange = stream.exchange
        if stream.has_ended() and exchange is not None and 0 <= exchange.head.content_length < stream.received:
            raise H2Error(_PROTOCOL_ERROR, "the request body is longer than announced", stream.id)

    def _prioritize(self, stream: Http2Stream, head: RequestHead) -> None:
        """Give a new stream its priority: PRIORITY_UPDATE goes before the field (RFC 9218 §7)."""
        said = None
        for name, value in head.headers:
            if len(name) == 8 and name == b"priority":
                said = value if said is None else said + b"," + value  # RFC 9110 §5.3: it is a list
        if said is not None:
            stream.priority = parse_priority(said)
        priorities = self.table.priorities
        if priorities and stream.id in priorities:
            stream.priority = priorities.pop(stream.id)

    def _is_too_slow(self, stream: Http2Stream, now: float) -> bool:
        limits = self.limits
        is_slow = stream.is_too_slow(now, limits.min_body_rate, limits.body_rate_grace)
        return is_slow and self.uploads.awaits(stream)

    def _give_up(self, stream: Http2Stream) -> None:
        """Tell an exchange that its peer has left it; its application counts until it has ended."""
        exchange = stream.exchange
        if exchange is None or exchange.is_disconnected:
            return
        was_complete = exchange.is_complete()
        exchange.disconnect()
        if was_complete:
            return
        if exchange in self.ready:
            self.ready.remove(exchange)
        else:
            self.has_departed = True
            self.table.abandon(exchange)
