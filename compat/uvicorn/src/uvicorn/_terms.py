"""Terms: names that several modules share."""

import logging

__all__ = ["ERRORS", "STARTUP_FAILURE"]

STARTUP_FAILURE = 3

#: Where everything but access lines and traces is logged.
ERRORS = logging.getLogger("uvicorn.error")
