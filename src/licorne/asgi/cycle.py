"""AsgiCycle: `receive` and `send` without a turn of the loop, where nothing must be waited for.

Both are plain functions that return something to await: `receive` a coroutine, `send`, which has no result, a `Call`,
which is cheaper. As a coroutine does, a call acts when it is awaited, not when it is made: in the thread and the task
that awaits it, once, and not at all if that is cancelled first. It counts as a coroutine, because some applications
pass it to `create_task`.
"""

import asyncio
from collections.abc import Awaitable, Coroutine, Generator, Iterator
from types import CoroutineType
from typing import Any

from licorne.asgi.receiving import received
from licorne.asgi.shared import Shared
from licorne.errors import LocalProtocolError
from licorne.link import Cycle

__all__ = ["AsgiCycle", "Call", "Message", "bytes_of"]

Message = dict[str, Any]

_Coroutine = CoroutineType

# Awaiting an iterator that has nothing to give ends at once with None, and without an exception being made.
_EXHAUSTED: Iterator[Any] = iter(())


class AsgiCycle(Cycle):
    """Be a cycle whose application talks by messages."""

    __slots__ = ()

    # what the application calls

    def receive(self) -> Coroutine[Any, Any, Message]:
        """Return the next message, when awaited (ASGI `receive`)."""
        return received(self)

    def send(self, message: Message) -> "Call":
        """Take a message, when awaited (ASGI `send`)."""
        return _new_call(self, message)

    # what a subclass does

    def message_now(self) -> Message | None:
        """Return the next message for the application; None if it has to wait for one."""
        raise NotImplementedError

    def pause(self) -> Awaitable[None]:
        """Return what to wait for before there may be a message."""
        raise NotImplementedError

    def take(self, message: Message) -> Awaitable[None] | None:
        """Take a message of the application; return what it must wait for, if anything."""
        raise NotImplementedError

    # what it has from here

    def call_application(self, shared: Shared, scope: Message, receive: Any) -> Coroutine[Any, Any, None]:
        """Return the coroutine of the application for one scope."""
        if not shared.is_coroutine:
            return _called(shared.app, scope, receive, self.send)
        result = shared.app(scope, receive, self.send)
        return result if type(result) is _Coroutine or asyncio.iscoroutine(result) else _awaited(result)

    def kind_of(self, message: Message) -> str:
        """Return the type of a message as a plain str. Raises LocalProtocolError when it has none."""
        kind = message.get("type")
        if type(kind) is str:
            return kind
        if not isinstance(kind, str):
            raise LocalProtocolError(f"An ASGI message must have a 'type' that is a str, got {kind!r}.")
        return str.__str__(kind)


class Call:
    """Be one call of `send`."""

    __slots__ = ("cycle", "has_begun", "inner", "message")

    cycle: AsgiCycle
    has_begun: bool
    #: What is waited for, once it must be.
    inner: Any
    message: Any

    def __await__(self) -> Generator[Any, Any, Any]:
        if not self.has_begun:
            self.begin()
        return _EXHAUSTED if self.inner is None else self.inner  # type: ignore[return-value]

    def __iter__(self) -> "Call":
        return self

    def __next__(self) -> Any:
        if not self.has_begun:
            self.begin()
        if self.inner is None:
            raise StopIteration
        return next(self.inner)

    def begin(self) -> None:
        """Act."""
        self.has_begun = True
        message = self.message
        self.message = None
        waiting = self.cycle.take(message)
        if waiting is not None:
            self.inner = waiting.__await__()

    def send(self, value: Any) -> Any:
        """Go on, as a coroutine does."""
        return self.__next__()

    def throw(self, kind: Any, value: Any = None, traceback: Any = None) -> Any:
        """Raise what is thrown in; a call that has not begun does nothing any more."""
        self.has_begun = True
        if self.inner is not None:
            return self.inner.throw(kind if value is None else value)
        raise kind if value is None else value

    def close(self) -> None:
        """End the wait, if there is one."""
        self.has_begun = True
        if self.inner is not None:
            self.inner.close()


Coroutine.register(Call)


def bytes_of(body: Any) -> bytes:
    """Return the body of a response message as bytes. Raises LocalProtocolError for what is not bytes-like."""
    if type(body) is bytes:
        return body
    if isinstance(body, bytes | bytearray | memoryview):
        return bytes(body)
    raise LocalProtocolError(f"The body of a response must be bytes, got {type(body).__name__}.")


def _new_call(cycle: AsgiCycle, message: Any) -> Call:
    call = Call.__new__(Call)
    call.cycle = cycle
    call.message = message
    call.has_begun = False
    call.inner = None
    return call


async def _called(app: Any, scope: Message, receive: Any, send: Any) -> None:
    """Call an application that works before it returns something to await: its task must be there already."""
    await app(scope, receive, send)


async def _awaited(result: Any) -> None:
    """Make a coroutine of any awaitable, such as the instance of a class-based application."""
    await result
