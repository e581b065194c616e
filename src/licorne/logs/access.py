"""The access log: one line for each response, when it has ended, so that its bytes and its duration are true.

Two ways lead to the same bytes:

    direct      nobody could tell the difference (shortcut.py): pieces of lines are gathered and leave in one
                write, at the latest 100 ms later or at 64 KiB. The default line is four pieces, of which
                three come from caches: up to the client, the method, the target, what is after it.
    ordinary    anything else: `logger.info` with the record that Uvicorn's users know, its args
                `(client_addr, method, target, http_version, status)`; with `access_log_format`, the message
                is the rendered line and the args are the same

Which way is asked anew when a batch begins, so a handler added at run time is obeyed within 100 ms. The caches
are filled by running the formatter on a sample: the line is the formatter's own, not a copy of it.

Lines are written one by one to a terminal, and when there is no `call_later`. One thread logs; any may flush.
"""

import logging
from typing import Any

from .atoms import Entry, status_of, written_target
from .batch import Batch, CallLater
from .escape import PLAIN, escape, escape_text
from .formatters import RenderedLine
from .shortcut import find_direct_handler
from .template import compile_template

__all__ = ["ACCESS_LOGGER", "AccessLog"]

ACCESS_LOGGER = "licorne.access"
MESSAGE = '%s - "%s %s HTTP/%s" %d'

MAX_BATCH_BYTES = 64 * 1024
MAX_CACHED = 4096
#: Characters of the longest method that is remembered.
MAX_CACHED_METHOD = 32
MARK = "\0"
_PLAIN = PLAIN


class AccessLog:
    """Log responses. A cycle calls `log`, with the time when `needs_time`."""

    __slots__ = (
        "_after_client",
        "_batch",
        "_before_client",
        "_clients",
        "_ends",
        "_entry",
        "_logger",
        "_look",
        "_methods",
        "_pieces",
        "_room",
        "_template",
        "needs_time",
    )

    def __init__(self, template: str | None = None, call_later: CallLater | None = None) -> None:
        self._template = None if template is None else compile_template(template)
        self.needs_time = self._template is not None and self._template.needs_time
        self._logger = logging.getLogger(ACCESS_LOGGER)
        self._batch = Batch(call_later)
        self._pieces = self._batch.pieces
        self._room = 0
        self._entry = Entry()
        self._learn(None)

    def log(self, exchange: Any, link: Any, started: float, ended: float) -> None:
        """Log a response that has ended, whole or cut."""
        if not self._pieces and not self._open_batch():
            self._log_ordinary(exchange, link, ended - started)
            return
        if self._template is None:
            self._room -= self._append_default(exchange, link)
        else:
            self._room -= self._append_rendered(exchange, link, ended - started)
        if self._room <= 0:
            self._batch.flush()

    def flush(self) -> None:
        """Write what is pending."""
        self._batch.flush()

    def close(self) -> None:
        """Write what is pending, waiting a little for a full pipe; give back signals and exit hooks."""
        self._batch.close()

    def _append_default(self, exchange: Any, link: Any) -> int:
        client = self._clients.get(link.client)
        if client is None:
            client = self._remember_client(link.client)
        head = exchange.head
        method = self._methods.get(head.method)
        if method is None:
            method = self._remember_method(head.method)
        target = head.target
        if target[0:1] != b"/" or target.translate(_PLAIN) != target:
            target = escape(written_target(target))
        ends = self._ends.get(head.http_version)
        end = None if ends is None else ends.get(exchange.status)
        if end is None:
            end = self._remember_end(exchange)
        self._pieces.extend((client, method, target, end))
        return len(client) + len(method) + len(target) + len(end)

    def _append_rendered(self, exchange: Any, link: Any, seconds: float) -> int:
        line = self._render(exchange, link, seconds)
        self._pieces.append(line + b"\n")
        return len(line) + 1

    def _render(self, exchange: Any, link: Any, seconds: float) -> bytes:
        entry = self._entry
        entry.exchange = exchange
        entry.link = link
        entry.seconds = seconds
        assert self._template is not None
        line = self._template.render(entry)
        entry.exchange = entry.link = None
        return line

    def _open_batch(self) -> bool:
        """Begin a batch; return False when logging has to be asked."""
        handler = find_direct_handler(self._logger, self._template is None)
        if handler is None:
            return False
        formatter: Any = handler.formatter
        look = (formatter, formatter.use_colors, logging.getLevelName(logging.INFO))
        if look != self._look:
            self._learn(look)
        self._room = MAX_BATCH_BYTES if self._batch.open(handler) else 0
        return True

    def _log_ordinary(self, exchange: Any, link: Any, seconds: float) -> None:
        logger = self._logger
        self._batch.flush()
        if not logger.isEnabledFor(logging.INFO) or not logger.hasHandlers():
            return
        message = MESSAGE
        if self._template is not None:
            message = RenderedLine(self._render(exchange, link, seconds).decode("utf-8", "backslashreplace"))
        logger.info(
            message,
            client_text(link.client),
            escape_text(exchange.method),
            escape(written_target(exchange.target)).decode("ascii"),
            exchange.http_version,
            status_of(exchange),
        )

    def _learn(self, look: tuple[Any, ...] | None) -> None:
        """Forget the cached pieces and take the constant ones from a sample of the formatter's work."""
        self._look = look
        self._clients: dict[tuple[str, int] | None, bytes] = {}
        self._methods: dict[str, bytes] = {}
        self._ends: dict[str, dict[int, bytes]] = {}
        self._before_client = self._after_client = b""
        if look is not None and self._template is None:
            self._before_client, self._after_client, _, _ = self._sample("1.1", 200)

    def _sample(self, version: str, status: int) -> list[bytes]:
        """Return what the formatter puts before, between and after client, method and target."""
        assert self._look is not None
        arguments = (MARK, MARK, MARK, version, status)
        record = logging.LogRecord(ACCESS_LOGGER, logging.INFO, __file__, 0, MESSAGE, arguments, None)
        line: str = self._look[0].format(record)
        return [part.encode("utf-8") for part in line.split(MARK)]

    def _remember_client(self, client: tuple[str, int] | None) -> bytes:
        if len(self._clients) >= MAX_CACHED:
            self._clients.clear()
        piece = self._before_client + client_text(client).encode("ascii") + self._after_client
        self._clients[client] = piece
        return piece

    def _remember_method(self, method: str) -> bytes:
        piece = escape_text(method).encode("ascii") + b" "
        if len(method) <= MAX_CACHED_METHOD:  # a peer may make up long ones, and must not fill the memory with them
            if len(self._methods) >= MAX_CACHED:
                self._methods.clear()
            self._methods[method] = piece
        return piece

    def _remember_end(self, exchange: Any) -> bytes:
        piece = self._sample(exchange.http_version, status_of(exchange))[3] + b"\n"
        self._ends.setdefault(exchange.http_version, {})[exchange.status] = piece
        return piece


def client_text(client: tuple[str, int] | None) -> str:
    """Return `host:port`, empty for a peer without address."""
    return f"{escape_text(client[0])}:{client[1]}" if client else ""
