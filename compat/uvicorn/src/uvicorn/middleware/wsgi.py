"""WSGIMiddleware: a WSGI application as one of ASGI 3: a2wsgi's where that is installed, else one made of licorne's."""

import warnings
from typing import Any

from licorne.adapters.wsgi import WsgiToAsgi

__all__ = ["WSGIMiddleware"]

_THREADS = 10


class _WSGIMiddleware(WsgiToAsgi):
    """Be an ASGI 3 application around one of WSGI."""

    def __init__(self, app: Any, workers: int = _THREADS) -> None:
        warnings.warn(
            "Uvicorn's native WSGI implementation is deprecated, you should switch to a2wsgi (`pip install a2wsgi`).",
            DeprecationWarning,
            stacklevel=2,
        )
        super().__init__(app, workers)


try:
    from a2wsgi import WSGIMiddleware
except ModuleNotFoundError:
    WSGIMiddleware = _WSGIMiddleware  # type: ignore[assignment,misc]
