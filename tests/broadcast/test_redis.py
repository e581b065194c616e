"""Broadcasts by Redis: between processes, through its death and its return, and with one connection for all."""

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from licorne.broadcast import Broadcast, BroadcastUnavailable, Subscription
from licorne.broadcast.redis.backend import SUBSCRIBE_SECONDS
from licorne.broadcast.redis.publishing import PUBLISH_SECONDS
from licorne.broadcast.redis.waiting import delay_after
from tests.broadcast.redis_servers import RedisServer, redis_at_a_socket, redis_on_a_port
from tests.broadcast.test_groups import run
from tests.server.process import DEADLINE_SECONDS

AWAY, BACK = "is away", "is back"


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    """Return a Redis at a UNIX socket."""
    with redis_at_a_socket(tmp_path) as server:
        yield server


@pytest.fixture(autouse=True)
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Gather what is logged, that all is well too."""
    caplog.set_level(logging.INFO, "licorne.error")
    return caplog


def subscribers(redis: RedisServer, channel: str) -> int:
    """Return how many connections have subscribed to a channel."""
    return int(redis.command("PUBSUB", "NUMSUB", channel).rpartition(b":")[2])


async def hear_again(broadcast: Broadcast, subscription: Subscription) -> None:
    """Publish until something is heard."""
    while not subscription.waiting:
        with suppress(BroadcastUnavailable):
            await broadcast.publish("a", "again")
        await asyncio.sleep(0.01)
    while subscription.waiting:
        assert await subscription.receive() == "again"


def test_two_processes_hear_each_other(redis: RedisServer) -> None:
    async def test() -> None:
        here, there = Broadcast(redis.url), Broadcast(redis.url)
        async with here, there, here.subscribe("a") as first, there.subscribe("a") as second:
            for message in ("text", b"\0bytes", {"json": ["ä"]}):
                await here.publish("a", message)
                assert (await first.receive(), await second.receive()) == (message, message)

    run(test())


def test_a_process_subscribes_once_to_a_group_however_many_listen(redis: RedisServer) -> None:
    async def test() -> None:
        async with Broadcast(redis.url) as broadcast:
            async with broadcast.subscribe("a"), broadcast.subscribe("a") as second:
                assert subscribers(redis, "licorne:a") == 1
                await broadcast.publish("a", 1)
                assert (await second.receive(), second.waiting) == (1, 0)
            while subscribers(redis, "licorne:a"):
                await asyncio.sleep(0.01)
            async with broadcast.subscribe("a") as again:
                await broadcast.publish("a", 2)
                assert await again.receive() == 2

    run(test())


def test_many_groups_come_and_go(redis: RedisServer) -> None:
    async def test() -> None:
        groups = [str(number) for number in range(1200)]
        async with Broadcast(redis.url) as here, Broadcast(redis.url) as there:
            for _ in range(2):
                subscription = here.subscribe()
                await asyncio.gather(*(subscription.add(group) for group in groups))
                await there.publish("1199", "last")
                assert await subscription.receive() == "last"
                await subscription.close()

    run(test())


def test_what_other_programs_publish_is_heard(redis: RedisServer) -> None:
    async def test() -> None:
        async with Broadcast(redis.url + "?prefix=app.") as broadcast, broadcast.subscribe("a") as subscription:
            redis.command("PUBLISH", "app.a", '{"x": 1}')
            redis.command("PUBLISH", "app.a", "no JSON")
            assert [await subscription.receive(), await subscription.receive()] == [{"x": 1}, b"no JSON"]

    run(test())


def test_sharded_channels_carry_messages_too(redis: RedisServer) -> None:
    async def test() -> None:
        async with Broadcast(redis.url + "?sharded=true") as broadcast, broadcast.subscribe("a") as subscription:
            assert subscribers(redis, "licorne:a") == 0
            assert redis.command("SPUBLISH", "licorne:a", "1") == b":1\r\n"
            await broadcast.publish("a", 2)
            assert [await subscription.receive(), await subscription.receive()] == [1, 2]

    run(test())


def test_a_redis_that_is_killed_and_started_again_is_told_once_each(
    redis: RedisServer, log: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        async with Broadcast(redis.url) as broadcast, broadcast.subscribe("a", "b") as subscription:
            for count in (1, 2):
                redis.kill()
                results = await asyncio.gather(
                    *(broadcast.publish("a", "lost") for _ in range(20)), return_exceptions=True
                )
                assert [type(result) for result in results] == [BroadcastUnavailable] * 20
                assert (log.text.count(AWAY), log.text.count(BACK)) == (count, count - 1)
                redis.start()
                await hear_again(broadcast, subscription)
                assert (log.text.count(AWAY), log.text.count(BACK)) == (count, count)
            await broadcast.publish("b", "the other group too")
            assert await subscription.receive() == "the other group too"

    run(test())


def test_a_message_waits_for_a_redis_that_is_back_soon(redis: RedisServer) -> None:
    async def test() -> None:
        async with Broadcast(redis.url) as broadcast:
            await broadcast.publish("a", 1)
            redis.kill()
            publishing = asyncio.create_task(broadcast.publish("a", 2))
            await asyncio.sleep(0)
            assert not publishing.done()
            redis.start()
            with suppress(BroadcastUnavailable):  # on a machine that takes longer to start it than a message waits
                await publishing

    run(test())


def test_whoever_listens_before_redis_is_there_hears_from_when_it_is(
    redis: RedisServer, log: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        redis.kill()
        async with Broadcast(redis.url) as broadcast:
            begun = time.monotonic()
            async with broadcast.subscribe("a") as subscription, broadcast.subscribe("b"), broadcast.subscribe("c"):
                assert time.monotonic() - begun < 3 * SUBSCRIBE_SECONDS
                assert log.text.count(AWAY) == 1
                redis.start()
                await hear_again(broadcast, subscription)
                assert log.text.count(BACK) == 1

    run(test())


def test_publishing_while_redis_is_away_is_refused_after_a_while_with_one_line(redis: RedisServer) -> None:
    async def test() -> None:
        redis.kill()
        async with Broadcast(redis.url) as broadcast:
            with pytest.raises(BroadcastUnavailable, match=f"did not take a message in {PUBLISH_SECONDS:g} s"):
                await broadcast.publish("a", 1)

    run(test())


def test_a_redis_that_stands_still_does_not_hold_up_who_publishes(redis: RedisServer) -> None:
    async def test() -> None:
        async with Broadcast(redis.url) as broadcast, broadcast.subscribe("a") as subscription:
            redis.suspend()
            with pytest.raises(BroadcastUnavailable):
                await broadcast.publish("a", "lost")
            redis.resume()
            while True:  # Redis may have taken the first as well, when it goes on
                await broadcast.publish("a", "again")
                if await subscription.receive() == "again":
                    return

    run(test())


def test_a_connection_that_redis_closes_is_opened_again(redis: RedisServer, log: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        async with Broadcast(redis.url) as broadcast, broadcast.subscribe("a") as subscription:
            redis.command("CLIENT", "KILL", "TYPE", "pubsub")
            await hear_again(broadcast, subscription)
            assert "Traceback" not in log.text

    run(test())


def test_a_password_is_used_and_a_wrong_one_is_said(tmp_path: Path, log: pytest.LogCaptureFixture) -> None:
    async def test(redis: RedisServer) -> None:
        url = redis.url.replace("://", "://:secret@")
        async with Broadcast(url) as broadcast, broadcast.subscribe("a") as subscription:
            await broadcast.publish("a", 1)
            assert await subscription.receive() == 1
        async with Broadcast(url.replace("secret", "wrong")) as broadcast, broadcast.subscribe("a"):
            with pytest.raises(BroadcastUnavailable):
                await broadcast.publish("a", 1)
        assert "invalid username-password" in log.text
        assert "secret" not in log.text

    with redis_on_a_port(tmp_path, "--requirepass", "secret") as redis:
        run(test(redis))


def test_a_message_that_redis_refuses_is_not_tried_again(tmp_path: Path) -> None:
    async def test(redis: RedisServer) -> None:
        redis.command("ACL", "SETUSER", "deaf", "on", ">x", "+ping", "+client", "+select", "+hello")
        async with Broadcast(redis.url.replace("://", "://deaf:x@")) as broadcast:
            with pytest.raises(BroadcastUnavailable, match="refuses a message"):
                await broadcast.publish("a", 1)

    with redis_on_a_port(tmp_path) as redis:
        run(test(redis))


def test_nothing_is_left_when_a_broadcast_is_closed(redis: RedisServer) -> None:
    async def test() -> None:
        async with Broadcast(redis.url) as broadcast, broadcast.subscribe("a"):
            await broadcast.publish("a", 1)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        while redis.command("CLIENT", "LIST").count(b"id=") > 1:
            await asyncio.sleep(0.01)

    run(asyncio.wait_for(test(), DEADLINE_SECONDS))


def test_a_loop_that_ends_without_a_close_ends_in_good_order(redis: RedisServer, log: pytest.LogCaptureFixture) -> None:
    broadcast = Broadcast(redis.url)

    async def test() -> None:
        subscription = broadcast.subscribe("a")
        await subscription.add("a")
        await broadcast.publish("a", 1)
        assert await subscription.receive() == 1

    run(test())
    run(test())  # begins anew in another loop
    assert "Traceback" not in log.text


def test_connections_are_tried_again_less_and_less_often_and_not_all_at_once() -> None:
    delays = [delay_after(count) for count in range(1, 40)]
    assert all(delay <= 5.0 for delay in delays)
    assert 0.05 <= delays[0] <= 0.1
    assert min(delays[10:]) >= 2.5
    assert len(set(delays)) == len(delays)
