"""Backend: broadcasts by Pub/Sub of Redis.

    publish      tries until Redis has taken the message, for a bounded time, and raises then (publishing.py)
    subscribe    waits until Redis has confirmed, for SUBSCRIBE_SECONDS at most, and not at all while it is known to be
                 away: then messages come from when it is back (listening.py)

Pub/Sub keeps nothing: what is published while a process has no connection passes it by. A publish whose answer is lost
with the connection is tried again, so that its message can come twice.

Rules: the server's start waits for nothing here. That Redis is away is said once, and so is that it is back.
"""

import asyncio
from typing import Final

from redis.exceptions import RedisError

from licorne.broadcast.contract import Backend, BackendFactory
from licorne.broadcast.hub import Hub
from licorne.broadcast.redis.clients import clients_of
from licorne.broadcast.redis.listening import Listening
from licorne.broadcast.redis.outage import Outage
from licorne.broadcast.redis.publishing import Publishing
from licorne.broadcast.redis.url import RedisUrl, parse_redis_url
from licorne.errors import ConfigError

__all__ = ["SUBSCRIBE_SECONDS", "RedisBackend", "redis_backend_of"]

SUBSCRIBE_SECONDS: Final = 2.0


def redis_backend_of(url: str, shown: str) -> BackendFactory:
    """Return what makes the back-end for a URL. Raises ConfigError."""
    parsed = parse_redis_url(url, shown)
    try:
        clients_of(parsed).check()
    except (TypeError, ValueError, RedisError) as error:
        raise ConfigError(f"has an option that redis-py refuses ({error})", option="broadcast", value=shown) from None
    return lambda hub: RedisBackend(hub, parsed)


class RedisBackend(Backend):
    """Carry messages by Redis."""

    __slots__ = ("_clients", "_hub", "_listenings", "_outage", "_publishing", "_url")

    def __init__(self, hub: Hub, url: RedisUrl) -> None:
        self._hub = hub
        self._url = url
        self._clients = clients_of(url)
        self._outage = Outage(url.place)
        #: By place; there is one, but for a cluster whose channels are sharded.
        self._listenings: dict[str, Listening] = {}
        self._publishing = Publishing(self._clients, self._outage, url.place)

    async def publish(self, group: str, payload: bytes) -> None:
        """Hand a message to Redis. Raises BroadcastUnavailable when that cannot be done in time."""
        await self._publishing.publish(self._url.prefix + group, payload)

    async def subscribe(self, group: str) -> None:
        """Listen to a group."""
        self._publishing.start()  # which lets go of Redis when the event loop ends
        channel = self._url.prefix + group
        is_confirmed = self._listening_of(channel).want(channel)
        if is_confirmed.is_set() or self._outage.is_on:
            return
        try:
            async with asyncio.timeout(SUBSCRIBE_SECONDS):
                await is_confirmed.wait()
        except TimeoutError:
            pass  # it is being tried on; who cannot connect says so

    async def unsubscribe(self, group: str) -> None:
        """Listen to a group no more."""
        channel = self._url.prefix + group
        for listening in self._listenings.values():
            listening.drop(channel)

    async def close(self) -> None:
        """Close all connections."""
        listenings, self._listenings = self._listenings, {}
        for listening in listenings.values():
            await listening.stop()
        await self._publishing.stop()

    def _listening_of(self, channel: str) -> Listening:
        place = self._clients.place_of(channel)
        if place not in self._listenings:
            self._listenings[place] = Listening(
                place, self._clients, self._outage, self._url.is_sharded, self._take, self._rearrange
            )
        return self._listenings[place]

    def _rearrange(self) -> None:
        """Have each channel subscribed to where it belongs: that is known once a cluster was asked."""
        for listening in list(self._listenings.values()):
            for channel in listening.channels:
                place = self._clients.place_of(channel)
                if place and place != listening.place:
                    self._listening_of(channel).want(channel, listening.drop(channel))

    async def _take(self, channel: str, payload: bytes) -> None:
        await self._hub.deliver(channel[len(self._url.prefix) :], payload)
