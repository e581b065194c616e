"""Load in the background: threads that ask a server again and again while a test does something to it."""

import threading
from collections.abc import Callable, Sequence
from typing import Self

from tests.server.process import DEADLINE_SECONDS

__all__ = ["BackgroundLoad"]


class BackgroundLoad:
    """Call each of some functions in a thread of its own until the block ends, and keep whatever goes wrong."""

    def __init__(self, asks: Sequence[Callable[[], None]]) -> None:
        self.failures: list[str] = []
        self.is_over = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(ask,)) for ask in asks]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.is_over.set()
        for thread in self._threads:
            thread.join(DEADLINE_SECONDS)

    def _run(self, ask: Callable[[], None]) -> None:
        while not self.is_over.is_set():
            try:
                ask()
            except (OSError, AssertionError) as error:
                self.failures.append(repr(error))
