"""The seam between a server and `licorne.broadcast`: both know this file, neither knows the other.

A server puts a `Carrier` into its context before it calls anything of the application; whatever the application runs
has inherited it. A broadcast of the back-end `workers://` looks for it there. Nothing here does any work.
"""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Final

__all__ = ["CARRIER", "Carrier", "Receiver"]

#: Takes the topic and the payload of a message; it must not block.
Receiver = Callable[[str, bytes], object]


class Carrier:
    """Carry messages to all workers of one supervisor, the own one included."""

    def listen(self, topic: str, receiver: Receiver) -> Awaitable[object]:
        """Have a receiver called for each message; what is awaited ends when no later message can pass it by."""
        raise NotImplementedError

    def leave(self, topic: str, receiver: Receiver) -> None:
        """Have it called no more."""
        raise NotImplementedError

    async def publish(self, topic: str, payload: bytes) -> None:
        """Take a message; wait while too much is under way. Raises BroadcastUnavailable when that does not end."""
        raise NotImplementedError


#: The carrier of the server that runs the current task.
CARRIER: Final[ContextVar[Carrier | None]] = ContextVar("licorne.carrier", default=None)
