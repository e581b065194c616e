"""HttpCycle: one ASGI call for one HTTP exchange, whatever the HTTP version (ASGI HTTP 2.5).

Rules:
- The order of messages is judged here, their content by the exchange. Both raise errors that say what was expected.
- Whatever the application leaves behind, the peer never sees a cut response as a whole one.
- `finish` sees every outcome once, and the access log every exchange once.
"""

import asyncio
import logging
from collections.abc import Awaitable, Coroutine
from time import perf_counter
from typing import Any

from licorne.asgi.cycle import AsgiCycle, Message, bytes_of
from licorne.asgi.files import FileRange
from licorne.asgi.front import answer_fields, request_name
from licorne.asgi.sending import until_room, write_file
from licorne.asgi.shared import Shared
from licorne.engine.exchange import Exchange
from licorne.errors import ClientDisconnected, LocalProtocolError
from licorne.link import Link

__all__ = ["HttpCycle"]

logger = logging.getLogger("licorne.error")

_DISCONNECT = "http.disconnect"
_START = "http.response.start"
_BODY = "http.response.body"
_TRAILERS = "http.response.trailers"
_EARLY_HINT = "http.response.early_hint"
_PATHSEND = "http.response.pathsend"
_ZEROCOPYSEND = "http.response.zerocopysend"
_EARLY_HINTS_STATUS = 103


