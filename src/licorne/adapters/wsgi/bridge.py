"""Bridge: what the thread and the coroutine of one request tell each other, and the mailbox that wakes coroutines.

    thread                                   coroutine
    tell(message, …)     ASGI messages    →  next()
    ask_body()           a wish for body  →  next() is ASK, then answer(body)
    finish(error)        the end          →  next() is None
                         no hope          ←  leave()

Rules: what the thread tells arrives in order. A thread that is ahead of its peer by more than _HIGH_WATER waits; one
that works for nobody any more hears of it by ClientDisconnected wherever it reads or writes. All that was told while
the loop was busy is delivered by one wake-up of it.
"""

import asyncio
import logging
import threading
from collections import deque
from typing import Any, Final

from licorne.errors import ClientDisconnected

__all__ = ["ASK", "Bridge", "Mailbox"]

logger = logging.getLogger("licorne.error")

#: A thread asks for the next part of the request body.
ASK: Final = "ask"

#: How much a thread may have handed over that the server has not taken.
_HIGH_WATER: Final = 64 * 1024


class Mailbox:
    """Wake coroutines of one event loop from any thread."""

    __slots__ = ("_is_called", "_letters", "loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._letters: deque[Bridge] = deque()
        self._is_called = False

    def post(self, bridge: "Bridge") -> None:
        """Let the coroutine of a bridge look at what was told."""
        self._letters.append(bridge)
        if not self._is_called:
            self._is_called = True
            try:
                self.loop.call_soon_threadsafe(self._deliver)
            except RuntimeError:  # the loop is closed: no coroutine is left
                bridge.leave()

    def _deliver(self) -> None:
        self._is_called = False  # first: what is posted from now on calls again
        letters = self._letters
        while letters:
            waiter = letters.popleft().waiter
            if waiter is not None and not waiter.done():
                waiter.set_result(None)


class Bridge:
    """Join the two sides of one request."""

    __slots__ = ("_answer", "_bell", "_mailbox", "_taken", "_told", "_written", "error", "is_gone", "waiter")

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        self._told: deque[Any] = deque()
        #: What the coroutine waits for.
        self.waiter: asyncio.Future[None] | None = None
        #: What the application raised.
        self.error: BaseException | None = None
        #: Nobody takes what the thread still says.
        self.is_gone = False
        #: Rung when there is an answer, or room; made by a thread that waits.
        self._bell: threading.Event | None = None
        self._answer: tuple[bytes, bool] | None = None
        # Each is written by one side alone.
        self._written = 0
        self._taken = 0

    # the thread's side

    def tell(self, *messages: Any) -> None:
        """Hand over messages. Raises ClientDisconnected."""
        if self.is_gone:
            raise ClientDisconnected("The client disconnected.")
        self._told.extend(messages)
        self._mailbox.post(self)

    def tell_body(self, data: bytes, *messages: dict[str, Any]) -> None:
        """Hand over messages that carry `data`, and wait until there is room for more. Raises ClientDisconnected."""
        self._written += len(data)
        self.tell(*messages)
        while self._is_ahead():
            bell = self._new_bell()
            if self._is_ahead():
                bell.wait()

    def ask_body(self) -> tuple[bytes, bool]:
        """Return a part of the request body, and whether there is more. Raises ClientDisconnected."""
        bell = self._new_bell()
        self._answer = None
        self.tell(ASK)
        while (answer := self._take_answer()) is None:
            bell.wait()
            bell.clear()
        return answer

    def finish(self, error: BaseException | None) -> None:
        """Say that the application has returned, or what it raised."""
        self.error = error
        self._told.append(None)
        self._mailbox.post(self)

    # the coroutine's side

    async def next(self) -> Any:
        """Return the next message, ASK, or None at the end."""
        told = self._told
        while not told:
            self.waiter = self._mailbox.loop.create_future()
            if not told:  # a thread may have told before there was a waiter
                await self.waiter
            self.waiter = None
        return told.popleft()

    def take(self, size: int) -> None:
        """Take note that the server has taken so many bytes."""
        self._taken += size
        self._ring()

    def answer(self, body: bytes, has_more: bool) -> None:
        """Give the thread the part of the body that it has asked for."""
        self._answer = (body, has_more)
        self._ring()

    def leave(self) -> None:
        """Take nothing any more."""
        self.is_gone = True
        self._ring()
        for message in self._told.copy():
            if isinstance(message, dict) and "file" in message:
                message["file"].close()
        self.report()

    # either side, once the coroutine has left

    def report(self) -> None:
        """Log what the application has raised, if that is not the loss of its client."""
        error, self.error = self.error, None
        if error is not None and not isinstance(error, ClientDisconnected):
            logger.error("Exception in WSGI application whose client has gone\n", exc_info=error)

    # internals

    def _take_answer(self) -> tuple[bytes, bool] | None:
        if self._answer is None and self.is_gone:
            raise ClientDisconnected("The client disconnected.")
        return self._answer

    def _is_ahead(self) -> bool:
        return self._written - self._taken > _HIGH_WATER and not self.is_gone

    def _new_bell(self) -> threading.Event:
        if self._bell is None:
            self._bell = threading.Event()
        self._bell.clear()
        return self._bell

    def _ring(self) -> None:
        if self._bell is not None:
            self._bell.set()
