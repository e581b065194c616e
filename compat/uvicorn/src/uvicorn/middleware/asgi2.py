"""ASGI2Middleware: an application of ASGI 2 as one of ASGI 3."""

from typing import Any

from licorne.asgi.asgi2 import Asgi2Adapter

__all__ = ["ASGI2Middleware"]


class ASGI2Middleware(Asgi2Adapter):
    """Be an ASGI 3 application around one of ASGI 2."""

    def __init__(self, app: Any) -> None:
        super().__init__(app)
