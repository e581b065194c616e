"""Gates for tasks of asyncio, which let them through without a turn of the loop where that can be.

Who waits at a gate waits for a future of asyncio's own: tasks are quickest with those. A task that waits for a
future goes on in the next turn of the loop, behind all else that is ready; here the driver takes the task's callback
off the future and calls it itself. The future stays pending by that, and serves for another wait.

Rules:
- A task goes on at once only when the loop has called the driver, so that no task runs, and only when the engine
  has taken the whole read (see `Latch`). In every other case, and when it is cancelled, the loop steps it.
- A task runs in its own context, and what it raises is its own: it ends there as if the loop had stepped it.
- Whoever else was handed such a future, by driving a coroutine by hand, sees it end as any other.
"""

import asyncio
from collections.abc import Generator
from contextvars import Context
from typing import Any

from licorne.link import Gate

__all__ = ["AsyncioGate", "Latch", "new_gate"]

#: Futures that are kept for further waits.
_MAX_SPARE = 64
#: Those who have given up are dropped from a gate when it holds this many.
_MAX_OTHERS = 8

_current_task = asyncio.current_task
_Task = asyncio.Task
#: What wakes a task that is not written in Python is of this type.
_Builtin: Any = type(len)


class Latch:
    """Hold the futures of gates that open while the engine takes a read, until it has taken it."""

    __slots__ = ("clock", "done", "is_held", "loop", "more", "opened", "spare")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.clock = loop.time
        #: A read is being taken.
        self.is_held = False
        #: What is held, in order; more than one is rare.
        self.opened: Any = None
        self.more: list[Any] | None = None
        self.spare: list[Any] = []
        #: What tasks are told to have waited for.
        self.done: Any = loop.create_future()
        self.done.set_result(None)

    def new_future(self) -> Any:
        """Return a future that nobody waits for."""
        return self.spare.pop() if self.spare else self.loop.create_future()

    def hold(self) -> float:
        """Begin to take a read; return the time."""
        self.is_held = True
        return self.clock()

    def let_through(self, future: Any) -> None:
        """End a wait: once the read is taken, or by the loop."""
        if not self.is_held:
            _finish(future)
        elif self.opened is None:
            self.opened = future
        elif self.more is None:
            self.more = [future]
        else:
            self.more.append(future)

    def release(self) -> None:
        """Let the tasks of all that were held go on, in the order in which their gates opened. Never raises."""
        self.is_held = False
        opened, more = self.opened, self.more
        if opened is None:
            return
        self.opened = self.more = None
        self._go_on(opened)
        if more is not None:
            for future in more:
                self._go_on(future)

    def _go_on(self, future: Any) -> None:
        """Let who waits for a future go on now, unless it is cancelled."""
        callbacks = future._callbacks
        if not callbacks or len(callbacks) != 1:  # a future that is done has none any more
            _finish(future)
            return
        callback, context = callbacks[0]
        if type(callback) is _Builtin and type(callback.__self__) is _Task:
            future.remove_done_callback(callback)
            if self._call(callback, context, self.done, future) and len(self.spare) < _MAX_SPARE:
                self.spare.append(future)
        elif _current_task(self.loop) is not None:
            future.set_result(None)
        else:
            future.remove_done_callback(callback)
            future.set_result(None)
            self._call(callback, context, future, future)

    def _call(self, callback: Any, context: Context, done: Any, future: Any) -> bool:
        """Call back now with `done`; if only the loop can, end `future` so that it does, and return False."""
        try:
            context.run(callback, done)
        except (SystemExit, KeyboardInterrupt):
            pass  # the task has it as its outcome, and raised it once more for the loop, which has not called it
        except BaseException as error:
            # Who feeds a driver from within a task, as tests may, cannot have another task stepped inside it.
            if _current_task(self.loop) is not None or _is_entered(context):
                future.add_done_callback(callback, context=context)
                _finish(future)
                return False
            self.loop.call_exception_handler({"message": f"Exception in callback {callback!r}", "exception": error})
        return True


class AsyncioGate(Gate):
    """Let tasks of asyncio wait; what `await` steps through is the gate itself."""

    __slots__ = ("first", "is_open", "latch", "others")

    #: What the first task waits for; nearly always it is the only one.
    first: Any
    is_open: bool
    latch: Latch
    others: list[Any] | None

    def open(self) -> None:
        self.is_open = True
        first = self.first
        others = self.others
        self.first = None
        self.others = None
        if first is not None:
            self.latch.let_through(first)
        if others is not None:
            self._let_through(others)

    def wait(self) -> "AsyncioGate":
        return self

    def __await__(self) -> Generator[Any, None, None]:
        return self  # type: ignore[return-value]

    def __iter__(self) -> "AsyncioGate":
        return self

    def __next__(self) -> Any:
        if self.is_open:
            raise StopIteration
        future = self.latch.new_future()
        if self.first is None or self.first.done():
            self.first = future
        else:
            self._add(future)
        future._asyncio_future_blocking = True
        return future

    def throw(self, kind: Any, value: Any = None, traceback: Any = None) -> Any:
        """Raise what is thrown in, where it is waited for."""
        raise kind if value is None else value

    def close(self) -> None:
        """End the wait."""

    def _let_through(self, futures: list[Any]) -> None:
        for future in futures:
            self.latch.let_through(future)

    def _add(self, future: Any) -> None:
        others = self.others or []
        if len(others) >= _MAX_OTHERS:
            others = [known for known in others if not known.done()]
        others.append(future)
        self.others = others


def new_gate(latch: Latch) -> AsyncioGate:
    """Return a closed gate, which lets tasks through at once while the latch is held."""
    gate = AsyncioGate.__new__(AsyncioGate)
    gate.first = None
    gate.is_open = False
    gate.latch = latch
    gate.others = None
    return gate


def _finish(future: Any) -> None:
    """End a wait; the loop steps the task."""
    if not future.done():
        future.set_result(None)


def _is_entered(context: Context) -> bool:
    """Tell whether something runs in a context, which nothing else can enter then."""
    try:
        context.run(int)
    except RuntimeError:
        return True
    return False
