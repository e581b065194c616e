"""Served: what a worker process serves, which a supervisor of licorne has started.

The process applies the logging configuration that it is told (`assign`, called as the factory of a handler), then
calls `application` as the factory of its application.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from uvicorn.middleware.asgi2 import ASGI2Middleware

if TYPE_CHECKING:
    from uvicorn.config import Config

__all__ = ["application", "assign"]

#: What was assigned to this process.
_ASSIGNED: list[Config] = []


def assign(config: Config) -> logging.Handler:
    """Take what this process serves, and set up its loggers; return a handler that does nothing."""
    _ASSIGNED[:] = [config]
    config.configure_logging()
    return logging.NullHandler()


def application() -> Any:
    """Load what this process serves; end it if that cannot be."""
    (config,) = _ASSIGNED
    config.load()
    app = config.served_app
    # licorne tells such an application which version of ASGI it speaks.
    return app.app if isinstance(app, ASGI2Middleware) else app
