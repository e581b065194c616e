"""Runner: runs tasks in an event loop that stands still between events, the way Lambda freezes it.

Strategy: nearly every call of an application ends without waiting for anything. On CPython 3.12 and later its task
takes its first step at once, with the loop set as the running one but not turning; only what is left then turns the
loop. A policy that somebody has installed is respected: its loops turn for each event.

Rules: the loop is ours, is never the current one outside, and is closed by us.
"""

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any

__all__ = ["Runner"]

_CAN_STEP = sys.version_info >= (3, 12)


class SteppedLoop(asyncio.SelectorEventLoop):
    """Be asyncio's usual loop, which also counts as running while a task takes its first step."""

    is_stepping = False

    def is_running(self) -> bool:
        return self.is_stepping or super().is_running()

    def has_ready(self) -> bool:
        """Tell whether something waits for the next turn."""
        return bool(self._ready)  # type: ignore[attr-defined]


class Runner:
    """Run tasks in one loop."""

    __slots__ = ("_hooks", "_stepped", "loop")

    def __init__(self) -> None:
        loop = asyncio.new_event_loop()
        self._stepped: SteppedLoop | None = None
        if _CAN_STEP and type(loop) is asyncio.SelectorEventLoop:
            loop.close()
            loop = self._stepped = SteppedLoop()
        self.loop = loop
        #: Those that the loop sets while it turns: a generator that is dropped in a first step is closed by it too.
        self._hooks = loop.run_until_complete(_hooks())

    def begin(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Return the task of a coroutine, which may have ended already."""
        loop = self._stepped
        if loop is None:
            return self.loop.create_task(coroutine)
        before = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(*self._hooks)
        asyncio._set_running_loop(loop)
        loop.is_stepping = True
        try:
            return asyncio.Task(coroutine, loop=loop, eager_start=True)  # type: ignore[call-arg,unused-ignore]
        finally:
            loop.is_stepping = False
            asyncio._set_running_loop(None)
            sys.set_asyncgen_hooks(*before)

    def finish(self, task: asyncio.Task[Any]) -> None:
        """Turn the loop until a task has ended, or the loop is stopped; once, where only others are left."""
        if task.done():
            if self._stepped is None or self._stepped.has_ready():
                self.turn()
            return
        task.add_done_callback(self._stop)
        try:
            self.loop.run_forever()
        finally:
            task.remove_done_callback(self._stop)

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine to its end; return its result."""
        return self.loop.run_until_complete(coroutine)

    def turn(self) -> None:
        """Turn the loop once."""
        self.loop.call_soon(self.loop.stop)
        self.loop.run_forever()

    def close(self) -> None:
        """Cancel what is left, and close the loop."""
        if self.loop.is_closed():
            return
        try:
            left = asyncio.all_tasks(self.loop)
            for task in left:
                task.cancel()
            if left:
                self.loop.run_until_complete(asyncio.wait(left, timeout=1.0))
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
            self.loop.run_until_complete(self.loop.shutdown_default_executor())
        finally:
            self.loop.close()

    def _stop(self, task: asyncio.Task[Any]) -> None:
        self.loop.stop()


async def _hooks() -> Any:
    return sys.get_asyncgen_hooks()
