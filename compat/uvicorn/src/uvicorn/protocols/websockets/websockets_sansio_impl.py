"""WebSocketsSansIOProtocol: a name of Uvicorn's for what licorne speaks."""

from uvicorn.protocols._served import HttpProtocol

__all__ = ["WebSocketsSansIOProtocol"]


class WebSocketsSansIOProtocol(HttpProtocol):
    """Be WebSocket, spoken by websockets where that is installed."""

    licorne_name = "websockets"
