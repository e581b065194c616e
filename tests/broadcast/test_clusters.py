"""Broadcasts by a Redis cluster, and by the master that a Sentinel names."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from licorne.broadcast import Broadcast, BroadcastUnavailable
from tests.broadcast.redis_servers import RedisServer
from tests.broadcast.test_groups import run
from tests.examples.deploying import kept_port
from tests.server.process import DEADLINE_SECONDS

pytestmark = pytest.mark.exhaustive

SLOTS = 16384


@contextmanager
def cluster_of(count: int, directory: Path) -> Iterator[list[RedisServer]]:
    """Run a cluster of so many nodes, with the slots in equal parts."""
    with ExitStack() as opened:
        nodes = []
        for number in range(count):
            folder = directory / str(number)
            folder.mkdir()
            port, bus = opened.enter_context(kept_port()), opened.enter_context(kept_port())
            options = ("--cluster-enabled", "yes", "--cluster-port", str(bus), "--cluster-node-timeout", "2000")
            nodes.append(opened.enter_context(RedisServer(folder, *options, port=port)))
        for number, node in enumerate(nodes):
            first, last = SLOTS * number // count, SLOTS * (number + 1) // count - 1
            assert node.command("CLUSTER", "ADDSLOTSRANGE", str(first), str(last)) == b"+OK\r\n"
            bus = nodes[0].options["--cluster-port"]
            assert node.command("CLUSTER", "MEET", "127.0.0.1", str(nodes[0].port), bus) == b"+OK\r\n"
        wait_until(lambda: all(b"cluster_state:ok" in node.command("CLUSTER", "INFO") for node in nodes))
        wait_until(lambda: all(node.command("CLUSTER", "NODES").count(b"master") == count for node in nodes))
        yield nodes


def wait_until(is_so: object) -> None:
    """Wait until something is so; fail at a deadline."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not is_so():  # type: ignore[operator]
        assert time.monotonic() < deadline, "it never came to be so"
        time.sleep(0.02)


async def hear(broadcast: Broadcast, groups: list[str], other: Broadcast) -> None:
    """Publish in each group until it is heard."""
    async with broadcast.subscribe() as subscription:
        await asyncio.gather(*(subscription.add(group) for group in groups))
        heard: set[str] = set()
        while len(heard) < len(groups):
            for group in set(groups) - heard:
                with suppress(BroadcastUnavailable):
                    await other.publish(group, group)
            await asyncio.sleep(0.02)
            while subscription.waiting:
                heard.add(await subscription.receive())


@pytest.mark.parametrize("query", ["", "?sharded=true"], ids=["everywhere", "sharded"])
def test_a_cluster_carries_messages_and_a_node_may_die_and_come_back(tmp_path: Path, query: str) -> None:
    async def test(nodes: list[RedisServer]) -> None:
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in nodes)
        here, there = (Broadcast(f"redis+cluster://{hosts}{query}") for _ in range(2))
        groups = [f"group {number}" for number in range(20)]
        async with here, there:
            await hear(here, groups, there)
            nodes[1].kill()
            nodes[1].start()
            await hear(here, groups, there)

    with cluster_of(3, tmp_path) as nodes:
        run(test(nodes))


def test_sharded_channels_are_subscribed_to_at_the_nodes_that_have_them(tmp_path: Path) -> None:
    async def test(nodes: list[RedisServer]) -> None:
        url = f"redis+cluster://127.0.0.1:{nodes[0].port}?sharded=true"
        async with Broadcast(url) as broadcast, broadcast.subscribe() as subscription:
            await asyncio.gather(*(subscription.add(str(number)) for number in range(40)))
            for number in range(40):
                await broadcast.publish(str(number), number)
            assert sorted([await subscription.receive() for _ in range(40)]) == list(range(40))
            shares = [node.command("PUBSUB", "SHARDCHANNELS").count(b"licorne:") for node in nodes]
            assert sum(shares) == 40
            assert min(shares) > 0

    with cluster_of(2, tmp_path) as nodes:
        run(test(nodes))


def test_a_sentinel_says_who_the_master_is_and_who_it_is_afterwards(tmp_path: Path) -> None:
    async def test(master: RedisServer, sentinel: RedisServer) -> None:
        url = f"redis+sentinel://127.0.0.1:{sentinel.port}/rooms"
        here, there = Broadcast(url), Broadcast(url)
        async with here, there:
            await hear(here, ["a"], there)
            master.kill()
            await hear(here, ["a", "b"], there)

    with ExitStack() as opened:
        folders = [tmp_path / name for name in ("master", "replica", "sentinel")]
        for folder in folders:
            folder.mkdir()
        ports = [opened.enter_context(kept_port()) for _ in folders]
        master = opened.enter_context(RedisServer(folders[0], port=ports[0]))
        following = ("--replicaof", "127.0.0.1", str(ports[0]))
        opened.enter_context(RedisServer(folders[1], *following, port=ports[1]))
        wait_until(lambda: b"state=online" in master.command("INFO", "replication"))
        (folders[2] / "sentinel.conf").write_text(
            f"sentinel monitor rooms 127.0.0.1 {ports[0]} 1\n"
            "sentinel down-after-milliseconds rooms 500\n"
            "sentinel failover-timeout rooms 5000\n",
            encoding="utf-8",
        )
        sentinel = RedisServer(folders[2], str(folders[2] / "sentinel.conf"), "--sentinel", port=ports[2])
        opened.enter_context(sentinel)
        wait_until(lambda: b"slaves=1" in sentinel.command("INFO", "sentinel"))
        run(test(master, sentinel))
