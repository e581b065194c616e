"""Gates for tasks of asyncio, which let them through without a turn of the loop where that can be.

A task that waits for a future goes on in the next turn of the loop, behind all else that is ready. A `Waiter` is
as much of a future as a task and asyncio's own functions ask for, and leaves it to the driver when the task goes on.

Rules:
- A task goes on at once only when the loop has called the driver, so that no task runs, and only when the engine
  has taken the whole read (see `Latch`). In every other case, and when it is cancelled, the loop steps it.
- A task runs in its own context, and what it raises is its own: it ends there as if the loop had stepped it.
"""

import asyncio
from collections.abc import Callable, Generator, Iterator
from contextvars import Context, copy_context
from typing import Any

from licorne.link import Gate

__all__ = ["AsyncioGate", "Latch", "Waiter", "new_gate"]

_PENDING = 0
_THROUGH = 1
_CANCELLED = 2
#: Cancelled waiters are dropped from a gate when it holds this many.
_MAX_WAITERS = 8

_current_task = asyncio.current_task


class Latch:
    """Hold the waiters of gates that open while the engine takes a read, until it has taken it."""

    __slots__ = ("is_held", "loop", "waiters")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        #: A read is being taken.
        self.is_held = False
        self.waiters: list[Waiter] | None = None

    def release(self) -> None:
        """Let the tasks of all that were held go on, in the order in which their gates opened. Never raises."""
        self.is_held = False
        waiters = self.waiters
        if waiters is None:
            return
        self.waiters = None
        # Who feeds a driver from within a task, as tests may, cannot have another task stepped inside it.
        is_free = _current_task(self.loop) is None
        for waiter in waiters:
            if is_free:
                waiter.call_back()
            else:
                waiter.call_back_soon()


class Waiter:
    """Be what one task waits for at a gate: a future without a result."""

    __slots__ = (
        "_asyncio_future_blocking",
        "_cancel_message",
        "callback",
        "context",
        "latch",
        "loop",
        "more",
        "state",
    )

    #: By this asyncio knows a future, and that it is being awaited.
    _asyncio_future_blocking: bool
    #: What the cancellation said; asyncio's gather() asks for it.
    _cancel_message: Any
    callback: Callable[[Any], object] | None
    context: Context | None
    #: What holds this waiter if its gate opens during a read; None if the loop is to step its task in any case.
    latch: Latch | None
    loop: asyncio.AbstractEventLoop
    #: Further callbacks, each with its context.
    more: list[tuple[Callable[[Any], object], Context]] | None
    state: int

    # what the gate and the driver do

    def let_through(self) -> None:
        """Take note that the gate is open."""
        if self.state == _PENDING:
            self.state = _THROUGH
            if self.callback is None:
                return
            if self.latch is None or not self.latch.is_held:
                self.call_back_soon()
            elif self.latch.waiters is None:
                self.latch.waiters = [self]
            else:
                self.latch.waiters.append(self)

    def call_back(self) -> None:
        """Let who waits go on now; no task may be running."""
        if self.more is not None or self.context is None:
            self.call_back_soon()
            return
        callback = self.callback
        self.callback = None
        try:
            self.context.run(callback, self)  # type: ignore[arg-type]
        except (SystemExit, KeyboardInterrupt):
            pass  # the task has it as its outcome, and raised it once more for the loop, which has not called it
        except BaseException as error:
            if _is_entered(self.context):
                self.callback = callback  # nothing was called
                self.call_back_soon()
                return
            self.loop.call_exception_handler({"message": f"Exception in callback {callback!r}", "exception": error})

    def call_back_soon(self) -> None:
        """Let the loop call back in its next turn."""
        if self.callback is not None:
            self.loop.call_soon(self.callback, self, context=self.context)
            self.callback = None
        if self.more is not None:
            for callback, context in self.more:
                self.loop.call_soon(callback, self, context=context)
            self.more = None

    # what a task asks, and awaits

    def __await__(self) -> Generator[Any, None, None]:
        return self._new_passage()  # type: ignore[no-any-return]

    def __iter__(self) -> Iterator[Any]:
        return self._new_passage()  # type: ignore[no-any-return]

    def add_done_callback(self, callback: Callable[[Any], object], *, context: Context | None = None) -> None:
        """Call `callback` with this waiter once it is done."""
        if context is None:
            context = copy_context()
        if self.state != _PENDING:
            self.loop.call_soon(callback, self, context=context)
        elif self.callback is None:
            self.callback = callback
            self.context = context
        elif self.more is None:
            self.more = [(callback, context)]
        else:
            self.more.append((callback, context))

    def remove_done_callback(self, callback: Callable[[Any], object]) -> int:
        """Forget a callback; return how often it was there."""
        pairs = [(self.callback, self.context), *(self.more or ())]
        kept: list[Any] = [pair for pair in pairs if pair[0] is not None and pair[0] != callback]
        removed = len([pair for pair in pairs if pair[0] == callback])
        self.callback, self.context = kept[0] if kept else (None, None)
        self.more = kept[1:] or None
        return removed

    def cancel(self, msg: Any = None) -> bool:
        """End the wait by CancelledError; False if it has ended."""
        if self.state != _PENDING:
            return False
        self.state = _CANCELLED
        self._cancel_message = msg
        self.call_back_soon()
        return True

    # what a future knows

    def done(self) -> bool:
        """Tell whether the wait has ended."""
        return self.state != _PENDING

    def cancelled(self) -> bool:
        """Tell whether it was cancelled."""
        return self.state == _CANCELLED

    def result(self) -> None:
        """Return None once the gate was open. Raises what a future does, before that and when cancelled."""
        if self.state == _CANCELLED:
            raise self._make_cancelled_error()
        if self.state == _PENDING:
            raise asyncio.InvalidStateError("The gate is not open.")

    def exception(self) -> None:
        """Return None: a gate never fails. Raises as `result` does."""
        self.result()

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """Return the loop whose tasks may wait."""
        return self.loop

    # internals

    def _new_passage(self) -> Any:
        passage = Passage.__new__(Passage)
        passage.waiter = self
        return passage

    def _make_cancelled_error(self) -> asyncio.CancelledError:
        message = self._cancel_message
        return asyncio.CancelledError() if message is None else asyncio.CancelledError(message)


