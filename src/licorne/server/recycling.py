"""Recycling: asks for a worker to be replaced that has grown too large or too old.

Rules: decided at each tick, asked for once. A worker that is too large from the start is not replaced, because its
successor would be the same; its limit is said to be too small, in one line. Nobody lives longer than he may, and
workers that were started together do not retire together: up to a tenth of the lifetime is taken away at random.
"""

import asyncio
import logging
import random
from collections.abc import Callable

from licorne.config.options import Config
from licorne.server.attached.messages import Retiring
from licorne.server.companion import Companion, Host
from licorne.server.memory import resident_bytes

__all__ = ["Age", "Girth", "Recycling", "recycling_of", "warn_of_no_successor"]

logger = logging.getLogger("licorne.error")

_JITTER = 0.1
_MEBIBYTE = 1024 * 1024


def recycling_of(config: Config) -> list[Companion]:
    """Return what watches over the limits of a worker that can be replaced."""
    if not (config.max_worker_rss or config.max_worker_lifetime):
        return []
    return [Recycling(config.max_worker_rss, config.max_worker_lifetime)]


def warn_of_no_successor(config: Config) -> None:
    """Say which limits have no effect on a process that nobody replaces."""
    names = [name for name in ("max_worker_rss", "max_worker_lifetime") if getattr(config, name)]
    for name in names:
        logger.warning("%s has no effect without a supervisor; add --workers 1.", name)


class Age:
    """Judge how long a worker has lived."""

    __slots__ = ("_ends_at", "_lifetime")

    def __init__(self, lifetime: float, now: float, draw: Callable[[], float] = random.random) -> None:
        """Take the longest life and the time, in seconds, and what draws a number from 0 to 1."""
        self._lifetime = lifetime
        self._ends_at = now + lifetime * (1 - _JITTER * draw())

    def reason(self, now: float) -> str:
        """Return why the worker is to be replaced, "" if it is not."""
        return f"the lifetime of {self._lifetime:g} s is over" if now >= self._ends_at else ""


class Girth:
    """Judge how much memory a worker holds."""

    __slots__ = ("_limit", "is_hopeless")

    def __init__(self, limit: int, at_first: int) -> None:
        """Take the limit and what the worker held when it was ready, in bytes."""
        self._limit = limit
        #: The limit is too small for any worker.
        self.is_hopeless = at_first > limit

    def reason(self, size: int) -> str:
        """Return why the worker is to be replaced, "" if it is not."""
        if self.is_hopeless or size <= self._limit:
            return ""
        return f"its memory of {_mebibytes(size)} exceeds the limit of {_mebibytes(self._limit)}"


def _mebibytes(size: int) -> str:
    return f"{size / _MEBIBYTE:.0f} MiB"


class Recycling(Companion):
    """Ask the supervisor for a successor when the worker has grown too large or too old."""

    def __init__(self, max_bytes: int, max_seconds: float) -> None:
        """Take the limits, 0 for none."""
        self._max_bytes = max_bytes
        self._max_seconds = max_seconds
        self._server: Host | None = None
        self._age: Age | None = None
        self._girth: Girth | None = None
        self._was_asked = False

    def begun(self, server: Host) -> None:
        self._server = server

    def ready(self) -> None:
        if self._max_seconds:
            self._age = Age(self._max_seconds, asyncio.get_running_loop().time())
        if self._max_bytes:
            self._girth = Girth(self._max_bytes, resident_bytes())
            if self._girth.is_hopeless:
                line = "max_worker_rss of %s is too small: a worker holds more when it starts. It has no effect."
                logger.warning(line, _mebibytes(self._max_bytes))

    def tick(self, now: float) -> None:
        if self._was_asked:
            return
        reason = self._age.reason(now) if self._age is not None else ""
        if not reason and self._girth is not None:
            reason = self._girth.reason(resident_bytes())
        if reason and self._server is not None:
            self._was_asked = True
            logger.info("Replacing process: %s.", reason)
            self._server.tell(Retiring(reason))
