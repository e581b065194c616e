"""Workers for gunicorn: `gunicorn -k uvicorn.workers.UvicornWorker main:app`. They are licorne's.

CONFIG_KWARGS of a subclass are parameters of Uvicorn; they become options of licorne.
"""

import warnings
from typing import Any, ClassVar

from licorne.workers import LicorneWorker
from uvicorn import _loggers
from uvicorn._translation import given_options_of
from uvicorn.config import Config

__all__ = ["UvicornH11Worker", "UvicornWorker"]

warnings.warn(
    "The `uvicorn.workers` module is deprecated. With licorne, the worker is `licorne.workers.LicorneWorker`.",
    DeprecationWarning,
    stacklevel=2,
)


class UvicornWorker(LicorneWorker):
    """Serve an ASGI application in a process of gunicorn's."""

    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {"loop": "auto", "http": "auto"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _loggers.join()
        given = type(self).CONFIG_KWARGS
        config = Config(None, **{"log_config": None, **given})
        # An attribute of this worker, in licorne's words, in front of the class's.
        self.CONFIG_KWARGS = given_options_of(config, given)  # type: ignore[misc]
        super().__init__(*args, **kwargs)


class UvicornH11Worker(UvicornWorker):
    """Be one that parses with h11 on asyncio's own loop."""

    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {"loop": "asyncio", "http": "h11"}
