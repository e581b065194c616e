"""Cutting: the order in which what still runs is ended, and how it is named."""

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from licorne.drivers.link import DriverLink
from licorne.engine.connection import Closing, Connection
from licorne.link import Cycle
from licorne.server.cutting import cut, log_losses, running_requests


class NamedCycle(Cycle):
    """Be the answer to a request with a name."""

    def __init__(self, name: str, events: list[str]) -> None:
        self.name = name
        self.events = events

    def describe(self) -> str:
        return self.name

    def cut(self) -> None:
        self.events.append(f"{self.name} was cut")


class Everything:
    """Be a runtime with one link."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.tasks: dict[Any, Cycle] = {}

    def add(self, task: Any, name: str) -> None:
        """Have a task run."""
        self.tasks[task] = NamedCycle(name, self.events)

    def cycles(self) -> Iterator[Cycle]:
        return iter(self.tasks.values())

    def announce_shutdown(self) -> None:
        self.events.append("told")

    def cancel_tasks(self) -> None:
        for task in list(self.tasks):
            task.cancel()

    def drop_links(self) -> None:
        self.events.append("dropped")


def test_tasks_end_before_links_and_who_does_not_end_is_cut() -> None:
    runtime: Any = Everything()

    async def polite() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            runtime.events.append("polite ended")
            del runtime.tasks[asyncio.current_task()]

    async def stubborn() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.Event().wait()

    async def main() -> None:
        runtime.add(asyncio.create_task(polite()), "polite")
        runtime.add(asyncio.create_task(stubborn()), "stubborn")
        await asyncio.sleep(0)
        await cut(runtime)

    asyncio.run(main())
    assert runtime.events == ["told", "polite ended", "stubborn was cut", "dropped"]


@pytest.mark.parametrize(
    ("names", "phrase"),
    [
        ([], ""),
        (["", ""], ""),
        (["GET /a"], ": GET /a"),
        (["GET /a", "POST /b"], ": GET /a, POST /b"),
        ([f"GET /{number}" for number in range(8)], ": GET /0, GET /1, GET /2, GET /3, GET /4 and 3 more"),
    ],
)
def test_at_most_five_requests_are_named(names: list[str], phrase: str) -> None:
    runtime: Any = Everything()
    for number, name in enumerate(names):
        runtime.add(number, name)
    assert running_requests(runtime) == phrase


class ShownLink(DriverLink):
    """Be a link whose transport and connection are said to be so far."""

    def __init__(self, closing: Closing, unsent: int) -> None:
        self.connection = Connection()
        self.connection.closing = closing
        self.tasks = None
        self.size = unsent

    def unsent_bytes(self) -> int:
        return self.size


@pytest.mark.parametrize(
    ("links", "line"),
    [
        ([], ""),
        ([(Closing.LINGER, 0), (Closing.FLUSH, 0)], ""),
        ([(Closing.OPEN, 0), (Closing.LINGER, 0)], "Drop 1 open connection(s), timeout graceful shutdown exceeded"),
        ([(Closing.LINGER, 5), (Closing.FLUSH, 1)], "Drop 2 open connection(s), timeout graceful shutdown exceeded"),
    ],
)
def test_connections_that_lose_something_are_counted(
    links: list[tuple[Closing, int]], line: str, caplog: pytest.LogCaptureFixture
) -> None:
    runtime: Any = Everything()
    runtime.running = 0
    runtime.links = {ShownLink(*shown) for shown in links}
    log_losses(runtime, logging.getLogger("cutting"))
    assert [record.getMessage() for record in caplog.records] == [line] * bool(line)
