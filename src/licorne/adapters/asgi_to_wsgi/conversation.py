"""Conversation: one request, between the thread of a WSGI server and the task of an ASGI application.

    thread                             task
    next_fact() waits for         ←    what `send` and `receive` ask for: a wish for body, the head, body, the end
    reads wsgi.input, give(body)  →    receive() returns
    took(size)                    →    send() that waited for room returns
    leave()                       →    receive() returns http.disconnect, send() raises, later the task is cancelled

Rules: each side waits only for the other one; a task that nobody listens to is cancelled after a while. What the
application raises is raised in the thread, where the server sees it; after the response, it is logged.
"""

import asyncio
import logging
import queue
from collections.abc import Awaitable, Callable
from typing import Any, Final

from licorne.errors import ClientDisconnected, LocalProtocolError

__all__ = ["BODY", "END", "HEAD", "READ", "Conversation"]

logger = logging.getLogger("licorne.error")

#: The facts: the task wants body; the head, a part of the body and whether there is more; what the application raised.
READ: Final = "read"
HEAD: Final = "head"
BODY: Final = "body"
END: Final = "end"

_HIGH_WATER: Final = 64 * 1024
_GRACE_SECONDS: Final = 3.0
_DISCONNECT: Final = {"type": "http.disconnect"}


class Conversation:
    """Join the two sides of one request."""

    __slots__ = (
        "_facts",
        "_has_body",
        "_has_body_ended",
        "_has_left",
        "_has_started",
        "_input",
        "_is_complete",
        "_is_gone",
        "_loop",
        "_room",
        "_taken",
        "_task",
        "_told",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, has_body: bool) -> None:
        self._loop = loop
        self._facts: queue.SimpleQueue[tuple[Any, ...]] = queue.SimpleQueue()
        self._task: asyncio.Task[None] | None = None
        #: What receive and send wait for.
        self._input: asyncio.Future[dict[str, Any]] | None = None
        self._room: asyncio.Future[None] | None = None
        self._has_body = has_body
        self._has_body_ended = False
        self._has_started = False
        self._is_complete = False
        #: The server takes nothing any more.
        self._is_gone = False
        #: The client has left: there is nothing more to receive.
        self._has_left = False
        self._told = 0
        self._taken = 0

    # the thread's side

    def begin(self, app: Callable[..., Awaitable[None]], scope: dict[str, Any]) -> None:
        """Start the task. Raises RuntimeError when the loop has ended."""
        self._loop.call_soon_threadsafe(self._start, app, scope)

    def next_fact(self) -> tuple[Any, ...]:
        """Wait for the next fact."""
        return self._facts.get()

    def give(self, body: bytes, has_more: bool) -> None:
        """Answer a wish for body."""
        self._call(self._take_body, {"type": "http.request", "body": body, "more_body": has_more})

    def break_off(self) -> None:
        """Answer a wish for body: the client has left."""
        self._call(self._take_body, _DISCONNECT)

    def took(self, size: int) -> None:
        """Take note that the server took so many bytes."""
        self._taken += size
        if self._room is not None:
            self._call(self._open_room)

    def leave(self) -> None:
        """Take no interest any more."""
        self._call(self._forsake)

    # the task's side

    async def receive(self) -> dict[str, Any]:
        """Return the next part of the body, or wait for the end (ASGI `receive`)."""
        if self._has_left or self._is_complete:
            return dict(_DISCONNECT)
        if not self._has_body:
            self._has_body = self._has_body_ended = True
            return {"type": "http.request", "body": b"", "more_body": False}
        if self._input is None:
            self._input = self._loop.create_future()
            if not self._has_body_ended:
                self._facts.put((READ,))
        waiting = self._input
        message = await asyncio.shield(waiting)
        if self._input is waiting:
            self._input = None
        return message

    async def send(self, message: dict[str, Any]) -> None:
        """Take a message of the application (ASGI `send`)."""
        kind = message["type"]
        if self._is_gone:
            raise ClientDisconnected("The client disconnected.")
        if not self._has_started:
            if kind != "http.response.start":
                raise LocalProtocolError(f"Expected ASGI message 'http.response.start', but got {kind!r}.")
            self._has_started = True
            self._facts.put((HEAD, message["status"], list(message.get("headers", ()))))
        elif self._is_complete:
            raise LocalProtocolError(f"Unexpected ASGI message {kind!r} sent, after response already completed.")
        elif kind != "http.response.body":
            raise LocalProtocolError(f"Expected ASGI message 'http.response.body', but got {kind!r}.")
        else:
            await self._send_body(bytes(message.get("body", b"")), bool(message.get("more_body", False)))

    async def _send_body(self, body: bytes, has_more: bool) -> None:
        self._told += len(body)
        self._is_complete = not has_more
        self._facts.put((BODY, body, has_more))
        if not has_more:
            self._answer(_DISCONNECT)
        while has_more and not self._is_gone and self._told - self._taken > _HIGH_WATER:
            self._room = self._loop.create_future()
            if self._told - self._taken > _HIGH_WATER:
                await self._room
            self._room = None

    # internals, in the loop

    def _call(self, function: Callable[..., object], *arguments: Any) -> None:
        try:
            self._loop.call_soon_threadsafe(function, *arguments)
        except RuntimeError:  # the loop has ended, and every task with it
            self._facts.put((END, ClientDisconnected("The event loop of the application has ended.")))

    def _start(self, app: Callable[..., Awaitable[None]], scope: dict[str, Any]) -> None:
        self._task = self._loop.create_task(self._run(app, scope))

    async def _run(self, app: Callable[..., Awaitable[None]], scope: dict[str, Any]) -> None:
        error: BaseException | None = None
        try:
            await app(scope, self.receive, self.send)
        except BaseException as raised:
            error = raised
        if self._is_complete or self._is_gone:
            if error is not None and not isinstance(error, ClientDisconnected | asyncio.CancelledError):
                logger.error("Exception in ASGI application\n", exc_info=error)
        elif isinstance(error, asyncio.CancelledError):
            self._facts.put((END, ClientDisconnected("The application was cancelled.")))
        else:
            self._facts.put((END, error))

    def _take_body(self, message: dict[str, Any]) -> None:
        self._has_left = self._has_left or message is _DISCONNECT
        self._has_body_ended = not message.get("more_body", False)
        self._answer(message)

    def _answer(self, message: dict[str, Any]) -> None:
        if self._input is not None and not self._input.done():
            self._input.set_result(dict(message))

    def _open_room(self) -> None:
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

    def _forsake(self) -> None:
        self._is_gone = self._has_left = True
        self._answer(_DISCONNECT)
        self._open_room()
        if self._task is not None and not self._task.done() and not self._is_complete:
            self._loop.call_later(_GRACE_SECONDS, self._task.cancel)
