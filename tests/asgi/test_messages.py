"""Every order of messages and every wrong message: what is sent, what is raised, and that nothing slips through."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import pytest

from licorne.errors import LocalProtocolError
from tests.support.peer import Peer
from tests.support.stage import GET, Receive, Scope, Send, Stage

IS_FOR_HTTP2 = True

START = {"type": "http.response.start", "status": 200, "headers": []}
END = {"type": "http.response.body", "body": b"ok"}
PIECE = {"type": "http.response.body", "body": b"o", "more_body": True}
LAST = {"type": "http.response.body", "body": b"k", "more_body": False}
TRAILERS = {"type": "http.response.trailers", "headers": [(b"x-sum", b"1")]}
FAULTS = (LocalProtocolError, KeyError, TypeError, ValueError)


def script(*messages: Any, caught: list[Exception] | None = None) -> Callable[..., Any]:
    """Make an application that sends messages; with `caught`, what sending raises is kept and the next one sent."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for message in messages:
            try:
                await send(message)
            except Exception as error:
                if caught is None:
                    raise
                caught.append(error)

    return app


async def ask(stage: Stage, app: Any, request: bytes = GET) -> Peer:
    """Return a peer that has sent a request."""
    peer = await stage.connect(app)
    peer.send(request)
    return peer


# --- right orders -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("messages", "body"),
    [
        pytest.param([START, END], b"ok", id="at-once"),
        pytest.param([START, PIECE, LAST], b"ok", id="in-pieces"),
        pytest.param([START, {"type": "http.response.body"}], b"", id="body-has-defaults"),
        pytest.param([START, PIECE, {"type": "http.response.body"}], b"o", id="empty-end"),
        pytest.param([START, {"type": "http.response.body", "more_body": True}, END], b"ok", id="empty-piece"),
        pytest.param([{"type": "http.response.start", "status": 200}, END], b"ok", id="no-headers"),
        pytest.param([{**START, "extra": 1}, {**END, "extra": 1}], b"ok", id="unknown-keys"),
        pytest.param([START, {**END, "body": bytearray(b"ok")}], b"ok", id="bytearray"),
        pytest.param([START, {**END, "body": memoryview(b"xokx")[1:3]}], b"ok", id="memoryview"),
        pytest.param([{**START, "trailers": False}, END], b"ok", id="no-trailers"),
    ],
)
async def test_right_messages(stage: Stage, messages: list[Any], body: bytes) -> None:
    peer = await ask(stage, script(*messages))
    assert (await peer.answer()).body == body
    peer.send(GET)
    assert (await peer.answer()).body == body


@pytest.mark.parametrize("status", [200, 201, 299, 404, 418, 500, 599, HTTPStatus.CREATED])
async def test_status(stage: Stage, status: int) -> None:
    peer = await ask(stage, script({**START, "status": status}, END))
    assert (await peer.answer()).status == status


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([(b"a", b"1"), (b"b", b"2")], id="tuples"),
        pytest.param([[b"a", b"1"], [b"b", b"2"]], id="lists"),
        pytest.param(((b"a", b"1"), (b"b", b"2")), id="tuple-of-tuples"),
        pytest.param({b"a": b"1", b"b": b"2"}.items(), id="items-of-a-dict"),
        pytest.param([(b"A", b"1"), (b"B", b"2")], id="upper-case"),
    ],
)
async def test_headers_of_every_shape(stage: Stage, headers: Any) -> None:
    peer = await ask(stage, script({**START, "headers": headers}, END))
    assert (await peer.answer()).fields[:2] == [(b"a", b"1"), (b"b", b"2")]


async def test_headers_from_a_generator(stage: Stage) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({**START, "headers": ((b"x-%d" % n, b"%d" % n) for n in range(3))})
        await send(END)

    peer = await ask(stage, app)
    assert (await peer.answer()).fields[:3] == [(b"x-0", b"0"), (b"x-1", b"1"), (b"x-2", b"2")]


