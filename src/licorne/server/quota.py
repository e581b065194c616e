"""Quota: how many responses a worker gives before it ends, so that what leaks in an application cannot grow."""

import random
from collections.abc import Callable

__all__ = ["Quota"]


class Quota:
    """Count responses and call `on_spent` once, at the last one that the limit allows."""

    __slots__ = ("_left", "_on_spent", "limit")

    def __init__(self, limit: int, jitter: int, on_spent: Callable[[int], object]) -> None:
        #: The limit with its random part, which is drawn once for each worker.
        self.limit = limit + random.randint(0, jitter)
        self._left = self.limit
        self._on_spent = on_spent

    def count(self) -> None:
        """Take note of one response; nothing more happens after the last, nor where there is no limit."""
        self._left -= 1
        if self._left == 0:
            self._on_spent(self.limit)

    @property
    def counted(self) -> int:
        """Return how many responses were counted."""
        return self.limit - self._left
