"""WebSockets of messaging applications: a consumer, in a task of its own, for each event of a connection.

    websocket.connect       the message of a request, with `order` 0
    websocket.receive       `path`, `order`, `text` and `bytes`, of which one is None
    websocket.disconnect    `path`, `order` and `code`, in every case the last one

A reply may have, in this order: `accept`, `text` or `bytes`, `close`. Sending data accepts. A connection that its first
consumer has neither accepted nor refused when it returns is accepted, as the Uvicorn of that time did.

Rules:
- What is sent to a client that has left goes nowhere until its `websocket.disconnect` was dealt with: who loops over
  a set of clients need not care. Afterwards it raises ClientDisconnected, so that who sends for ever ends.
- A client is read no faster than its consumers work: at most _MAX_CONSUMERS of them run at a time.
- What a consumer raises is logged and closes its connection; the consumers of others never notice.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

from licorne.adapters.messaging.channels import Channel, fields_of, message_of
from licorne.errors import ClientDisconnected, LocalProtocolError

__all__ = ["Consumers", "WebSocketReply"]

logger = logging.getLogger("licorne.error")

_Message = dict[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]
_App = Callable[[_Message, dict[str, Any]], Awaitable[None]]

_DENIAL: Final = "websocket.http.response"
_MAX_CONSUMERS: Final = 20
_NORMAL_CLOSURE: Final = 1000
_INTERNAL_ERROR: Final = 1011
_ABNORMAL_CLOSURE: Final = 1006
#: How long the last consumer may take when the server ends the connection.
_GRACE_SECONDS: Final = 5.0


class WebSocketReply(Channel):
    """Take what is said to one WebSocket client."""

    __slots__ = ("_answers", "_send", "has_left", "is_accepted", "is_closed", "is_over")

    def __init__(self, send: _Send, answers: bool) -> None:
        """Take ASGI's `send`, and whether it takes an HTTP response in place of accepting."""
        super().__init__("reply")
        self._send = send
        self._answers = answers
        self.is_accepted = False
        #: It was refused, or closed by us.
        self.is_closed = False
        #: The client is known to have left.
        self.has_left = False
        #: The application has dealt with its leaving.
        self.is_over = False

    async def send(self, message: _Message) -> None:
        """Accept or refuse the client, send it text or bytes, close: what the message says."""
        if self.is_over:
            raise ClientDisconnected("The client disconnected.")
        if "accept" in message and not message["accept"]:
            await self._refuse()
            return
        text, data = message.get("text"), message.get("bytes")
        if "accept" in message or text is not None or data is not None:
            await self.accept(message)
        if text is not None:
            await self._tell({"type": "websocket.send", "text": text})
        if data is not None:
            await self._tell({"type": "websocket.send", "bytes": data})
        close = message.get("close", False)
        if close is not False and close is not None:
            await self.close(_NORMAL_CLOSURE if close is True else close)

    async def accept(self, message: _Message) -> None:
        """Accept the client unless that was done; the message may have `subprotocol` and `headers`."""
        if not self.is_accepted and not self.is_closed:
            self.is_accepted = True
            fields = fields_of(message)
            subprotocol = message.get("subprotocol")
            await self._tell({"type": "websocket.accept", "subprotocol": subprotocol, "headers": fields})

    async def close(self, code: int) -> None:
        """Close the connection unless that was done; one that is not accepted is refused."""
        if not self.is_closed:
            await self._tell({"type": "websocket.close", "code": code})
            self.is_closed = True

    async def fail(self) -> None:
        """End the connection because the application has failed."""
        if self.is_accepted or self.is_closed or not self._answers:
            await self.close(_INTERNAL_ERROR)
            return
        self.is_closed = True
        headers = [(b"content-type", b"text/plain; charset=utf-8")]
        await self._send({"type": "websocket.http.response.start", "status": 500, "headers": headers})
        await self._send({"type": "websocket.http.response.body", "body": b"Internal Server Error"})

    async def _refuse(self) -> None:
        if self.is_accepted:
            raise LocalProtocolError("The connection is accepted already; say 'close': True to end it.")
        await self.close(_NORMAL_CLOSURE)

    async def _tell(self, message: _Message) -> None:
        if self.has_left or self.is_closed:
            return
        try:
            await self._send(message)
        except ClientDisconnected:
            self.has_left = True


class Consumers:
    """Run the application for each event of one connection."""

    __slots__ = ("_app", "_channels", "_message", "_order", "_receive", "_reply", "_tasks")

    def __init__(self, app: _App, scope: _Message, receive: _Receive, send: _Send) -> None:
        """Take the application, the scope, and the two functions of ASGI."""
        self._app = app
        self._message = message_of(scope, "websocket.connect")
        self._receive = receive
        self._reply = WebSocketReply(send, _DENIAL in scope.get("extensions", ()))
        self._channels: dict[str, Any] = {"reply": self._reply}
        self._order = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Consume until the client has left and all consumers have returned."""
        code = _ABNORMAL_CLOSURE
        try:
            await self._receive()  # websocket.connect
            self._start(self._connect())
            code = await self._consume()
        finally:
            await self._disconnect(code)
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _consume(self) -> int:
        while True:
            if len(self._tasks) >= _MAX_CONSUMERS:
                await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
            event = await self._receive()
            if event["type"] == "websocket.disconnect":
                code: int = event.get("code") or _ABNORMAL_CLOSURE
                return code
            self._order += 1
            body = {"text": event.get("text"), "bytes": event.get("bytes")}
            self._start(self._call({**self._event("websocket.receive"), **body}))

    async def _connect(self) -> None:
        await self._call({**self._message, "channel": "websocket.connect", "order": 0})
        await self._reply.accept({})

    async def _disconnect(self, code: int) -> None:
        """Let the application deal with the end, also when the server cancels us meanwhile."""
        self._reply.has_left = True
        self._order += 1
        last = asyncio.ensure_future(self._last(code))
        try:
            await asyncio.shield(last)
        except asyncio.CancelledError:
            await asyncio.wait({last}, timeout=_GRACE_SECONDS)
            for task in (last, *self._tasks):
                task.cancel()
            raise

    async def _last(self, code: int) -> None:
        try:
            await self._guarded(self._call({**self._event("websocket.disconnect"), "code": code}))
        finally:
            self._reply.is_over = True

    def _event(self, channel: str) -> _Message:
        return {"channel": channel, "path": self._message["path"], "order": self._order}

    async def _call(self, message: _Message) -> None:
        # The channels are copied: middleware adds its own to them for each call.
        await self._app(message, self._channels.copy())

    def _start(self, consumer: Awaitable[None]) -> None:
        task = asyncio.ensure_future(self._guarded(consumer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guarded(self, consumer: Awaitable[None]) -> None:
        try:
            await consumer
        except ClientDisconnected:
            pass
        except Exception as error:
            logger.error("Exception in messaging application\n", exc_info=error)
            await self._reply.fail()
