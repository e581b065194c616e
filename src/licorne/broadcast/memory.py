"""Memory: the back-end of one process: a message goes to whoever listens on the same Broadcast object."""

from licorne.broadcast.contract import Backend
from licorne.broadcast.hub import Hub

__all__ = ["MemoryBackend"]


class MemoryBackend(Backend):
    """Hand messages over where they are."""

    __slots__ = ("_hub",)

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def publish(self, group: str, payload: bytes) -> None:
        """Hand a message over, and wait for subscribers for whom one waits."""
        await self._hub.deliver(group, payload)
