"""LinkTasks: the tasks of one link, and whose they are. Nearly always it is one, which needs no dict."""

from collections.abc import Iterator
from typing import Any

from licorne.link import Cycle

__all__ = ["LinkTasks"]


class LinkTasks:
    """Map tasks to their cycles."""

    __slots__ = ("cycle", "others", "task")

    def __init__(self) -> None:
        self.task: Any = None
        self.cycle: Cycle | None = None
        self.others: dict[Any, Cycle] | None = None

    def add(self, task: Any, cycle: Cycle) -> None:
        """Keep a task."""
        if self.cycle is None:
            self.task = task
            self.cycle = cycle
        elif self.others is None:
            self.others = {task: cycle}
        else:
            self.others[task] = cycle

    def take(self, task: Any) -> Cycle | None:
        """Hand over the cycle of a task and forget both; None if it is not known."""
        if task is not self.task:
            return None if self.others is None else self.others.pop(task, None)
        cycle = self.cycle
        self.task = self.cycle = None
        return cycle

    def __getitem__(self, task: Any) -> Cycle:
        if task is self.task and self.cycle is not None:
            return self.cycle
        return (self.others or {})[task]

    def __iter__(self) -> Iterator[Any]:
        first = [] if self.cycle is None else [self.task]
        return iter([*first, *(self.others or ())])

    def __len__(self) -> int:
        return (self.cycle is not None) + len(self.others or ())
