"""AutoWebSocketsProtocol: licorne's own WebSocket."""

from uvicorn.protocols._served import HttpProtocol

__all__ = ["AutoWebSocketsProtocol"]

AutoWebSocketsProtocol = HttpProtocol
