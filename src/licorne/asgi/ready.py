"""Awaitables that have their result already, so that `await send()` costs no coroutine and no loop turn.

They keep no state, so one may be awaited again and again. They count as coroutines because some applications
pass what `receive()` returns to `create_task`.
"""

from collections.abc import Coroutine, Generator, Iterator
from typing import Any

__all__ = ["DONE", "Ready"]

# Awaiting an iterator that has nothing to give ends at once with None, and without an exception being made.
_EXHAUSTED: Iterator[Any] = iter(())


class Ready:
    """Be awaitable, with a result that is known."""

    __slots__ = ("result",)

    def __init__(self, result: Any) -> None:
        self.result = result

    def __await__(self) -> Generator[Any, Any, Any]:
        if self.result is None:
            return _EXHAUSTED  # type: ignore[return-value]
        return self

    def __iter__(self) -> "Ready":
        return self

    def __next__(self) -> Any:
        raise StopIteration(self.result)

    def send(self, value: Any) -> Any:
        """End at once, as a coroutine without a suspension point does."""
        raise StopIteration(self.result)

    def throw(self, kind: Any, value: Any = None, traceback: Any = None) -> Any:
        """Raise what is thrown in."""
        raise kind if value is None else value

    def close(self) -> None:
        """Have nothing to close."""


Coroutine.register(Ready)

#: What `send()` returns when nothing must be waited for.
DONE = Ready(None)
