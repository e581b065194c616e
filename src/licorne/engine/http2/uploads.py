"""Uploads: the streams whose peer may send body, or has sent some that was not taken, and those that are tunnels.

They have what other streams have not: a window to be opened again, and a clock. Both follow what the application does,
which no frame tells. So a stream notes itself when something may have changed (`Http2Stream.on_change`), and only those
that did are looked at: what one stream costs does not depend on how many others there are.

A deadline that was told may be too early by the time that it comes, never too late; `review` tells the right one.
"""

from licorne.engine.connection import NEVER
from licorne.engine.exchange import Exchange
from licorne.engine.http2.frames import WINDOW_UPDATE, put_head, put_word
from licorne.engine.http2.outgoing import Outgoing
from licorne.engine.http2.settings import connection_window
from licorne.engine.http2.stream import CLOSED, Http2Stream
from licorne.engine.http2.windows import ReceiveWindow
from licorne.engine.limits import Limits

__all__ = ["Uploads"]

_NEVER = NEVER
_CLOSED = CLOSED
_WINDOW_UPDATE = WINDOW_UPDATE

# A request that is answered has no time left when so much more of it has come.
_MAX_LATE_BYTES = 64 * 1024


class Uploads:
    """Open the windows of one connection as its applications take what has come, and know what is overdue."""

    __slots__ = ("changed", "held", "limits", "outgoing", "resting", "streams", "window")

    # construction

    def __init__(self, limits: Limits, outgoing: Outgoing) -> None:
        self.limits = limits
        self.outgoing = outgoing
        self.streams: dict[int, Http2Stream] = {}
        #: Those of which something may have changed; each has this list, to note itself in.
        self.changed: list[Http2Stream] = []
        #: Those whose tunnel waits for another turn.
        self.resting: list[Http2Stream] = []
        #: What the peer may send on all streams together, and how much has come that must not be given back yet.
        self.window = ReceiveWindow(connection_window(limits))
        self.held = 0

    # input

    def add(self, stream: Http2Stream) -> None:
        """Follow a stream from now on."""
        self.streams[stream.id] = stream
        self.changed.append(stream)

    def remove(self, stream: Http2Stream) -> None:
        """Follow a stream no more; it may not be here."""
        if self.streams.pop(stream.id, None) is not None:
            stream.changed = None
            self.held -= stream.held
            stream.held = 0

    def go_on(self, now: float) -> None:
        """Let the tunnels take up what they have put off."""
        resting = self.resting
        self.resting = []
        for stream in resting:
            stream.on_change()
            tunnel = stream.tunnel()
            if tunnel is not None:
                tunnel.go_on(now)

    def shutdown(self, now: float) -> None:
        """Let the tunnels end."""
        for stream in list(self.streams.values()):
            stream.on_change()
            tunnel = stream.tunnel()
            if tunnel is not None:
                tunnel.shutdown(now)

    # output

    def settle(self, now: float) -> float:
        """Give what was taken of the bodies back to the windows; return when the next may be overdue that has changed.

        Tunnels that were accepted are given what had come before that.
        """
        due = _NEVER
        if self.changed:
            streams = list(self.changed)
            self.changed.clear()
            for stream in streams:
                if stream.state != _CLOSED:
                    due = min(due, self._settle_stream(stream, now))
        if self.window.left > 0:
            self._give_back(0, self.window, self.held)
            return due
        self._give_back(0, self.window, self.held)
        return min(due, self._reopen(now))

    def review(self, now: float) -> float:
        """Do the same for all streams, whatever has changed; return when the next is overdue."""
        for stream in self.streams.values():
            stream.on_change()
        return self.settle(now)

    def linger_until(self, stream: Http2Stream) -> float:
        """Return until when a peer may go on with a request that is answered.

        Even one that sends too much is reset at the next look at the clock: curl 7.88 takes an answer that it reads
        together with the reset for a failure.
        """
        limits = self.limits
        if stream.is_tunnel():
            return stream.read_at + (limits.linger_timeout or _NEVER)
        if stream.late_bytes() > _MAX_LATE_BYTES:
            return stream.read_at
        return stream.read_at + (limits.discard_timeout or _NEVER)

    # predicates

    def awaits(self, stream: Http2Stream) -> bool:
        """Tell whether the peer owes body: it may send, and the answer has not begun, which makes it a talk."""
        exchange = stream.exchange
        if exchange is None or stream.is_discarding or not stream.can_receive() or stream.has_left():
            return False
        window = stream.window
        is_open = window is not None and window.left > 0 and self.window.left > 0
        return is_open and not exchange.head.expects_continue

    # internals

    def _settle_stream(self, stream: Http2Stream, now: float) -> float:
        self._follow(stream, now)
        held = self._held(stream)
        self.held += held - stream.held
        stream.held = held
        window = stream.window
        if window is not None and stream.can_receive() and not stream.is_discarding:
            self._give_back(stream.id, window, held)
        stream.changed = self.changed
        return self._deadline_of(stream, now)

    def _follow(self, stream: Http2Stream, now: float) -> None:
        """Take note of what the application has made of a stream: a tunnel, or an answer that needs no more body."""
        exchange = stream.exchange
        if exchange is None:
            return
        if exchange.tunnel is not None:
            if stream.is_tunnel() and not stream.is_fed:
                self._start_tunnel(stream, exchange, now)
        elif exchange.is_complete() and not stream.is_discarding:
            exchange.take_body()
            stream.is_discarding = True

    def _start_tunnel(self, stream: Http2Stream, exchange: Exchange, now: float) -> None:
        """Turn from messages to raw bytes, of which some may have come already."""
        stream.is_fed = True
        data = exchange.take_body()
        tunnel = exchange.tunnel
        if tunnel is None:
            return
        if data:
            tunnel.receive_data(data, now)
        if not stream.can_receive():
            tunnel.receive_eof(now)

    def _held(self, stream: Http2Stream) -> int:
        """Return how many bytes of a stream came that must not be given back yet."""
        exchange = stream.exchange
        if exchange is None or stream.is_discarding:
            return 0
        tunnel = exchange.tunnel
        window = stream.window
        if tunnel is not None and window is not None and stream.is_fed and tunnel.is_full():
            return window.size - window.left
        return exchange.body.size()

    def _give_back(self, stream_id: int, window: ReceiveWindow, held: int) -> None:
        if window.left < window.size:
            credit = window.take_credit(held)
            if credit:
                put_head(self.outgoing.out, 4, _WINDOW_UPDATE, 0, stream_id)
                put_word(self.outgoing.out, credit)

    def _deadline_of(self, stream: Http2Stream, now: float) -> float:
        """Return when the peer, or a tunnel, is overdue; the clock of a body rests while its peer may not send."""
        exchange = stream.exchange
        if stream.has_ended():
            return self.linger_until(stream)
        if exchange is None:
            return _NEVER
        tunnel = exchange.tunnel
        if tunnel is not None:
            if tunnel.is_resting():
                self.resting.append(stream)
            return tunnel.settle(now)
        if not self.awaits(stream):
            stream.read_at = _NEVER
            return _NEVER
        if stream.read_at == _NEVER:
            stream.start_reading(now)
        return stream.read_at + (self.limits.body_timeout or _NEVER)

    def _reopen(self, now: float) -> float:
        """Let the clocks of all bodies run anew once the connection has a window again; return the next deadline."""
        due = _NEVER
        if self.window.left > 0:
            for stream in self.streams.values():
                if self.awaits(stream):
                    stream.start_reading(now)
                    due = min(due, stream.read_at + (self.limits.body_timeout or _NEVER))
        return due
