"""WebSockets on the ASGI layer: the scope, the handshake, messages both ways, and who waits for whom."""

import asyncio
from enum import StrEnum
from typing import Any

import pytest

from licorne.asgi.run import AsgiOptions
from licorne.engine.websocket.options import SessionOptions
from licorne.errors import LocalProtocolError
from tests.support.stage import GET, Receive, Scope, Send, Stage, hello
from tests.support.websocket import ACCEPT, PING, PONG, WebSocketClient, asking, frame

IS_FOR_HTTP2 = True

ACCEPTED = {"type": "websocket.accept"}


class Subprotocol(StrEnum):
    """Name what the application speaks."""

    Y = "y"


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Accept, and send back what comes until the client leaves."""
    assert await receive() == {"type": "websocket.connect"}
    await send(ACCEPTED)
    while (message := await receive())["type"] == "websocket.receive":
        await send({**message, "type": "websocket.send"})


class Keeper:
    """Accept, and keep the scope and every message."""

    def __init__(self, accept: dict[str, Any] | None = None) -> None:
        self.accept = accept or ACCEPTED
        self.scopes: list[Scope] = []
        self.messages: list[dict[str, Any]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scopes.append(scope)
        await receive()
        await send(self.accept)
        while not self.messages or self.messages[-1]["type"] == "websocket.receive":
            self.messages.append(await receive())


# --- the scope ----------------------------------------------------------------------------------------------


@pytest.mark.http1
async def test_scope_is_exactly_this(stage: Stage) -> None:
    keeper = Keeper()
    stage.prepare(keeper, state={"key": "value"}, options=AsgiOptions(root_path="/prefix"))
    await WebSocketClient.opened(stage, request=asking("/a%20b?c=%20d", "Sec-WebSocket-Protocol: x, y"))
    (scope,) = keeper.scopes
    client, server, headers = scope.pop("client"), scope.pop("server"), dict(scope.pop("headers"))
    assert scope == {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "http_version": "1.1",
        "scheme": "ws",
        "path": "/prefix/a b",
        "raw_path": b"/prefix/a%20b",
        "query_string": b"c=%20d",
        "root_path": "/prefix",
        "subprotocols": ["x", "y"],
        "state": {"key": "value"},
        "extensions": {"websocket.http.response": {}},
    }
    assert isinstance(client, tuple)
    assert isinstance(server, tuple)
    assert headers[b"upgrade"] == b"websocket"


async def test_http_goes_on_beside_websockets(stage: Stage) -> None:
    async def both(scope: Scope, receive: Receive, send: Send) -> None:
        await (hello if scope["type"] == "http" else echo)(scope, receive, send)

    client = await WebSocketClient.opened(stage, both)
    peer = await stage.connect()
    peer.send(GET)
    assert (await peer.answer()).body == b"Hello"
    client.send_text("x")
    assert await client.message() == "x"


# --- the handshake ------------------------------------------------------------------------------------------


@pytest.mark.http1
async def test_accept_answers_101_with_the_key(stage: Stage) -> None:
    client = await WebSocketClient.connect(stage, echo)
    answer = await client.answer()
    assert answer.status == 101
    fields = dict(answer.fields)
    assert fields[b"sec-websocket-accept"] == ACCEPT
    assert fields[b"upgrade"] == b"websocket"
    assert fields[b"connection"] == b"Upgrade"
    assert b"sec-websocket-protocol" not in fields
    assert b"content-length" not in fields
    assert b"transfer-encoding" not in fields


async def test_accept_has_the_subprotocol_and_the_headers_of_the_application(stage: Stage) -> None:
    headers = [(b"X-Lower", b"1"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]
    keeper = Keeper({**ACCEPTED, "subprotocol": "y", "headers": iter(headers)})
    client = await WebSocketClient.connect(stage, keeper, asking("/", "Sec-WebSocket-Protocol: x, y"))
    answer = await client.answer()
    assert (b"sec-websocket-protocol", b"y") in answer.fields
    assert [field for field in answer.fields if field[0] in (b"x-lower", b"set-cookie")] == [
        (b"x-lower", b"1"),
        (b"set-cookie", b"a=1"),
        (b"set-cookie", b"b=2"),
    ]


async def test_subprotocol_may_be_a_member_of_an_enumeration(stage: Stage) -> None:
    keeper = Keeper({**ACCEPTED, "subprotocol": Subprotocol.Y})
    client = await WebSocketClient.connect(stage, keeper, asking("/", "Sec-WebSocket-Protocol: x, y"))
    answer = await client.answer()
    assert answer.status == 101
    assert (b"sec-websocket-protocol", b"y") in answer.fields


async def test_messages_that_came_with_the_request_are_received_after_accept(stage: Stage) -> None:
    client = await WebSocketClient.opened(stage, echo, asking() + frame(1, b"early") + frame(2, b"bird"))
    assert await client.message() == "early"
    assert await client.message() == b"bird"


async def test_application_may_accept_before_it_receives_connect(stage: Stage) -> None:
    async def hasty(scope: Scope, receive: Receive, send: Send) -> None:
        await send(ACCEPTED)
        assert (await receive())["type"] == "websocket.connect"
        await send({"type": "websocket.send", "text": (await receive())["text"]})

    client = await WebSocketClient.opened(stage, hasty)
    client.send_text("x")
    assert await client.message() == "x"


@pytest.mark.http1
@pytest.mark.parametrize(
    ("request_head", "status", "field"),
    [
        (asking(version="12"), 426, (b"sec-websocket-version", b"13")),
        (asking(version="8"), 426, (b"upgrade", b"websocket")),
        (asking(key=b"short"), 400, (b"connection", b"close")),
        (asking("/", "Sec-WebSocket-Protocol: \xff"), 400, (b"connection", b"close")),
        (asking("/", "Sec-WebSocket-Protocol: a, a"), 400, (b"connection", b"close")),
    ],
    ids=["version", "upgrade", "key", "subprotocol", "twice"],
)
async def test_bad_handshake_is_answered_without_the_application(
    stage: Stage, request_head: bytes, status: int, field: tuple[bytes, bytes]
) -> None:
    keeper = Keeper()
    logged: list[int] = []
    stage.prepare(keeper, log_access=lambda exchange, link, started, ended: logged.append(exchange.status))
    client = await WebSocketClient.connect(stage, request=request_head)
    answer = await client.answer()
    assert answer.status == status
    assert field in answer.fields
    assert await client.peer.rest() == b""
    assert keeper.scopes == []
    assert logged == [status]


@pytest.mark.parametrize(("origin", "status"), [("https://A.example:443", 101), ("https://b.example", 403)])
async def test_origin_is_checked_against_the_list(stage: Stage, origin: str, status: int) -> None:
    stage.prepare(echo, origins=["https://a.example"])
    client = await WebSocketClient.connect(stage, request=asking("/", f"Origin: {origin}"))
    assert (await client.answer()).status == status


async def test_what_is_no_browser_has_no_origin_and_may_connect(stage: Stage) -> None:
    stage.prepare(echo, origins=["https://a.example"])
    await WebSocketClient.opened(stage)


async def test_handshake_that_nobody_answers_is_ended_by_its_clock(stage: Stage) -> None:
    keeper: list[Any] = []

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        keeper.append(await receive())

    if stage.kind == "memory":
        return  # its time stands still
    stage.prepare(slow, websocket=SessionOptions(handshake_timeout=0.05))
    assert stage.runtime is not None
    client = await WebSocketClient.connect(stage)
    assert (await client.answer()).status == 503
    await stage.until(lambda: bool(keeper))
    assert keeper == [{"type": "websocket.disconnect", "code": 1006, "reason": ""}]


# --- messages -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536, 300_000])
async def test_messages_of_every_size_come_back(stage: Stage, size: int) -> None:
    client = await WebSocketClient.opened(stage, echo)
    client.send_text("ü" * (size // 2))
    client.send_bytes(b"\xff" * size)
    assert await client.message() == "ü" * (size // 2)
    assert await client.message() == b"\xff" * size


async def test_received_message_has_one_of_text_and_bytes(stage: Stage) -> None:
    keeper = Keeper()
    client = await WebSocketClient.opened(stage, keeper)
    client.send_text("")
    client.send_bytes(b"")
    client.close(None)
    await stage.until(lambda: len(keeper.messages) == 3)
    assert keeper.messages[:2] == [
        {"type": "websocket.receive", "text": ""},
        {"type": "websocket.receive", "bytes": b""},
    ]
    assert type(keeper.messages[0]["text"]) is str
    assert type(keeper.messages[1]["bytes"]) is bytes


async def test_fragments_are_one_message_with_a_ping_between_answered(stage: Stage) -> None:
    client = await WebSocketClient.opened(stage, echo)
    client.peer.send(frame(1, b"a", fin=False) + frame(PING, b"p") + frame(0, b"b", fin=False) + frame(0, b"c"))
    frames = sorted([await client.frame(), await client.frame()])
    assert frames == [(1, b"abc"), (PONG, b"p")]


async def test_sends_as_bytes_what_can_be_taken_for_them(stage: Stage) -> None:
    class Text(str):
        """A str of the application's own."""

        __slots__ = ()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(ACCEPTED)
        await send({"type": "websocket.send", "bytes": bytearray(b"a")})
        await send({"type": "websocket.send", "bytes": memoryview(b"b"), "text": None})
        await send({"type": "websocket.send", "text": Text("c"), "bytes": None})

    client = await WebSocketClient.opened(stage, app)
    assert [await client.message() for _ in range(3)] == [b"a", b"b", "c"]


