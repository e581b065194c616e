"""Clock: the times of one HTTP/2 connection by itself. It only says when something is due; the connection acts."""

from licorne.engine.connection import NEVER
from licorne.engine.limits import Limits

__all__ = ["Clock"]

_NEVER = NEVER


class Clock:
    """Hold the deadlines of one connection."""

    __slots__ = ("block_until", "has_rested", "head_timeout", "keep_alive", "now", "warned_until")

    def __init__(self, limits: Limits) -> None:
        self.head_timeout = limits.head_timeout or NEVER
        self.keep_alive = limits.keep_alive_timeout or NEVER
        #: The last stream has ended since the time was told.
        self.has_rested = False
        #: The last time that was told.
        self.now = 0.0
        #: Until when the peer must have sent the rest of its preface or of a field block.
        self.block_until = NEVER
        #: Until when the second GOAWAY waits for the peer to answer the first.
        self.warned_until = NEVER

    def mark_block(self, owes: bool) -> bool:
        """Let the clock of the preface, or of a field block, run while the peer owes the rest; tell of a change."""
        if owes == (self.block_until != _NEVER):
            return False
        self.block_until = self.now + self.head_timeout if owes else _NEVER
        return True

    def own_deadline(self) -> float:
        """Return when the connection must act while it waits for the peer, whatever its streams do."""
        return min(self.block_until, self.warned_until)

    def idle_deadline(self) -> float:
        """Return the same while there is no stream."""
        return min(self.now + self.keep_alive, self.block_until, self.warned_until)
