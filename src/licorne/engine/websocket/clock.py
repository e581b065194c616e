"""Clock: the times of one session. It only says when something is due; the session acts.

    limit_at   the handshake, later the close handshake, has taken too long
    ping_at    a ping is due
    pong_by    the pong to it is overdue
    idle_at    no message has passed for too long
    pongs_at   further pongs may be sent

Rules: while reading is paused no pong can be seen, so none is missed; pings go on, since writing to a peer that is
gone is all that shows it. Intervals differ a little from session to session, by something that the peer chose, so
that many that began together do not ping together. What a ping holds cannot be guessed: only who reads can answer.
"""

from hashlib import blake2b
from zlib import crc32

from licorne.engine.connection import NEVER
from licorne.engine.websocket.options import SessionOptions

__all__ = ["Clock"]

_NEVER = NEVER
# The pongs that a peer may have of us in a second. One that pings without reading makes us hold that much.
_MAX_PONGS = 32
_PONG_SECONDS = 1.0
_JITTER = 0.1
_PAYLOAD_BYTES = 4


class Clock:
    """Hold the deadlines of one session."""

    __slots__ = (
        "activity",
        "idle_at",
        "idle_timeout",
        "interval",
        "limit_at",
        "now",
        "options",
        "ping_at",
        "pong_by",
        "pongs",
        "pongs_at",
        "rtt",
        "seed",
        "was_full",
    )

    # construction

    def __init__(self, options: SessionOptions, seed: bytes) -> None:
        self.idle_timeout = options.idle_timeout or _NEVER
        self.interval = options.ping_interval * (1.0 + _JITTER * (crc32(seed) / 2**31 - 1.0)) or _NEVER
        #: The last time that was told.
        self.now = 0.0
        self.limit_at = self.ping_at = self.pong_by = self.idle_at = self.pongs_at = _NEVER
        #: What had passed when last looked at.
        self.activity = -1
        self.was_full = False
        #: What pings are made from, with the secret in the options; both belong to others too.
        self.options = options
        self.seed = seed
        #: Seconds that the last pong took to come; -1.0 before there was one.
        self.rtt = -1.0
        #: Pongs that were sent in the current second.
        self.pongs = 0

    # input

    def start_limit(self, timeout: float) -> float:
        """Let the time run that a handshake may take, unless it runs already; return when it is over."""
        if self.limit_at == _NEVER:
            self.limit_at = self.now + (timeout or _NEVER)
        return self.limit_at

    def shorten_limit(self, seconds: float) -> None:
        """Let the limit be over at the latest in so many seconds."""
        self.limit_at = min(self.limit_at, self.now + seconds)

    def follow(self, activity: int, is_full: bool, owes_pong: bool) -> float:
        """Take how an open session stands, what has passed first; return when something is due."""
        if self.ping_at == _NEVER:
            self.ping_at = self.now + self.interval
        if activity != self.activity:
            self.activity = activity
            self.idle_at = self.now + self.idle_timeout
        if is_full != self.was_full:
            self.was_full = is_full
            if self.pong_by != _NEVER:
                self.pong_by = self.now + (self.options.ping_timeout or _NEVER)
        due = min(self.idle_at, self.ping_at if is_full or self.pong_by == _NEVER else self.pong_by)
        return min(due, self.pongs_at) if owes_pong else due

    def take_pong(self) -> None:
        """Take note that the pong has come."""
        self.rtt = self.now - (self.ping_at - self.interval)
        self.pong_by = _NEVER

    # output

    def next_ping(self) -> bytes:
        """Take note that a ping is sent; return its payload."""
        self.ping_at = self.now + self.interval
        self.pong_by = self.now + (self.options.ping_timeout or _NEVER)
        mark = self.options.secret + self.seed + repr(self.ping_at).encode()  # no two are due at one time
        return blake2b(mark, digest_size=_PAYLOAD_BYTES).digest()

    def count_pong(self) -> bool:
        """Count a pong that is to be sent; return whether it may be."""
        if self.pongs_at <= self.now or self.pongs_at == _NEVER:
            self.pongs_at = self.now + _PONG_SECONDS
            self.pongs = 0
        self.pongs += 1
        return self.pongs <= _MAX_PONGS

    # predicates

    def is_over(self) -> bool:
        """Tell whether a handshake has taken too long."""
        return self.now >= self.limit_at

    def is_ping_due(self) -> bool:
        """Tell whether a ping should be sent."""
        return self.now >= self.ping_at and (self.was_full or self.pong_by == _NEVER)

    def is_pong_overdue(self) -> bool:
        """Tell whether a pong should have come."""
        return self.now >= self.pong_by and not self.was_full

    def is_idle(self) -> bool:
        """Tell whether no message has passed for too long."""
        return self.now >= self.idle_at
