"""The application that faulty clients ask, chosen by path; it counts itself, and what it left behind.

    /            a small answer, at once
    /slow        a small answer after a few milliseconds
    /census      JSON: application calls, tasks, descriptors, objects of the server that are alive; not counted
    /answered    how many answers were given; not counted
    /endless     64 KiB pieces for as long as `send` lets it
    /fresh       the same, each piece made anew
    /block       8 MiB in one message
    /stuck       one piece, then nothing
    /unread      never receives; answers when /release is asked
    /refuse      never receives; answers at once
    /digest      reads the body and answers how long it was

and, to WebSockets,

    /            an echo
    /endless     64 KiB messages for as long as `send` lets it
    /stuck       accepts, then nothing

When the lifespan ends it prints how many answers it gave, and to how many requests.
"""

import asyncio
import gc
import json
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

__all__ = ["app"]

Scope = dict[str, Any]
PIECE = b"x" * 65536
BLOCK = b"x" * (8 * 1024 * 1024)
COUNTS = {"begun": 0, "ended": 0, "answered": 0}
UNCOUNTED = ("/census", "/answered")
RELEASE = asyncio.Event()


async def app(scope: Scope, receive: Any, send: Any) -> None:
    """Serve lifespan, HTTP and WebSocket."""
    if scope["type"] == "lifespan":
        await agree(receive, send)
        return
    if scope["path"] in UNCOUNTED:
        await PATHS[scope["path"]](scope, receive, send)
        return
    paths = SOCKETS if scope["type"] == "websocket" else PATHS
    COUNTS["begun"] += 1
    try:
        await paths[scope["path"]](scope, receive, send)
        COUNTS["answered"] += 1
    finally:
        COUNTS["ended"] += 1


async def agree(receive: Any, send: Any) -> None:
    """Take part in the lifespan; say at its end what was done."""
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    print(f"app: answered {COUNTS['answered']} of {COUNTS['begun']}", file=sys.stderr, flush=True)
    await send({"type": "lifespan.shutdown.complete"})


async def answer(send: Any, body: bytes) -> None:
    """Send a small answer."""
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def say_hello(scope: Scope, receive: Any, send: Any) -> None:
    """Answer at once."""
    await answer(send, b"Hello, world!")


async def say_hello_slowly(scope: Scope, receive: Any, send: Any) -> None:
    """Answer after a few milliseconds."""
    await asyncio.sleep(0.005)
    await answer(send, b"Hello, world!")


async def show_census(scope: Scope, receive: Any, send: Any) -> None:
    """Answer what is alive, what this request needs included."""
    gc.collect()
    # Some classes of extension modules have no string there.
    ours = [found for found in gc.get_objects() if str(type(found).__module__).startswith("licorne")]
    census = {
        "calls": COUNTS["begun"] - COUNTS["ended"],
        "tasks": len(asyncio.all_tasks()),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "objects": len(ours),
    }
    await answer(send, json.dumps(census).encode())


async def show_answered(scope: Scope, receive: Any, send: Any) -> None:
    """Answer how many answers were given."""
    await answer(send, str(COUNTS["answered"]).encode())


async def stream_endless(scope: Scope, receive: Any, send: Any) -> None:
    """Send until `send` raises."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    while True:
        await send({"type": "http.response.body", "body": PIECE, "more_body": True})
        await asyncio.sleep(0)


async def stream_fresh(scope: Scope, receive: Any, send: Any) -> None:
    """Send until `send` raises; what waits somewhere is not shared."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    while True:
        await send({"type": "http.response.body", "body": os.urandom(4096) * 16, "more_body": True})
        await asyncio.sleep(0)


async def send_block(scope: Scope, receive: Any, send: Any) -> None:
    """Send one large message."""
    await answer(send, BLOCK)


async def stay_stuck(scope: Scope, receive: Any, send: Any) -> None:
    """Begin an answer and never end it; never look whether the client is there."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": PIECE, "more_body": True})
    await asyncio.Event().wait()


async def leave_unread(scope: Scope, receive: Any, send: Any) -> None:
    """Answer when told to, without having received."""
    await RELEASE.wait()
    RELEASE.clear()
    await answer(send, b"not read")


async def release(scope: Scope, receive: Any, send: Any) -> None:
    """Let `leave_unread` answer."""
    RELEASE.set()
    await answer(send, b"released")


async def refuse(scope: Scope, receive: Any, send: Any) -> None:
    """Answer at once, without receiving."""
    await answer(send, b"refused")


async def digest(scope: Scope, receive: Any, send: Any) -> None:
    """Read to the end, keeping nothing."""
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size += len(message["body"])
        more = message["more_body"]
    await answer(send, str(size).encode())


async def echo(scope: Scope, receive: Any, send: Any) -> None:
    """Send every message back."""
    await accept(receive, send)
    while (message := await receive())["type"] == "websocket.receive":
        await send({**message, "type": "websocket.send"})


async def send_endlessly(scope: Scope, receive: Any, send: Any) -> None:
    """Send messages until `send` raises."""
    await accept(receive, send)
    while True:
        await send({"type": "websocket.send", "bytes": PIECE})


async def say_nothing(scope: Scope, receive: Any, send: Any) -> None:
    """Accept; never look whether the client is there."""
    await accept(receive, send)
    await asyncio.Event().wait()


async def accept(receive: Any, send: Any) -> None:
    """Take the WebSocket that is offered."""
    assert (await receive())["type"] == "websocket.connect"
    await send({"type": "websocket.accept"})


Paths = dict[str, Callable[[Scope, Any, Any], Awaitable[None]]]
PATHS: Paths = {
    "/": say_hello,
    "/slow": say_hello_slowly,
    "/census": show_census,
    "/answered": show_answered,
    "/endless": stream_endless,
    "/fresh": stream_fresh,
    "/block": send_block,
    "/stuck": stay_stuck,
    "/unread": leave_unread,
    "/release": release,
    "/refuse": refuse,
    "/digest": digest,
}
SOCKETS: Paths = {
    "/": echo,
    "/endless": send_endlessly,
    "/stuck": say_nothing,
}
