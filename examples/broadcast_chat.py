"""A chat room for browsers at any number of servers: `licorne --app-dir examples broadcast_chat:app --workers 4`.

BROADCAST_URL says what carries the lines between them: workers:// (unless it is set), memory://, or redis://localhost.
"""

import os
from typing import Any

from licorne.broadcast import Broadcast, BroadcastUnavailable

PAGE = b"""<!doctype html><meta charset="utf-8"><title>Chat</title>
<form><input name="line" placeholder="Say something" autocomplete="off" autofocus></form><ul id="lines"></ul>
<script>
const form = document.forms[0], lines = document.getElementById("lines")
let socket
function join() {
  socket = new WebSocket(location.protocol.replace("http", "ws") + "//" + location.host + "/room")
  socket.onmessage = event => {
    const item = document.createElement("li")
    item.textContent = event.data
    lines.prepend(item)
  }
  socket.onclose = () => setTimeout(join, 1000)
}
form.onsubmit = event => { event.preventDefault(); socket.send(form.line.value); form.reset() }
join()
</script>"""
BROADCAST = Broadcast(os.environ.get("BROADCAST_URL", "workers://"))


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
    async with BROADCAST.member(send) as member:
        await member.add("room")
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            try:
                await member.send("room", message.get("text") or "")
            except BroadcastUnavailable:
                await send({"type": "websocket.send", "text": "(not sent: please try again)"})