class Passage:
    """Be what `await` steps through; with these methods a waiter would count as a coroutine itself."""

    __slots__ = ("waiter",)

    waiter: Waiter

    def __iter__(self) -> "Passage":
        return self

    def __next__(self) -> Waiter:
        waiter = self.waiter
        if waiter.state == _PENDING:
            waiter._asyncio_future_blocking = True
            return waiter
        if waiter.state == _CANCELLED:
            waiter.result()
        raise StopIteration

    def send(self, value: Any) -> Waiter:
        """Go on, as a coroutine does."""
        return self.__next__()

    def throw(self, kind: Any, value: Any = None, traceback: Any = None) -> Any:
        """Raise what is thrown in."""
        raise kind if value is None else value

    def close(self) -> None:
        """End the wait."""


class AsyncioGate(Gate):
    """Let tasks of asyncio wait."""

    __slots__ = ("first", "is_open", "latch", "loop", "others")

    #: Who waits: nearly always one task.
    first: Waiter | None
    latch: Latch | None
    is_open: bool
    loop: asyncio.AbstractEventLoop
    others: list[Waiter] | None

    def open(self) -> None:
        self.is_open = True
        first = self.first
        others = self.others
        self.first = None
        self.others = None
        if first is not None:
            first.let_through()
        if others is not None:
            self._let_through(others)

    def wait(self) -> Waiter:
        waiter = Waiter.__new__(Waiter)
        waiter._asyncio_future_blocking = False
        waiter._cancel_message = None
        waiter.callback = None
        waiter.context = None
        waiter.latch = self.latch
        waiter.loop = self.loop
        waiter.more = None
        waiter.state = _PENDING
        if self.is_open:
            waiter.state = _THROUGH
        elif self.first is None or self.first.state != _PENDING:
            self.first = waiter
        elif self.others is None:
            self.others = [waiter]
        else:
            if len(self.others) >= _MAX_WAITERS:
                self.others = [known for known in self.others if not known.done()]
            self.others.append(waiter)
        return waiter

    def _let_through(self, waiters: list[Waiter]) -> None:
        for waiter in waiters:
            waiter.let_through()


def new_gate(loop: asyncio.AbstractEventLoop, latch: Latch | None) -> AsyncioGate:
    """Return a closed gate; with a `latch` it lets tasks through at once while a read is taken."""
    gate = AsyncioGate.__new__(AsyncioGate)
    gate.latch = latch
    gate.is_open = False
    gate.loop = loop
    gate.first = None
    gate.others = None
    return gate


def _is_entered(context: Context) -> bool:
    """Tell whether something runs in a context, which nothing else can enter then."""
    try:
        context.run(int)
    except RuntimeError:
        return True
    return False
