"""Whether an access line may go round logging: only when nobody could tell.

Going through `logging` costs more than answering the request. While the access logger has one plain stream
handler with our own formatter, and nobody put a filter, a level, a record factory or another function in the
way, the line can be written directly and is the same to the byte. The question is cheap, and asked anew for
each batch of lines.
"""

import logging
from typing import Any, TextIO

from . import formatters, handlers
from .formatters import ACCESS_FORMAT, AccessFormatter, ColourizedFormatter
from .handlers import LineHandler

__all__ = ["find_direct_handler"]

#: What a record passes through on its way from `Logger.info` to the stream. Tracing tools replace these.
_WAY: tuple[tuple[type, dict[str, Any], tuple[str, ...]], ...] = (
    (logging.Logger, vars(logging), ("info", "_log", "isEnabledFor", "makeRecord", "handle", "callHandlers", "filter")),
    (logging.Handler, vars(logging), ("handle", "format", "filter")),
    (logging.StreamHandler, vars(logging), ("emit",)),
    (logging.Formatter, vars(logging), ("format", "usesTime", "formatMessage")),
    (logging.LogRecord, vars(logging), ("__init__", "getMessage")),
    (LineHandler, vars(handlers), ("emit",)),
    (ColourizedFormatter, vars(formatters), ("formatMessage",)),
    (AccessFormatter, vars(formatters), ("formatMessage",)),
)


def find_direct_handler(logger: logging.Logger, is_default_line: bool) -> "logging.StreamHandler[TextIO] | None":
    """Return the one handler whose stream may be written to directly, None when logging has to be asked."""
    if len(logger.handlers) != 1 or logger.propagate or logger.filters or not _is_plain(logger):
        return None
    if not logger.isEnabledFor(logging.INFO) or logging.getLogRecordFactory() is not logging.LogRecord:
        return None
    handler = logger.handlers[0]
    if not _is_ours(handler, is_default_line) or not _is_way_untouched(logger, handler):
        return None
    return handler  # type: ignore[return-value]


def _is_plain(logger: logging.Logger) -> bool:
    kind, names = type(logger), _WAY[0][2]
    return kind is logging.Logger or all(getattr(kind, name) is getattr(logging.Logger, name) for name in names)


def _is_ours(handler: logging.Handler, is_default_line: bool) -> bool:
    if type(handler) is not LineHandler and type(handler) is not logging.StreamHandler:
        return False
    if handler.filters or handler.level > logging.INFO or handler.terminator != "\n":
        return False
    formatter = handler.formatter
    if type(formatter) is not AccessFormatter:
        return False
    # A line of `access_log_format` does not depend on the formatter's own format.
    return not is_default_line or formatter._fmt == ACCESS_FORMAT


def _is_way_untouched(logger: logging.Logger, handler: logging.Handler) -> bool:
    for instance in (logger, handler, handler.formatter):
        for name in ("emit", "filter", "format", "formatMessage", "handle", "info", "makeRecord"):
            if name in instance.__dict__:
                return False
    for owner, module, names in _WAY:
        for name in names:
            # Functions that were put in from elsewhere have other globals, even when they are well wrapped.
            if getattr(getattr(owner, name), "__globals__", None) is not module:
                return False
    return True
