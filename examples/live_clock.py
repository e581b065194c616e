"""A page with a clock that the server sets each second: `licorne --app-dir examples live_clock:app`."""

import asyncio
import time
from typing import Any

PAGE = b"""<!doctype html><meta charset="utf-8"><title>Live clock</title><h1 id="clock">not connected</h1>
<script>
const clock = document.getElementById("clock")
const socket = new WebSocket(location.protocol.replace("http", "ws") + "//" + location.host + "/time")
socket.onmessage = event => { clock.textContent = event.data }
socket.onclose = event => { clock.textContent = "closed: " + event.code }
</script>"""


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Serve the page, and push the time into the WebSocket that it opens."""
    if scope["type"] == "websocket":
        await receive()  # websocket.connect
        await send({"type": "websocket.accept"})
        await push_time(asyncio.create_task(disconnected(receive)), send)
    elif scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
        await send({"type": "http.response.body", "body": PAGE})
    else:
        raise RuntimeError(f"this application does not speak {scope['type']}")


async def push_time(leaving: asyncio.Task[None], send: Any) -> None:
    """Send the time each second until the client has left or the server stops."""
    try:
        while not leaving.done():
            await send({"type": "websocket.send", "text": time.strftime("%H:%M:%S")})
            await asyncio.wait({leaving}, timeout=1)
    except OSError:
        return  # the client has left: send() says so with licorne.ClientDisconnected, an OSError
    finally:
        leaving.cancel()


async def disconnected(receive: Any) -> None:
    """Return when the WebSocket is closed; until then, read and forget what the client says."""
    while (await receive())["type"] != "websocket.disconnect":
        pass
