"""Threads: says that the process waits for threads of the application, which nobody can cancel.

Rules: only of a process that ends; of a program that goes on after its server nothing is said. Best effort: Python
itself does the waiting.
"""

import logging
import threading
from typing import Self

__all__ = ["ThreadWatch"]

logger = logging.getLogger("licorne.error")

#: How long the process may take to end before a line says why.
_QUIET_SECONDS = 1.0


class ThreadWatch:
    """Look after the end of a server for threads that were not there before it."""

    __slots__ = ("_is_over", "_known")

    def __init__(self) -> None:
        self._known = set(threading.enumerate())
        self._is_over = False

    def begin(self) -> None:
        """Look a little later: the server has ended, its event loop has not."""
        if threading.current_thread() is threading.main_thread():
            timer = threading.Timer(_QUIET_SECONDS, self._tell)
            timer.daemon = True
            timer.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # The event loop has ended. Who still calls is a program that goes on, or a process that ends.
        self._is_over = True

    def _tell(self) -> None:
        new = set(threading.enumerate()) - self._known - {threading.current_thread()}
        late = [thread for thread in new if not thread.daemon]
        if late and not (self._is_over and threading.main_thread().is_alive()):
            logger.info("Waiting for %d thread(s) of the application. (CTRL+C to force quit)", len(late))
