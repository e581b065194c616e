"""`receive()` and `send()` act when they are awaited: where, once, and not at all if they are given up first."""

import asyncio
import contextvars
from collections import OrderedDict
from typing import Any

import pytest

from tests.support.peer import Peer
from tests.support.stage import GET, POST, Receive, Scope, Send, Stage

IS_FOR_HTTP2 = True

START: dict[str, Any] = {"type": "http.response.start", "status": 200, "headers": []}
BODY: dict[str, Any] = {"type": "http.response.body", "body": b"Hello"}
USER: contextvars.ContextVar[str] = contextvars.ContextVar("user", default="nobody")


async def ask(stage: Stage, app: Any, request: bytes) -> Peer:
    """Return a peer that has sent a request."""
    peer = await stage.connect(app)
    peer.send(request)
    return peer


async def test_receive_that_is_cancelled_before_it_began_loses_nothing(stage: Stage) -> None:
    bodies: list[bytes] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        given_up = asyncio.get_running_loop().create_task(receive())  # type: ignore[arg-type]
        given_up.cancel()
        await asyncio.wait({given_up})
        bodies.append((await receive())["body"])
        await send(START)
        await send(BODY)

    peer = await ask(stage, app, POST + b"hello")
    assert (await peer.answer("POST")).body == b"Hello"
    assert bodies == [b"hello"]


@pytest.mark.http1
async def test_calls_made_in_another_thread_act_in_the_loop(stage: Stage) -> None:
    seen: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        loop = asyncio.get_running_loop()

        def work() -> None:
            seen.append(asyncio.run_coroutine_threadsafe(receive(), loop).result(10))  # type: ignore[arg-type]
            for message in (START, BODY):
                asyncio.run_coroutine_threadsafe(send(message), loop).result(10)  # type: ignore[arg-type]

        await asyncio.to_thread(work)

    peer = await ask(stage, app, POST + b"hello" + GET)
    assert [answer.body for answer in await peer.answers("POST", "GET")] == [b"Hello", b"Hello"]
    assert [message["body"] for message in seen] == [b"hello", b""]


async def test_send_that_is_not_awaited_sends_nothing(stage: Stage) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        send({**START, "status": 500})
        await send(START)
        await send(BODY)

    peer = await ask(stage, app, GET)
    assert (await peer.answer()).status == 200


async def test_messages_may_be_any_mapping_made_of_a_dict(stage: Stage) -> None:
    class Kind(str):
        """Be a str of one's own."""

        __slots__ = ()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(OrderedDict(START))  # type: ignore[arg-type]
        await send({**BODY, "type": Kind(BODY["type"])})

    peer = await ask(stage, app, GET)
    assert (await peer.answer()).body == b"Hello"


async def test_context_of_a_request_that_resumed_reading_stays_its_own(stage: Stage) -> None:
    size = 600_000
    users: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        users.append(USER.get())
        USER.set(scope["path"])
        while (await receive()).get("more_body"):
            await asyncio.sleep(0)
        await send(START)
        await send(BODY)

    head = b"POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size
    peer = await ask(stage, app, head + bytes(size))
    await peer.answer("POST")
    peer.send(GET)
    await peer.answer()
    assert users == ["nobody", "nobody"]
