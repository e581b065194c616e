"""Waiting: what `receive` waits in when it does so for nearly every message: an awaitable without a coroutine."""

from collections.abc import Awaitable
from typing import Any

from licorne.asgi.cycle import AsgiCycle

__all__ = ["Wait", "WaitingCycle"]

_ENDED = object()


class WaitingCycle(AsgiCycle):
    """Be a cycle that says what to wait for before it may have a message."""

    __slots__ = ()

    def message_later(self) -> Any:
        return _new_wait(self)

    # what a subclass does

    def pause(self) -> Awaitable[None]:
        """Return what to wait for before there may be a message."""
        raise NotImplementedError


class Wait:
    """Be the wait for one message."""

    __slots__ = ("cycle", "inner")

    cycle: WaitingCycle
    #: What is waited for now, as an iterator.
    inner: Any

    def __await__(self) -> "Wait":
        return self

    def __iter__(self) -> "Wait":
        return self

    def __next__(self) -> Any:
        return self.step()

    def step(self) -> Any:
        """Go on until something has to be waited for; raise StopIteration with the message."""
        while True:
            if self.inner is None:
                self.inner = self.cycle.pause().__await__()
            pending = next(self.inner, _ENDED)
            if pending is not _ENDED:
                return pending
            self.inner = None
            message = self.cycle.message_now()
            if message is not None:
                raise StopIteration(message)

    def send(self, value: Any) -> Any:
        """Go on, as a coroutine does."""
        return self.step()

    def throw(self, kind: Any, value: Any = None, traceback: Any = None) -> Any:
        """Raise what is thrown in, where it is waited for."""
        error = kind if value is None else value
        if self.inner is None:
            raise error
        return self.inner.throw(error)

    def close(self) -> None:
        """End the wait."""
        if self.inner is not None:
            self.inner.close()


def _new_wait(cycle: WaitingCycle) -> Wait:
    wait = Wait.__new__(Wait)
    wait.cycle = cycle
    wait.inner = None
    return wait
