"""Applications for the tests of broadcasts, which servers in other processes import."""

import os
from typing import Any

from licorne.broadcast import Broadcast

BROADCAST = Broadcast(os.environ.get("BROADCAST_URL", "workers://"))
#: The same groups by another object, where the back-end has more than one object.
OTHER = Broadcast(os.environ.get("BROADCAST_URL", "workers://"))


async def rooms(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Join the room that the path names; say there what comes; `!N` floods it with N messages of 1 KiB."""
    if scope["type"] != "websocket":
        await answer(scope, send)
        return
    room = scope["path"]
    await receive()
    async with BROADCAST.member(send, max_queue=100_000) as member:
        await member.add(room)
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": f"pid {os.getpid()}"})
        while (message := await receive())["type"] == "websocket.receive":
            text = message.get("text") or ""
            if text.startswith("!"):
                await flood(room, int(text[1:]))
                await send({"type": "websocket.send", "text": "flooded"})
            else:
                await OTHER.publish(room, text or message["bytes"])


async def flood(room: str, count: int) -> None:
    """Publish many messages in another room."""
    for _ in range(count):
        await BROADCAST.publish(f"{room}/flood", "x" * 1024)


async def answer(scope: dict[str, Any], send: Any) -> None:
    """Say which process it is."""
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(os.getpid()).encode()})
