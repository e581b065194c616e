"""Http1Connection: the state machine of one HTTP/1 connection (RFC 9112 §9), for every parser.

Two halves know nothing of each other: `Http1Request` reads, `Http1Response` writes. Only `_settle` joins
them, when a response is done: next request, swallow what is left of this one, or close.

    phase     what the peer owes us                        its clock
    FRESH     a first byte, on a new connection            head_timeout
    IDLE      a further request, or nothing                keep_alive_timeout
    HEAD      the rest of a head                           head_timeout, from its first byte
    BODY      the rest of a body that is being read        body_timeout, from its last byte, and a minimum rate
    BUSY      nothing: the application works               none
    DISCARD   the rest of a body that nobody wants         discard_timeout
    LINGER    to close, having seen our last answer        linger_timeout
    TUNNEL    what the tunnel says                         the tunnel's, which run since it was offered

Rules: one exchange at a time; what follows it stays unparsed until it is answered. After a refusal nothing
is parsed any more.
"""

from licorne.engine.connection import NEVER, Closing, Connection
from licorne.engine.exchange import Exchange
from licorne.engine.framing import MAX_LENGTH
from licorne.engine.http1.pace import Pace
from licorne.engine.http1.parser import Parser
from licorne.engine.http1.request import Http1Request
from licorne.engine.http1.response import Http1Response
from licorne.engine.http1.writer import Heads
from licorne.engine.limits import Limits
from licorne.engine.sink import ResponseSink
from licorne.engine.tunnel import Tunnel
from licorne.errors import RemoteProtocolError

__all__ = ["Http1Connection"]

_FRESH = 0
_IDLE = 1
_HEAD = 2
_BODY = 3
_BUSY = 4
_DISCARD = 5
_LINGER = 6
_TUNNEL = 7

_NOT_ENDING = 0
_IS_DRAINING = 1
_HAS_EOF = 2  # more than draining: what was asked before is answered all the same

_NEVER = NEVER
_CLOSING_LINGER = int(Closing.LINGER)
_CLOSING_FLUSH = int(Closing.FLUSH)
_CLOSING_ABORT = int(Closing.ABORT)

# How long a connection may still begin a request once the server drains: what the peer sent before it could
# know of the drain is answered rather than reset. One that never had a request has surely come to make one. Seconds.
_IDLE_GRACE = 0.1
_FRESH_GRACE = 1.0

# How many times what is discarded to keep a connection is read behind a last answer: both kernels may hold megabytes
# that were sent before the peer could see it, and closing on bytes that nobody has read resets the connection.
_LINGER_SHARE = 64

# A tunnel has nothing to parse and no request to judge any more, and nothing to count before its end; most of them
# live long.
_NO_PARSER = Parser()
_NO_REQUEST = Http1Request(Limits(), ResponseSink())
_NO_PACE = Pace(Limits())


