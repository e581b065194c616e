"""Send every message back: `licorne --app-dir examples websocket_echo:app`.

With `pip install websockets` there is a client: `websockets ws://127.0.0.1:8000/`
"""

from typing import Any


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Accept the WebSocket and echo until it is closed, by whichever side."""
    if scope["type"] != "websocket":
        raise RuntimeError(f"this application does not speak {scope['type']}")
    await receive()  # websocket.connect
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        try:
            await send({**message, "type": "websocket.send"})
        except OSError:
            break  # the client has left meanwhile: send() says so with licorne.ClientDisconnected, an OSError
