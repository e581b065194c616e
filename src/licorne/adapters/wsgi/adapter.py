"""WsgiToAsgi: the ASGI side. One coroutine per request sends what the thread of the request hands over.

Rules: a request takes a thread once the first part of its body is there, so that who only connects holds none; one
that expects 100-continue takes it before, so that the application can refuse the body. A request that waits for a
thread and is cancelled never takes one. An application that is at work when its client has gone hears of it when it
next reads or writes.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from contextvars import copy_context
from functools import partial
from typing import Any, Final

from licorne.adapters.wsgi.body import input_of
from licorne.adapters.wsgi.bridge import ASK, Bridge, Mailbox
from licorne.adapters.wsgi.call import WsgiCall
from licorne.adapters.wsgi.environ import constants_of
from licorne.adapters.wsgi.threads import ThreadPool
from licorne.errors import ClientDisconnected, LocalProtocolError

__all__ = ["DEFAULT_THREADS", "WsgiToAsgi"]

logger = logging.getLogger("licorne.error")

DEFAULT_THREADS: Final = 40
#: How long applications that nobody waits for may take to return at the end.
_GRACE_SECONDS: Final = 5.0
_BODY: Final = "http.response.body"
_FILE: Final = "http.response.zerocopysend"

_Message = dict[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]


class WsgiToAsgi:
    """Be an ASGI 3 application made of a WSGI one, which runs in up to `threads` threads."""

    def __init__(
        self, app: Callable[..., Iterable[bytes]], threads: int = DEFAULT_THREADS, *, is_multiprocess: bool = False
    ) -> None:
        self.app = app
        self.threads = threads
        self._constants = constants_of(threads > 1, is_multiprocess)
        self._pool = self._new_pool()
        #: One for each event loop, which is nearly always one.
        self._mailboxes: dict[asyncio.AbstractEventLoop, Mailbox] = {}
        self._lifespans = 0

    async def __call__(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        """Serve a request in a thread, or take part in the lifespan."""
        kind = scope["type"]
        if kind == "http":
            await self._serve(scope, receive, send)
        elif kind == "lifespan":
            await self._live(receive, send)
        elif kind == "websocket":
            await send({"type": "websocket.close"})  # before it is accepted: 403
        else:
            raise LocalProtocolError(f"A WSGI application serves only HTTP, got a scope of type {kind!r}.")

    async def stop(self) -> None:
        """End the threads, as the end of the lifespan does; a request that comes later has others."""
        pool, self._pool = self._pool, self._new_pool()
        late = await pool.stop(_GRACE_SECONDS)
        if late:
            logger.error("%d thread(s) of the WSGI application do not end; they end with the process", late)

    def __repr__(self) -> str:
        return f"WsgiToAsgi({self.app!r}, threads={self.threads})"

    # internals

    async def _serve(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        body, has_more = b"", True
        if not _expects_continue(scope):
            message = await receive()
            if message["type"] != "http.request":
                return
            body, has_more = message.get("body", b""), message.get("more_body", False)
        bridge = Bridge(self._mailbox())
        call = WsgiCall(self.app, scope, input_of(bridge, body, has_more), bridge)
        call.constants = self._constants
        self._pool.submit(partial(copy_context().run, call.run))
        try:
            await _converse(bridge, receive, send)
        except BaseException:
            bridge.leave()
            raise
        error, bridge.error = bridge.error, None
        if error is not None:
            raise error

    def _mailbox(self) -> Mailbox:
        loop = asyncio.get_running_loop()
        mailbox = self._mailboxes.get(loop)
        if mailbox is None:
            # Loops that have ended are forgotten whenever there is a new one.
            self._mailboxes = {known: box for known, box in self._mailboxes.items() if not known.is_closed()}
            mailbox = self._mailboxes[loop] = Mailbox(loop)
        return mailbox

    async def _live(self, receive: _Receive, send: _Send) -> None:
        await receive()
        self._lifespans += 1
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self._lifespans -= 1
        if not self._lifespans:
            await self.stop()
        await send({"type": "lifespan.shutdown.complete"})

    def _new_pool(self) -> ThreadPool:
        return ThreadPool(self.threads, "licorne-wsgi")


async def _converse(bridge: Bridge, receive: _Receive, send: _Send) -> None:
    """Send and receive for the thread until it has finished."""
    while True:
        message = await bridge.next()
        if message is None:
            return
        if message is ASK:
            await _fetch(bridge, receive)
            continue
        kind = message["type"]
        if kind == _FILE:
            try:
                await send(message)
            finally:
                message["file"].close()
        else:
            await send(message)
            if kind == _BODY:
                bridge.take(len(message["body"]))


async def _fetch(bridge: Bridge, receive: _Receive) -> None:
    message = await receive()
    if message["type"] != "http.request":
        raise ClientDisconnected("The client disconnected while its request was read.")
    bridge.answer(message.get("body", b""), message.get("more_body", False))


def _expects_continue(scope: _Message) -> bool:
    """Tell whether the client sends the body only if it is asked for (RFC 9110 §10.1.1)."""
    if scope["method"] in ("GET", "HEAD"):
        return False
    return any(name == b"expect" and value.lower() == b"100-continue" for name, value in scope["headers"])
