"""Ticks: what a worker does with each sweep of its driver. What one of them raises is logged and stops no other."""

import logging
from collections.abc import Callable

__all__ = ["Ticks"]


class Ticks:
    """Call several functions with the time."""

    __slots__ = ("_calls", "_logger")

    def __init__(self, logger: logging.Logger, *calls: Callable[[float], object]) -> None:
        self._logger = logger
        self._calls = calls

    def __call__(self, now: float) -> None:
        """Take the time in seconds."""
        for call in self._calls:
            try:
                call(now)
            except Exception:
                self._logger.exception("A periodic task of the server has failed")
