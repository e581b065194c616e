"""Application: turns exchanges into cycles, and holds requests over the concurrency limit back for a while.

A request over the limit waits its turn in order of arrival; one that waited too long is answered 503 with
Retry-After. Connections that are idle do not count: only running calls of the application do, and a WebSocket is
one for as long as it lasts. A handshake that is wrong, or comes from an origin that is not allowed, is answered here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any

from licorne.asgi.front import Front, answer_fields
from licorne.asgi.http import HttpCycle
from licorne.asgi.scope import ScopeMaker
from licorne.asgi.shared import Shared
from licorne.asgi.unserved import Unserved
from licorne.asgi.websocket import WebSocketCycle
from licorne.engine.exchange import Exchange
from licorne.engine.websocket.session import refusal_fields
from licorne.errors import RemoteProtocolError
from licorne.link import Cycle, Link, Service

__all__ = ["Application", "AsgiOptions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AsgiOptions:
    """Hold what the ASGI layer is told."""

    #: "3.0", or "2.0" for an application that was adapted.
    asgi_version: str = "3.0"
    root_path: str = ""
    #: Requests that may run at a time; 0 for any number.
    limit_concurrency: int = 0
    #: Seconds that a request over the limit waits before it is answered 503.
    concurrency_wait: float = 1.0


class Application(Service):
    """Begin the cycles of one application."""

    __slots__ = ("clock", "front", "is_starting", "options", "shared")

    def __init__(
        self,
        app: Any,
        state: dict[str, Any],
        options: AsgiOptions,
        log_access: Callable[[Exchange, Link, float, float], None] | None = None,
        on_response: Callable[[], None] | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Take the ASGI 3 callable, the lifespan state, what to call when a response ends and begins, and the time."""
        scopes = ScopeMaker(options.asgi_version, options.root_path, state)
        self.options = options
        self.clock = clock
        #: What every request passes first; None where there is nothing to look for.
        self.front: Front | None = None
        self.is_starting = False
        self.shared = Shared(app, scopes, options.limit_concurrency)
        self.shared.start_next = self._start_next
        self.shared.log_access = log_access
        self.shared.on_response = on_response
        self.shared.needs_time = bool(getattr(getattr(log_access, "__self__", None), "needs_time", False))

    def begin(self, exchange: Exchange, link: Link) -> Cycle | None:
        """Return the cycle of a new exchange; None if it was answered, or has to wait until its link is told."""
        shared = self.shared
        asked = exchange
        front = self.front
        if front is not None and (not asked.head.is_plain or front.has_checks):
            admitted = self._admitted(front, exchange, link)
            if admitted is None:
                return None
            link = admitted
        if asked.head.asks_websocket and not self._opens_session(asked, link):
            return None
        if shared.is_limited:
            if shared.running >= shared.limit or shared.waiting:
                self._hold_back(exchange, link)
                return None
            shared.running += 1
        return self._new_cycle(exchange, link)

    def _admitted(self, front: Front, exchange: Exchange, link: Link) -> Link | None:
        """Return the link that an exchange is to have; None if it was refused and answered."""
        try:
            return front.admit(exchange, link)
        except RemoteProtocolError as error:
            self._turn_away(exchange, link, error, [])
            return None

    def _hold_back(self, exchange: Exchange, link: Link) -> None:
        self.shared.waiting.append((exchange, link, self.clock() + self.options.concurrency_wait))
        session: Any = exchange.tunnel
        if session is not None:
            session.gate = Unserved(exchange, link, self.shared)

    def _new_cycle(self, exchange: Exchange, link: Link) -> Cycle:
        if exchange.tunnel is not None:
            return self._new_websocket_cycle(exchange, link)
        cycle = HttpCycle.__new__(HttpCycle)
        cycle.begin(exchange, link, self.shared)
        return cycle

    def _new_websocket_cycle(self, exchange: Exchange, link: Link) -> Cycle:
        cycle = WebSocketCycle.__new__(WebSocketCycle)
        cycle.begin(exchange, link, self.shared)
        return cycle

    def _opens_session(self, exchange: Exchange, link: Link) -> bool:
        """Give an exchange its session where WebSocket is spoken; False if it was refused and answered."""
        if self.shared.open_session is None:
            return True
        try:
            self.shared.open_session(exchange)
        except RemoteProtocolError as error:
            self._turn_away(exchange, link, error, refusal_fields(error.status))
            return False
        return True

    def _turn_away(
        self, exchange: Exchange, link: Link, error: RemoteProtocolError, fields: list[tuple[bytes, bytes]]
    ) -> None:
        if self.shared.on_refusal is not None:
            self.shared.on_refusal(error, link)
        self._answer(exchange, link, error.status, fields, error.reason)

    def tick(self, now: float) -> None:
        """Take the time in seconds: answer the requests that have waited too long."""
        waiting = self.shared.waiting
        while waiting and waiting[0][2] <= now:
            exchange, link, _ = waiting.popleft()
            self._refuse(exchange, link)

    def _start_next(self) -> None:
        shared = self.shared
        if self.is_starting:
            return  # a request that was started here is over already; the loop below goes on
        self.is_starting = True
        try:
            while shared.waiting and shared.running < shared.limit:
                exchange, link, _ = shared.waiting.popleft()
                if self._is_wanted(exchange):
                    shared.running += 1
                    link.start(self._new_cycle(exchange, link))
                    link.pump()
        finally:
            self.is_starting = False

    def _is_wanted(self, exchange: Exchange) -> bool:
        """Tell whether an exchange that has waited still needs an answer; nobody else may give it from now on."""
        session: Any = exchange.tunnel
        if session is not None:
            session.gate = None
        if exchange.is_disconnected or exchange.has_started():
            exchange.release()  # no cycle will
            return False
        return True

    def _refuse(self, exchange: Exchange, link: Link) -> None:
        if not self._is_wanted(exchange):
            return
        seconds = max(1, round(self.options.concurrency_wait))
        self._answer(exchange, link, 503, [(b"retry-after", b"%d" % seconds)], "Service Unavailable")
        if self.shared.on_response is not None:
            self.shared.on_response()

    def _answer(
        self, exchange: Exchange, link: Link, status: int, fields: list[tuple[bytes, bytes]], text: str
    ) -> None:
        plain = [(b"content-type", b"text/plain; charset=utf-8"), *fields]
        exchange.start_response(status, answer_fields(link, plain))
        exchange.write(text.encode(), True)
        exchange.release()
        link.pump()
        self.shared.log(exchange, link, 0.0, 0.0)
