"""ZttpProtocol: a name of Uvicorn's for what licorne speaks."""

from uvicorn.protocols._served import HttpProtocol

__all__ = ["ZttpProtocol"]


class ZttpProtocol(HttpProtocol):
    """Be HTTP/1.1 and HTTP/2, which are licorne's own."""

    licorne_name = "auto"
    alpn_protocols = ("h2", "http/1.1")
