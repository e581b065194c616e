"""Pieces of lines, gathered until it is time to write them.

    open(handler)   a new batch begins, for this handler's stream; a timer sees to its end
    flush()         write what is there: the timer, a full batch, a record of another logger, the process's end
    close()         flush, wait a little for a full pipe, and let go of everything

Whoever logs appends to `pieces` without asking. It is one list for ever: `flush` copies it and deletes what it
copied, so lines that another thread appends meanwhile stay. Two flushes at once would write twice: the second
one leaves at once, which also makes it safe in a signal handler that interrupted the first.
"""

import logging
import os
import threading
from collections.abc import Callable
from typing import TextIO

from .handlers import LineHandler
from .last_words import LastWords
from .output import Output

__all__ = ["Batch", "CallLater"]

MAX_DELAY_SECONDS = 0.1
CLOSE_PATIENCE_SECONDS = 1.0

#: Their records wait for the access lines that came before them.
ORDERED_LOGGERS = ("licorne", "licorne.error", "licorne.access", "licorne.asgi")

CallLater = Callable[[float, Callable[[], object]], object]


class Batch:
    """Hold lines that are on their way to one stream."""

    __slots__ = (
        "_call_later",
        "_followed",
        "_handler",
        "_is_scheduled",
        "_last_words",
        "_lock",
        "_output",
        "_process",
        "pieces",
    )

    def __init__(self, call_later: CallLater | None) -> None:
        self.pieces: list[bytes] = []
        self._call_later = call_later
        self._handler: logging.StreamHandler[TextIO] | None = None
        self._output: Output | None = None
        self._followed: list[LineHandler] = []
        self._is_scheduled = False
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._last_words = LastWords(self.flush)
        self._last_words.start()

    def open(self, handler: "logging.StreamHandler[TextIO]") -> bool:
        """Begin a batch; return False when its lines are to be written one by one."""
        if self._process != os.getpid():
            self._begin_anew()
        if self._output is None or self._output.stream is not handler.stream:
            self._output = Output(handler.stream)
        self._handler = handler
        if is_terminal(handler.stream) or not self._schedule():
            return False
        self._follow()
        return True

    def flush(self) -> None:
        """Write what is there."""
        self._flush(patience=0.0)

    def close(self) -> None:
        """Write what is there; later lines are written one by one."""
        self._flush(patience=CLOSE_PATIENCE_SECONDS)
        self._call_later = None
        self._last_words.stop()
        for handler in self._followed:
            handler.before_record.remove(self.flush)
        self._followed = []

    def _flush(self, patience: float) -> None:
        if not self._lock.acquire(blocking=False):
            return
        try:
            problem = self._write(patience)
        finally:
            self._lock.release()
        if problem:
            logging.getLogger("licorne.error").warning("The access log %s", problem)

    def _write(self, patience: float) -> str:
        if self._process != os.getpid():
            self._begin_anew()
        if self._output is None or self._handler is None:
            return ""
        taken = self.pieces[:]
        del self.pieces[: len(taken)]
        self._handler.acquire()
        try:
            return self._output.write(b"".join(taken), patience)
        finally:
            self._handler.release()

    def _begin_anew(self) -> None:
        """Drop what a fork copied: it is the parent's, which writes it."""
        self.pieces.clear()
        self._process = os.getpid()
        self._output = None
        self._is_scheduled = False

    def _schedule(self) -> bool:
        if self._call_later is None:
            return False
        if self._is_scheduled:
            return True
        try:
            self._call_later(MAX_DELAY_SECONDS, self._on_timer)
        except RuntimeError:  # the loop is closed
            return False
        self._is_scheduled = True
        return True

    def _on_timer(self) -> None:
        self._is_scheduled = False
        self.flush()
        has_backlog = self._output is not None and self._output.has_backlog
        if has_backlog or self.pieces:  # another thread may have been writing just now
            self._schedule()

    def _follow(self) -> None:
        """Have the handlers of the other loggers flush before their own records."""
        for name in ORDERED_LOGGERS:
            for handler in logging.getLogger(name).handlers:
                if isinstance(handler, LineHandler) and handler not in self._followed:
                    handler.before_record.append(self.flush)
                    self._followed.append(handler)


def is_terminal(stream: TextIO) -> bool:
    """Tell whether somebody may be looking at the lines."""
    try:
        return stream.isatty()
    except (AttributeError, ValueError):
        return False
