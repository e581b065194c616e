"""Orphans: lets no worker outlive its supervisor for longer than it takes to drain.

The end of the channel says the same, but only to an event loop that turns: the signal of the system also ends a
process that is still importing its application, and the last resort one whose event loop stands still, which nobody
else would replace or end any more.
"""

import ctypes
import logging
import os
import signal
import sys
import threading

from licorne.server.companion import Companion

__all__ = ["LastResort", "end_with_parent"]

logger = logging.getLogger("licorne.error")

_PR_SET_PDEATHSIG = 1


def end_with_parent(*, is_at_once: bool = False) -> None:
    """Have the system send SIGTERM to this process when its parent dies, on Linux; elsewhere do nothing.

    `is_at_once` makes it SIGKILL, which ends a process also where the application stands still.
    """
    if sys.platform != "linux":
        return
    number = signal.SIGKILL if is_at_once else signal.SIGTERM
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
    except (OSError, AttributeError):  # a C library of another kind
        return


class LastResort(Companion):
    """End a process that has lost its parent and whose event loop stands still for `limit` seconds (0: never)."""

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._parent = os.getppid()
        self._beats = 0
        self._thread: threading.Thread | None = None

    def tick(self, now: float) -> None:
        self._beats += 1

    def look(self) -> None:
        """Begin to watch if the parent is gone; for a signal's handler, which runs though the loop may not."""
        if self._limit and self._thread is None and os.getppid() != self._parent:
            self._thread = threading.Thread(target=self._watch, name="licorne-last-resort", daemon=True)
            self._thread.start()

    def _watch(self) -> None:
        beats = -1
        never = threading.Event()
        while beats != self._beats:
            beats = self._beats
            never.wait(self._limit)
        logger.critical("The supervisor is gone and the event loop has stood still for %g s. Ending.", self._limit)
        os.kill(os.getpid(), signal.SIGABRT)
