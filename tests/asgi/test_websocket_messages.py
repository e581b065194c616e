"""What an application may send to a WebSocket, and when; everything else raises and says what was expected."""

import re
from typing import Any

import pytest

from licorne.errors import LocalProtocolError
from tests.support.stage import Receive, Scope, Send, Stage
from tests.support.websocket import WebSocketClient, asking

IS_FOR_HTTP2 = True

ACCEPTED = {"type": "websocket.accept"}
TEXT = {"type": "websocket.send", "text": "x"}
CLOSE = {"type": "websocket.close"}
DENY = {"type": "websocket.http.response.start", "status": 401}
DENY_PART = {"type": "websocket.http.response.body", "body": b"x", "more_body": True}
DENY_END = {"type": "websocket.http.response.body"}


async def error_of(stage: Stage, *messages: dict[str, Any]) -> Exception:
    """Return what the last of some messages raises; the others are good."""
    caught: list[Exception] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        for message in messages[:-1]:
            await send(message)
        try:
            await send(messages[-1])
        except Exception as error:
            caught.append(error)

    await WebSocketClient.connect(stage, app, asking("/", "Sec-WebSocket-Protocol: a, b"))
    await stage.until(lambda: bool(caught))
    await stage.until(lambda: not stage.running())
    stage.take_log()
    (error,) = caught
    return error


async def fault_of(stage: Stage, *messages: dict[str, Any]) -> str:
    """Return what is said of the last of some messages; the others are good."""
    error = await error_of(stage, *messages)
    assert type(error) is LocalProtocolError
    assert isinstance(error, RuntimeError)
    return str(error)


FIRST = (
    "Expected ASGI message 'websocket.accept', 'websocket.close' or 'websocket.http.response.start' "
    "but got 'websocket.send'."
)


@pytest.mark.parametrize(
    ("messages", "problem"),
    [
        ((TEXT,), FIRST),
        ((DENY_END,), FIRST.replace("websocket.send", "websocket.http.response.body")),
        (
            (ACCEPTED, ACCEPTED),
            "Expected ASGI message 'websocket.send' or 'websocket.close', but got 'websocket.accept'.",
        ),
        ((ACCEPTED, DENY), "Expected ASGI message 'websocket.send' or 'websocket.close', but got '…'."),
        ((DENY, ACCEPTED), "Expected ASGI message 'websocket.http.response.body', but got 'websocket.accept'."),
        ((DENY, DENY_PART, CLOSE), "Expected ASGI message 'websocket.http.response.body', but got 'websocket.close'."),
        ((DENY, DENY_END, DENY_END), "Unexpected ASGI message '…' sent, after response already completed."),
        ((CLOSE, ACCEPTED), "Unexpected ASGI message '…' sent, after response already completed."),
        (({"type": "websocket.banana"},), FIRST.replace("websocket.send", "websocket.banana")),
        (({},), "An ASGI message must have a 'type' that is a str, got None."),
    ],
)
async def test_message_out_of_order_says_what_was_expected(
    stage: Stage, messages: tuple[dict[str, Any], ...], problem: str
) -> None:
    assert matches(await fault_of(stage, *messages), problem)


@pytest.mark.parametrize("message", [TEXT, CLOSE])
async def test_sending_after_the_own_close_raises_an_os_error_that_is_a_runtime_error_too(
    stage: Stage, message: dict[str, Any]
) -> None:
    error = await error_of(stage, ACCEPTED, CLOSE, message)
    assert isinstance(error, OSError)
    assert isinstance(error, RuntimeError)
    assert str(error) == f"Unexpected ASGI message {message['type']!r}, after sending 'websocket.close'."


