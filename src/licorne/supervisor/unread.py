"""Unread: keeps a log that nobody reads from stopping the supervisor.

A pipe that is full, because a collector of logs hangs, blocks whoever writes. A worker may wait for that, and is
replaced; a supervisor that waits watches over nobody. So before each line it asks whether there is room.

Rules: a line that finds no room is lost, and the loss is said when there is room again. Files always have room.
"""

import logging
import select
from collections.abc import Iterator
from typing import Any

__all__ = ["has_room", "never_wait"]

_LOGGERS = ("licorne", "licorne.error", "licorne.access", "licorne.asgi")


def never_wait() -> None:
    """Have the handlers of the log lose what they would have to wait for."""
    for handler in dict.fromkeys(_handlers()):
        stream = getattr(handler, "stream", None)
        if stream is not None and not any(isinstance(found, _Room) for found in handler.filters):
            handler.addFilter(_Room(stream))


def has_room(stream: Any) -> bool:
    """Tell whether a line can be written without waiting, as far as that can be known."""
    if not hasattr(select, "poll"):
        return True
    try:
        poll = select.poll()
        poll.register(stream, select.POLLOUT)
        return bool(poll.poll(0))
    except (OSError, ValueError, TypeError, AttributeError):  # no descriptor
        return True


def _handlers() -> Iterator[logging.Handler]:
    for name in _LOGGERS:
        yield from logging.getLogger(name).handlers
    yield from logging.getLogger().handlers


class _Room(logging.Filter):
    """Let a record pass when there is room for it."""

    def __init__(self, stream: Any) -> None:
        super().__init__()
        self._stream = stream
        self._lost = 0

    def filter(self, record: logging.LogRecord) -> bool:
        if not has_room(self._stream):
            self._lost += 1
            return False
        if self._lost:
            lost, self._lost = self._lost, 0
            logging.getLogger("licorne.error").warning("%d line(s) of this log were lost: nobody read them", lost)
        return True
