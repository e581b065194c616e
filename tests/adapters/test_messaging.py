"""The messaging interface: messages and channels of requests and WebSockets, order, ends, failures, the README."""

import asyncio
import io
from collections.abc import Callable
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest

from licorne.adapters.messaging import ASGIAdapter, MessagingToAsgi, WSGIAdapter
from licorne.errors import ClientDisconnected
from tests.adapters.wsgi_stage import Environ, StartResponse
from tests.support.peer import Peer
from tests.support.stage import CHUNKED, GET, POST, Stage
from tests.support.websocket import WebSocketClient, asking

Message = dict[str, Any]
Channels = dict[str, Any]

TEXT = [[b"content-type", b"text/plain"]]
OK = {"status": 200, "headers": TEXT, "content": b"ok"}
CLOSED = 8


async def ask(stage: Stage, app: Any, request: bytes = GET) -> Peer:
    """Return a peer that has sent a request to a messaging application."""
    peer = await stage.connect(MessagingToAsgi(app))
    peer.send(request)
    return peer


def logged(stage: Stage) -> str:
    """Return the one error that was logged."""
    (record,) = stage.take_log()
    assert record.exc_info is not None
    return str(record.exc_info[1])


# --- requests -----------------------------------------------------------------------------------------------


async def test_a_request_is_one_message(stage: Stage) -> None:
    seen: list[tuple[Message, Channels]] = []

    async def app(message: Message, channels: Channels) -> None:
        seen.append((message, channels))
        await channels["reply"].send(OK)

    peer = await ask(stage, app, b"GET /caf%C3%A9?a=1 HTTP/1.1\r\nHost: a.example\r\nX-A: 1\r\n\r\n")
    assert (await peer.answer()).body == b"ok"
    ((message, channels),) = seen
    keys = ("channel", "method", "path", "query_string", "scheme", "root_path", "http_version")
    expected = ["http.request", "GET", "/café", b"a=1", "http", "", "2" if stage.kind == "http2" else "1.1"]
    assert [message[key] for key in keys] == expected
    assert {"server", "client"} <= set(message)
    assert [b"host", b"a.example"] in message["headers"]
    assert [b"x-a", b"1"] in message["headers"]
    assert list(channels) == ["reply"]
    assert channels["reply"].name.startswith("reply:")


async def read_body(message: Message, channels: Channels) -> bytes:
    """Read a body as applications of that time did."""
    body: bytes = message.get("body", b"")
    if "body" in channels:
        while True:
            part = await channels["body"].receive()
            body += part["content"]
            if not part.get("more_content", False):
                break
    return body


async def echo_body(message: Message, channels: Channels) -> None:
    """Answer with the body."""
    body = await read_body(message, channels)
    await channels["reply"].send({"status": 200, "headers": TEXT, "content": body})


@pytest.mark.parametrize(("head", "pieces"), [(POST, [b"hello"]), (POST, [b"he", b"llo"]), (GET, [])])
async def test_a_body_is_received_from_its_channel(stage: Stage, head: bytes, pieces: list[bytes]) -> None:
    peer = await ask(stage, echo_body, head)
    for piece in pieces:
        peer.send(piece)
    assert (await peer.answer()).body == b"".join(pieces)


async def test_a_chunked_body_is_received_too(stage: Stage) -> None:
    peer = await ask(stage, echo_body, CHUNKED + b"3\r\nabc\r\n0\r\n\r\n")
    assert (await peer.answer()).body == b"abc"


async def test_behind_its_end_a_body_has_nothing(stage: Stage) -> None:
    async def app(message: Message, channels: Channels) -> None:
        await read_body(message, channels)
        assert await channels["body"].receive() == {"content": b"", "more_content": False}
        await channels["reply"].send(OK)

    peer = await ask(stage, app, POST + b"hello")
    assert (await peer.answer()).body == b"ok"


async def test_a_response_is_sent_in_parts(stage: Stage) -> None:
    async def app(message: Message, channels: Channels) -> None:
        await channels["reply"].send({"status": 200, "headers": TEXT, "content": b"", "more_content": True})
        for part in [b"Hello", b", ", b"world"]:
            await channels["reply"].send({"content": part, "more_content": True})
        await channels["reply"].send({"content": b"", "more_content": False})

    peer = await ask(stage, app)
    assert (await peer.answer()).body == b"Hello, world"