async def test_headers_keep_order_and_repetition(stage: Stage) -> None:
    headers = [(b"set-cookie", b"a=1"), (b"x", b"\xe9"), (b"set-cookie", b"b=2"), (b"empty", b"")]
    peer = await ask(stage, script({**START, "headers": headers}, END))
    assert (await peer.answer()).fields[:4] == headers


# --- wrong orders -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        pytest.param([END], "Expected ASGI message 'http.response.start', but got 'http.response.body'.", id="body"),
        pytest.param([TRAILERS], "Expected ASGI message 'http.response.start'", id="trailers"),
        pytest.param([{"type": "x"}], "Expected ASGI message 'http.response.start', but got 'x'.", id="unknown"),
        pytest.param([{"type": "websocket.accept"}], "Expected ASGI message 'http.response.start'", id="websocket"),
        pytest.param([{"type": "http.response.debug"}], "Expected ASGI message 'http.response.start'", id="debug"),
        pytest.param([{"type": "http.response.pathsend", "path": "/"}], "Expected ASGI message", id="pathsend"),
        pytest.param([{"type": None}], "An ASGI message must have a 'type' that is a str, got None.", id="none"),
    ],
)
async def test_wrong_first_message(stage: Stage, messages: list[Any], words: str) -> None:
    caught: list[Exception] = []
    peer = await ask(stage, script(*messages, START, END, caught=caught))
    assert (await peer.answer()).body == b"ok"
    (error,) = caught
    assert isinstance(error, LocalProtocolError)
    assert words in str(error)


@pytest.mark.parametrize("wrong", [START, TRAILERS, {"type": "x"}], ids=["start", "trailers", "unknown"])
async def test_wrong_message_after_the_start(stage: Stage, wrong: Any) -> None:
    caught: list[Exception] = []
    peer = await ask(stage, script(START, wrong, PIECE, wrong, LAST, caught=caught))
    assert (await peer.answer()).body == b"ok"
    assert len(caught) == 2
    for error in caught:
        assert str(error) == f"Expected ASGI message 'http.response.body', but got {wrong['type']!r}."


@pytest.mark.parametrize("late", [START, END, TRAILERS, {"type": "x"}], ids=["start", "body", "trailers", "unknown"])
async def test_message_after_the_end(stage: Stage, late: Any) -> None:
    caught: list[Exception] = []
    peer = await ask(stage, script(START, END, late, caught=caught))
    assert (await peer.answer()).body == b"ok"
    await stage.until(lambda: bool(caught))
    assert str(caught[0]) == f"Unexpected ASGI message {late['type']!r} sent, after response already completed."
    peer.send(GET)
    assert (await peer.answer()).body == b"ok"


