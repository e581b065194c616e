"""Contract: what carries messages between processes, as a broadcast sees it.

    start → subscribe, unsubscribe, publish … → close

Rules: all of it happens in one event loop. A back-end hands what comes to the hub that it was made with, what its own
process has published too. Nothing but `publish` and `subscribe` waits, and both have a bound.
"""

from collections.abc import Callable

from licorne.broadcast.hub import Hub, Source

__all__ = ["Backend", "BackendFactory"]


class Backend(Source):
    """Carry messages of groups."""

    __slots__ = ()

    async def publish(self, group: str, payload: bytes) -> None:
        """Take a message for all who listen. Raises BroadcastUnavailable when it was not taken."""
        raise NotImplementedError

    async def subscribe(self, group: str) -> None:
        """Begin to bring the messages of a group, or wait until that has begun; not for long when it cannot."""

    async def unsubscribe(self, group: str) -> None:
        """Bring those of a group no more."""

    async def close(self) -> None:
        """Let go of everything."""


BackendFactory = Callable[[Hub], Backend]
