"""Abandoned: the tasks whose peer has left, in the order in which they are cancelled.

Rules: those of a peer that was refused for what it sent go first, and are given no time: who floods us makes many of
them, and what lives for long is what Python's collector stops everybody for. The others have a deadline each.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any

__all__ = ["Abandoned"]

#: Nothing is to be cancelled in the next turn of the loop.
_NEVER = -1.0


class Abandoned:
    """Hold the abandoned tasks of one runtime."""

    __slots__ = ("outcasts", "until", "waiting")

    def __init__(self) -> None:
        self.outcasts: dict[Any, None] = {}
        #: With their deadlines, in their order.
        self.waiting: dict[Any, float] = {}
        #: In the next turn of the loop those are cancelled whose deadline is this time or earlier.
        self.until = _NEVER

    def __len__(self) -> int:
        return len(self.outcasts) + len(self.waiting)

    def add(self, task: Any, deadline: float) -> None:
        """Have a task be cancelled at `deadline`, which is no earlier than those before, unless it has one."""
        if task not in self.outcasts:
            self.waiting.setdefault(task, deadline)

    def cast_out(self, task: Any) -> None:
        """Have a task be cancelled as soon as may be."""
        self.waiting.pop(task, None)
        self.outcasts[task] = None

    def remove(self, task: Any) -> None:
        """Forget a task; it may not be here."""
        self.waiting.pop(task, None)
        self.outcasts.pop(task, None)

    def take(self, now: float, count: int) -> list[Any]:
        """Return up to `count` tasks that are to be cancelled by `now`, and forget them."""
        tasks = list(islice(self._due(now), count))
        for task in tasks:
            self.remove(task)
        return tasks

    def has_due(self, now: float) -> bool:
        """Tell whether there are more of them."""
        return next(self._due(now), None) is not None

    def put_off(self, now: float) -> bool:
        """Leave what is due by `now` for the next turn of the loop; False when that turn has been asked for."""
        is_first = self.until == _NEVER
        self.until = max(self.until, now)
        return is_first

    def take_turn(self) -> float:
        """Begin the turn that was asked for; return by when what is due is to be cancelled."""
        now, self.until = self.until, _NEVER
        return now

    def _due(self, now: float) -> Iterator[Any]:
        yield from self.outcasts
        for task, deadline in self.waiting.items():
            if deadline > now:
                return
            yield task
