"""Withheld: keeps back what a start that fails would write to the log of each worker, so that it is shown once.

The errors of the application's start-up go to the supervisor, which knows whether another worker has failed for the
same reason, and logs them as a single process does. When the start does not fail they are written after all.

Rules: only what speaks of the start-up is kept back, by where it comes from.
"""

import logging
from collections.abc import Callable
from types import TracebackType
from typing import Self

from licorne.errors import StartupError
from licorne.server.attached.messages import Log

__all__ = ["Withheld"]

_SPEAKER = "lifespan"


class Withheld(logging.Filter):
    """Keep errors of a start back from a logger, inside a `with` statement; at a StartupError they are told."""

    def __init__(self, logger: logging.Logger, tell: Callable[[Log], object]) -> None:
        super().__init__()
        self._logger = logger
        self._tell = tell
        self._records: list[logging.LogRecord] = []

    def filter(self, record: logging.LogRecord) -> bool:
        """Let a record pass, or keep it."""
        is_ours = record.levelno >= logging.ERROR and record.module == _SPEAKER
        if is_ours:
            self._records.append(record)
        return not is_ours

    def __enter__(self) -> Self:
        self._logger.addFilter(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._logger.removeFilter(self)
        if isinstance(error, StartupError):
            formatter = logging.Formatter("%(message)s")
            for record in self._records:
                self._tell(Log(record.levelname, formatter.format(record)))
        else:
            for record in self._records:
                self._logger.handle(record)
