"""Broadcasts in one process: who hears what, what may be said, and what becomes of those who do not keep up."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from licorne.broadcast import Broadcast, BroadcastError, SubscriberTooSlow, Subscription
from licorne.broadcast.payload import MAX_GROUP_BYTES, MAX_MESSAGE_BYTES
from licorne.errors import ConfigError
from tests.server.process import DEADLINE_SECONDS


def run(test: Coroutine[Any, Any, None]) -> None:
    """Run a test in a loop of its own, with a deadline."""
    asyncio.run(asyncio.wait_for(test, DEADLINE_SECONDS))


async def taken(subscription: Subscription) -> list[Any]:
    """Return what waits for a subscriber."""
    return [await subscription.receive() for _ in range(subscription.waiting)]


@pytest.fixture(params=["memory://", "workers://"])
def broadcast(request: pytest.FixtureRequest) -> Broadcast:
    """Return a broadcast of one process; workers:// without a supervisor is one."""
    return Broadcast(request.param)


def test_all_members_of_a_group_hear_what_is_published_in_it_and_nobody_else(broadcast: Broadcast) -> None:
    async def test() -> None:
        async with broadcast.subscribe("a") as first, broadcast.subscribe("a", "b") as second:
            await broadcast.publish("a", 1)
            await broadcast.publish("b", 2)
            await broadcast.publish("c", 3)
            assert (await taken(first), await taken(second)) == ([1], [1, 2])

    run(test())


def test_who_has_left_hears_nothing(broadcast: Broadcast) -> None:
    async def test() -> None:
        async with broadcast.subscribe("a") as stays:
            async with broadcast.subscribe("a") as leaves:
                pass
            await broadcast.publish("a", 1)
            assert (await taken(stays), await taken(leaves)) == ([1], [])
            with pytest.raises(StopAsyncIteration):
                await leaves.receive()

    run(test())


def test_groups_can_be_added_and_discarded_while_listening(broadcast: Broadcast) -> None:
    async def test() -> None:
        async with broadcast.subscribe() as subscription:
            await broadcast.publish("a", 1)
            await subscription.add("a")
            await broadcast.publish("a", 2)
            await subscription.discard("a")
            await subscription.discard("never added")
            await broadcast.publish("a", 3)
            assert await taken(subscription) == [2]

    run(test())


@pytest.mark.parametrize(
    "message", ["ä\U0001f984", "", b"", b"\0\xff", {"a": [1, None, 2.5, True, {}]}, None, 0, "\ud800", "\0"], ids=repr
)
def test_a_message_comes_as_it_was_published(broadcast: Broadcast, message: Any) -> None:
    async def test() -> None:
        async with broadcast.subscribe("a") as subscription:
            await broadcast.publish("a", message)
            assert await taken(subscription) == [message]

    run(test())


def test_a_subscriber_holds_no_object_of_the_publisher(broadcast: Broadcast) -> None:
    async def test() -> None:
        message = {"a": [1]}
        async with broadcast.subscribe("a") as subscription:
            await broadcast.publish("a", message)
            message["a"].append(2)
            assert await taken(subscription) == [{"a": [1]}]

    run(test())


@pytest.mark.parametrize(
    "message", [{1, 2}, object(), float("nan"), "x" * MAX_MESSAGE_BYTES, b"x" * MAX_MESSAGE_BYTES], ids=lambda _: ""
)
def test_what_can_be_no_message_is_refused(broadcast: Broadcast, message: Any) -> None:
    with pytest.raises(BroadcastError, match="a message"):
        run(broadcast.publish("a", message))


@pytest.mark.parametrize("group", ["", "x" * (MAX_GROUP_BYTES + 1), "\ud800"], ids=["empty", "long", "surrogate"])
def test_what_can_be_no_group_is_refused(broadcast: Broadcast, group: str) -> None:
    async def test() -> None:
        with pytest.raises(BroadcastError, match="the name of a group"):
            broadcast.subscribe(group)
        with pytest.raises(BroadcastError, match="the name of a group"):
            await broadcast.publish(group, 1)
        with pytest.raises(TypeError, match="a group is named by a str"):
            await broadcast.publish(1, 1)  # type: ignore[arg-type]

    run(test())


def test_the_oldest_messages_make_room_and_are_counted(broadcast: Broadcast) -> None:
    async def test() -> None:
        async with broadcast.subscribe("a", max_queue=3) as subscription:
            for number in range(5):
                await broadcast.publish("a", number)
            assert (subscription.dropped, await taken(subscription)) == (2, [2, 3, 4])

    run(test())


