"""The application that the fault programs torment, chosen by path.

    /          a small answer, at once
    /census    JSON: tasks, running application calls, calls begun and ended, bytes sent
    /endless   64 KiB chunks for as long as `send` lets it
    /fresh     the same, each made anew
    /block     16 MiB in one message
    /stuck     one chunk, then nothing for an hour
    /unread    never receives; answers after `?seconds`
    /drain     reads the whole body and answers how long it was; /digest as well
    /worker    the number of the process
    /slow      a small answer after 50 ms

and, to WebSockets,

    /          an echo
    /gibibyte  1 GiB in messages of 64 KiB, as fast as `send` lets it; then the end
    /stuck     accepts, then nothing for an hour

At lifespan shutdown the census is written to the file that FAULTS_CENSUS names, if it does.
"""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

CHUNK = b"x" * 65536
GIBIBYTE = 1024 * 1024 * 1024
BLOCK = b"x" * (16 * 1024 * 1024)
COUNTS = {"begun": 0, "ended": 0, "answered": 0, "bytes_sent": 0}


def census() -> dict[str, int]:
    """Count what is alive."""
    running = COUNTS["begun"] - COUNTS["ended"]
    return {"tasks": len(asyncio.all_tasks()), "running": running, **COUNTS}


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Serve lifespan, HTTP and WebSockets."""
    if scope["type"] == "lifespan":
        return await lifespan(receive, send)
    paths = {"http": PATHS, "websocket": SOCKETS}[scope["type"]]
    COUNTS["begun"] += 1
    try:
        await paths[scope["path"]](scope, receive, send)
        COUNTS["answered"] += 1
    finally:
        COUNTS["ended"] += 1


async def lifespan(receive: Any, send: Any) -> None:
    """Agree to everything; leave the census behind."""
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    if path := os.environ.get("FAULTS_CENSUS"):
        Path(path).write_text(json.dumps(COUNTS))
    await send({"type": "lifespan.shutdown.complete"})


async def answer(send: Any, body: bytes) -> None:
    """Send a small answer."""
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def show_hello(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer at once."""
    await answer(send, b"Hello, world!")


async def show_worker(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer who answers."""
    await answer(send, b"%d" % os.getpid())


async def show_census(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer the census."""
    await answer(send, json.dumps(census()).encode())


async def stream_endless(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Send until `send` raises or this call is cancelled."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    while True:
        await send({"type": "http.response.body", "body": CHUNK, "more_body": True})
        COUNTS["bytes_sent"] += len(CHUNK)
        # Servers whose `send` does nothing for a client that left would never yield.
        await asyncio.sleep(0)


async def stream_fresh(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Send until `send` raises or this call is cancelled; what waits somewhere is not shared."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    while True:
        await send({"type": "http.response.body", "body": os.urandom(4096) * 16, "more_body": True})
        COUNTS["bytes_sent"] += len(CHUNK)
        await asyncio.sleep(0)


async def send_block(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Send one large message."""
    headers = [(b"content-length", str(len(BLOCK)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": BLOCK})


async def stay_stuck(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Begin an answer and never end it; never look whether the client is there."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": CHUNK, "more_body": True})
    await asyncio.sleep(3600)


async def leave_unread(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer without ever receiving."""
    await asyncio.sleep(float(scope["query_string"] or b"0"))
    await answer(send, b"not read")


async def drain(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Read to the end, keeping nothing."""
    length = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        length += len(message.get("body", b""))
        if not message.get("more_body"):
            break
    await answer(send, str(length).encode())


async def show_slowly(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer after a while."""
    await asyncio.sleep(0.05)
    await answer(send, b"Hello, world!")


async def echo(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Send back what comes."""
    await accept(receive, send)
    while (message := await receive())["type"] == "websocket.receive":
        kind = "text" if message.get("text") is not None else "bytes"
        await send({"type": "websocket.send", kind: message[kind]})


async def send_gibibyte(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Send until all is sent, `send` raises or this call is cancelled."""
    await accept(receive, send)
    for _ in range(GIBIBYTE // len(CHUNK)):
        await send({"type": "websocket.send", "bytes": CHUNK})
        COUNTS["bytes_sent"] += len(CHUNK)
        # Servers whose `send` does nothing for a client that left would never yield.
        await asyncio.sleep(0)


async def stay_silent(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Accept; never look whether the client is there."""
    await accept(receive, send)
    await asyncio.sleep(3600)


async def accept(receive: Any, send: Any) -> None:
    """Take the WebSocket that is offered."""
    await receive()
    await send({"type": "websocket.accept"})


Paths = dict[str, Callable[[dict[str, Any], Any, Any], Awaitable[None]]]
PATHS: Paths = {
    "/": show_hello,
    "/census": show_census,
    "/worker": show_worker,
    "/endless": stream_endless,
    "/fresh": stream_fresh,
    "/block": send_block,
    "/stuck": stay_stuck,
    "/unread": leave_unread,
    "/digest": drain,
    "/drain": drain,
    "/slow": show_slowly,
}
SOCKETS: Paths = {
    "/": echo,
    "/gibibyte": send_gibibyte,
    "/stuck": stay_silent,
}