async def test_many_messages_in_one_read_come_in_order_and_let_others_run(stage: Stage) -> None:
    turns = 0
    may_count = True

    async def count() -> None:
        nonlocal turns
        while may_count:
            await asyncio.sleep(0)
            turns += 1

    keeper = Keeper()
    client = await WebSocketClient.opened(stage, keeper)
    counting = asyncio.ensure_future(count())
    client.peer.send(b"".join(frame(1, b"%d" % number) for number in range(500)))
    await stage.until(lambda: len(keeper.messages) == 500)
    may_count = False
    await counting
    assert [message["text"] for message in keeper.messages] == [str(number) for number in range(500)]
    assert turns >= 500 // 32 - 1


async def test_two_tasks_receive_each_message_once(stage: Stage) -> None:
    got: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(ACCEPTED)

        async def take() -> None:
            while (message := await receive())["type"] == "websocket.receive":
                got.append(message["text"])

        async with asyncio.TaskGroup() as group:
            group.create_task(take())
            group.create_task(take())

    client = await WebSocketClient.opened(stage, app)
    for number in range(10):
        client.send_text(str(number))
        await stage.until(lambda number=number: len(got) == number + 1)  # type: ignore[misc]
    client.close()
    assert await client.closing() == (1000, "")
    assert sorted(got) == [str(number) for number in range(10)]
    await stage.until(lambda: not stage.running())


