"""Http2Connection: the state machine of one HTTP/2 connection (RFC 9113), and the clocks of all that is on it.

Two halves: `Incoming` takes frames and has `Intake` open and feed the streams, `Outgoing` makes frames of what the
streams have to send. This file joins them: what has ended is forgotten, what has passed its time is ended, and the
connection goes in steps when it has to go.

    what the peer owes us                     its clock
    the preface and its settings              head_timeout
    the rest of a field block                 head_timeout, from its first frame
    the rest of a request body                body_timeout, from its last byte, until the answer begins
    room for what it has asked for            h2_stall_timeout, from when it was seen to have none
    a further request, or nothing             keep_alive_timeout
    what a tunnel says                        the tunnel's

A drain says GOAWAY twice (RFC 9113 §6.8): first that the peer should open no more streams, and, when it must have
heard, which was the last.
"""

from licorne.engine.connection import NEVER, Closing, Connection
from licorne.engine.defaults import DefaultHeaders
from licorne.engine.exchange import Exchange
from licorne.engine.framing import MAX_LENGTH
from licorne.engine.http2.clock import Clock
from licorne.engine.http2.control import DRAIN_PING
from licorne.engine.http2.errors import H2Error
from licorne.engine.http2.frames import CANCEL, MAX_WINDOW, NO_ERROR, serialize_goaway, serialize_ping
from licorne.engine.http2.guard import Guard
from licorne.engine.http2.incoming import Incoming
from licorne.engine.http2.intake import Intake
from licorne.engine.http2.outgoing import Outgoing
from licorne.engine.http2.settings import serialize_announcement
from licorne.engine.http2.stream import CLOSED, Http2Stream
from licorne.engine.limits import Limits
from licorne.engine.received import RequestHead
from licorne.errors import RemoteProtocolError

__all__ = ["Http2Connection"]

# How far the connection is on its way out.
_NOT_ENDING = 0
_IS_RETIRING = 1  # it goes when something was answered
_HAS_WARNED = 2  # the first GOAWAY is out
_IS_LAST = 3  # the second one is: no stream is opened any more
_HAS_EOF = 4  # the peer sends nothing any more

_NEVER = NEVER
_CANCEL = CANCEL
_CLOSED = CLOSED
_CLOSING_LINGER = int(Closing.LINGER)
_CLOSING_FLUSH = int(Closing.FLUSH)
_CLOSING_ABORT = int(Closing.ABORT)

# How long a peer may take to hear that it should open no more streams, and how long one that never had a request may
# take to make one once the server drains. Seconds.
_WARNING_GRACE = 1.0
_SWITCHING_PROTOCOLS = b"HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: h2c\r\n\r\n"
# How many times the window of the connection is read behind the last word: what was sent before the peer saw it.
_LINGER_SHARE = 4


