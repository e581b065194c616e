"""Workers: the back-end of all workers of one supervisor, over the channel that they have to it anyway.

The server that runs the application carries the messages; it is found in the context (licorne/carrier.py). Where there
is none, under another server or in a test, a message goes to this process alone.

Rules: what the server hands over is taken at once, since its event loop reads the supervisor's orders from the same
channel. What has to wait for a subscriber waits here, in a bounded backlog; over that, the oldest is dropped, and said.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable
from typing import Final

from licorne.broadcast.contract import Backend
from licorne.broadcast.hub import Hub
from licorne.carrier import CARRIER

__all__ = ["MAX_BACKLOG_MESSAGES", "WorkersBackend"]

logger = logging.getLogger("licorne.error")

MAX_BACKLOG_MESSAGES: Final = 1000
#: How long who publishes waits at most for the backlog that others have left.
_WAIT_SECONDS: Final = 5.0


class WorkersBackend(Backend):
    """Hand messages over to all workers."""

    __slots__ = ("_backlog", "_carrier", "_catching_up", "_hub", "_is_behind")

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._carrier = CARRIER.get()
        self._backlog: deque[tuple[str, bytes]] = deque()
        self._catching_up: asyncio.Task[None] | None = None
        #: Whether messages are being dropped.
        self._is_behind = False

    async def publish(self, group: str, payload: bytes) -> None:
        """Hand a message to all workers, and wait for subscribers of this one for whom one waits."""
        if self._carrier is None:
            await self._hub.deliver(group, payload)
            return
        await self._carrier.publish(group, payload)
        if self._catching_up is not None:
            await asyncio.wait({self._catching_up}, timeout=_WAIT_SECONDS)

    async def subscribe(self, group: str) -> None:
        """Listen to a group."""
        if self._carrier is not None:
            await self._carrier.listen(group, self._receive)

    async def unsubscribe(self, group: str) -> None:
        """Listen to a group no more."""
        if self._carrier is not None:
            self._carrier.leave(group, self._receive)

    async def close(self) -> None:
        """Listen to nothing any more."""
        for group in list(self._hub.groups):
            await self.unsubscribe(group)
        if self._catching_up is not None:
            self._catching_up.cancel()
            await asyncio.gather(self._catching_up, return_exceptions=True)

    def _receive(self, group: str, payload: bytes) -> None:
        if self._catching_up is not None:
            self._defer(group, payload)
        elif waiting := self._hub.offer(group, payload):
            self._catching_up = asyncio.get_running_loop().create_task(self._catch_up(waiting))

    def _defer(self, group: str, payload: bytes) -> None:
        if len(self._backlog) >= MAX_BACKLOG_MESSAGES:
            self._backlog.popleft()
            if not self._is_behind:
                self._is_behind = True
                logger.warning("Subscribers of a broadcast are waited for, and messages of other workers are dropped.")
        self._backlog.append((group, payload))

    async def _catch_up(self, waiting: list[Awaitable[None]]) -> None:
        try:
            await asyncio.gather(*waiting)
            while self._backlog:
                await self._hub.deliver(*self._backlog.popleft())
        finally:
            self._catching_up = None
            self._is_behind = False
