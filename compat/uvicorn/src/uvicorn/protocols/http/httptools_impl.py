"""HttpToolsProtocol: a name of Uvicorn's for what licorne speaks."""

from uvicorn.protocols._served import HttpProtocol

__all__ = ["HttpToolsProtocol"]


class HttpToolsProtocol(HttpProtocol):
    """Be HTTP/1.1, parsed by httptools where that is installed."""

    licorne_name = "httptools"