class Http2Connection(Connection):
    """Speak HTTP/2 with one peer."""

    __slots__ = (
        "clock",
        "ending",
        "incoming",
        "intake",
        "is_busy",
        "is_holding",
        "limits",
        "outgoing",
        "requests_left",
    )

    # construction

    def __init__(self, limits: Limits, defaults: DefaultHeaders, takes_websocket: bool = True) -> None:
        """Take the limits, the default fields, and whether WebSocket is spoken (RFC 8441)."""
        super().__init__()
        self.limits = limits
        self.clock = Clock(limits)
        self.outgoing = Outgoing(limits, defaults)
        self.intake = Intake(limits, self.outgoing, Guard(limits), takes_websocket)
        self.incoming = Incoming(limits, self.intake)
        self.requests_left = limits.max_requests or MAX_LENGTH
        self.ending = _NOT_ENDING
        #: There are streams.
        self.is_busy = False
        #: An exchange waits until those before it have less to send.
        self.is_holding = False

    # input

    def start(self, now: float) -> None:
        self.clock.now = now
        self.idle_since = now + _WARNING_GRACE
        self.clock.mark_block(True)
        self.deadline = self.clock.own_deadline()
        self.outgoing.out += serialize_announcement(self.limits, self.intake.takes_websocket)

    def take_over(self, head: RequestHead, pairs: list[tuple[int, int]], now: float) -> None:
        """Start with a request that came over HTTP/1.1, and the settings that it offered (RFC 7540 §3.2).

        It is stream 1, and has ended; the preface is still to come.
        """
        self.outgoing.out += _SWITCHING_PROTOCOLS
        self.start(now)
        self.incoming.controls.apply(pairs)
        stream = self.intake.open(1, True, now)
        if stream is not None:
            self.intake.begin(stream, head, now)
        self._follow_frames()

    def receive_data(self, data: bytes, now: float) -> None:
        self.clock.now = now
        if self.closing:
            self._swallow(len(data))
            return
        try:
            self.incoming.receive(data, now)
        except H2Error as error:
            self._fail(error, now)
            return
        self._follow_frames()

    def receive_eof(self, now: float) -> None:
        self.clock.now = now
        while self.incoming.is_resting:
            self._read_on(now)
        self.ending = _HAS_EOF
        if self.closing:
            self.closing = max(self.closing, _CLOSING_FLUSH)
            return
        for stream in list(self.intake.table.streams.values()):
            self._half_close(stream, now)
        self.outgoing.scheduler.has_held = True
        self._settle(now)

    def lost(self) -> None:
        self.closing = _CLOSING_ABORT
        self.deadline = NEVER
        self._drop_streams()

    def go_on(self, now: float) -> None:
        self.intake.uploads.go_on(now)
        if self.incoming.is_resting:
            self.clock.now = now
            self._read_on(now)

    def expire(self, now: float) -> None:
        if now < self.deadline:
            return
        self.clock.now = now
        if self.closing:
            self.closing = max(self.closing, _CLOSING_FLUSH)
            self.deadline = _NEVER
            return
        if now >= self.clock.block_until:
            self._refuse(RemoteProtocolError(408, "the request head took too long"), NO_ERROR, now)
            return
        if now >= self.clock.warned_until and self._finish_drain():
            return  # the clock of the lingering runs
        try:
            self.intake.expire(now)
            for stream in self.intake.table.stalled(now, self.limits.h2_stall_timeout):
                self.intake.reset(stream, _CANCEL)
        except H2Error as error:
            self._fail(error, now)
            return
        if not self.is_busy and not self.intake.ready and now >= self.deadline:
            self._say_goodbye(now)
            return
        self.deadline = self._next_deadline(now)

    def shutdown(self, now: float) -> None:
        if self.closing:
            self.deadline = min(self.deadline, now + _WARNING_GRACE)
            return
        self.intake.uploads.shutdown(now)
        self._start_drain(now)

    def retire(self) -> None:
        self.ending = max(self.ending, _IS_RETIRING)

    def close(self) -> None:
        if not self.closing:
            self._go_away(NO_ERROR, b"")
            self.closing = _CLOSING_FLUSH
        self.closing = max(self.closing, _CLOSING_FLUSH)
        self.deadline = _NEVER

    def refuse(self, error: RemoteProtocolError, now: float) -> None:
        # No stream could carry the answer. GOAWAY without a stream says that nothing was begun: ask again, elsewhere.
        self._refuse(error, NO_ERROR, now)

    # output

    def next_exchange(self, now: float) -> Exchange | None:
        self.clock.now = now
        if self.closing:
            return None
        ready = self.intake.ready
        self.is_holding = bool(ready) and self.outgoing.is_crowded()
        # What a flood asks for is not begun before it is seen to the end of the read: it may be taken back, or refused.
        if ready and not self.is_holding and not self.incoming.is_resting:
            exchange: Exchange = ready.popleft()
            self._begin(exchange)
            return exchange
        if self.clock.has_rested:
            self.clock.has_rested = False
            if not self.is_busy and not self.closing:
                self._rest()  # once more, by the time that it is now
                self.clock.has_rested = False
        self._settle(now)
        return None

    def data_to_send(self) -> list[bytes]:
        pieces = self.outgoing.take()
        self.intake.guard.replies = 0
        if self.outgoing.finished:
            self._forget_finished()
        if self.outgoing.take_room():
            self._open_gates()
        if self.ending == _HAS_EOF and self.outgoing.scheduler.has_held:
            self._end_stuck()
        return pieces

    def pending_bytes(self) -> int:
        return self.outgoing.pending_bytes()

    # predicates

    def wants_data(self) -> bool:
        if self.closing:
            return self.closing == _CLOSING_LINGER
        return not self.is_resting()

    def is_resting(self) -> bool:
        if self.closing:
            return False
        if self.incoming.is_resting or self.intake.uploads.resting:
            return True
        return self.is_holding and not self.outgoing.is_crowded()

    def can_hold(self) -> bool:
        return True

    def ends_with_connection(self) -> bool:
        return False

    def is_idle(self) -> bool:
        incoming = self.incoming
        return not (self.is_busy or self.closing or incoming.is_resting or incoming.is_owed_more())

    # internals: frames

    def _read_on(self, now: float) -> None:
        """Take up the frames that were put off."""
        try:
            self.incoming.go_on(now)
        except H2Error as error:
            self._fail(error, now)
            return
        self._follow_frames()

    def _follow_frames(self) -> None:
        """Take note of what the frames that were read have made of the connection."""
        incoming = self.incoming
        if self.clock.mark_block(incoming.is_owed_more()):
            # What streams wait for goes on being waited for: a field block must not put it off.
            own = self.clock.own_deadline()
            self.deadline = min(self.deadline, own) if self.is_busy else self.clock.idle_deadline()
        if not self.is_busy and not self.intake.table.is_empty():
            self.is_busy = True
            self.deadline = self.clock.own_deadline()
        if incoming.controls.has_pong and self.clock.warned_until != _NEVER:
            self._finish_drain()
        if incoming.controls.is_leaving and self.ending < _IS_LAST:
            # RFC 9113 §6.8: what it has asked for is answered.
            self.ending = _IS_LAST

    # internals: streams

    def _begin(self, exchange: Exchange) -> None:
        if self.ending == _HAS_EOF:
            exchange.leave()
        self.requests_left -= 1
        if self.requests_left <= 0 and self.ending == _NOT_ENDING:
            self.ending = _IS_RETIRING

    def _half_close(self, stream: Http2Stream, now: float) -> None:
        """Take note that no more will come: a request that is not whole never will be."""
        exchange = stream.exchange
        is_whole = not stream.can_receive()
        stream.finish_receiving()
        stream.on_change()
        if exchange is not None:
            if not is_whole and not stream.is_fed:
                self.intake.depart(stream)
                return
            exchange.leave()
            tunnel = stream.tunnel()
            if stream.is_fed and tunnel is not None:
                tunnel.receive_eof(now)
        if stream.state == _CLOSED:
            self.intake.close(stream)

    def _end_stuck(self) -> None:
        """End what a window holds back of which the peer has said that it opens no more."""
        self.outgoing.scheduler.has_held = False
        table = self.intake.table
        for stream in list(table.streams.values()):
            if stream.is_stuck():
                self.intake.reset(stream, _CANCEL)
        if self.intake.has_departed:
            self.intake.has_departed = False
            self.has_departed = True
        if table.is_empty() and not self.intake.ready and not self.closing:
            self._rest()

    def _forget_finished(self) -> None:
        """Let go of the streams whose end has left."""
        finished = self.outgoing.finished
        self.outgoing.finished = []
        table = self.intake.table
        for stream in finished:
            if stream.state == _CLOSED:
                self.intake.close(stream)
            elif stream.reset_code < 0:
                self.deadline = min(self.deadline, self.intake.linger(stream, self.clock.now))
            else:
                table.remember_reset(stream.id)
                self.intake.close(stream)
        if self.ending == _IS_RETIRING:
            self._start_drain(self.clock.now)
        if table.is_empty() and not self.intake.ready:
            self._rest()

    def _open_gates(self) -> None:
        """Let the applications go on that waited for others to have less queued."""
        for stream in self.intake.table.streams.values():
            if stream.exchange is not None and stream.queued * 2 <= stream.capacity:
                stream.exchange.open_write_gate()

    def _rest(self) -> None:
        """Begin to wait for a further request, or end."""
        self.is_busy = False
        self.clock.has_rested = True
        self.idle_since = self.clock.now
        if self.ending >= _IS_LAST:
            self._say_goodbye(self.clock.now)
        else:
            self.deadline = self.clock.idle_deadline()

    def _drop_streams(self) -> None:
        """Tell every exchange that its peer is gone."""
        self.is_holding = False
        self.incoming.stop()
        self.intake.ready.clear()
        for stream in list(self.intake.table.streams.values()):
            if stream.exchange is not None:
                stream.exchange.disconnect()
            self.intake.close(stream)
        self.intake.uploads.resting.clear()

    # internals: clocks

    def _settle(self, now: float) -> None:
        """Follow what the applications have done with their bodies, and which streams wait for a window."""
        intake = self.intake
        uploads = intake.uploads
        if uploads.changed or uploads.window.left < uploads.window.size:
            self.deadline = min(self.deadline, uploads.settle(now))
        if self.ending == _HAS_EOF and self.outgoing.scheduler.has_held:
            self._end_stuck()
        elif self.outgoing.scheduler.has_held:
            self.outgoing.scheduler.has_held = False
            self.deadline = min(self.deadline, intake.table.stall_deadline(now, self.limits.h2_stall_timeout))
        if self.outgoing.take_room():
            self._open_gates()
        if intake.has_departed:
            intake.has_departed = False
            self.has_departed = True
        if intake.table.is_empty() and not intake.ready and (self.is_busy or self.ending >= _IS_LAST):
            self._rest()

    def _next_deadline(self, now: float) -> float:
        """Return the next point in time at which something may be overdue."""
        if not self.is_busy:
            return self.clock.idle_deadline()
        stalled = self.intake.table.stall_deadline(now, self.limits.h2_stall_timeout)
        return min(self.clock.own_deadline(), self.intake.uploads.review(now), stalled)

    # internals: the end

    def _start_drain(self, now: float) -> None:
        """Say that the peer should open no more streams; those that it has opened meanwhile are served."""
        if self.ending >= _HAS_WARNED:
            return
        self.ending = _HAS_WARNED
        self.outgoing.out += serialize_goaway(MAX_WINDOW, NO_ERROR)
        self.outgoing.out += serialize_ping(DRAIN_PING, False)
        self.clock.warned_until = now + _WARNING_GRACE
        self.deadline = min(self.deadline, self.clock.warned_until)

    def _finish_drain(self) -> bool:
        """Say which stream was the last; tell whether that has ended, so that the connection does."""
        self.clock.warned_until = _NEVER
        if self.ending == _HAS_WARNED:
            self.ending = _IS_LAST
            self._go_away(NO_ERROR, b"")
            if self.intake.table.is_empty() and not self.intake.ready:
                self._rest()
        return self.closing != 0

    def _go_away(self, code: int, debug: bytes) -> None:
        last = min(self.intake.table.highest, self.intake.last_id)  # RFC 9113 §6.8: it must not grow
        self.intake.last_id = last
        self.outgoing.out += serialize_goaway(last, code, debug)

    def _say_goodbye(self, now: float) -> None:
        """Close a connection on which nothing is open."""
        if self.ending != _HAS_EOF and self.intake.last_id == MAX_WINDOW:
            self._go_away(NO_ERROR, b"")  # RFC 9113 §6.8: also to a peer that has said so itself
        self.closing = _CLOSING_FLUSH if self.ending == _HAS_EOF else _CLOSING_LINGER
        self.deadline = now + (self.limits.discard_timeout or self.limits.linger_timeout or _NEVER)

    def _fail(self, error: H2Error, now: float) -> None:
        """End the connection because the peer broke its rules (RFC 9113 §5.4.1)."""
        self._refuse(RemoteProtocolError(400, error.reason), error.code, now)

    def _refuse(self, refusal: RemoteProtocolError, code: int, now: float) -> None:
        self.refusal = refusal
        self._go_away(code, refusal.reason.encode("ascii", "replace"))
        self._drop_streams()
        self.has_departed = True
        self.closing = _CLOSING_FLUSH if self.ending == _HAS_EOF else _CLOSING_LINGER
        self.deadline = now + (self.limits.linger_timeout or _NEVER)

    def _swallow(self, size: int) -> None:
        """Count what comes after our last word; nobody reads it."""
        window = self.intake.window
        window.left -= size
        if window.left + window.size * _LINGER_SHARE < 0:
            self.closing = max(self.closing, _CLOSING_FLUSH)
