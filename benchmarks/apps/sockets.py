"""WebSocket applications as plain ASGI: `/` echoes, `/broadcast` gives every message to everybody.

HTTP is answered too, so that one can see that the server is up.
"""

from typing import Any

from hello import app as answer_hello

EVERYBODY: list[Any] = []


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Echo over WebSockets, or broadcast, and serve HTTP; leave lifespan unsupported."""
    if scope["type"] == "http":
        return await answer_hello(scope, receive, send)
    assert scope["type"] == "websocket"
    await receive()
    await send({"type": "websocket.accept"})
    if scope["path"] == "/broadcast":
        return await broadcast(receive, send)
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return None
        text = message.get("text")
        if text is not None:
            await send({"type": "websocket.send", "text": text})
        else:
            await send({"type": "websocket.send", "bytes": message["bytes"]})


async def broadcast(receive: Any, send: Any) -> None:
    """Send what comes to everybody who is connected."""
    EVERYBODY.append(send)
    try:
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return
            answer = {"type": "websocket.send", "text": message["text"]}
            for each in EVERYBODY:
                await each(answer)
    finally:
        EVERYBODY.remove(send)
