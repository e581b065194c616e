"""Member: a connection that is told what is published in the groups of which it is a member.

    str      websocket.send with text
    bytes    websocket.send with bytes
    else     websocket.send with its JSON as text

One task hands messages over, as fast as the client takes them. A client that has left, which `send()` says with an
OSError, is a member of nothing any more; one that is too slow, where the policy is to disconnect, is closed with 1013
(RFC 6455 §7.4.2: try again later).

Rules: leaving takes the task along: nothing is sent when the `async with` has ended.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final, Self

from licorne.broadcast.subscription import Subscription
from licorne.errors import SubscriberTooSlow

__all__ = ["Deliver", "Member", "websocket_delivery"]

logger = logging.getLogger("licorne.error")

Deliver = Callable[[Any], Awaitable[object]]
_TRY_AGAIN_LATER: Final = 1013


class Member:
    """Be in groups for a connection; `async with` it for as long as the connection lives."""

    __slots__ = ("_on_too_slow", "_publish", "_pumping", "_subscription", "deliver", "on_end")

    def __init__(
        self,
        subscription: Subscription,
        publish: Callable[[str, Any], Awaitable[None]],
        deliver: Deliver,
        on_too_slow: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        self._subscription = subscription
        self._publish = publish
        self.deliver = deliver
        self._on_too_slow = on_too_slow
        self._pumping: asyncio.Task[None] | None = None
        #: Is called when nothing is handed over any more.
        self.on_end: Callable[[], object] | None = None

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    @property
    def dropped(self) -> int:
        """Return how many messages were dropped because the client did not take them in time."""
        return self._subscription.dropped

    @property
    def is_over(self) -> bool:
        """Tell whether nothing is handed over any more."""
        return self._pumping is None or self._pumping.done()

    def start(self) -> None:
        """Begin to hand messages over."""
        self._subscription.on_cut_off = self._give_up
        self._pumping = asyncio.get_running_loop().create_task(self._pump())

    async def add(self, group: str) -> None:
        """Become a member of a group."""
        await self._subscription.add(group)

    async def discard(self, group: str) -> None:
        """Be a member of a group no more."""
        await self._subscription.discard(group)

    async def send(self, group: str, message: Any) -> None:
        """Publish a message in a group, be it a member or not; members are told, this one too if it is one."""
        await self._publish(group, message)

    async def close(self) -> None:
        """Leave all groups and end."""
        pumping = self._pumping
        if pumping is not None and pumping is not asyncio.current_task():
            pumping.cancel()
            await asyncio.gather(pumping, return_exceptions=True)
        await self._subscription.close()

    async def _pump(self) -> None:
        try:
            async for message in self._subscription:
                await self.deliver(message)
        except (SubscriberTooSlow, asyncio.CancelledError) as error:
            if not self._subscription.is_cut_off:
                raise
            if isinstance(error, asyncio.CancelledError) and self._pumping is not None:
                self._pumping.uncancel()
            await self._part()
        except OSError:  # the client has left
            pass
        except Exception:
            logger.exception("A message of a broadcast could not be handed over; the connection leaves all groups")
        finally:
            await self._subscription.close()
            if self.on_end is not None:
                self.on_end()

    def _give_up(self) -> None:
        """Wait for the client no longer."""
        if self._pumping is not None and self._pumping is not asyncio.current_task():
            self._pumping.cancel()

    async def _part(self) -> None:
        if self._on_too_slow is not None:
            try:
                await self._on_too_slow()
            except (OSError, RuntimeError):  # it was closed already
                pass


def websocket_delivery(send: Deliver) -> tuple[Deliver, Callable[[], Awaitable[object]]]:
    """Return what sends a message to a WebSocket, and what closes one that is too slow, by ASGI's `send`."""

    def deliver(message: Any) -> Awaitable[object]:
        if isinstance(message, bytes):
            return send({"type": "websocket.send", "bytes": message})
        text = message if isinstance(message, str) else json.dumps(message, ensure_ascii=False)
        return send({"type": "websocket.send", "text": text})

    def close() -> Awaitable[object]:
        return send({"type": "websocket.close", "code": _TRY_AGAIN_LATER, "reason": "too slow for its messages"})

    return deliver, close
