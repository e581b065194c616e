"""WebSocketCall: one ASGI call for one connection of a WebSocket API, fed by an event for each message.

    state     what the application may send
    ASKED     accept, close (403), or the start of a denial response
    OPEN      messages, or close
    DENYING   the body of its denial response
    CLOSED    nothing

The call lives as long as its connection, and stands still between events: an event is answered when the application
waits in `receive` for the next one. A connection exists for API Gateway only when its first event is answered: what is
sent before that waits for the second one. A message for a connection that began in another environment begins a call
that is told of the connection as if it were new; its accept goes nowhere.

Rules: order and shape of messages are judged as for every WebSocket of licorne. A client that is gone is no fault.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from licorne.adapters.aws.connections import Connections
from licorne.asgi.cycle import AsgiCycle, Message, bytes_of
from licorne.asgi.shapes import closing_of, code_of, fields_of_accept, odd_payload, subprotocol_of
from licorne.errors import ClientDisconnected, LocalProtocolError, SentAfterClose

__all__ = ["WebSocketCall"]

logger = logging.getLogger("licorne.error")

_ASKED = 0
_OPEN = 1
_DENYING = 2
_CLOSED = 3

_ABNORMAL_CLOSURE = 1006
_SERVICE_RESTART = 1012


class WebSocketCall(AsgiCycle):
    """Connect one connection with one call of the application."""

    __slots__ = (
        "answer",
        "connections",
        "end",
        "error",
        "event",
        "gate",
        "is_established",
        "offered",
        "on_idle",
        "opened",
        "posting",
        "queue",
        "state",
        "waiting",
    )

    def begin(self, event: dict[str, Any], connections: Connections, is_established: bool, offered: list[str]) -> None:
        """Set every attribute; `is_established`: the connection was accepted, by whichever call."""
        self.event = event
        #: The subprotocols that the client knows; told by the first event only.
        self.offered = offered
        self.connections = connections
        self.is_established = is_established
        self.queue: deque[Message] = deque([{"type": "websocket.connect"}])
        self.state = _ASKED
        #: What the first event is answered with.
        self.answer: dict[str, Any] = {"statusCode": 200}
        #: How the connection ended; None while it has not.
        self.end: Message | None = None
        #: What the application raised.
        self.error: BaseException | None = None
        self.gate = asyncio.Event()
        self.opened = asyncio.Event()
        if is_established:
            self.opened.set()
        #: Calls that wait in `receive`, and those that write or wait to.
        self.waiting = 0
        self.posting = 0
        self.on_idle: Callable[[], None] | None = None

    # input

    def deliver(self, message: Message) -> None:
        """Take a message of the client, or the end of its connection."""
        self.queue.append(message)
        self.gate.set()

    def establish(self, event: dict[str, Any]) -> None:
        """Take note that the connection exists; `event` is the latest."""
        self.event = event
        self.is_established = True
        self.opened.set()

    async def run(self, app: Any, scope: Message) -> None:
        """Call the application to its end."""
        try:
            await app(scope, self.receive, self.send)
        except (GeneratorExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self.error = error
            if not self._is_expected(error):
                logger.error("Exception in ASGI application (%s)\n", self.describe(), exc_info=error)
        await self._conclude()

    # what the deadline asks

    def announce_shutdown(self) -> None:
        self.deliver({"type": "websocket.disconnect", "code": _SERVICE_RESTART, "reason": ""})

    def describe(self) -> str:
        told = self.event["requestContext"]
        return f"WebSocket {told.get('routeKey', '')} of {told.get('connectionId', '')}"

    def is_idle(self) -> bool:
        """Tell whether the application waits for the next event."""
        return not self.queue and ((self.waiting > 0 and not self.posting) or self._is_held())

    def is_undecided(self) -> bool:
        """Tell whether the application has neither accepted nor refused."""
        return self.state in (_ASKED, _DENYING)

    # what the application asks

    def message_now(self) -> Message | None:
        if self.queue:
            message = self.queue.popleft()
            if message["type"] == "websocket.disconnect":
                self.end = message
            return message
        if self.end is None and self.state == _CLOSED:
            self.end = {"type": "websocket.disconnect", "code": _ABNORMAL_CLOSURE, "reason": ""}
        return self.end

    async def pause(self) -> None:
        self.gate.clear()
        self.waiting += 1
        self._note_idle()
        try:
            await self.gate.wait()
        finally:
            self.waiting -= 1

    def take(self, message: Message) -> Awaitable[None] | None:
        kind = message.get("type")
        state = self.state
        if state == _ASKED:
            self._answer(kind, message)
            return None
        if state == _OPEN and kind == "websocket.send":
            return self._send(message)
        if state == _OPEN and kind == "websocket.close":
            return self._close(message)
        if state == _DENYING and kind == "websocket.http.response.body":
            self._deny_body(message)
            return None
        if state == _CLOSED:
            raise SentAfterClose(f"Unexpected ASGI message {kind!r}, after sending 'websocket.close'.")
        expected = "'websocket.send' or 'websocket.close'" if state == _OPEN else "'websocket.http.response.body'"
        raise LocalProtocolError(f"Expected ASGI message {expected}, but got {kind!r}.")

    # internals

    def _answer(self, kind: Any, message: Message) -> None:
        if kind == "websocket.accept":
            fields_of_accept(message)  # only the subprotocol has a way to the client
            subprotocol = subprotocol_of(message)
            if subprotocol is not None and not self.is_established:
                if subprotocol not in self.offered:
                    offers = f"the client offers {self.offered!r}"
                    raise LocalProtocolError(f"The subprotocol {subprotocol!r} was not offered; {offers}.")
                self.answer["headers"] = {"Sec-WebSocket-Protocol": subprotocol}
            self.state = _OPEN
        elif kind == "websocket.close":
            code_of(message)
            self.answer = {"statusCode": 403}
            self.state = _CLOSED
        elif kind == "websocket.http.response.start":
            status = message["status"]
            if not isinstance(status, int) or not 200 <= status <= 599:
                raise LocalProtocolError(f"The response status must be an integer from 200 to 599, got {status!r}.")
            # API Gateway would take a status of success for an acceptance.
            self.answer = {"statusCode": status if status >= 400 else 403, "body": ""}
            self.state = _DENYING
        else:
            expected = "'websocket.accept', 'websocket.close' or 'websocket.http.response.start'"
            raise LocalProtocolError(f"Expected ASGI message {expected} but got {kind!r}.")
        self.gate.set()

    def _deny_body(self, message: Message) -> None:
        self.answer["body"] += bytes_of(message.get("body", b"")).decode("utf-8", "replace")
        if not message.get("more_body", False):
            self.state = _CLOSED

    def _send(self, message: Message) -> Awaitable[None]:
        payload = odd_payload(message)
        return self._post(payload.encode() if isinstance(payload, str) else payload)

    def _close(self, message: Message) -> Awaitable[None] | None:
        closing_of(message)
        self.state = _CLOSED
        if not self.is_established:
            self.answer = {"statusCode": 403}
            return None
        return None if self.end is not None else self._written(self.connections.close(self.event))

    async def _post(self, data: bytes) -> None:
        if self.end is not None:
            raise ClientDisconnected("The client disconnected.")
        await self._written(self.opened.wait())
        try:
            await self._written(self.connections.post(self.event, data))
        except ClientDisconnected:
            self.deliver({"type": "websocket.disconnect", "code": _ABNORMAL_CLOSURE, "reason": ""})
            raise

    async def _written(self, writing: Coroutine[Any, Any, Any]) -> None:
        self.posting += 1
        self._note_idle()
        try:
            await writing
        finally:
            self.posting -= 1
            self._note_idle()

    def _is_held(self) -> bool:
        """Tell whether the application writes to a connection that the answer to this event establishes."""
        return not self.is_established and self.posting > 0

    def _note_idle(self) -> None:
        if self.on_idle is not None and self.is_idle():
            self.on_idle()

    async def _conclude(self) -> None:
        """End what the application has left open."""
        if self.state in (_ASKED, _DENYING):
            self.answer = {"statusCode": 500}
            if self.error is None:
                logger.error("ASGI callable returned without completing handshake (%s).", self.describe())
        elif self.state == _OPEN and self.end is None:
            if self.is_established:
                await self._hang_up()
            else:
                self.answer = {"statusCode": 403 if self.error is None else 500}
        if self.is_established and self.error is not None and not self._is_expected(self.error):
            self.answer = {"statusCode": 500}
        self.state = _CLOSED

    async def _hang_up(self) -> None:
        try:
            await self.connections.close(self.event)
        except Exception as error:
            logger.error("The connection cannot be closed (%s): %s", self.describe(), error)

    def _is_expected(self, error: BaseException) -> bool:
        # Starlette makes an error of its own of the loss of a client, by the name of that class.
        is_loss = isinstance(error, asyncio.CancelledError) or type(error).__name__ == "WebSocketDisconnect"
        return isinstance(error, ClientDisconnected) or (is_loss and self.end is not None)
