"""The application that the fuzzing client speaks to: every message comes back as it is."""

from typing import Any

__all__ = ["app"]


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Accept, then echo until the client leaves."""
    if scope["type"] != "websocket":
        raise RuntimeError(f"this application does not speak {scope['type']}")
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({**message, "type": "websocket.send"})
