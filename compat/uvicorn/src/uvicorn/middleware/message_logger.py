"""MessageLoggerMiddleware: log what an application is called with, receives and sends; licorne's trace."""

import logging
from typing import Any

from licorne.asgi.trace import Trace
from uvicorn.logging import TRACE_LOG_LEVEL

__all__ = ["TRACE_LOG_LEVEL", "MessageLoggerMiddleware"]


class MessageLoggerMiddleware(Trace):
    """Log at level trace, into `uvicorn.asgi`; bodies show their size, headers nothing."""

    def __init__(self, app: Any) -> None:
        logger = logging.getLogger("licorne.asgi")  # in Uvicorn's words once they are joined
        super().__init__(app, logger)
        self.app = app
        self.logger = logging.getLogger("uvicorn.asgi")
