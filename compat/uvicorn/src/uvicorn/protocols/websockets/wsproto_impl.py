"""WSProtocol: a name of Uvicorn's for what licorne speaks."""

from uvicorn.protocols._served import HttpProtocol

__all__ = ["WSProtocol"]


class WSProtocol(HttpProtocol):
    """Be WebSocket, spoken by wsproto where that is installed."""

    licorne_name = "wsproto"
