"""Connection: what every protocol engine offers its driver.

The driver feeds bytes and time in, and pulls bytes, exchanges and a verdict on the transport out. An engine
does no I/O, reads no clock, awaits nothing and logs nothing. `now` is a point in time in seconds on any clock
that does not go backwards; a deadline is a point on the same clock.
"""

from enum import IntEnum

from licorne.engine.exchange import Exchange
from licorne.errors import RemoteProtocolError

__all__ = ["NEVER", "Closing", "Connection"]

#: The deadline of a connection that waits for nothing.
NEVER = float("inf")


class Closing(IntEnum):
    """Say what should become of the transport."""

    OPEN = 0
    #: Write what is queued, send FIN, and read on (to discard) until the deadline: the peer must see the answer.
    LINGER = 1
    #: Write what is queued, then close.
    FLUSH = 2
    #: Close now; what is queued is lost.
    ABORT = 3


class Connection:
    """Be the sans-IO state machine of one transport connection."""

    __slots__ = ("closing", "deadline", "has_departed", "idle_since", "refusal", "successor")

    #: A member of `Closing`.
    closing: int
    #: When `expire` wants to be called; NEVER for not at all.
    deadline: float
    #: A peer has given up exchanges of which the application does not know yet; who has told it sets this back.
    has_departed: bool
    #: Since when `is_idle` holds; the connection idle for longest is the first to go when they run short.
    idle_since: float
    #: Why the engine refused its peer, for the log; None if it did not.
    refusal: RemoteProtocolError | None
    #: The engine that takes the place of this one from now on, and has been told all that this one was; nearly always
    #: None.
    successor: "Connection | None"

    def __init__(self) -> None:
        self.closing = 0
        self.deadline = NEVER
        self.has_departed = False
        self.idle_since = 0.0
        self.refusal = None
        self.successor = None

    def agree(self, protocol: str | None) -> None:
        """Take the protocol that TLS has agreed on (ALPN), None for none; before `start`."""

    def start(self, now: float) -> None:
        """Take note that the transport is up."""
        raise NotImplementedError

    def receive_data(self, data: bytes, now: float) -> None:
        """Take bytes from the peer. Never raises for what a peer does."""
        raise NotImplementedError

    def receive_eof(self, now: float) -> None:
        """Take note that the peer sends no more."""
        raise NotImplementedError

    def lost(self) -> None:
        """Take note that the transport is gone."""
        raise NotImplementedError

    def go_on(self, now: float) -> None:
        """Take up what was put off by a rest; the driver calls this in the turn behind one that ended so."""

    def expire(self, now: float) -> None:
        """Act on a deadline that has passed."""
        raise NotImplementedError

    def shutdown(self, now: float) -> None:
        """End gracefully: finish what runs, start nothing new, then close."""
        raise NotImplementedError

    def retire(self) -> None:
        """Have the next answer say that it is the last one; until then everything goes on."""
        raise NotImplementedError

    def close(self) -> None:
        """Close now; what is queued still leaves. For idle connections."""
        raise NotImplementedError

    def refuse(self, error: RemoteProtocolError, now: float) -> None:
        """Answer a peer with an error, if it can still be answered, and close."""
        raise NotImplementedError

    def next_exchange(self, now: float) -> Exchange | None:
        """Hand over the next exchange that the application should see, each once."""
        raise NotImplementedError

    def data_to_send(self) -> list[bytes]:
        """Hand over the bytes that are ready for the peer, in order."""
        raise NotImplementedError

    def pending_bytes(self) -> int:
        """Return how many bytes are ready for the peer."""
        raise NotImplementedError

    def wants_data(self) -> bool:
        """Tell whether the driver should read from the peer now."""
        raise NotImplementedError

    def is_resting(self) -> bool:
        """Tell whether nothing is read for the sake of other peers alone: `go_on` is wanted in the next turn."""
        return False

    def can_hold(self) -> bool:
        """Tell whether what is ready should stay here while the transport is full, because it is ordered here."""
        return False

    def ends_with_connection(self) -> bool:
        """Tell whether only the end of the transport ends what is being sent, so that cutting it must show."""
        raise NotImplementedError

    def is_idle(self) -> bool:
        """Tell whether the connection could be closed without anybody noticing: no request begun, none unanswered."""
        raise NotImplementedError
