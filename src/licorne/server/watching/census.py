"""Census: the requests that run in a worker, and for how long.

Nothing is written down when a request begins, which would cost every one of them: the census is taken with each tick,
and a request is as old as the census that saw it first. Those that are over before the next tick are never seen.

Rules: taken in the loop, read from any thread while the loop stands still.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from licorne.drivers.base import Runtime, SharedLink
from licorne.link import Cycle

__all__ = ["Census", "Flight", "client_name"]

#: With more tasks than these, mostly WebSockets, the census is taken less often.
_MANY = 5000
_RARE_TICKS = 20


@dataclass(frozen=True, slots=True)
class Flight:
    """Be a request that runs."""

    name: str
    client: str
    #: In seconds, None if no census has seen it.
    age: float | None
    task: Any

    def __str__(self) -> str:
        return f"{self.name}{f' from {self.client}' if self.client else ''}{_for(self.age)}"


class Census:
    """Know since when each request of a runtime runs."""

    __slots__ = ("_find", "_seen", "_ticks")

    def __init__(self, find: Callable[[], Runtime | None]) -> None:
        self._find = find
        self._seen: dict[Any, float] = {}
        self._ticks = 0

    def take(self, now: float) -> None:
        """Look who runs at `now`."""
        runtime = self._find()
        if runtime is None:
            return
        self._ticks += 1
        if len(runtime.tasks) <= _MANY or self._ticks % _RARE_TICKS == 0:
            seen = self._seen
            self._seen = {task: seen.get(task, now) for task in runtime.tasks}

    def flights(self, now: float) -> list[Flight]:
        """Return the requests that run, the oldest first."""
        found = [self._flight(task, cycle, link, now) for task, cycle, link in self._cycles()]
        return sorted(found, key=lambda flight: -(flight.age or 0.0))

    def flight_of(self, task: Any, now: float) -> Flight | None:
        """Return the request that a task serves, if it serves one."""
        for other, cycle, link in self._cycles():
            if other is task:
                return self._flight(task, cycle, link, now)
        return None

    def _flight(self, task: Any, cycle: Cycle, link: SharedLink, now: float) -> Flight:
        since = self._seen.get(task)
        age = None if since is None else now - since
        return Flight(cycle.describe() or "a request", client_name(link.client), age, task)

    def _cycles(self) -> Iterator[tuple[asyncio.Task[Any], Cycle, SharedLink]]:
        runtime = self._find()
        for task, link in list(runtime.tasks.items()) if runtime is not None else ():
            cycle = _cycle_of(task, link)
            if cycle is not None:
                yield task, cycle, link


def _cycle_of(task: Any, link: SharedLink) -> Cycle | None:
    try:
        return None if link.tasks is None else link.tasks[task]
    except KeyError:  # it ended just now, or it runs for another reason
        return None


def client_name(client: Any) -> str:
    """Return `host:port` of a client, "" if it has no address."""
    return f"{client[0]}:{client[1]}" if client else ""


def _for(age: float | None) -> str:
    return "" if age is None else f", for {age:.1f} s"