def test_a_subscriber_that_is_too_slow_can_be_cut_off(broadcast: Broadcast) -> None:
    async def test() -> None:
        async with (
            broadcast.subscribe("a", max_queue=2, policy="disconnect") as slow,
            broadcast.subscribe("a") as other,
        ):
            for number in range(3):
                await broadcast.publish("a", number)
            with pytest.raises(SubscriberTooSlow, match="more than 2 messages waited"):
                await slow.receive()
            assert await taken(other) == [0, 1, 2]

    run(test())


def test_who_publishes_can_be_made_to_wait_and_the_order_stays(broadcast: Broadcast) -> None:
    async def test() -> None:
        async with broadcast.subscribe("a", max_queue=1, policy="wait", patience=DEADLINE_SECONDS) as slow:
            publishing = [asyncio.create_task(broadcast.publish("a", number)) for number in range(20)]
            while not slow.waiting:
                await asyncio.sleep(0)
            assert not all(task.done() for task in publishing)
            assert [await slow.receive() for _ in range(20)] == list(range(20))
            await asyncio.gather(*publishing)

    run(test())


def test_who_lets_publishers_wait_too_long_is_cut_off(broadcast: Broadcast) -> None:
    async def test() -> None:
        async with broadcast.subscribe("a", max_queue=1, policy="wait", patience=0.01) as slow:
            await broadcast.publish("a", 1)
            await broadcast.publish("a", 2)
            with pytest.raises(SubscriberTooSlow):
                await slow.receive()

    run(test())


def test_a_subscriber_that_leaves_lets_publishers_go(broadcast: Broadcast) -> None:
    async def test() -> None:
        async with broadcast.subscribe("a", max_queue=1, policy="wait", patience=DEADLINE_SECONDS):
            await broadcast.publish("a", 1)
            waiting = asyncio.create_task(broadcast.publish("a", 2))
            await asyncio.sleep(0)
            assert not waiting.done()
        await waiting

    run(test())


def test_closing_ends_the_loops_of_subscribers(broadcast: Broadcast) -> None:
    async def test() -> None:
        async with broadcast.subscribe("a") as subscription:
            await broadcast.publish("a", 1)
            await broadcast.close()
            assert [message async for message in subscription] == [1]
        async with broadcast.subscribe("a") as subscription:  # begins anew
            await broadcast.publish("a", 2)
            assert await taken(subscription) == [2]

    run(test())


def test_what_has_left_is_forgotten(broadcast: Broadcast) -> None:
    async def test() -> None:
        for number in range(100):
            async with broadcast.subscribe(f"a{number}", "b"):
                pass
        assert list(broadcast._hub.groups) == []
        assert broadcast._hub._memberships == {}

    run(test())


def test_each_event_loop_in_turn_begins_anew(broadcast: Broadcast) -> None:
    async def test() -> None:
        async with broadcast.subscribe("a") as subscription:
            await broadcast.publish("a", 1)
            assert await taken(subscription) == [1]

    run(test())
    run(test())


def test_two_event_loops_at_once_are_refused(broadcast: Broadcast) -> None:
    async def test() -> None:
        await broadcast.publish("a", 1)
        with pytest.raises(BroadcastError, match="one event loop at a time"):
            await asyncio.to_thread(asyncio.run, broadcast.publish("a", 2))

    run(test())


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", "must begin with one of memory://, workers://, redis://"),
        ("reddis://localhost", "must begin with one of"),
        ("memory://here", "takes nothing behind it"),
        ("workers://?x=1", "takes nothing behind it"),
        ("redis://[::1", "is no URL"),
        (None, "must begin with one of"),
        ("redis://localhost:port", "is no good URL"),
        ("redis://localhost?sharded=perhaps", "sharded is true or false"),
        ("redis://localhost?unheard_of=1", "redis-py refuses"),
        ("redis+unix://", "names no socket"),
        ("redis+cluster://localhost/1", "no numbered databases"),
        ("redis+cluster://", "names no host"),
        ("redis+sentinel://localhost:26379", "names no service"),
    ],
)
def test_a_url_that_cannot_work_is_refused_at_once(url: Any, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        Broadcast(url)


def test_no_password_is_shown() -> None:
    url = "redis://user:secret@localhost:6379/0"
    assert repr(Broadcast(url)) == "<Broadcast redis://user:***@localhost:6379/0>"
    with pytest.raises(ConfigError) as refused:
        Broadcast(url.replace("redis:", "reddis:"))
    assert "secret" not in str(refused.value)
    with pytest.raises(ConfigError) as refused:
        Broadcast(url.replace("6379", "port"))
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("bounds", [{"max_queue": 0}, {"policy": "drop"}, {"patience": 0}])
def test_bounds_that_are_none_are_refused(bounds: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="broadcast"):
        Broadcast(**bounds)
