"""Members: a WebSocket is told what is said in its groups, and leaves them when it is gone or too slow."""

import asyncio
from typing import Any

import pytest

from licorne.broadcast import Broadcast, Member
from licorne.errors import ClientDisconnected
from tests.broadcast.test_groups import run


class Sent(list[dict[str, Any]]):
    """Be the `send` of a connection, and remember."""

    def __init__(self) -> None:
        super().__init__()
        self.may_go = asyncio.Event()
        self.may_go.set()
        self.is_gone = False

    async def __call__(self, event: dict[str, Any]) -> None:
        if self.is_gone:
            raise ClientDisconnected("it has left")
        self.append(event)
        if event["type"] == "websocket.send":
            await self.may_go.wait()

    async def wait_for(self, count: int) -> list[dict[str, Any]]:
        """Return what was sent when it is so much."""
        while len(self) < count:
            await asyncio.sleep(0)
        return self


async def wait_until_over(member: Member) -> None:
    while not member.is_over:
        await asyncio.sleep(0)


def test_a_member_is_sent_text_bytes_and_json() -> None:
    async def test() -> None:
        broadcast, sent = Broadcast(), Sent()
        async with broadcast.member(sent) as member:
            await member.add("a")
            for message in ("ä", b"\xff", {"ä": 1}):
                await member.send("a", message)
            assert await sent.wait_for(3) == [
                {"type": "websocket.send", "text": "ä"},
                {"type": "websocket.send", "bytes": b"\xff"},
                {"type": "websocket.send", "text": '{"ä": 1}'},
            ]
            await member.discard("a")
            await member.send("a", "no more")
        assert len(sent) == 3
        assert list(broadcast._hub.groups) == []

    run(test())


def test_a_client_that_has_left_leaves_all_groups() -> None:
    async def test() -> None:
        broadcast, sent = Broadcast(), Sent()
        async with broadcast.member(sent) as member:
            await member.add("a")
            await member.add("b")
            sent.is_gone = True
            await broadcast.publish("a", "hello")
            await wait_until_over(member)
            assert list(broadcast._hub.groups) == []
            await member.add("c")
            assert list(broadcast._hub.groups) == []

    run(test())


def test_a_client_that_is_too_slow_is_closed_where_that_is_the_policy() -> None:
    async def test() -> None:
        broadcast, sent = Broadcast(), Sent()
        async with broadcast.member(sent, max_queue=2, policy="disconnect") as member:
            await member.add("a")
            sent.may_go.clear()
            await broadcast.publish("a", "0")
            await sent.wait_for(1)
            for number in range(1, 4):
                await broadcast.publish("a", str(number))
            await wait_until_over(member)
            assert [event["type"] for event in sent] == ["websocket.send", "websocket.close"]
            assert sent[-1]["code"] == 1013
            assert list(broadcast._hub.groups) == []

    run(test())


def test_a_client_that_is_slow_misses_the_oldest() -> None:
    async def test() -> None:
        broadcast, sent = Broadcast(), Sent()
        async with broadcast.member(sent, max_queue=2) as member:
            await member.add("a")
            sent.may_go.clear()
            await broadcast.publish("a", "0")
            await sent.wait_for(1)
            for number in range(1, 5):
                await broadcast.publish("a", str(number))
            sent.may_go.set()
            assert [event["text"] for event in await sent.wait_for(3)] == ["0", "3", "4"]
            assert member.dropped == 2

    run(test())


def test_nothing_is_sent_when_the_membership_has_ended() -> None:
    async def test() -> None:
        broadcast, sent = Broadcast(), Sent()
        async with broadcast.member(sent) as member:
            await member.add("a")
        await broadcast.publish("a", "late")
        assert sent == []
        assert member.is_over

    run(test())


def test_a_failure_to_hand_over_is_logged_and_ends_the_membership(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(event: dict[str, Any]) -> None:
        raise ValueError("no")

    async def test() -> None:
        broadcast = Broadcast()
        async with broadcast.member(fail) as member:
            await member.add("a")
            await member.send("a", "x")
            await wait_until_over(member)
            assert list(broadcast._hub.groups) == []

    run(test())
    assert "could not be handed over" in caplog.text