class HttpCycle(AsgiCycle):
    """Connect one exchange with one call of the application."""

    __slots__ = (
        "exchange",
        "has_counted",
        "has_ended",
        "is_body_taken",
        "is_stopping",
        "link",
        "shared",
        "started_at",
        "trailers",
    )

    # construction

    def begin(self, exchange: Exchange, link: Link, shared: Shared) -> None:
        """Set every attribute of a new cycle; cheaper than a constructor with arguments."""
        self.exchange = exchange
        self.link = link
        self.shared = shared
        self.is_body_taken = False
        #: The application was told of the server's stop, not of a peer that left: it may still answer.
        self.is_stopping = False
        #: The response has ended, in whichever way, and is logged.
        self.has_ended = False
        self.has_counted = False
        self.trailers: list[tuple[bytes, bytes]] | None = None
        self.started_at = perf_counter() if shared.needs_time else 0.0

    # what the driver asks

    def start(self) -> Coroutine[Any, Any, None]:
        shared = self.shared
        return self.call_application(shared, shared.scopes.http_scope(self.exchange, self.link), self.receive)

    def finish(self, error: BaseException | None) -> None:
        try:
            if error is not None or not self.exchange.is_complete():
                self._fail(error)
            self._end()
        finally:
            self.exchange.release()
            if self.shared.is_limited:
                self.shared.release()

    def is_answered(self) -> bool:
        return self.exchange.is_complete()

    def is_forsaken(self) -> bool:
        return self.exchange.is_disconnected or (self.exchange.is_leaving and not self.is_stopping)

    def announce_shutdown(self) -> None:
        self.is_stopping = True
        self.exchange.leave()

    def cut(self) -> None:
        if not self.exchange.has_started() and not self.exchange.is_disconnected:
            self._answer_failure(True)
            self.link.pump()
            self._end()

    def describe(self) -> str:
        path = self.exchange.head.target.partition(b"?")[0]
        return f"{self.exchange.head.method} {path.decode('ascii', 'backslashreplace')}"

    # what the application asks

    def message_now(self) -> Message | None:
        exchange = self.exchange
        if exchange.is_complete() or exchange.is_disconnected:
            return self._disconnect()
        if not self.is_body_taken and (exchange.body.first or exchange.body.has_ended):
            return self._request()
        return self._disconnect() if exchange.is_leaving else None

    def pause(self) -> Awaitable[None]:
        exchange = self.exchange
        if exchange.head.expects_continue:
            exchange.send_continue()
            self.link.pump()
        if exchange.gate is None:
            exchange.gate = self.link.gate()
        return exchange.gate.wait()  # type: ignore[no-any-return]

    def take(self, message: Message) -> Awaitable[None] | None:
        return self._take(message if type(message) is dict else dict(message))

    # internals: receiving

    def _request(self) -> Message:
        exchange = self.exchange
        is_full = exchange.body.high_water and exchange.body.size() >= exchange.body.high_water
        data = exchange.take_body()
        self.is_body_taken = exchange.body.has_ended
        if is_full:
            self.link.pump()  # there is room again: the driver may read on
        return {"type": "http.request", "body": data, "more_body": not self.is_body_taken}

    def _disconnect(self) -> Message:
        # A peer that has only closed its side may still read, until the application was told that it left.
        if self.exchange.is_leaving and not self.is_stopping:
            self.exchange.disconnect()
        return {"type": _DISCONNECT}

    # internals: sending

    def _take(self, message: Message) -> Awaitable[None] | None:
        kind = self.kind_of(message)
        exchange = self.exchange
        if exchange.has_started():
            if kind == _BODY and not self.has_ended:
                return self._send_body(message)
        elif kind == _START:
            self._start_response(message)
            return None
        return self._send_rare(kind, message)

    def _start_response(self, message: Message) -> None:
        trailers = bool(message.get("trailers", False))
        headers = message.get("headers", ())
        if self.link.account is not None:
            headers = answer_fields(self.link, headers)
        self.exchange.start_response(message.get("status"), headers, trailers)
        self._count()

    def _send_body(self, message: Message) -> Awaitable[None] | None:
        exchange = self.exchange
        more = bool(message.get("more_body", False))
        exchange.write(bytes_of(message.get("body", b"")), not more)
        if exchange.is_complete():
            self._end()  # before the pump, which may start the next request
        self.link.pump()
        if not more:
            return None
        return until_room(exchange, self.link) if exchange.is_full() else self.link.drain()

    def _send_rare(self, kind: str, message: Message) -> Awaitable[None] | None:
        exchange = self.exchange
        if exchange.is_disconnected:
            raise ClientDisconnected("The client disconnected.")
        if self.has_ended or exchange.is_complete():
            raise LocalProtocolError(f"Unexpected ASGI message {kind!r} sent, after response already completed.")
        if kind == _EARLY_HINT:
            links = [(b"link", link) for link in message.get("links", ())]
            exchange.send_informational(_EARLY_HINTS_STATUS, links)
            self.link.pump()
            return None
        if not exchange.has_started():
            raise LocalProtocolError(f"Expected ASGI message {_START!r}, but got {kind!r}.")
        if exchange.awaits_trailers():
            return self._send_trailers(kind, message)
        if kind in (_PATHSEND, _ZEROCOPYSEND):
            return self._send_file(kind, message)
        raise LocalProtocolError(f"Expected ASGI message {_BODY!r}, but got {kind!r}.")

    def _send_trailers(self, kind: str, message: Message) -> Awaitable[None] | None:
        if kind != _TRAILERS:
            raise LocalProtocolError(f"Expected ASGI message {_TRAILERS!r}, but got {kind!r}.")
        self.trailers = [*(self.trailers or []), *message.get("headers", ())]
        if message.get("more_trailers", False):
            return None
        self.exchange.write_trailers(self.trailers)
        self.link.pump()
        self._end()
        return None

    async def _send_file(self, kind: str, message: Message) -> None:
        exchange = self.exchange
        is_path = kind == _PATHSEND
        part = FileRange.of_path(message["path"]) if is_path else FileRange.of_message(message)
        more = not is_path and bool(message.get("more_body", False))
        try:
            if exchange.start_file(part.count, not more):
                await self._send_part(part)
                exchange.finish_file(not more)
            elif not more:
                exchange.finish_empty()
            self.link.pump()
        finally:
            part.close()
        if exchange.is_complete():
            self._end()

    async def _send_part(self, part: FileRange) -> None:
        try:
            if self.exchange.can_send_files():
                self.link.flush()  # the head must be in the transport before the file is
                await self.link.send_file(part.file, part.offset, part.count)
            else:
                await write_file(part, self.exchange, self.link)
        except BaseException:
            # Not all that was announced has come: nothing the application does now may make it look whole.
            self.exchange.abort()
            self.link.pump()
            raise

    # internals: the end

    def _count(self) -> None:
        self.has_counted = True
        if self.shared.on_response is not None:
            self.shared.on_response()

    def _end(self) -> None:
        """Log the exchange, once."""
        if not self.has_ended:
            self.has_ended = True
            shared = self.shared
            if shared.log_access is not None:
                shared.log(self.exchange, self.link, self.started_at, perf_counter() if shared.needs_time else 0.0)

    def _fail(self, error: BaseException | None) -> None:
        """Deal with an application that raised, or that left its response open."""
        exchange = self.exchange
        if not self._is_expected(error):
            self._report(error)
        if exchange.is_complete():
            return
        has_left = exchange.is_leaving and not self.is_stopping
        is_open = exchange.has_started() and not exchange.withdraw()
        if exchange.is_disconnected or is_open or (has_left and error is not None):
            exchange.abort()
        else:
            self._answer_failure(is_told=self.is_stopping and not isinstance(error, Exception))
        self.link.pump()

    def _is_expected(self, error: BaseException | None) -> bool:
        """Tell whether the end of the application needs no word: the peer had left, or the server cancelled it."""
        exchange = self.exchange
        if isinstance(error, ClientDisconnected):
            return True
        # The server cancels only what has nobody to answer: its peer has left, or has its answer.
        has_nobody = exchange.is_disconnected or exchange.is_leaving or exchange.is_complete()
        # Starlette makes an error of its own of the loss of a client, by the name of that class.
        is_loss = isinstance(error, asyncio.CancelledError) or type(error).__name__ == "ClientDisconnect"
        return has_nobody and (error is None or is_loss)

    def _report(self, error: BaseException | None) -> None:
        head = self.exchange.head
        request = f"{head.method} {head.target.decode('ascii', 'backslashreplace')}{request_name(self.link)}"
        if error is not None:
            logger.error("Exception in ASGI application (%s)\n", request, exc_info=error)
        elif self.exchange.has_started():
            logger.error("ASGI callable returned without completing response (%s).", request)
        else:
            logger.error("ASGI callable returned without starting response (%s).", request)

    def _answer_failure(self, is_told: bool) -> None:
        """Answer in place of the application: 503 if it ended because it was told of the stop, else 500."""
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
        self.exchange.start_response(503 if is_told else 500, answer_fields(self.link, headers))
        self.exchange.write(b"Service Unavailable" if is_told else b"Internal Server Error", True)
        if not self.has_counted:
            self._count()