class Http1Connection(Connection):
    """Speak HTTP/1.0 and HTTP/1.1 with one peer."""

    __slots__ = (
        "current",
        "ending",
        "keep_alive",
        "limits",
        "pace",
        "parser",
        "phase",
        "request",
        "requests_left",
        "response",
    )

    # construction

    def __init__(
        self, limits: Limits, parser: Parser, heads: Heads, hint: bytes = b"", takes_websocket: bool = True
    ) -> None:
        """Take the limits, a parser of its own, the heads, the Keep-Alive field line or b"", and a choice."""
        super().__init__()
        self.limits = limits
        self.parser = parser
        self.response = Http1Response(heads, hint)
        self.request = Http1Request(limits, self.response, takes_websocket)
        self.keep_alive = limits.keep_alive_timeout or NEVER
        self.requests_left = limits.max_requests or MAX_LENGTH
        #: The exchange that is being answered.
        self.current: Exchange | None = None
        #: Whether and why no further request is expected.
        self.ending = _NOT_ENDING
        self.pace = Pace(limits)
        self.phase = _FRESH

    # input

    def start(self, now: float) -> None:
        # A newcomer has come to ask, and is not the first to go when connections run short.
        self.idle_since = now + _FRESH_GRACE
        self.deadline = now + (self.limits.head_timeout or NEVER)

    def receive_data(self, data: bytes, now: float) -> None:
        if self.closing:
            self._swallow(len(data))
            return
        if self.phase == _TUNNEL:
            tunnel = self._offered()
            if tunnel is not None:
                tunnel.receive_data(data, now)
            return
        self._parse(data, now)

    def receive_eof(self, now: float) -> None:
        self.ending = _HAS_EOF
        if self.closing:
            self.closing = max(self.closing, _CLOSING_FLUSH)
        elif self.request.exchange is not None and not self.request.is_discarding:
            self.refuse(RemoteProtocolError(400, "the request body ends early"), now)
        elif self.phase == _DISCARD or (self.current is None and self.request.ready is None):
            self.closing = _CLOSING_FLUSH
        elif self.current is not None:
            self.current.leave()
            tunnel = self._offered()
            if tunnel is not None:
                tunnel.receive_eof(now)
            self._settle(now)

    def lost(self) -> None:
        self.closing = _CLOSING_ABORT
        self.deadline = NEVER
        self.request.drop()
        if self.current is not None:
            self.current.disconnect()
            self.current = None

    def go_on(self, now: float) -> None:
        tunnel = self._offered()
        if tunnel is not None:
            tunnel.go_on(now)

    def expire(self, now: float) -> None:
        if now < self.deadline:
            return
        tunnel = self._offered()
        if tunnel is not None:
            tunnel.expire(now)
            self.deadline = tunnel.settle(now)
        elif self.phase == _HEAD:
            self.refuse(RemoteProtocolError(408, "the request head took too long"), now)
        elif self.phase == _BODY:
            self.refuse(RemoteProtocolError(408, "the request body took too long"), now)
        elif self.phase == _DISCARD:
            self._linger(now)
        else:
            self.closing = _CLOSING_FLUSH
            self.deadline = NEVER

    def shutdown(self, now: float) -> None:
        if self.ending == _NOT_ENDING:
            self.ending = _IS_DRAINING
        self.response.keeps_alive = False
        tunnel = self._offered()
        if tunnel is not None:
            tunnel.shutdown(now)
        elif self.phase == _IDLE:
            self.deadline = min(self.deadline, now + _IDLE_GRACE)
        elif self.phase in (_FRESH, _DISCARD, _LINGER):
            self.deadline = min(self.deadline, now + _FRESH_GRACE)

    def retire(self) -> None:
        self.requests_left = 0
        if not self.response.has_left():
            self.response.keeps_alive = False

    def close(self) -> None:
        self.closing = max(self.closing, _CLOSING_FLUSH)
        self.deadline = _NEVER

    def refuse(self, error: RemoteProtocolError, now: float) -> None:
        self.refusal = error
        self.request.drop()
        current = self.current
        is_answered = current is not None and self.response.is_done()
        if current is not None:
            current.disconnect()
            self.current = None
            if not is_answered and self.response.has_left():
                self.closing = _CLOSING_ABORT
                return
        if not is_answered:
            self.response.refuse(error.status, error.reason)
        self._linger(now)

    # output

    def next_exchange(self, now: float) -> Exchange | None:
        self._settle(now)
        if self.closing or self.current is not None:
            return None
        exchange = self.request.take_ready()
        if exchange is not None:
            self._begin(exchange)
        return exchange

    def data_to_send(self) -> list[bytes]:
        return self.response.take()

    def pending_bytes(self) -> int:
        return self.response.out_bytes

    # predicates

    def wants_data(self) -> bool:
        if self.closing:
            return self.closing == _CLOSING_LINGER
        if self.phase == _TUNNEL:
            tunnel = self._offered()
            return tunnel is None or not tunnel.is_full()
        exchange = self.request.exchange
        if exchange is not None:
            return self.request.is_discarding or exchange.body.size() < exchange.body.high_water
        return self.parser.pending_bytes() < self.request.high_water

    def is_resting(self) -> bool:
        tunnel = self._offered()
        return tunnel is not None and tunnel.is_resting()

    def ends_with_connection(self) -> bool:
        return self.current is not None and self.response.ends_with_connection()

    def is_idle(self) -> bool:
        return self.phase <= _IDLE and not self.closing

    # internals: reading

    def _parse(self, data: bytes, now: float) -> None:
        try:
            self.parser.feed(data, self.request)
        except RemoteProtocolError as error:
            self.refuse(error, now)
            return
        if self.request.exchange is not None:
            self._mark_body(now)
        elif self.current is not None or self.request.ready is not None:
            self.phase = _BUSY
            self.deadline = _NEVER
        elif self.phase <= _IDLE and not self.parser.is_between_requests():
            self._mark_head(now)

    def _mark_head(self, now: float) -> None:
        """Start the clock of a head; on a new connection it runs since the connection was made."""
        if self.phase == _IDLE:
            self.deadline = now + (self.limits.head_timeout or _NEVER)
        self.phase = _HEAD

    def _mark_body(self, now: float) -> None:
        """Judge the progress of a body and set its clock again."""
        if self.phase == _DISCARD:
            limit = self.limits.max_discard_bytes
            if limit and self.request.body_bytes - self.pace.bytes > limit:
                self._linger(now)
            return
        if self.phase != _BODY:
            self.phase = _BODY
            self.pace.restart(now, self.request.body_bytes)
        elif self.pace.is_too_slow(now, self.request.body_bytes):
            self.refuse(RemoteProtocolError(408, "the request body comes too slowly"), now)
            return
        self.deadline = now + (self.limits.body_timeout or _NEVER) if self.wants_data() else _NEVER

    def _swallow(self, size: int) -> None:
        """Count what comes after our last answer; nobody reads it."""
        pace = self._own_pace()
        pace.bytes += size
        limit = self.limits.max_discard_bytes * _LINGER_SHARE
        if limit and pace.bytes > limit:
            self.closing = max(self.closing, _CLOSING_FLUSH)

    def _own_pace(self) -> Pace:
        if self.pace is _NO_PACE:
            self.pace = Pace(self.limits)
        return self.pace

    # internals: answering

    def _begin(self, exchange: Exchange) -> None:
        self.current = exchange
        self.requests_left -= 1
        is_last = self.request.closes or self.ending == _IS_DRAINING or self.requests_left <= 0
        # A refused WebSocket ends its connection: who asks for one again opens another, as browsers do.
        self.response.begin(exchange.head, not (is_last or exchange.head.is_websocket))
        if self.ending == _HAS_EOF:
            exchange.leave()

    def _settle(self, now: float) -> None:
        """Join the two halves once a response is done; keep the body's clock fair while it is not."""
        if self.current is None or self.closing:
            return
        if not self.response.is_done():
            self._settle_open(self.current, now)
        elif self.response.is_aborted:
            # RFC 9112 §8: a body that ends with the connection must not end as if it were whole.
            self.closing = _CLOSING_ABORT if self.response.ends_with_connection() else _CLOSING_FLUSH
        elif self.request.exchange is not None:
            self._settle_unread(now)
        else:
            self.current = None
            if self.response.keeps_alive:
                self._resume(now)
            elif self.ending == _HAS_EOF or (self.request.closes and not self.parser.pending_bytes()):
                self.closing = _CLOSING_FLUSH
            else:
                # RFC 9112 §9.6: a request on its way must not destroy the answer by a reset.
                self._linger(now)
                self.deadline = now + (_IDLE_GRACE if self.ending == _IS_DRAINING else self._clean_linger())

    def _settle_open(self, current: Exchange, now: float) -> None:
        """Follow an exchange that goes on: the clocks of a tunnel, or of a body."""
        tunnel = current.tunnel
        if tunnel is not None:
            if self.phase != _TUNNEL and current.is_tunnel():
                self._start_tunnel(tunnel, now)
                if not current.is_tunnel():  # what had come already has ended it
                    self._settle(now)
                    return
            self.deadline = tunnel.settle(now)
        elif self.phase == _BODY:
            self._follow_reader(now)

    def _offered(self) -> Tunnel | None:
        """Return what the current exchange carries or offers to carry."""
        return None if self.current is None else self.current.tunnel

    def _start_tunnel(self, tunnel: Tunnel, now: float) -> None:
        """Turn from messages to raw bytes, of which some may have come already."""
        self.phase = _TUNNEL
        rest = self.parser.take_rest()
        self.parser = _NO_PARSER
        self.request = _NO_REQUEST
        self.pace = _NO_PACE
        if rest:
            tunnel.receive_data(rest, now)
        if self.ending == _HAS_EOF:
            tunnel.receive_eof(now)
        elif self.ending == _IS_DRAINING:  # it was offered after the others were told
            tunnel.shutdown(now)

    def _follow_reader(self, now: float) -> None:
        """Stop the clock while the application, not the peer, is what the body waits for."""
        if not self.wants_data():
            self.deadline = _NEVER
        elif self.deadline == _NEVER:
            self.pace.restart(now, self.request.body_bytes)
            self.deadline = now + (self.limits.body_timeout or _NEVER)

    def _resume(self, now: float) -> None:
        """Go on to the next request, which may have arrived already."""
        self.request.is_full = False
        self.phase = _IDLE
        self.idle_since = now
        self.deadline = now + self.keep_alive
        if self.parser.pending_bytes():
            self._parse(b"", now)
        if self.request.ready is None and (self.ending == _HAS_EOF or (self.ending == _IS_DRAINING and self.is_idle())):
            self.closing = max(self.closing, _CLOSING_FLUSH)

    def _clean_linger(self) -> float:
        """Return how long to wait for what may be on its way behind a last answer, in seconds."""
        return self.limits.discard_timeout or self.limits.linger_timeout or _NEVER

    def _settle_unread(self, now: float) -> None:
        """Decide what becomes of a request body that the application did not want."""
        request, current = self.request, self.current
        if self.phase == _DISCARD or current is None:
            return
        left = current.head.content_length - request.body_bytes
        limit = self.limits.max_discard_bytes
        # RFC 9110 §10.1.1: without the 100 the peer may or may not send the body; only closing is safe.
        if not self.response.keeps_alive or current.head.expects_continue or (limit and left > limit):
            self._linger(now)
            return
        current.take_body()
        request.is_discarding = True
        self.phase = _DISCARD
        self.pace.restart(now, request.body_bytes)
        self.deadline = now + (self.limits.discard_timeout or _NEVER)

    def _linger(self, now: float) -> None:
        """Close in a way that lets the peer see our last answer (RFC 9112 §9.6)."""
        self.request.drop()
        self.current = None
        self.phase = _LINGER
        self.closing = _CLOSING_FLUSH if self.ending == _HAS_EOF else _CLOSING_LINGER
        self._own_pace().restart(now, 0)
        self.deadline = now + (self.limits.linger_timeout or _NEVER)
