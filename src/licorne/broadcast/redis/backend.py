"""Backend: broadcasts by Pub/Sub of Redis.

    publish      tries until Redis has taken the message, for PUBLISH_SECONDS at most, and raises then; more than
                 MAX_PUBLISHING at once are refused while Redis is away
    subscribe    waits until Redis has confirmed, for SUBSCRIBE_SECONDS at most, and not at all while it is known to be
                 away: then messages come from when it is back

Pub/Sub keeps nothing: what is published while a process has no connection passes it by. A publish whose answer is lost
with the connection is tried again, so that its message can come twice.

Rules: the server's start waits for nothing here. That Redis is away is said once, and so is that it is back.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from redis.exceptions import (
    AskError,
    ClusterDownError,
    MasterDownError,
    MovedError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TryAgainError,
)

from licorne.broadcast.contract import Backend, BackendFactory
from licorne.broadcast.hub import Hub
from licorne.broadcast.redis.clients import Clients, clients_of
from licorne.broadcast.redis.listening import Listening, delay_after
from licorne.broadcast.redis.outage import PUBLISHING, Outage
from licorne.broadcast.redis.url import RedisUrl, parse_redis_url
from licorne.errors import BroadcastUnavailable, ConfigError

__all__ = ["MAX_PUBLISHING", "PUBLISH_SECONDS", "SUBSCRIBE_SECONDS", "RedisBackend", "redis_backend_of"]

PUBLISH_SECONDS: Final = 2.0
SUBSCRIBE_SECONDS: Final = 2.0
#: So many messages may wait for Redis, and so many are under way to it.
MAX_PUBLISHING: Final = 1000
_MAX_CONNECTIONS: Final = 16
#: What Redis answers while who serves what is being changed.
_PASSING: Final = (AskError, ClusterDownError, MasterDownError, MovedError, ReadOnlyError, TryAgainError)


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

    __slots__ = ("_clients", "_hub", "_listenings", "_outage", "_publishing", "_turn", "_url")

    def __init__(self, hub: Hub, url: RedisUrl, new_clients: Callable[[RedisUrl], Clients] = clients_of) -> None:
        self._hub = hub
        self._url = url
        self._clients = new_clients(url)
        self._outage = Outage(url.place)
        #: By place; there is one, but for a cluster whose channels are sharded.
        self._listenings: dict[str, Listening] = {}
        self._publishing = 0
        self._turn = asyncio.Semaphore(_MAX_CONNECTIONS)

    # --- publishing ------------------------------------------------------------------------------------------

    async def publish(self, group: str, payload: bytes) -> None:
        """Hand a message to Redis. Raises BroadcastUnavailable when that cannot be done in time."""
        if self._publishing >= MAX_PUBLISHING and self._outage.is_on:
            raise BroadcastUnavailable(f"Redis at {self._url.place} is away, and {MAX_PUBLISHING} messages wait for it")
        self._publishing += 1
        try:
            async with asyncio.timeout(PUBLISH_SECONDS), self._turn:
                await self._publish(self._url.prefix + group, payload)
        except TimeoutError:
            error = BroadcastUnavailable(f"Redis at {self._url.place} did not take a message in {PUBLISH_SECONDS:g} s")
            self._outage.begin(PUBLISHING, error)
            raise error from None
        finally:
            self._publishing -= 1

    async def _publish(self, channel: str, payload: bytes) -> None:
        failures = 0
        while True:
            try:
                await self._clients.publish(channel, payload)
            except (RedisError, OSError) as error:
                if isinstance(error, ResponseError) and not isinstance(error, _PASSING):  # it is there, and says no
                    raise BroadcastUnavailable(f"Redis at {self._url.place} refuses a message: {error}") from None
                failures += 1
                self._outage.begin(PUBLISHING, error)
                await asyncio.sleep(delay_after(failures))
            else:
                if self._outage.is_on:
                    self._outage.end(PUBLISHING)
                return

    # --- subscribing -----------------------------------------------------------------------------------------

    async def subscribe(self, group: str) -> None:
        """Listen to a group."""
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
        await self._clients.close()

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