async def test_names_of_fields_may_have_capitals(stage: Stage) -> None:
    async def app(message: Message, channels: Channels) -> None:
        await channels["reply"].send({"status": 200, "headers": [[b"X-Thing", b"1"]], "content": b""})

    peer = await ask(stage, app)
    assert (b"x-thing", b"1") in (await peer.answer()).fields


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ({"content": b"x"}, "must have a 'status', got 'content'"),
        ({}, "must have a 'status', got an empty message"),
        ({"status": 200, "headers": ["x"]}, "must be a list of"),
        ({"status": 200, "headers": TEXT, "content": "text"}, "must be bytes"),
        ({"status": "200"}, "status must be an integer"),
    ],
)
async def test_a_reply_that_is_none_is_a_500_that_says_why(stage: Stage, reply: Message, expected: str) -> None:
    async def app(message: Message, channels: Channels) -> None:
        await channels["reply"].send(reply)

    peer = await ask(stage, app)
    assert (await peer.answer()).status == 500
    assert expected in logged(stage)


async def test_a_channel_goes_one_way(stage: Stage) -> None:
    async def app(message: Message, channels: Channels) -> None:
        await channels["reply"].receive()

    peer = await ask(stage, app)
    assert (await peer.answer()).status == 500
    assert "Nothing can be received from the channel 'reply'" in logged(stage)


# --- WebSockets ---------------------------------------------------------------------------------------------


async def test_each_event_is_a_message(stage: Stage) -> None:
    seen: list[Message] = []

    async def app(message: Message, channels: Channels) -> None:
        seen.append(message)
        if message["channel"] == "websocket.connect":
            await channels["reply"].send({"accept": True})
        elif message["channel"] == "websocket.receive":
            await channels["reply"].send({"text": "got it"})

    client = await WebSocketClient.opened(stage, MessagingToAsgi(app), asking("/chat"))
    client.send_text("text")
    assert await client.message() == "got it"
    client.send_bytes(b"bytes")
    assert await client.message() == "got it"
    client.close(3000)
    await client.closing()
    await stage.until(lambda: len(seen) == 4)
    connect, text, data, disconnect = seen
    assert (connect["channel"], connect["order"], connect["path"], connect["method"]) == (
        *("websocket.connect", 0, "/chat", "GET"),
    )
    assert text == {"channel": "websocket.receive", "path": "/chat", "order": 1, "text": "text", "bytes": None}
    assert data == {"channel": "websocket.receive", "path": "/chat", "order": 2, "text": None, "bytes": b"bytes"}
    assert disconnect == {"channel": "websocket.disconnect", "path": "/chat", "order": 3, "code": 3000}


async def test_who_says_nothing_accepts(stage: Stage) -> None:
    async def app(message: Message, channels: Channels) -> None:
        if message["channel"] == "websocket.receive":
            await channels["reply"].send({"text": message["text"]})

    client = await WebSocketClient.opened(stage, MessagingToAsgi(app))
    client.send_text("hello")
    assert await client.message() == "hello"


async def test_sending_accepts(stage: Stage) -> None:
    async def app(message: Message, channels: Channels) -> None:
        if message["channel"] == "websocket.connect":
            await channels["reply"].send({"bytes": b"welcome"})

    client = await WebSocketClient.opened(stage, MessagingToAsgi(app))
    assert await client.message() == b"welcome"


async def test_a_connection_is_refused(stage: Stage) -> None:
    async def app(message: Message, channels: Channels) -> None:
        if message["channel"] == "websocket.connect":
            await channels["reply"].send({"accept": False})

    client = await WebSocketClient.connect(stage, MessagingToAsgi(app))
    assert (await client.answer()).status == 403


@pytest.mark.parametrize(("close", "code"), [(True, 1000), (4001, 4001)])
async def test_a_reply_may_say_everything_at_once(stage: Stage, close: Any, code: int) -> None:
    async def app(message: Message, channels: Channels) -> None:
        if message["channel"] == "websocket.connect":
            await channels["reply"].send({"accept": True, "text": "bye", "close": close})

    client = await WebSocketClient.opened(stage, MessagingToAsgi(app))
    assert await client.message() == "bye"
    assert (await client.closing())[0] == code


