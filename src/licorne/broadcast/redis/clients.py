"""Clients: what of redis-py is used, for one server, for a cluster, and for what Sentinels have elected.

Rules: redis-py tries nothing again by itself: when, and how often, is decided by whoever calls. Nothing waits for a
peer without a bound.
"""

import asyncio
from collections.abc import Awaitable
from typing import Any, Final

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.client import PubSub
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from licorne.broadcast.redis.url import RedisUrl

__all__ = ["Clients", "Published", "clients_of"]

#: A channel and a payload.
Published = tuple[str, bytes]

#: How long Redis may take to let a connection in, and to answer.
_ANSWER_SECONDS: Final = 2.0


def clients_of(url: RedisUrl) -> "Clients":
    """Return what reaches the Redis that a URL names; nothing is connected yet."""
    if url.kind == "cluster":
        return _ClusterClients(url)
    return _SentinelClients(url) if url.kind == "sentinel" else Clients(url)


def _options(url: RedisUrl) -> dict[str, Any]:
    options = dict(url.options)
    options.pop("connection_class", None)  # is chosen by what follows
    if "path" in options:
        options["unix_socket_path"] = options.pop("path")
    if url.is_tls:
        options["ssl"] = True
    return {
        "socket_connect_timeout": _ANSWER_SECONDS,
        "socket_timeout": _ANSWER_SECONDS,
        "protocol": 2,  # so that what comes looks the same with every release of redis-py
        **options,
        "retry": Retry(NoBackoff(), 0),
        "decode_responses": False,
    }


async def _answer(answering: Awaitable[object]) -> object:
    """Return what Redis says, be it no."""
    try:
        return await answering
    except ResponseError as error:
        return error


class Clients:
    """Reach one Redis."""

    def __init__(self, url: RedisUrl) -> None:
        self._url = url
        self._client: Any = None

    def check(self) -> None:
        """Raise TypeError or ValueError for options that are none."""
        self._new_client()

    async def prepare(self) -> None:
        """Find out what is where, if that must be known. Raises RedisError, OSError."""

    def place_of(self, channel: str) -> str:
        """Return the name of the connection on which a channel is subscribed to."""
        return ""

    async def open(self, place: str) -> PubSub:
        """Return a new connection for subscriptions. Raises RedisError, OSError."""
        pubsub: PubSub = (await self._connected()).pubsub()
        await pubsub.connect()  # type: ignore[no-untyped-call]
        return pubsub

    async def publish(self, messages: "list[Published]") -> list[object]:
        """Publish, once, and return what Redis says of each message. Raises RedisError, OSError."""
        client = await self._connected()
        command = "SPUBLISH" if self._url.is_sharded else "PUBLISH"
        if len(messages) == 1:
            return [await _answer(client.execute_command(command, *messages[0]))]
        async with client.pipeline(transaction=False) as pipeline:
            for channel, payload in messages:
                pipeline.execute_command(command, channel, payload)
            answers: list[object] = await pipeline.execute(raise_on_error=False)
        return answers

    async def look_again(self) -> None:
        """Find out anew what is where, if that can have changed. Raises RedisError, OSError."""

    async def close(self) -> None:
        """Close all connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _connected(self) -> Any:
        if self._client is None:
            self._client = self._new_client()
        return self._client

    def _new_client(self) -> Any:
        return Redis(**_options(self._url))


class _SentinelClients(Clients):
    """Reach the master that Sentinels name; who it is is asked at each new connection."""

    def _new_client(self) -> Any:
        options = _options(self._url)
        shared = ("socket_timeout", "socket_connect_timeout", "protocol", "retry")
        of_tls = {name: value for name, value in options.items() if name.startswith("ssl") or name in shared}
        asked = {**of_tls, **self._url.sentinel_options}
        sentinel = Sentinel(list(self._url.hosts), sentinel_kwargs=asked, **options)  # type: ignore[no-untyped-call]
        return sentinel.master_for(self._url.service)

    async def close(self) -> None:
        """Close all connections, those to Sentinels too."""
        pool = None if self._client is None else self._client.connection_pool
        await super().close()
        if pool is not None:
            for sentinel in pool.sentinel_manager.sentinels:
                await sentinel.aclose()


class _ClusterClients(Clients):
    """Reach a cluster: any node for Pub/Sub, the one that has the slot where that is sharded."""

    def __init__(self, url: RedisUrl) -> None:
        super().__init__(url)
        #: By node, one for subscriptions.
        self._nodes: dict[str, Redis] = {}
        self._finding = asyncio.Lock()

    async def prepare(self) -> None:
        """Ask which node has which slot. Raises RedisError, OSError."""
        await self._connected()

    def place_of(self, channel: str) -> str:
        """Return the node that has a channel's slot; "" is any."""
        if not self._url.is_sharded or self._client is None:
            return ""
        try:
            return str(self._client.get_node_from_key(channel).name)
        except (RedisError, AttributeError):  # no node has that slot, for now
            return ""

    async def open(self, place: str) -> PubSub:
        """Return a new connection for subscriptions at a node. Raises RedisError, OSError."""
        cluster = await self._connected()
        node = cluster.get_node(node_name=place) if place else None
        if node is None:
            node = cluster.get_random_node()
        if node.name not in self._nodes:
            self._nodes[node.name] = Redis(host=node.host, port=node.port, **_options(self._url))
        pubsub = self._nodes[node.name].pubsub()
        await pubsub.connect()  # type: ignore[no-untyped-call]
        return pubsub

    async def look_again(self) -> None:
        """Ask which node has which slot. Raises RedisError, OSError."""
        async with self._finding:
            client, self._client = self._client, None
            if client is not None:
                await _close_cluster(client)
        await self._connected()

    async def publish(self, messages: "list[Published]") -> list[object]:
        """Publish, once, and return what Redis says of each message. Raises RedisError, OSError."""
        cluster = await self._connected()
        if not self._url.is_sharded:
            node = cluster.get_random_node()
            return [await _answer(cluster.execute_command("PUBLISH", *each, target_nodes=node)) for each in messages]
        answers: list[object] = []
        for channel, payload in messages:
            node = cluster.get_node_from_key(channel)
            answers.append(await _answer(cluster.execute_command("SPUBLISH", channel, payload, target_nodes=node)))
        return answers

    async def close(self) -> None:
        """Close all connections."""
        nodes, self._nodes = self._nodes, {}
        for client in nodes.values():
            await client.aclose()
        cluster, self._client = self._client, None
        if cluster is not None:
            await _close_cluster(cluster)

    async def _connected(self) -> Any:
        async with self._finding:
            if self._client is None:
                client = self._new_client()
                try:
                    await client.initialize()
                except BaseException:
                    await _close_cluster(client)
                    raise
                self._client = client
        return self._client

    def _new_client(self) -> Any:
        nodes = [ClusterNode(host, port) for host, port in self._url.hosts]
        return RedisCluster(startup_nodes=nodes, **_options(self._url))


async def _close_cluster(client: Any) -> None:
    """Close all connections, those too of a client that was about to look for its nodes anew."""
    await client.aclose()
    await client.nodes_manager.aclose()
    await client.nodes_manager.aclose("startup_nodes")