# --- wrong messages -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({}, id="no-type"),
        pytest.param(None, id="none"),
        pytest.param("http.response.start", id="a-string"),
        pytest.param({"type": "http.response.start"}, id="no-status"),
        pytest.param({**START, "status": "200"}, id="status-is-str"),
        pytest.param({**START, "status": 200.0}, id="status-is-float"),
        pytest.param({**START, "status": None}, id="status-is-none"),
        pytest.param({**START, "status": True}, id="status-is-bool"),
        pytest.param({**START, "status": 0}, id="status-0"),
        pytest.param({**START, "status": -200}, id="status-negative"),
        pytest.param({**START, "status": 99}, id="status-99"),
        pytest.param({**START, "status": 100}, id="status-100"),
        pytest.param({**START, "status": 101}, id="status-101"),
        pytest.param({**START, "status": 600}, id="status-600"),
        pytest.param({**START, "status": 2**70}, id="status-huge"),
        pytest.param({**START, "headers": 5}, id="headers-int"),
        pytest.param({**START, "headers": [5]}, id="header-int"),
        pytest.param({**START, "headers": [(b"a",)]}, id="header-of-one"),
        pytest.param({**START, "headers": [(b"a", b"b", b"c")]}, id="header-of-three"),
        pytest.param({**START, "headers": {b"name": b"value"}}, id="headers-dict"),
        pytest.param({**START, "headers": [("a", b"b")]}, id="name-is-str"),
        pytest.param({**START, "headers": [(b"a", "b")]}, id="value-is-str"),
        pytest.param({**START, "headers": [("a", "b")]}, id="both-are-str"),
        pytest.param({**START, "headers": [(b"a", 5)]}, id="value-is-int"),
        pytest.param({**START, "headers": [(b"a", None)]}, id="value-is-none"),
        pytest.param({**START, "headers": [(b"content-length", b"x")]}, id="length-no-number"),
        pytest.param({**START, "headers": [(b"content-length", b"-1")]}, id="length-negative"),
        pytest.param({**START, "headers": [(b"content-length", b"1, 1")]}, id="length-list"),
        pytest.param({**START, "headers": [(b"content-length", b"")]}, id="length-empty"),
        pytest.param({**START, "headers": [(b"content-length", b"1"), (b"Content-Length", b"2")]}, id="two-lengths"),
    ],
)
async def test_wrong_start_raises_and_leaves_the_way_free(stage: Stage, wrong: Any) -> None:
    caught: list[Exception] = []
    peer = await ask(stage, script(wrong, START, END, caught=caught))
    answer = await peer.answer()
    assert (answer.status, answer.body) == (200, b"ok")
    assert (b"content-length", b"2") in answer.fields
    (error,) = caught
    assert isinstance(error, FAULTS)
    assert str(error)


@pytest.mark.parametrize("body", ["text", 5, None, [b"a"], {}], ids=["str", "int", "none", "list", "dict"])
async def test_body_that_is_not_bytes(stage: Stage, body: Any) -> None:
    caught: list[Exception] = []
    peer = await ask(stage, script(START, {"type": "http.response.body", "body": body}, END, caught=caught))
    assert (await peer.answer()).body == b"ok"
    (error,) = caught
    assert isinstance(error, LocalProtocolError)
    assert type(body).__name__ in str(error)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param(b"x", b"1\r\nset-cookie: a=b", id="crlf-in-value"),
        pytest.param(b"x", b"1\nset-cookie: a=b", id="lf-in-value"),
        pytest.param(b"x", b"1\r", id="cr-in-value"),
        pytest.param(b"x", b"a\x00b", id="nul-in-value"),
        pytest.param(b"x", b"1\r\n\r\n<html>", id="whole-answer-in-value"),
        pytest.param(b"x: 1\r\nset-cookie", b"a=b", id="crlf-in-name"),
        pytest.param(b"x\n", b"1", id="lf-in-name"),
        pytest.param(b"x\x00", b"1", id="nul-in-name"),
        pytest.param(b"x:", b"1", id="colon-in-name"),
        pytest.param(b"x y", b"1", id="space-in-name"),
        pytest.param(b"", b"1", id="no-name"),
        pytest.param(b"\xe9", b"1", id="name-not-ascii"),
        pytest.param(b":status", b"200", id="pseudo-header"),
    ],
)
async def test_injection_reaches_no_wire(stage: Stage, name: bytes, value: bytes) -> None:
    caught: list[Exception] = []
    peer = await ask(stage, script({**START, "headers": [(name, value)]}, START, END, caught=caught))
    answer = await peer.answer()
    assert answer.fields == [(b"content-length", b"2")]
    assert answer.body == b"ok"
    assert isinstance(caught[0], LocalProtocolError)


async def test_uncaught_wrong_message_is_a_failure_of_the_application(stage: Stage) -> None:
    peer = await ask(stage, script(END))
    assert (await peer.answer()).status == 500
    (record,) = stage.take_log()
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], LocalProtocolError)
