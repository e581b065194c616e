"""Broadcast: the one object that an application makes, at import if it likes: nothing is connected until it is used.

It belongs to the event loop in which it is used first. When that has ended, as between two tests, it begins anew in
the next one; two loops at once need two objects.

Rules: what cannot work, a URL, a policy, is refused when the object is made. Publishing to a group of which nobody is
a member is no error.
"""

import asyncio
from typing import Any, Final, Self

from licorne.broadcast.backends import choose_backend, shown
from licorne.broadcast.contract import Backend
from licorne.broadcast.hub import Hub
from licorne.broadcast.member import Deliver, Member, websocket_delivery
from licorne.broadcast.payload import check_group, encode
from licorne.broadcast.subscription import Policy, QueueOptions, Subscription
from licorne.errors import BroadcastError

__all__ = ["Broadcast"]

_PUBLISHED_PER_TURN: Final = 32


class Broadcast:
    """Publish messages in named groups, and receive them."""

    __slots__ = ("_backend", "_hub", "_loop", "_new_backend", "_options", "_published", "_url")

    def __init__(
        self,
        url: str = "memory://",
        *,
        max_queue: int = 100,
        policy: str = Policy.DROP_OLDEST,
        patience: float = 5.0,
    ) -> None:
        """Take what carries messages, and how subscribers are bounded. Raises ConfigError.

        `max_queue` messages may wait for a subscriber; `policy` says what happens to one that lets more wait:
        "drop-oldest", "disconnect", or "wait", for `patience` seconds at most.
        """
        self._options = QueueOptions.of(max_queue, policy, patience)
        self._url = url
        self._new_backend = choose_backend(url)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._hub = Hub()
        self._backend: Backend | None = None
        self._published = 0

    def __repr__(self) -> str:
        return f"<Broadcast {shown(self._url)}>"

    async def __aenter__(self) -> Self:
        self._open()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    async def publish(self, group: str, message: Any) -> None:
        """Send a message, bytes or what JSON can express, to all who are members of a group.

        Raises BroadcastUnavailable when it could not be handed over in time, BroadcastError for what can be no message.
        """
        payload = encode(message)
        await self._open().publish(check_group(group), payload)
        self._published += 1
        if not self._published % _PUBLISHED_PER_TURN:
            await asyncio.sleep(0)  # who publishes without a pause lets others have their turn

    def subscribe(
        self, *groups: str, max_queue: int | None = None, policy: str | None = None, patience: float | None = None
    ) -> Subscription:
        """Return an asynchronous context manager that is an asynchronous iterator over what is published."""
        for group in groups:
            check_group(group)
        self._open()
        return Subscription(self._hub, groups, self._bounds(max_queue, policy, patience))

    def member(
        self, send: Deliver, *, max_queue: int | None = None, policy: str | None = None, patience: float | None = None
    ) -> Member:
        """Return the membership of a WebSocket connection, given the `send` of ASGI that it was accepted with."""
        deliver, close = websocket_delivery(send)
        subscription = self.subscribe(max_queue=max_queue, policy=policy, patience=patience)
        return Member(subscription, self.publish, deliver, close)

    def member_of(self, deliver: Deliver) -> Member:
        """Return the membership of something else: `deliver` is awaited for each message."""
        return Member(self.subscribe(), self.publish, deliver)

    async def close(self) -> None:
        """Tell all subscribers the end and let go of all connections; what is used again begins anew."""
        hub, backend = self._hub, self._backend
        self._hub, self._backend = Hub(), None
        if backend is not None:
            await backend.close()
        hub.end_all()

    def _bounds(self, max_queue: int | None, policy: str | None, patience: float | None) -> QueueOptions:
        own = self._options
        return QueueOptions.of(
            own.limit if max_queue is None else max_queue,
            own.policy if policy is None else policy,
            own.patience if patience is None else patience,
        )

    def _open(self) -> Backend:
        """Return the back-end of the running loop."""
        loop = asyncio.get_running_loop()
        if self._backend is not None and loop is self._loop:
            return self._backend
        if self._backend is not None and self._loop is not None and not self._loop.is_closed():
            raise BroadcastError("a Broadcast is used by one event loop at a time: make one for each")
        self._loop = loop
        self._hub = Hub()
        self._backend = self._hub.source = self._new_backend(self._hub)
        return self._backend
