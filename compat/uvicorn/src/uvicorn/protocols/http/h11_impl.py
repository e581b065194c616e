"""H11Protocol: a name of Uvicorn's for what licorne speaks."""

from uvicorn.protocols._served import HttpProtocol

__all__ = ["H11Protocol"]


class H11Protocol(HttpProtocol):
    """Be HTTP/1.1, parsed by h11 where that is installed."""

    licorne_name = "h11"