async def test_several_tasks_send_whole_messages(stage: Stage) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(ACCEPTED)
        async with asyncio.TaskGroup() as group:
            for number in range(5):
                group.create_task(send({"type": "websocket.send", "text": str(number) * 200}))  # type: ignore[arg-type]

    client = await WebSocketClient.opened(stage, app)
    assert sorted([await client.message() for _ in range(5)]) == [str(number) * 200 for number in range(5)]
    assert await client.closing() == (1000, "")


async def test_cancelled_receive_loses_no_message(stage: Stage) -> None:
    rounds: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(ACCEPTED)
        for _ in range(3):
            waiting = asyncio.ensure_future(receive())
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            rounds.append("cancelled")
        await send({"type": "websocket.send", "text": (await receive())["text"]})

    client = await WebSocketClient.opened(stage, app)
    await stage.until(lambda: len(rounds) == 3)
    client.send_text("kept")
    assert await client.message() == "kept"


async def test_receive_with_a_timeout(stage: Stage) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(ACCEPTED)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(receive(), 0.01)  # type: ignore[arg-type]
        await send({"type": "websocket.send", "text": "late"})
        await send({"type": "websocket.send", "text": (await receive())["text"]})

    client = await WebSocketClient.opened(stage, app)
    assert await client.message() == "late"
    client.send_text("x")
    assert await client.message() == "x"


