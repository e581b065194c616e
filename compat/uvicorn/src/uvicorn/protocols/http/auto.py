"""AutoHTTPProtocol: licorne's own parser."""

from uvicorn.protocols._served import HttpProtocol

__all__ = ["AutoHTTPProtocol"]

AutoHTTPProtocol = HttpProtocol
