"""Push an event each second to any number of browsers: `licorne --app-dir examples server_sent_events:app`."""

import asyncio
import time
from typing import Any

PAGE = b"""<!doctype html><title>Server-sent events</title><h1 id="time"></h1>
<script>
new EventSource("/events").onmessage = event => document.getElementById("time").textContent = event.data
</script>
"""


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Serve the page, and the events that it listens to."""
    if scope["type"] != "http":
        raise RuntimeError(f"this application does not speak {scope['type']}")
    if scope["path"] != "/events":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
        await send({"type": "http.response.body", "body": PAGE})
        return
    headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    try:
        while True:
            event = f"data: {time.strftime('%H:%M:%S')}\n\n".encode()
            await send({"type": "http.response.body", "body": event, "more_body": True})
            await asyncio.sleep(1)
    except OSError:
        return  # the client left: send() says so with licorne.ClientDisconnected, an OSError
