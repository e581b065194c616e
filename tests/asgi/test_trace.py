"""The trace of what passes between an application and the server."""

import asyncio
import logging
from typing import Any

import pytest

from licorne.asgi.trace import TRACE_LEVEL, Trace

LOGGER = logging.getLogger("tests.trace")


async def app(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"set-cookie", b"secret")]})
    await send({"type": "http.response.body", "body": b"secret"})


async def failing(scope: Any, receive: Any, send: Any) -> None:
    raise ValueError("boom")


async def receive() -> dict[str, Any]:
    return {"type": "http.request", "body": b"secret", "more_body": False}


async def send(message: dict[str, Any]) -> None: ...


def trace(traced: Any, scope: dict[str, Any], caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the lines of a call."""
    caplog.set_level(TRACE_LEVEL, LOGGER.name)
    asyncio.run(Trace(traced, LOGGER)(scope, receive, send))
    return caplog.messages


def test_a_trace_shows_every_message_without_bodies_and_headers(caplog: pytest.LogCaptureFixture) -> None:
    scope = {"type": "http", "path": "/", "headers": [(b"cookie", b"secret")], "client": ("192.0.2.1", 5)}
    assert trace(app, scope, caplog) == [
        f"192.0.2.1:5 - ASGI [1] Started scope={ {**scope, 'headers': '<...>'} }",
        "192.0.2.1:5 - ASGI [1] Receive {'type': 'http.request', 'body': '<6 bytes>', 'more_body': False}",
        "192.0.2.1:5 - ASGI [1] Send {'type': 'http.response.start', 'status': 200, 'headers': '<...>'}",
        "192.0.2.1:5 - ASGI [1] Send {'type': 'http.response.body', 'body': '<6 bytes>'}",
        "192.0.2.1:5 - ASGI [1] Completed",
    ]


def test_a_trace_shows_what_is_raised_and_raises_it(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ValueError, match="boom"):
        trace(failing, {"type": "lifespan"}, caplog)
    assert caplog.messages[-1] == "ASGI [1] Raised ValueError"


def test_calls_are_numbered(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(TRACE_LEVEL, LOGGER.name)
    traced = Trace(app, LOGGER)
    for _ in range(2):
        asyncio.run(traced({"type": "http"}, receive, send))
    assert [line.split("]")[0] for line in caplog.messages if "Completed" in line] == ["ASGI [1", "ASGI [2"]
