"""Hub: who of this process listens to which group.

Rules: what carries messages is asked for a group when its first subscriber comes, and not any more when the last one
has left, so a message comes once however many there are. Whoever enters waits until the group is being listened to.
"""

import asyncio
from collections.abc import Awaitable, Iterable
from typing import Any, Protocol

from licorne.broadcast.payload import check_group, decode
from licorne.broadcast.subscription import Subscription

__all__ = ["Hub", "Source"]


class Source(Protocol):
    """Bring messages of groups into this process."""

    async def subscribe(self, group: str) -> None:
        """Begin to bring those of a group, or wait until that has begun."""

    async def unsubscribe(self, group: str) -> None:
        """Bring those of a group no more."""


class Hub:
    """Hand messages to whoever listens."""

    __slots__ = ("_groups", "_memberships", "source")

    def __init__(self) -> None:
        #: What brings messages from elsewhere; None while there is nothing.
        self.source: Source | None = None
        #: Dictionaries, because they keep the order.
        self._groups: dict[str, dict[Subscription, None]] = {}
        self._memberships: dict[Subscription, set[str]] = {}

    # --- who listens -----------------------------------------------------------------------------------------

    async def add(self, group: str, subscription: Subscription) -> None:
        """Have messages of a group offered to a subscription."""
        check_group(group)
        self._groups.setdefault(group, {})[subscription] = None
        self._memberships.setdefault(subscription, set()).add(group)
        if self.source is None:
            return
        try:
            await self.source.subscribe(group)
        except BaseException:
            await self.discard(group, subscription)
            raise

    async def discard(self, group: str, subscription: Subscription) -> None:
        """Have them offered no more."""
        if self._forget(group, subscription) and self.source is not None:
            await self.source.unsubscribe(group)

    async def discard_all(self, subscription: Subscription) -> None:
        """Have nothing offered any more."""
        emptied = [group for group in self.groups_of(subscription) if self._forget(group, subscription)]
        for group in emptied:
            if self.source is not None:
                await self.source.unsubscribe(group)

    def end_all(self) -> None:
        """Tell everybody the end, and forget them."""
        for subscription in self._memberships:
            subscription.end()
        self._groups.clear()
        self._memberships.clear()

    @property
    def groups(self) -> Iterable[str]:
        """Return the groups to which somebody listens."""
        return self._groups.keys()

    def groups_of(self, subscription: Subscription) -> list[str]:
        """Return the groups to which a subscription listens."""
        return list(self._memberships.get(subscription, ()))

    def _forget(self, group: str, subscription: Subscription) -> bool:
        """Tell whether nobody listens any more, of whom there was somebody."""
        members = self._groups.get(group, {})
        if subscription not in members:
            return False
        del members[subscription]
        own = self._memberships[subscription]
        own.discard(group)
        if not own:
            del self._memberships[subscription]
        if members:
            return False
        del self._groups[group]
        return True

    # --- what comes ------------------------------------------------------------------------------------------

    def offer(self, group: str, payload: bytes) -> list[Awaitable[None]]:
        """Hand a message to all who listen to a group; return what is to be waited for before the next one."""
        members = self._groups.get(group)
        if not members:
            return []
        message: Any = decode(payload)
        return [found.put(message) for found in tuple(members) if not found.offer(message)]

    async def deliver(self, group: str, payload: bytes) -> None:
        """Hand a message to all who listen to a group, and wait for those who have no room."""
        if waiting := self.offer(group, payload):
            await asyncio.gather(*waiting)
