"""What the cases ask: `/` answers when it has read the whole body, `/now` without receiving, `/large` with 64 KiB.

`hasty` never receives: what is wrong with a request comes when its answer has left.
"""

from typing import Any

__all__ = ["app", "hasty"]

BODY = b"Hello, world!"
LARGE = b"0123456789abcdef" * 4096


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Serve HTTP alone."""
    assert scope["type"] == "http"
    is_asked_to_read = scope["path"] != "/now"
    while is_asked_to_read:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        is_asked_to_read = message["more_body"]
    await answer(scope, send)


async def hasty(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Serve HTTP alone, at once."""
    assert scope["type"] == "http"
    await answer(scope, send)


async def answer(scope: dict[str, Any], send: Any) -> None:
    """Send the answer to a path."""
    body = LARGE if scope["path"] == "/large" else BODY
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
