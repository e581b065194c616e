"""Send a body in pieces, and read one in pieces: `licorne --app-dir examples stream:app`.

curl -N http://127.0.0.1:8000/                     ten lines, one each half second
curl -T some-file http://127.0.0.1:8000/           says how many bytes arrived, however many they are
"""

import asyncio
from typing import Any

LINES = 10
PAUSE_SECONDS = 0.5


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Count what a PUT or POST brings; stream lines to everyone else."""
    if scope["type"] != "http":
        raise RuntimeError(f"this application does not speak {scope['type']}")
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    if scope["method"] in ("POST", "PUT"):
        size = await count_body(receive)
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"%d bytes\n" % size})
        return
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for number in range(1, LINES + 1):
        await send({"type": "http.response.body", "body": b"line %d\n" % number, "more_body": True})
        await asyncio.sleep(PAUSE_SECONDS)
    await send({"type": "http.response.body"})


async def count_body(receive: Any) -> int:
    """Read the whole body, holding one piece at a time: the server reads no faster than this does."""
    size = 0
    while (message := await receive())["type"] == "http.request":
        size += len(message["body"])
        if not message["more_body"]:
            break
    return size
