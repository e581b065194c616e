"""Shared: what all cycles of one worker have in common, and the queue of requests over the concurrency limit."""

import inspect
import logging
from collections import deque
from collections.abc import Callable
from typing import Any

from licorne.asgi.scope import ScopeMaker
from licorne.engine.exchange import Exchange
from licorne.errors import RemoteProtocolError
from licorne.link import Link

__all__ = ["Shared"]

logger = logging.getLogger("licorne.error")


class Shared:
    """Hold the application, its scopes, its log, and how many of its cycles run."""

    __slots__ = (
        "app",
        "is_coroutine",
        "is_limited",
        "limit",
        "log_access",
        "needs_time",
        "on_refusal",
        "on_response",
        "open_session",
        "running",
        "scopes",
        "start_next",
        "waiting",
    )

    def __init__(self, app: Any, scopes: ScopeMaker, limit: int) -> None:
        """Take the ASGI 3 callable, the maker of its scopes, and how many requests may run at a time (0: any)."""
        self.app = app
        #: Calling the application only makes its coroutine.
        self.is_coroutine = inspect.iscoroutinefunction(app) or inspect.iscoroutinefunction(type(app).__call__)
        self.scopes = scopes
        self.limit = limit
        self.is_limited = limit > 0
        self.running = 0
        #: Requests that wait for their turn, and until when.
        self.waiting: deque[tuple[Exchange, Link, float]] = deque()
        self.start_next: Callable[[], None] | None = None
        self.log_access: Callable[[Exchange, Link, float, float], None] | None = None
        self.needs_time = False
        self.on_response: Callable[[], None] | None = None
        #: Called for a request that is refused before the application sees it.
        self.on_refusal: Callable[[RemoteProtocolError, Link], object] | None = None
        #: Asked for each exchange that wants to be a WebSocket: gives it a session, raises RemoteProtocolError, or does
        #: nothing, so that it is served as HTTP.
        self.open_session: Callable[[Exchange], object] | None = None

    def log(self, exchange: Exchange, link: Link, started_at: float, ended_at: float) -> None:
        """Give the access log, if there is one, an exchange that is over."""
        if self.log_access is not None:
            try:
                self.log_access(exchange, link, started_at, ended_at)
            except Exception:
                logger.exception("The access log cannot take a line")

    def release(self) -> None:
        """Take the end of a cycle; let the next request in."""
        self.running -= 1
        if self.start_next is not None:
            self.start_next()
