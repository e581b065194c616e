"""Http2Stream: one stream and its exchange (RFC 9113 §5.1). Its writing half is `Http2Response`.

    state                  what the peer may still send        what we may still send
    OPEN                   body, trailers                      everything
    HALF_CLOSED_REMOTE     nothing                             everything
    HALF_CLOSED_LOCAL      what nobody takes any more          nothing
    CLOSED                 nothing                             nothing

A stream is idle before it is made. It is half closed on our side for a short while only: what goes on with a request
that is answered is of no use, and is reset.
"""

from licorne.engine.exchange import Exchange
from licorne.engine.http2.response import Http2Response
from licorne.engine.http2.scheduler import Scheduler
from licorne.engine.http2.windows import ReceiveWindow
from licorne.engine.tunnel import Tunnel

__all__ = ["CLOSED", "HALF_CLOSED_LOCAL", "HALF_CLOSED_REMOTE", "OPEN", "Http2Stream"]

OPEN = 0
HALF_CLOSED_REMOTE = 1
HALF_CLOSED_LOCAL = 2
CLOSED = 3

_OPEN = OPEN
_HALF_CLOSED_REMOTE = HALF_CLOSED_REMOTE
_HALF_CLOSED_LOCAL = HALF_CLOSED_LOCAL

# Sent so much less than this in a whole timeout, a peer has stalled.
_MIN_PROGRESS_BYTES = 1024
_UNKNOWN = -1.0


class Http2Stream(Http2Response):
    """Hold one request and what is known of its answer."""

    __slots__ = (
        "exchange",
        "held",
        "is_discarding",
        "is_fed",
        "mark_bytes",
        "mark_time",
        "read_at",
        "received",
        "sent",
        "state",
        "watched_at",
        "watched_bytes",
        "window",
    )

    # construction

    def begin(self, stream_id: int, scheduler: Scheduler, send_window: int, capacity: int) -> None:
        """Set every attribute of a new stream; cheaper than a constructor with arguments."""
        self.begin_response(stream_id, scheduler, send_window, capacity)
        self.state = _OPEN
        #: None for a request that was refused before it became one.
        self.exchange: Exchange | None = None
        #: What the peer may send of its body; None when there is none.
        self.window: ReceiveWindow | None = None
        #: Body bytes that came, and whether they are of no use.
        self.received = 0
        self.is_discarding = False
        #: How many of them must not be given back to the windows yet.
        self.held = 0
        #: The tunnel was given what had come before it was accepted.
        self.is_fed = False
        #: Body bytes that left.
        self.sent = 0
        #: When body came last; since when, and from which count, its rate is judged.
        self.read_at = self.mark_time = 0.0
        self.mark_bytes = 0
        #: Since when the peer was seen not to let our body out, and how much had left then.
        self.watched_at = _UNKNOWN
        self.watched_bytes = 0

    # transitions

    def finish_receiving(self) -> None:
        """Take the end of what the peer sends."""
        self.state |= _HALF_CLOSED_REMOTE

    def finish_sending(self) -> None:
        """Take note that our end has left."""
        self.state |= _HALF_CLOSED_LOCAL

    # clocks

    def start_reading(self, now: float) -> None:
        """Let the clock of the body run from now on."""
        self.read_at = self.mark_time = now
        self.mark_bytes = self.received

    def is_too_slow(self, now: float, rate: float, grace: float) -> bool:
        """Tell whether less body came than `rate` bytes a second, once `grace` seconds are over."""
        elapsed = now - self.mark_time
        return rate > 0 and elapsed > grace and self.received - self.mark_bytes < rate * elapsed

    def watch(self, now: float) -> float:
        """Return since when the peer has let next to nothing out of what is queued; `now` if it has."""
        if self.watched_at < 0 or self.sent - self.watched_bytes >= _MIN_PROGRESS_BYTES:
            self.watched_at = now
            self.watched_bytes = self.sent
        return self.watched_at

    def late_bytes(self) -> int:
        """Return how many body bytes came since `start_reading`."""
        return self.received - self.mark_bytes

    # predicates

    def tunnel(self) -> Tunnel | None:
        """Return what the stream carries, if it is a tunnel or asks to be one.

        It may leave its exchange while it is called, and must live until it has returned: who calls it keeps it.
        """
        return None if self.exchange is None else self.exchange.tunnel

    def can_receive(self) -> bool:
        """Tell whether the peer may still send body."""
        return not self.state & _HALF_CLOSED_REMOTE
