"""`receive()`: the body piece by piece, then one disconnect; whoever calls it, and however often he gives up."""

import asyncio
from typing import Any

import pytest

from licorne.engine.limits import Limits
from licorne.errors import ClientDisconnected
from tests.support.peer import Peer
from tests.support.stage import CHUNKED, GET, POST, Receive, Scope, Send, Stage, hello

IS_FOR_HTTP2 = True

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
EXPECTING = POST.replace(b"Host: a", b"Host: a\r\nExpect: 100-continue")
DISCONNECT = {"type": "http.disconnect"}
EMPTY = {"type": "http.request", "body": b"", "more_body": False}


class Reader:
    """Receive until the body has ended, then answer; `messages` are what came."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            self.messages.append(message)
            if not message.get("more_body"):
                break
        await hello(scope, receive, send)

    def body(self) -> bytes:
        """Return the body that came."""
        return b"".join(message["body"] for message in self.messages)

    def saw(self, body: bytes) -> bool:
        """Tell whether exactly this came so far."""
        return self.body() == body


async def ask(stage: Stage, app: Any, request: bytes) -> Peer:
    """Return a peer that has sent a request."""
    peer = await stage.connect(app)
    peer.send(request)
    return peer


# --- the body -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(GET, id="get"),
        pytest.param(POST.replace(b"5", b"0"), id="length-zero"),
        pytest.param(b"POST / HTTP/1.1\r\nHost: a\r\n\r\n", id="no-length"),
        pytest.param(CHUNKED + b"0\r\n\r\n", id="empty-chunks"),
    ],
)
async def test_request_without_a_body_is_one_empty_message(stage: Stage, request_: bytes) -> None:
    reader = Reader()
    peer = await ask(stage, reader, request_)
    await peer.answer()
    assert reader.messages == [EMPTY]


async def test_body_that_came_with_the_head_is_one_message(stage: Stage) -> None:
    reader = Reader()
    peer = await ask(stage, reader, POST + b"hello")
    await peer.answer()
    assert reader.messages == [{"type": "http.request", "body": b"hello", "more_body": False}]
    assert type(reader.messages[0]["body"]) is bytes


async def test_body_comes_as_it_arrives(stage: Stage) -> None:
    reader = Reader()
    peer = await ask(stage, reader, POST)
    for sent in (b"h", b"he", b"hel"):
        peer.send(sent[-1:])
        await stage.until(lambda sent=sent: reader.saw(sent))
    peer.send(b"lo")
    await peer.answer()
    assert reader.body() == b"hello"
    assert [message["more_body"] for message in reader.messages] == [True, True, True, False]


async def test_chunks_are_undone(stage: Stage) -> None:
    reader = Reader()
    peer = await ask(stage, reader, CHUNKED)
    peer.send(b"2\r\nhe\r\n")
    await stage.until(lambda: reader.saw(b"he"))
    peer.send(b"3;ext=1\r\nllo\r\n0\r\nTrailer: x\r\n\r\n")
    await peer.answer()
    assert reader.body() == b"hello"
    assert not reader.messages[-1]["more_body"]


async def test_end_that_comes_alone_is_one_empty_message(stage: Stage) -> None:
    reader = Reader()
    peer = await ask(stage, reader, CHUNKED + b"5\r\nhello\r\n")
    await stage.until(lambda: reader.saw(b"hello"))
    peer.send(b"0\r\n\r\n")
    await peer.answer()
    assert reader.messages[-1] == EMPTY
    assert len(reader.messages) == 2


async def test_body_over_the_high_water_comes_whole(stage: Stage) -> None:
    reader = Reader()
    body = bytes(range(256)) * 4096
    stage.prepare(reader, limits=Limits(high_water_bytes=1000))
    peer = await ask(stage, None, POST.replace(b"5", b"%d" % len(body)))
    for start in range(0, len(body), 65536):
        peer.send(body[start : start + 65536])
    await peer.answer()
    assert reader.body() == body


async def test_body_may_have_no_high_water(stage: Stage) -> None:
    reader = Reader()
    stage.prepare(reader, limits=Limits(high_water_bytes=0))
    peer = await ask(stage, None, POST)
    peer.send(b"hello")
    await peer.answer()
    assert reader.body() == b"hello"


# --- the disconnect -----------------------------------------------------------------------------------------


async def test_disconnect_follows_the_response_again_and_again(stage: Stage) -> None:
    seen: list[dict[str, Any]] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(await receive())
        await hello(scope, receive, send)
        seen.extend([await receive(), await receive()])

    peer = await ask(stage, app, GET)
    await peer.answer()
    await stage.until(lambda: len(seen) == 3)
    assert seen == [EMPTY, DISCONNECT, DISCONNECT]


async def test_disconnect_follows_the_response_though_the_body_was_never_taken(stage: Stage) -> None:
    seen: list[dict[str, Any]] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await hello(scope, receive, send)
        seen.append(await receive())

    peer = await ask(stage, app, POST + b"hello")
    await peer.answer()
    assert seen == [DISCONNECT]


async def test_receive_that_waits_ends_with_the_response(stage: Stage) -> None:
    seen: list[dict[str, Any]] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        waiting = asyncio.ensure_future(receive())
        await asyncio.sleep(0)
        assert not waiting.done()
        await hello(scope, receive, send)
        seen.append(await waiting)

    peer = await ask(stage, app, GET)
    await peer.answer()
    await stage.until(lambda: bool(seen))
    assert seen == [DISCONNECT]


@pytest.mark.parametrize("request_", [GET, POST + b"he", CHUNKED + b"2\r\nhe\r\n"], ids=["get", "length", "chunks"])
async def test_disconnect_comes_when_the_client_leaves(stage: Stage, request_: bytes) -> None:
    seen: list[dict[str, Any]] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while not seen or seen[-1]["type"] != "http.disconnect":
            seen.append(await receive())
        seen.append(await receive())

    peer = await ask(stage, app, request_)
    await stage.until(lambda: bool(seen))
    peer.leave()
    await stage.until(lambda: not stage.running())
    assert [message["type"] for message in seen] == ["http.request", "http.disconnect", "http.disconnect"]


async def test_disconnect_comes_when_the_client_ends_its_side(stage: Stage) -> None:
    seen: list[dict[str, Any]] = []
    caught: list[Exception] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.extend([await receive(), await receive(), await receive()])
        try:
            await hello(scope, receive, send)
        except OSError as error:
            caught.append(error)

    peer = await ask(stage, app, GET)
    await stage.until(lambda: bool(stage.running()))
    peer.end()
    await stage.until(lambda: not stage.running())
    assert seen == [EMPTY, DISCONNECT, DISCONNECT]
    assert isinstance(caught[0], ClientDisconnected)
    assert await peer.rest() == b""


async def test_client_that_ends_its_side_is_answered_by_an_application_that_does_not_look(stage: Stage) -> None:
    may_answer = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert await receive() == EMPTY
        await may_answer.wait()
        await hello(scope, receive, send)

    peer = await ask(stage, app, GET)
    await stage.until(lambda: bool(stage.running()))
    peer.end()
    await asyncio.sleep(0.01)  # the FIN may come before or after the answer: both must do
    may_answer.set()
    assert (await peer.answer()).body == b"Hello"
    assert await peer.rest() == b""


@pytest.mark.http1
async def test_disconnect_comes_when_the_body_breaks_a_rule(stage: Stage) -> None:
    seen: list[dict[str, Any]] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.extend([await receive(), await receive()])

    peer = await ask(stage, app, CHUNKED + b"2\r\nhe\r\n")
    await stage.until(lambda: bool(seen) or bool(stage.running()))
    await asyncio.sleep(0)
    peer.send(b"rubbish\r\n")
    assert (await peer.answer("POST")).status == 400
    await stage.until(lambda: not stage.running())
    assert [message["type"] for message in seen] == ["http.request", "http.disconnect"]


# --- whoever calls it ---------------------------------------------------------------------------------------


async def test_concurrent_receivers_share_the_body(stage: Stage) -> None:
    seen: list[dict[str, Any]] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        waiting = [asyncio.ensure_future(receive()) for _ in range(3)]
        done, pending = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        seen.extend(task.result() for task in done)
        await hello(scope, receive, send)
        seen.extend(await asyncio.gather(*pending))

    peer = await ask(stage, app, POST)
    await stage.until(lambda: bool(stage.running()))
    peer.send(b"hello")
    await peer.answer()
    await stage.until(lambda: len(seen) == 3)
    assert sorted(message["type"] for message in seen) == ["http.disconnect", "http.disconnect", "http.request"]
    assert b"".join(message.get("body", b"") for message in seen) == b"hello"


async def test_receive_that_is_given_up_again_and_again_loses_nothing(stage: Stage) -> None:
    given_up = 0
    reader = Reader()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal given_up
        for _ in range(1000):
            task = asyncio.ensure_future(receive())
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait({task})
            given_up += task.cancelled()
        await reader(scope, receive, send)

    peer = await ask(stage, app, POST)
    await stage.until(lambda: given_up == 1000)
    peer.send(b"hello")
    await peer.answer()
    assert reader.body() == b"hello"


async def test_waiting_for_receive_with_a_timeout(stage: Stage) -> None:
    timeouts = 0
    seen: list[dict[str, Any]] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal timeouts
        seen.append(await asyncio.wait_for(receive(), 10))  # type: ignore[arg-type]
        while timeouts < 3:
            try:
                await asyncio.wait_for(receive(), 0.001)  # type: ignore[arg-type]
            except TimeoutError:
                timeouts += 1
        await hello(scope, receive, send)
        seen.append(await asyncio.wait_for(receive(), 10))  # type: ignore[arg-type]

    peer = await ask(stage, app, GET)
    await peer.answer()
    await stage.until(lambda: len(seen) == 2)
    assert seen == [EMPTY, DISCONNECT]


async def test_what_receive_and_send_return_may_be_made_a_task(stage: Stage) -> None:
    seen: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        loop = asyncio.get_running_loop()
        seen.append(await loop.create_task(receive()))  # type: ignore[arg-type]
        seen.append(await asyncio.gather(receive(), asyncio.sleep(0, "turn")) if seen[0]["more_body"] else None)
        start = send({"type": "http.response.start", "status": 200})
        await loop.create_task(start)  # type: ignore[arg-type]
        await asyncio.shield(send({"type": "http.response.body", "body": b"ok"}))
        await start
        async with asyncio.timeout(10):
            seen.append(await receive())

    peer = await ask(stage, app, POST + b"hello")
    assert (await peer.answer()).body == b"ok"
    await stage.until(lambda: len(seen) == 3)
    assert seen == [{"type": "http.request", "body": b"hello", "more_body": False}, None, DISCONNECT]


async def test_task_group_that_listens_for_the_disconnect(stage: Stage) -> None:
    ends: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        async def listen() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            ends.append("heard")

        async with asyncio.TaskGroup() as group:
            group.create_task(listen())
            await hello(scope, receive, send)

    peer = await ask(stage, app, GET + GET)
    await peer.answers("GET", "GET")
    await stage.until(lambda: len(ends) == 2)


# --- Expect: 100-continue -----------------------------------------------------------------------------------


async def test_continue_comes_with_the_first_receive(stage: Stage) -> None:
    may_read = asyncio.Event()
    reader = Reader()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await may_read.wait()
        await reader(scope, receive, send)

    peer = await ask(stage, app, EXPECTING)
    await stage.until(lambda: bool(stage.running()))
    assert not peer.received
    may_read.set()
    assert await peer.bytes_until(CONTINUE) == CONTINUE
    peer.send(b"he")
    await stage.until(lambda: reader.saw(b"he"))
    peer.send(b"llo")
    assert (await peer.bytes_until(b"Hello")).count(b"HTTP/1.1") == 1
    peer.send(GET)
    await peer.answer()


@pytest.mark.http1
async def test_continue_never_comes_after_the_response_has_begun(stage: Stage) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        waiting = asyncio.ensure_future(receive())
        await asyncio.sleep(0)
        await send({"type": "http.response.body", "body": b"Hello"})
        assert await waiting == DISCONNECT

    peer = await ask(stage, app, EXPECTING)
    assert b"100 Continue" not in await peer.rest()


@pytest.mark.http1
async def test_answer_without_reading_asks_for_no_body(stage: Stage) -> None:
    peer = await ask(stage, hello, EXPECTING)
    sent = await peer.rest()
    assert sent.count(b"HTTP/1.1") == 1
    assert b"\r\nconnection: close\r\n" in sent


async def test_other_expectations_are_refused(stage: Stage) -> None:
    peer = await ask(stage, hello, POST.replace(b"Host: a", b"Host: a\r\nExpect: miracles"))
    assert (await peer.answer()).status == 417