@pytest.mark.parametrize(
    ("keys", "given"),
    [
        ({}, "text: NoneType, bytes: NoneType"),
        ({"text": "x", "bytes": b"x"}, "text: str, bytes: bytes"),
        ({"text": "", "bytes": b""}, "text: str, bytes: bytes"),
        ({"text": b"x"}, "text: bytes, bytes: NoneType"),
        ({"bytes": "x"}, "text: NoneType, bytes: str"),
        ({"text": 5}, "text: int, bytes: NoneType"),
    ],
)
async def test_send_has_exactly_one_of_text_and_bytes(stage: Stage, keys: dict[str, Any], given: str) -> None:
    problem = await fault_of(stage, ACCEPTED, {"type": "websocket.send", **keys})
    assert problem == f"'websocket.send' must have either 'text' as str or 'bytes' as bytes, got {given}."


async def test_text_must_be_utf_8(stage: Stage) -> None:
    problem = await fault_of(stage, ACCEPTED, {"type": "websocket.send", "text": "\ud800"})
    assert problem == "The text of a message cannot be encoded: it holds a lone surrogate."


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, -1, "1000", 1000.0, b"x"])
@pytest.mark.parametrize("first", [(), (ACCEPTED,)], ids=["before", "after"])
async def test_code_of_a_close_must_be_one_that_may_be_sent(stage: Stage, code: object, first: tuple[Any]) -> None:
    problem = await fault_of(stage, *first, {**CLOSE, "code": code})
    expected = "an int of 1000-1003, 1007-1014 or 3000-4999"
    assert problem == f"The code of 'websocket.close' must be {expected}, got {code!r}."


@pytest.mark.parametrize(
    ("reason", "problem"),
    [
        ("ü" * 62, "must have at most 123 bytes as UTF-8, got 124."),
        (b"x", "must be a str, got bytes."),
        (5, "must be a str, got int."),
        ("\ud800", "cannot be UTF-8: surrogates not allowed."),
    ],
)
async def test_reason_of_a_close_is_a_short_text(stage: Stage, reason: object, problem: str) -> None:
    assert await fault_of(stage, ACCEPTED, {**CLOSE, "reason": reason}) == f"The reason of 'websocket.close' {problem}"


@pytest.mark.parametrize("subprotocol", ["c", "A", 5, b"a"])
async def test_subprotocol_must_be_one_that_the_client_offered(stage: Stage, subprotocol: object) -> None:
    problem = await fault_of(stage, {**ACCEPTED, "subprotocol": subprotocol})
    assert problem == f"The subprotocol {subprotocol!r} was not offered; the client offers ['a', 'b']."


@pytest.mark.parametrize(
    ("field", "problem"),
    [
        ((b"Sec-WebSocket-Protocol", b"a"), "'websocket.accept' must not have the header b'Sec-WebSocket-Protocol', …"),
        ((b"sec-websocket-accept", b"a"), "'websocket.accept' must not have the header b'sec-websocket-accept', …"),
        ((b":status", b"200"), "Invalid HTTP header name: b':status'."),
        ((b"a b", b"c"), "Invalid HTTP header name: b'a b'."),
        ((b"a", b"b\r\nc: d"), "Invalid HTTP header value: …"),
        (("a", "b"), "A header must be a pair of bytes, got ('a', 'b')."),
    ],
)
async def test_headers_of_accept_are_checked(stage: Stage, field: Any, problem: str) -> None:
    assert matches(await fault_of(stage, {**ACCEPTED, "headers": [field]}), problem)


@pytest.mark.parametrize("status", [None, 99, 101, 600, "401"])
async def test_status_of_a_denial_is_checked(stage: Stage, status: object) -> None:
    problem = await fault_of(stage, {**DENY, "status": status})
    assert problem == f"The response status must be an integer from 200 to 599, got {status!r}."


async def test_body_of_a_denial_must_be_bytes(stage: Stage) -> None:
    assert await fault_of(stage, DENY, {**DENY_END, "body": "x"}) == "The body of a response must be bytes, got str."


def matches(text: str, pattern: str) -> bool:
    """Tell whether a text is a pattern in which "…" stands for anything."""
    return re.fullmatch(re.escape(pattern).replace("…", ".*"), text, re.DOTALL) is not None
