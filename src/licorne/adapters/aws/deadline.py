"""Deadline: ends an application before Lambda ends the whole environment.

    margin before the limit       the application is told: `receive()` gives `http.disconnect`
    two thirds of the margin      it is cancelled, which gives the client 503
    one third                     it is not waited for any more: the client gets 503 from us

Rules: only an application that waits can be ended; what blocks the loop is Lambda's to end.
"""

import asyncio
import logging
from typing import Any

from licorne.link import Cycle

__all__ = ["Deadline", "seconds_left"]

logger = logging.getLogger("licorne.error")

_LATE = "The application has not answered %s %.1f s before the time limit of the function; it is told, then cancelled."


def seconds_left(context: Any) -> float:
    """Return how long the function may still run; infinite where its context does not tell."""
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    return float("inf") if remaining is None else remaining() / 1000


class Deadline:
    """Watch one call of the application."""

    __slots__ = ("cycle", "is_over", "loop", "margin", "task", "timer")

    def __init__(self, cycle: Cycle, task: asyncio.Task[Any], loop: asyncio.AbstractEventLoop) -> None:
        self.cycle = cycle
        self.task = task
        self.loop = loop
        self.margin = 0.0
        #: The application is not waited for any more.
        self.is_over = False
        self.timer: asyncio.TimerHandle | None = None

    def arm(self, left: float, margin: float) -> None:
        """Begin to watch, with so many seconds left."""
        if margin and left != float("inf"):
            self.margin = min(margin, left / 2)
            self.timer = self.loop.call_later(left - self.margin, self._tell)

    def disarm(self) -> None:
        """End the watch."""
        if self.timer is not None:
            self.timer.cancel()

    def _tell(self) -> None:
        logger.error(_LATE, self.cycle.describe(), self.margin)
        self.cycle.announce_shutdown()
        self.timer = self.loop.call_later(self.margin / 3, self._cancel)

    def _cancel(self) -> None:
        self.task.cancel()
        self.timer = self.loop.call_later(self.margin / 3, self._leave)

    def _leave(self) -> None:
        self.is_over = True
        self.cycle.cut()
        self.loop.stop()