async def test_a_consumer_that_never_ends_does_not_keep_the_others(stage: Stage) -> None:
    ended = asyncio.Event()

    async def app(message: Message, channels: Channels) -> None:
        if message["channel"] == "websocket.connect":
            await channels["reply"].send({"accept": True})
            try:
                while True:
                    await channels["reply"].send({"text": "tick"})
                    await asyncio.sleep(0.001)
            except ClientDisconnected:
                ended.set()
                raise
        elif message["channel"] == "websocket.receive":
            await channels["reply"].send({"text": "tock"})

    client = await WebSocketClient.opened(stage, MessagingToAsgi(app))
    assert await client.message() == "tick"
    client.send_text("?")
    while await client.message() != "tock":
        pass
    client.peer.leave()
    async with asyncio.timeout(60):
        await ended.wait()


async def test_clients_in_a_set_chat_although_one_leaves(stage: Stage) -> None:
    clients: set[Any] = set()

    async def chat(message: Message, channels: Channels) -> None:
        if message["channel"] == "websocket.connect":
            await channels["reply"].send({"accept": True})
            clients.add(channels["reply"])
        elif message["channel"] == "websocket.receive":
            for client in clients:
                await client.send({"text": message["text"]})
        elif message["channel"] == "websocket.disconnect":
            clients.remove(channels["reply"])

    app = MessagingToAsgi(chat)
    one, two, three = [await WebSocketClient.opened(stage, app) for _ in range(3)]
    await stage.until(lambda: len(clients) == 3)
    one.send_text("first")
    assert [await client.message() for client in (one, two, three)] == ["first"] * 3
    three.peer.leave()
    two.send_text("second")
    assert [await client.message() for client in (one, two)] == ["second"] * 2
    await stage.until(lambda: len(clients) == 2)


async def test_a_consumer_that_fails_before_it_accepts_is_a_500(stage: Stage) -> None:
    async def app(message: Message, channels: Channels) -> None:
        if message["channel"] == "websocket.connect":
            raise KeyError("oops")

    client = await WebSocketClient.connect(stage, MessagingToAsgi(app))
    assert (await client.answer()).status == 500
    assert "oops" in logged(stage)


async def test_a_consumer_that_fails_later_closes_its_connection(stage: Stage) -> None:
    async def app(message: Message, channels: Channels) -> None:
        if message["channel"] == "websocket.receive":
            raise KeyError("oops")

    client = await WebSocketClient.opened(stage, MessagingToAsgi(app))
    client.send_text("?")
    assert (await client.closing())[0] == 1011
    assert "oops" in logged(stage)


# --- the adapters of that time ------------------------------------------------------------------------------


def wsgi_echo(environ: Environ, start_response: StartResponse) -> list[bytes]:
    """Answer with what came."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["REQUEST_METHOD"].encode(), b" ", environ["PATH_INFO"].encode(), b" ", environ["wsgi.input"].read()]


async def test_a_wsgi_application_speaks_the_interface(stage: Stage) -> None:
    peer = await ask(stage, ASGIAdapter(wsgi_echo), POST + b"hello")
    assert (await peer.answer()).body == b"POST / hello"
    peer.send(GET.replace(b"/ ", b"/x "))
    assert (await peer.answer()).body == b"GET /x "


async def test_a_wsgi_application_refuses_websockets(stage: Stage) -> None:
    client = await WebSocketClient.connect(stage, MessagingToAsgi(ASGIAdapter(wsgi_echo)))
    assert (await client.answer()).status == 403


def call_wsgi(app: Callable[..., Any], body: bytes) -> tuple[str, bytes]:
    """Call a WSGI application."""
    environ: Environ = {"wsgi.input": io.BytesIO(body), "REQUEST_METHOD": "POST", "CONTENT_LENGTH": str(len(body))}
    setup_testing_defaults(environ)
    statuses: list[str] = []
    parts = app(environ, lambda status, headers, exc_info=None: statuses.append(status))
    return statuses[0], b"".join(parts)


def test_an_application_of_the_interface_speaks_wsgi() -> None:
    app = WSGIAdapter(echo_body)
    try:
        assert call_wsgi(app, b"hello") == ("200 OK", b"hello")
        assert call_wsgi(app, b"") == ("200 OK", b"")
    finally:
        app.close()
