"""Push an event each second to any number of browsers: `licorne --app-dir examples server_sent_events:app`."""

import asyncio
import time
from typing import Any

PAGE = b"""<!doctype html><title>Server-sent events</title><h1 id="time"></h1><script>
new EventSource("/events").onmessage = event => document.getElementById("time").textContent = event.data
</script>"""


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Serve the page, and the events that it listens to, until the client leaves or the server wants to stop."""
    if scope["type"] != "http":
        raise RuntimeError(f"this application does not speak {scope['type']}")
    if scope["path"] != "/events":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
        await send({"type": "http.response.body", "body": PAGE})
        return
    leaving = asyncio.create_task(disconnected(receive))
    try:
        headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        while not leaving.done():
            event = f"data: {time.strftime('%H:%M:%S')}\n\n".encode()
            await send({"type": "http.response.body", "body": event, "more_body": True})
            await asyncio.wait({leaving}, timeout=1)
        await send({"type": "http.response.body"})
    except OSError:
        return  # the client has left: send() says so with licorne.ClientDisconnected, an OSError
    finally:
        leaving.cancel()


async def disconnected(receive: Any) -> None:
    """Return when there is nobody to send to any more, or when the server stops and asks streams to end."""
    while (await receive())["type"] != "http.disconnect":
        pass
