"""Subscription: a bounded queue of messages from one or more groups, for one who listens.

    drop-oldest    the oldest message makes room for the newest; `dropped` counts them
    disconnect     the subscriber is cut off: its loop ends with SubscriberTooSlow, a connection is closed
    wait           who publishes waits until there is room, at most for `patience`; then the subscriber is cut off

Rules: the queue belongs to one event loop. `offer` never waits; who is told False has to `put`, and what was put
first is received first.
"""

import asyncio
import enum
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol, Self

from licorne.errors import ConfigError, SubscriberTooSlow

__all__ = ["Policy", "QueueOptions", "Registry", "Subscription"]


class Policy(enum.StrEnum):
    """Name what happens when a subscriber lets too many messages wait."""

    DROP_OLDEST = "drop-oldest"
    DISCONNECT = "disconnect"
    WAIT = "wait"


@dataclass(frozen=True, slots=True)
class QueueOptions:
    """Bound a queue: how many messages may wait, what if there are more, and how long publishers wait for room."""

    limit: int = 100
    policy: Policy = Policy.DROP_OLDEST
    patience: float = 5.0

    @classmethod
    def of(cls, limit: int, policy: str, patience: float) -> Self:
        """Return them, checked. Raises ConfigError."""
        if limit < 1:
            raise ConfigError("a queue has room for at least 1 message", option="broadcast max_queue", value=limit)
        if patience <= 0:
            raise ConfigError("must be more than 0 seconds", option="broadcast patience", value=patience)
        try:
            return cls(limit, Policy(policy), patience)
        except ValueError:
            choices = ", ".join(Policy)
            raise ConfigError(f"must be one of {choices}", option="broadcast policy", value=policy) from None


class Registry(Protocol):
    """Know who listens to what."""

    async def add(self, group: str, subscription: "Subscription") -> None:
        """Have messages of a group offered to a subscription."""

    async def discard(self, group: str, subscription: "Subscription") -> None:
        """Have them offered no more."""

    async def discard_all(self, subscription: "Subscription") -> None:
        """Have nothing offered any more."""


class Subscription:
    """Receive what is published in some groups: `async with` it, then `async for` over it."""

    __slots__ = (
        "_arrived",
        "_failure",
        "_groups",
        "_has_room",
        "_is_closed",
        "_options",
        "_order",
        "_queue",
        "_registry",
        "dropped",
        "on_cut_off",
    )

    def __init__(self, registry: Registry, groups: tuple[str, ...], options: QueueOptions) -> None:
        self._registry = registry
        #: Of which groups it is to be a member from the beginning.
        self._groups = groups
        self._options = options
        self._queue: deque[Any] = deque()
        self._arrived = asyncio.Event()
        self._has_room = asyncio.Event()
        #: Whoever waits for room stands in line here.
        self._order = asyncio.Lock()
        self._failure: SubscriberTooSlow | None = None
        self._is_closed = False
        #: How many messages were dropped because nobody took them in time.
        self.dropped = 0
        #: Is called when the subscriber is cut off.
        self.on_cut_off: Callable[[], object] | None = None

    async def __aenter__(self) -> Self:
        try:
            for group in self._groups:
                await self.add(group)
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    async def add(self, group: str) -> None:
        """Listen to one more group, from now on if its back-end can be reached, else as soon as it can."""
        if not self._is_closed:
            await self._registry.add(group, self)

    async def discard(self, group: str) -> None:
        """Listen to a group no more; what waits already is still received."""
        await self._registry.discard(group, self)

    async def close(self) -> None:
        """Listen to nothing any more; whoever waits for a message is told the end."""
        self.end()
        await self._registry.discard_all(self)

    # --- receiving -------------------------------------------------------------------------------------------

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        while not self._queue:
            if self._failure is not None:
                raise self._failure
            if self._is_closed:
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
        message = self._queue.popleft()
        self._has_room.set()
        return message

    async def receive(self) -> Any:
        """Return the next message. Raises SubscriberTooSlow, and StopAsyncIteration at the end."""
        return await self.__anext__()

    @property
    def is_cut_off(self) -> bool:
        """Tell whether it ended because it was too slow."""
        return self._failure is not None

    @property
    def waiting(self) -> int:
        """Return how many messages wait to be received."""
        return len(self._queue)

    # --- what the hub does -----------------------------------------------------------------------------------

    def offer(self, message: Any) -> bool:
        """Take a message if that needs no waiting; tell whether it is settled."""
        if self._is_closed:
            return True
        if self._order.locked():
            return False
        if len(self._queue) < self._options.limit:
            self._accept(message)
        elif self._options.policy is Policy.WAIT:
            return False
        elif self._options.policy is Policy.DISCONNECT:
            self.cut_off()
        else:
            self._queue.popleft()
            self.dropped += 1
            self._accept(message)
        return True

    def put(self, message: Any) -> Awaitable[None]:
        """Take a message when there is room; who lets wait too long is cut off."""
        return self._put(message)

    async def _put(self, message: Any) -> None:
        async with self._order:
            try:
                async with asyncio.timeout(self._options.patience):
                    while len(self._queue) >= self._options.limit and not self._is_closed:
                        self._has_room.clear()
                        await self._has_room.wait()
            except TimeoutError:
                self.cut_off()
            if not self._is_closed:
                self._accept(message)

    def cut_off(self) -> None:
        """End it because it is too slow; what waits is forgotten."""
        if self._is_closed:
            return
        self._failure = SubscriberTooSlow(f"more than {self._options.limit} messages waited, so nothing more comes")
        self._queue.clear()
        self.end()
        if self.on_cut_off is not None:
            self.on_cut_off()

    def end(self) -> None:
        """Take nothing more; what waits is still received."""
        self._is_closed = True
        self._arrived.set()
        self._has_room.set()

    def _accept(self, message: Any) -> None:
        self._queue.append(message)
        self._arrived.set()
