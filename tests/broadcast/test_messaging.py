"""The channel `groups` of the first Uvicorn: add, discard, send, and nothing left of a client that has gone."""

import asyncio
import itertools
from typing import Any

import pytest

from licorne.broadcast.messaging import BroadcastMiddleware
from tests.broadcast.test_groups import run


class Reply:
    """Be the reply channel of a WebSocket."""

    numbers = itertools.count()

    def __init__(self) -> None:
        self.name = f"reply:{next(self.numbers)}"
        self.sent: list[dict[str, Any]] = []

    async def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)


async def chat(message: dict[str, Any], channels: dict[str, Any]) -> None:
    """Join the room and say there what comes; never leave it."""
    groups, name = channels["groups"], channels["reply"].name
    if message["channel"] == "websocket.connect":
        await groups.send({"group": "room", "add": name})
    elif message["channel"] == "websocket.receive" and message["text"] == "leave":
        await groups.send({"group": "room", "discard": name})
    elif message["channel"] == "websocket.receive":
        await groups.send({"group": "room", "send": {"text": message["text"]}})
    elif message["channel"] == "http.request":
        await groups.send({"group": "room", "add": name})


async def tell(app: BroadcastMiddleware, reply: Reply, kind: str, text: str = "") -> None:
    await app({"channel": kind, "text": text}, {"reply": reply})
    for _ in range(10):  # for the members to be told
        await asyncio.sleep(0)


def test_members_of_a_group_hear_what_is_sent_until_they_leave() -> None:
    async def test() -> None:
        app = BroadcastMiddleware(chat, url="memory://")
        ann, bob = Reply(), Reply()
        for reply in (ann, bob):
            await tell(app, reply, "websocket.connect")
        await tell(app, ann, "websocket.receive", "hello")
        await tell(app, bob, "websocket.receive", "leave")
        await tell(app, ann, "websocket.receive", "again")
        assert (ann.sent, bob.sent) == ([{"text": "hello"}, {"text": "again"}], [{"text": "hello"}])

    run(test())


def test_a_client_that_has_gone_without_a_discard_leaves_nothing() -> None:
    async def test() -> None:
        app = BroadcastMiddleware(chat, url="memory://")
        ann, bob = Reply(), Reply()
        for reply in (ann, bob):
            await tell(app, reply, "websocket.connect")
        await tell(app, bob, "websocket.disconnect")
        await app._groups.send({"group": "room", "add": bob.name})  # by a consumer that was slow
        await tell(app, ann, "websocket.receive", "hello")
        assert (ann.sent, bob.sent) == ([{"text": "hello"}], [])
        await tell(app, ann, "websocket.disconnect")
        assert (app._members, list(app.broadcast._hub.groups)) == ({}, [])
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(asyncio.wait_for(test(), 60))


def test_a_reply_of_http_cannot_be_a_member() -> None:
    async def test() -> None:
        app = BroadcastMiddleware(chat, url="memory://")
        await tell(app, Reply(), "http.request")
        assert list(app.broadcast._hub.groups) == []

    run(test())


def test_a_message_that_asks_for_nothing_is_refused() -> None:
    async def test() -> None:
        app = BroadcastMiddleware(chat, url="memory://")
        with pytest.raises(ValueError, match="add, discard, send"):
            await app._groups.send({"group": "room"})

    run(test())


def test_redis_is_where_the_middleware_is_told() -> None:
    assert repr(BroadcastMiddleware(chat, "redis.example", 7000).broadcast) == "<Broadcast redis://redis.example:7000>"
    assert repr(BroadcastMiddleware(chat).broadcast) == "<Broadcast redis://localhost:6379>"
