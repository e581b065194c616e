"""What the tests of the logs share: a request and its response as plain facts, timers that wait to be told, and
logging that is as it was when the test is over.
"""

import io
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, TextIO

from licorne.logs import setup
from licorne.logs.access import AccessLog

NAMES = ("licorne", "licorne.error", "licorne.access", "licorne.asgi")


def exchange(**changes: Any) -> Any:
    """Return an answered `GET /x?y=1`, changed as told."""
    facts: dict[str, Any] = {
        "method": "GET",
        "target": b"/x?y=1",
        "http_version": "1.1",
        "headers": [(b"host", b"example.org"), (b"user-agent", b"curl/8")],
        "status": 200,
        "response_headers": [(b"Content-Type", b"text/plain")],
        "bytes_sent": 5,
        "is_aborted": False,
    }
    return SimpleNamespace(**{**facts, **changes, "head": SimpleNamespace(**{**facts, **changes})})


def link(client: tuple[str, int] | None = ("127.0.0.1", 54321), is_secure: bool = False) -> Any:
    """Return the connection of a client."""
    return SimpleNamespace(account=None, client=client, is_secure=is_secure)


class Timers:
    """Be the worker's `call_later`: timers fire when the test says so."""

    def __init__(self) -> None:
        self.waiting: list[tuple[float, Callable[[], object]]] = []

    def call_later(self, delay: float, callback: Callable[[], object]) -> None:
        """Note a timer."""
        self.waiting.append((delay, callback))

    def fire(self) -> None:
        """Call back everything that waits."""
        waiting, self.waiting = self.waiting, []
        for _, callback in waiting:
            callback()


@contextmanager
def logging_restored() -> Iterator[None]:
    """Put our loggers back as they were."""
    root = logging.getLogger()
    loggers = [logging.getLogger(name) for name in NAMES]
    before = [(logger, logger.level, logger.handlers[:], logger.propagate, logger.filters[:]) for logger in loggers]
    before_root = root.level, root.handlers[:]
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
        logging.setLogRecordFactory(logging.LogRecord)
        root.level, root.handlers = before_root
        for logger, level, handlers, propagate, filters in before:
            logger.setLevel(level)
            logger.handlers, logger.propagate, logger.filters, logger.disabled = handlers, propagate, filters, False


@contextmanager
def logs_to(stream: TextIO, use_colors: bool = False) -> Iterator[logging.Handler]:
    """Configure our own logging with everything going to one stream; yield the access handler."""
    with logging_restored():
        setup.configure(use_colors=use_colors)
        for name in ("licorne", "licorne.access"):
            (handler,) = logging.getLogger(name).handlers
            assert isinstance(handler, logging.StreamHandler)
            handler.setStream(stream)
        yield logging.getLogger("licorne.access").handlers[0]


@contextmanager
def opened(template: str | None = None, call_later: Any = None) -> Iterator[AccessLog]:
    """Yield an access log and close it."""
    log = AccessLog(template, call_later)
    try:
        yield log
    finally:
        log.close()


def line_of(template: str | None = None, *, seconds: float = 0.0, peer: Any = None, **changes: Any) -> str:
    """Return what is logged for one exchange, by our own configuration without colours."""
    stream = io.StringIO()
    with logs_to(stream), opened(template) as log:
        log.log(exchange(**changes), peer or link(), 100.0, 100.0 + seconds)
    return stream.getvalue()
