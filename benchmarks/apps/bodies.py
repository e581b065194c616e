"""Bodies in and out: `upload` reads a whole one, `stream` sends twenty chunks, `large` 1 MiB, `download` 100 MiB."""

from typing import Any

PLAIN = (b"content-type", b"text/plain; charset=utf-8")
BINARY = (b"content-type", b"application/octet-stream")

CHUNKS = 20
CHUNK = b"data: " + b"x" * 120 + b"\n\n"
BODY = b"x" * (1024 * 1024)
# As Starlette reads a file.
PART = b"x" * (64 * 1024)
PARTS = 1600
BODY_HEADERS = [BINARY, (b"content-length", str(len(BODY)).encode())]


async def upload(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Read the whole body, then answer with its length."""
    assert scope["type"] == "http"
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            break
    answer = str(len(b"".join(parts))).encode()
    headers = [PLAIN, (b"content-length", str(len(answer)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


async def stream(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Send twenty chunks, and the end apart, as StreamingResponse does."""
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": [PLAIN]})
    for _ in range(CHUNKS):
        await send({"type": "http.response.body", "body": CHUNK, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def large(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Send 1 MiB whose length is known."""
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": BODY_HEADERS})
    await send({"type": "http.response.body", "body": BODY})


async def download(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Send 100 MiB whose length is known, in messages as those of a file."""
    assert scope["type"] == "http"
    headers = [BINARY, (b"content-length", str(len(PART) * PARTS).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for _ in range(PARTS):
        await send({"type": "http.response.body", "body": PART, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