async def test_messages_before_the_clients_close_are_answered(stage: Stage) -> None:
    stage.prepare(echo)
    client = await WebSocketClient.opened(stage)
    client.peer.send(frame(1, b"hi") + frame(8, b"\x0f\xa0bye"))
    assert await client.message() == "hi"
    assert await client.frame() == (8, b"\x0f\xa0bye")


async def test_full_queue_stops_reading_until_the_application_receives(stage: Stage) -> None:
    may_receive = asyncio.Event()
    keeper = Keeper()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(ACCEPTED)
        await may_receive.wait()
        while (message := await receive())["type"] == "websocket.receive":
            keeper.messages.append(message)

    stage.prepare(app, websocket=SessionOptions(max_queue=4))
    client = await WebSocketClient.opened(stage)
    for number in range(200):
        client.send_bytes(b"%d" % number * 1000)
    for _ in range(10):
        await asyncio.sleep(0)
    may_receive.set()
    await stage.until(lambda: len(keeper.messages) == 200)
    assert [message["bytes"] for message in keeper.messages] == [b"%d" % number * 1000 for number in range(200)]


async def test_send_waits_for_a_client_that_does_not_read(stage: Stage) -> None:
    if stage.kind == "memory":
        return  # its peer reads always
    sent = 0

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal sent
        await send(ACCEPTED)
        while True:
            await send({"type": "websocket.send", "bytes": bytes(100_000)})
            sent += 1

    client = await WebSocketClient.opened(stage, app)
    client.peer.transport.pause_reading()
    before = -1
    while before != sent:
        before = sent
        await asyncio.sleep(0.05)
    assert sent < 500
    client.peer.transport.resume_reading()
    await stage.until(lambda: sent > before + 20)
    client.peer.leave()
    await stage.until(lambda: not stage.running())


async def test_websocket_counts_for_the_concurrency_limit_as_long_as_it_lasts(stage: Stage) -> None:
    async def both(scope: Scope, receive: Receive, send: Send) -> None:
        await (hello if scope["type"] == "http" else echo)(scope, receive, send)

    stage.prepare(both, options=AsgiOptions(limit_concurrency=1))
    client = await WebSocketClient.opened(stage)
    peer = await stage.connect()
    peer.send(GET)
    assert stage.application is not None
    await stage.until(lambda: len(stage.application.shared.waiting) == 1)  # type: ignore[union-attr]
    client.close()
    assert (await peer.answer()).body == b"Hello"


async def test_websocket_over_the_limit_waits_its_turn(stage: Stage) -> None:
    stage.prepare(echo, options=AsgiOptions(limit_concurrency=1))
    first = await WebSocketClient.opened(stage)
    second = await WebSocketClient.connect(stage)
    assert stage.application is not None
    await stage.until(lambda: len(stage.application.shared.waiting) == 1)  # type: ignore[union-attr]
    first.close()
    assert (await second.answer()).status == 101
    second.send_text("x")
    assert await second.message() == "x"


async def test_each_answered_handshake_counts_as_one_response(stage: Stage) -> None:
    counted: list[int] = []
    stage.prepare(echo, on_response=lambda: counted.append(1))
    client = await WebSocketClient.opened(stage)
    client.send_text("x")
    await client.message()
    client.close()
    await client.closing()
    await stage.until(lambda: not stage.running())
    assert counted == [1]


async def test_error_of_one_send_leaves_the_websocket_as_it_is(stage: Stage) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(ACCEPTED)
        with pytest.raises(LocalProtocolError):
            await send({"type": "websocket.send"})
        await send({"type": "websocket.send", "text": "x"})

    client = await WebSocketClient.opened(stage, app)
    assert await client.message() == "x"
    assert await client.closing() == (1000, "")
