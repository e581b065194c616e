"""WebSocketCycle: one ASGI call for one WebSocket, whatever carries it (ASGI WebSocket 2.5).

    state      what the application may send
    ASKED      accept, close (403), or the start of a denial response
    OPEN       messages, or close
    DENYING    the body of its denial response
    CLOSED     nothing: it has closed
    DENIED     nothing: it has refused

Rules:
- The order and the shape of messages are judged here, header fields by the exchange; the session does the rest.
- What the application leaves behind is ended for it: 500 before it accepted, 1011 if it failed, 1000 if it returned.
- A client that is gone is no fault: `send` raises ClientDisconnected, which is not logged when it comes back out.
- `receive` gives up the loop now and then, so that a client which sends without end does not stop the others.
"""

import asyncio
import logging
from collections.abc import Awaitable, Coroutine
from time import perf_counter
from types import MethodType
from typing import Any

from licorne.asgi.cycle import AsgiCycle, Message, bytes_of
from licorne.asgi.front import answer_fields, request_name
from licorne.asgi.lines import log_accepted, log_begun, log_closed, log_refused
from licorne.asgi.receiving import received
from licorne.asgi.sending import until_room
from licorne.asgi.shapes import closing_of, code_of, fields_of_accept, odd_payload, subprotocol_of
from licorne.asgi.shared import Shared
from licorne.engine.exchange import Exchange
from licorne.engine.websocket.session import WebSocketSession
from licorne.errors import ClientDisconnected, LocalProtocolError, SentAfterClose
from licorne.link import Link

__all__ = ["WebSocketCycle"]

logger = logging.getLogger("licorne.error")

_ASKED = 0
_OPEN = 1
_DENYING = 2
_CLOSED = 3
_DENIED = 4

_CONNECT = "websocket.connect"
_RECEIVE = "websocket.receive"
_DISCONNECT = "websocket.disconnect"
_ACCEPT = "websocket.accept"
_SEND = "websocket.send"
_CLOSE = "websocket.close"
_DENY = "websocket.http.response.start"
_DENY_BODY = "websocket.http.response.body"

_NORMAL_CLOSURE = 1000
_ABNORMAL_CLOSURE = 1006
_INTERNAL_ERROR = 1011
_SERVICE_RESTART = 1012
# Messages that an application gets before the loop turns.
_MAX_RUN = 32


