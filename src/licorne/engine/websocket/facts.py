"""SessionFacts: what can be asked of a session that its parts know: how full it is, and what has passed."""

from licorne.engine.connection import NEVER
from licorne.engine.tunnel import Tunnel
from licorne.engine.websocket.clock import Clock
from licorne.engine.websocket.incoming import Incoming
from licorne.engine.websocket.outgoing import Outgoing

__all__ = ["SessionFacts"]

_NEVER = NEVER


class SessionFacts(Tunnel):
    """Hold the parts of a session."""

    __slots__ = ("clock", "incoming", "outgoing")

    clock: Clock
    incoming: Incoming
    outgoing: Outgoing

    def is_full(self) -> bool:
        return self.incoming.is_full

    def is_resting(self) -> bool:
        return self.incoming.is_resting()

    def is_timed(self) -> bool:
        """Tell whether a message that is sent puts a deadline off."""
        return self.clock.idle_timeout != _NEVER  # it counts from each message

    @property
    def messages_in(self) -> int:
        """Return the number of messages received."""
        return self.incoming.total

    @property
    def bytes_in(self) -> int:
        """Return the number of bytes in them, inflated."""
        return self.incoming.total_bytes

    @property
    def messages_out(self) -> int:
        """Return the number of messages sent."""
        return self.outgoing.messages_out

    @property
    def bytes_out(self) -> int:
        """Return the number of bytes in them, before compression."""
        return self.outgoing.bytes_out

    @property
    def rtt(self) -> float:
        """Return how long the last pong took to come, in seconds; -1.0 before there was one."""
        return self.clock.rtt
