"""Bell: wakes a coroutine of a loop from any thread and from signal handlers."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

__all__ = ["Bell", "call_soon"]

T = TypeVar("T")


def call_soon(loop: asyncio.AbstractEventLoop, call: Callable[[], object]) -> None:
    """Have a loop call something, from any thread and from signal handlers; do nothing if it is closed."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(call)


class Bell:
    """Have coroutines look again at what they wait for, whenever it rings."""

    __slots__ = ("_loop", "_rung")

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._rung = asyncio.Event()

    def attach(self) -> None:
        """Belong to the running loop from now on."""
        self._loop = asyncio.get_running_loop()
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake who waits. Without a loop nobody does, and what has changed is seen when somebody begins to."""
        if self._loop is None:
            return
        call_soon(self._loop, self._rung.set)

    async def wait_until(self, condition: Callable[[], bool]) -> None:
        """Return when `condition` holds; it is looked at now and at each ring."""
        while not condition():
            self._rung.clear()
            await self._rung.wait()

    async def race(self, work: Coroutine[Any, Any, T], condition: Callable[[], bool]) -> T | None:
        """Return what `work` returns, or None, with `work` cancelled, when `condition` holds before that."""
        if condition():
            work.close()
            return None
        task = asyncio.ensure_future(work)
        watch = asyncio.ensure_future(self.wait_until(condition))
        try:
            await asyncio.wait({task, watch}, return_when=asyncio.FIRST_COMPLETED)
            return task.result() if task.done() else None
        finally:
            task.cancel()
            watch.cancel()
            await asyncio.wait({task, watch})
            if not task.cancelled():
                task.exception()  # looked at, so that asyncio does not complain of one that comes too late
