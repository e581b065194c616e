"""A chat room for any number of browsers: `licorne --app-dir examples websocket_chat:app`.

What is said waits in a queue for each member, so that one who reads slowly, or not at all, delays nobody else.
"""

import asyncio
import contextlib
from typing import Any

PAGE = b"""<!doctype html><meta charset="utf-8"><title>Chat</title>
<form><input name="line" placeholder="Say something" autocomplete="off" autofocus></form><ul id="lines"></ul>
<script>
const socket = new WebSocket(location.protocol.replace("http", "ws") + "//" + location.host + "/room")
const form = document.forms[0], lines = document.getElementById("lines")
socket.onmessage = event => {
  const item = document.createElement("li")
  item.textContent = event.data
  lines.prepend(item)
}
form.onsubmit = event => { event.preventDefault(); socket.send(form.line.value); form.reset() }
</script>"""
MAX_WAITING_LINES = 100
ROOM: set[asyncio.Queue[str]] = set()


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Serve the page, and the WebSocket that it opens."""
    if scope["type"] == "websocket":
        await be_member(receive, send)
    elif scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
        await send({"type": "http.response.body", "body": PAGE})
    else:
        raise RuntimeError(f"this application does not speak {scope['type']}")


async def be_member(receive: Any, send: Any) -> None:
    """Tell the room what one member says, and that member what is said in the room."""
    await receive()  # websocket.connect
    await send({"type": "websocket.accept"})
    waiting: asyncio.Queue[str] = asyncio.Queue(MAX_WAITING_LINES)
    ROOM.add(waiting)
    passing = asyncio.create_task(pass_on(waiting, send))
    try:
        while (message := await receive())["type"] == "websocket.receive":
            for queue in ROOM:
                if not queue.full():  # a member that is so far behind misses lines
                    queue.put_nowait(message.get("text") or "")
    finally:
        ROOM.discard(waiting)
        passing.cancel()


async def pass_on(waiting: asyncio.Queue[str], send: Any) -> None:
    """Send what waits, as fast as the client takes it, until the client has left (licorne.ClientDisconnected)."""
    with contextlib.suppress(OSError):
        while True:
            await send({"type": "websocket.send", "text": await waiting.get()})