class WebSocketCycle(AsgiCycle):
    """Connect one WebSocket with one call of the application."""

    __slots__ = (
        "accepted_at",
        "exchange",
        "has_begun",
        "has_counted",
        "has_ended",
        "is_stopping",
        "link",
        "run",
        "session",
        "shared",
        "started_at",
        "state",
    )

    # construction

    def begin(self, exchange: Exchange, link: Link, shared: Shared) -> None:
        """Set every attribute of a new cycle; the exchange carries the session already."""
        self.exchange = exchange
        self.link = link
        self.shared = shared
        tunnel: Any = exchange.tunnel
        self.session: WebSocketSession = tunnel
        self.state = _ASKED
        #: The application was told to connect.
        self.has_begun = False
        self.has_counted = False
        #: The WebSocket is over for the application, in whichever way, and is logged.
        self.has_ended = False
        self.is_stopping = False
        #: Messages that were handed over since the application last waited.
        self.run = 0
        self.started_at = perf_counter()
        self.accepted_at = 0.0

    # what the driver asks

    def start(self) -> Coroutine[Any, Any, None]:
        log_begun(self.link)
        shared = self.shared
        scope = shared.scopes.websocket_scope(self.exchange, self.link, self.session.upgrade.subprotocols)
        # A method of the interpreter's own kind takes longer to make and less to call, which is done for each message.
        return self.call_application(shared, scope, MethodType(received, self))

    def finish(self, error: BaseException | None) -> None:
        try:
            if not self._is_expected(error):
                self._report(error)
            self._conclude(error)
            self._end()
        finally:
            self.exchange.release()
            if self.shared.is_limited:
                self.shared.release()

    def is_answered(self) -> bool:
        return self.state >= _CLOSED

    def is_forsaken(self) -> bool:
        exchange = self.exchange
        return exchange.is_disconnected or exchange.is_leaving or exchange.is_complete() or self.session.has_ended()

    def announce_shutdown(self) -> None:
        self.is_stopping = True
        self._wake()

    def cut(self) -> None:
        if not self.exchange.has_started() and not self.exchange.is_disconnected:
            self._answer(503, b"Service Unavailable")
            self.link.pump()
            self._end()

    def describe(self) -> str:
        path = self.exchange.head.target.partition(b"?")[0]
        return f"WebSocket {path.decode('ascii', 'backslashreplace')}"

    # what the application asks

    def message_now(self) -> Message | None:
        if not self.has_begun:
            self.has_begun = True
            return {"type": _CONNECT}
        if self.state == _OPEN:
            return self._receive()
        return self._disconnect() if self._is_over() else None

    def pause(self) -> Awaitable[None]:
        if self.run >= _MAX_RUN:
            self.run = 0
            return self.link.turn()
        self.run = 0
        session = self.session
        if session.gate is None:
            session.gate = self.link.gate()
        return session.gate.wait()  # type: ignore[no-any-return]

    def take(self, message: Message) -> Awaitable[None] | None:
        return self._take(message if type(message) is dict else dict(message))

    # internals: receiving

    def _receive(self) -> Message | None:
        session = self.session
        if self.run >= _MAX_RUN and not session.has_ended():
            return None
        was_full = session.is_full()
        message = session.take_message()
        if was_full:
            self.link.pump()  # there is room again, and the driver may read on; or what was put off has ended it
        if message is None:
            return self._disconnect() if session.has_ended() else None
        self.run += 1
        if type(message) is str:
            return {"type": _RECEIVE, "text": message}
        return {"type": _RECEIVE, "bytes": message}

    def _is_over(self) -> bool:
        is_told = self.is_stopping and self.state == _ASKED
        return self.state >= _CLOSED or self.session.has_ended() or self.exchange.is_complete() or is_told

    def _disconnect(self) -> Message:
        code, reason = self._how_it_ended()
        self._end()
        return {"type": _DISCONNECT, "code": code, "reason": reason}

    def _how_it_ended(self) -> tuple[int, str]:
        session = self.session
        if self.state == _DENIED:
            return _ABNORMAL_CLOSURE, ""
        if self.is_stopping and self.state == _ASKED:
            return _SERVICE_RESTART, ""
        return session.close_code or _ABNORMAL_CLOSURE, session.close_reason

    def _wake(self) -> None:
        """Let those who wait in `receive` look again."""
        gate = self.session.gate
        if gate is not None:
            self.session.gate = None
            gate.open()

    # internals: sending

    def _take(self, message: Message) -> Awaitable[None] | None:
        kind = self.kind_of(message)
        if kind == _SEND and self.state == _OPEN:
            return self._send(message)
        return self._send_rare(kind, message)

    def _send(self, message: Message) -> Awaitable[None] | None:
        session = self.session
        if not session.is_open():
            raise ClientDisconnected("The client disconnected.")
        text = message.get("text")
        data = message.get("bytes")
        if data is None and type(text) is str:
            session.send_text(text)
        elif text is None and type(data) is bytes:
            session.send_bytes(data)
        else:
            self._send_odd(message)
        if session.is_timed():
            self.link.pump()
        else:
            self.link.push()
        return self._room()

    def _room(self) -> Awaitable[None] | None:
        """Return what the application waits for before it sends more, if anything."""
        return until_room(self.exchange, self.link) if self.exchange.is_full() else self.link.drain()

    def _send_odd(self, message: Message) -> None:
        payload = odd_payload(message)
        if isinstance(payload, str):
            self.session.send_text(payload)
        else:
            self.session.send_bytes(payload)

    def _send_rare(self, kind: str, message: Message) -> Awaitable[None] | None:
        state = self.state
        if state == _ASKED:
            return self._send_answer(kind, message)
        if state == _OPEN and kind == _CLOSE:
            return self._close(message)
        if state == _DENYING and kind == _DENY_BODY:
            return self._deny_body(message)
        if state == _CLOSED:
            raise SentAfterClose(f"Unexpected ASGI message {kind!r}, after sending 'websocket.close'.")
        if state == _DENIED:
            raise LocalProtocolError(f"Unexpected ASGI message {kind!r} sent, after response already completed.")
        expected = f"{_SEND!r} or {_CLOSE!r}" if state == _OPEN else repr(_DENY_BODY)
        raise LocalProtocolError(f"Expected ASGI message {expected}, but got {kind!r}.")

    def _send_answer(self, kind: str, message: Message) -> Awaitable[None] | None:
        """Take the first message, which decides what becomes of the handshake."""
        if kind not in (_ACCEPT, _CLOSE, _DENY):
            raise LocalProtocolError(f"Expected ASGI message {_ACCEPT!r}, {_CLOSE!r} or {_DENY!r} but got {kind!r}.")
        if self.session.has_ended() or self.exchange.is_disconnected:
            raise ClientDisconnected("The client disconnected.")
        if kind == _ACCEPT:
            self._accept(message)
        elif kind == _CLOSE:
            code_of(message)  # the reason goes nowhere, and is a list when FastAPI refuses
            self._answer(403, b"")
            self._finish_denial()
        else:
            fields = answer_fields(self.link, message.get("headers") or ())
            self.exchange.start_response(message.get("status"), fields)
            self.state = _DENYING
            self._count()
        self.link.pump()
        return None

    def _accept(self, message: Message) -> None:
        subprotocol = subprotocol_of(message)
        offered = self.session.upgrade.subprotocols
        if subprotocol is not None and subprotocol not in offered:
            # RFC 6455 §4.1: the client would have to fail the connection.
            raise LocalProtocolError(f"The subprotocol {subprotocol!r} was not offered; the client offers {offered!r}.")
        self.session.accept(subprotocol, answer_fields(self.link, fields_of_accept(message)))
        self.state = _OPEN
        self.accepted_at = perf_counter()
        self._count()
        log_accepted(self.exchange, self.link)

    def _close(self, message: Message) -> Awaitable[None] | None:
        if not self.session.is_open():
            raise ClientDisconnected("The client disconnected.")
        code, reason = closing_of(message)
        self.session.close(code, reason)
        self.state = _CLOSED
        self._end()
        self._wake()
        self.link.pump()
        return self._room()

    def _deny_body(self, message: Message) -> Awaitable[None] | None:
        more = bool(message.get("more_body", False))
        self.exchange.write(bytes_of(message.get("body", b"")), not more)
        if not more:
            self._finish_denial()
        self.link.pump()
        return self._room() if more else None

    def _finish_denial(self) -> None:
        self.state = _DENIED
        self._end()
        self._wake()

    # internals: the end

    def _count(self) -> None:
        if not self.has_counted:
            self.has_counted = True
            if self.shared.on_response is not None:
                self.shared.on_response()

    def _end(self) -> None:
        """Log the WebSocket, once."""
        if self.has_ended:
            return
        self.has_ended = True
        exchange, link = self.exchange, self.link
        ended_at = perf_counter()
        if exchange.status:
            self._count()  # its session may have answered
        if self.accepted_at:
            log_closed(exchange, link, self.session, ended_at - self.accepted_at)
        else:
            log_refused(exchange, link)
        self.shared.log(exchange, link, self.started_at, ended_at)

    def _conclude(self, error: BaseException | None) -> None:
        """End what the application has left open."""
        exchange = self.exchange
        if self.state == _OPEN:
            if self.session.is_open():
                self.session.close(_NORMAL_CLOSURE if error is None else _INTERNAL_ERROR, "")
        elif self.state != _CLOSED and not exchange.is_complete():
            is_open = exchange.has_started() and not exchange.withdraw()
            if exchange.is_disconnected or is_open:
                exchange.abort()
            elif self.is_stopping and not isinstance(error, Exception):
                self._answer(503, b"Service Unavailable")
            else:
                self._answer(500, b"Internal Server Error")
        self.link.pump()

    def _is_expected(self, error: BaseException | None) -> bool:
        """Tell whether the end of the application needs no word: it has ended the WebSocket, or the client has."""
        if isinstance(error, ClientDisconnected) or (error is None and self.state == _OPEN):
            return True
        # Starlette makes an error of its own of the loss of a client, by the name of that class.
        is_loss = isinstance(error, asyncio.CancelledError) or type(error).__name__ == "WebSocketDisconnect"
        return (error is None or is_loss) and (self._is_over() or self.exchange.is_disconnected)

    def _report(self, error: BaseException | None) -> None:
        name = f"WebSocket {self.exchange.head.target.decode('ascii', 'backslashreplace')}{request_name(self.link)}"
        if error is not None:
            logger.error("Exception in ASGI application (%s)\n", name, exc_info=error)
        elif self.state == _ASKED:
            logger.error("ASGI callable returned without completing handshake (%s).", name)
        else:
            logger.error("ASGI callable returned without completing response (%s).", name)

    def _answer(self, status: int, body: bytes) -> None:
        """Give a whole response in place of the application."""
        fields = [(b"content-type", b"text/plain; charset=utf-8")] if body else []
        self.exchange.start_response(status, answer_fields(self.link, fields))
        self.exchange.write(body, True)
        self._count()
