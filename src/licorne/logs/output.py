"""Bytes to a stream: by its descriptor where the stream is an ordinary one, else through the stream itself.

    a whole batch in one `write`, however often the kernel wants it cut
    EAGAIN (somebody made the pipe non-blocking): what is left waits for the next time; beyond 1 MiB, new
        lines are dropped and counted rather than memory filled
    EPIPE, ENOSPC and the like: the lines are lost and the server goes on; said once, and again after a recovery
    replaced streams (a test's capture, StringIO, a tee): asked to write, like any handler would

Rules: never raises. What is to be said about failures is returned, since saying it is another handler's work.
"""

import io
import os
import select
import sys
from typing import TextIO

__all__ = ["Output"]

MAX_BACKLOG_BYTES = 1024 * 1024


class Output:
    """Write batches of lines to one text stream."""

    __slots__ = ("_backlog", "_dropped", "_is_failing", "stream")

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self._backlog = b""
        self._dropped = 0
        self._is_failing = False

    def write(self, data: bytes, patience: float = 0.0) -> str:
        """Write all that can be written, waiting for a full pipe as long as told; return what went wrong, or ""."""
        if not data and not self._backlog:
            return ""
        try:
            if not self._write_by_stream(data):
                self._write_by_descriptor(data, patience)
        except (OSError, ValueError) as error:  # ValueError: the stream was closed
            self._backlog = b""
            return self._failure(f"cannot be written, its lines are lost: {error}")
        return self._recovery()

    @property
    def has_backlog(self) -> bool:
        """Tell whether something waits for room."""
        return bool(self._backlog)

    def _write_by_stream(self, data: bytes) -> bool:
        """Write through the stream if that is the only right way; tell whether it was."""
        if is_descriptor_stream(self.stream) and (data.isascii() or self.stream.encoding == "utf-8"):
            return False
        self.stream.write(data.decode("utf-8"))
        self.stream.flush()
        return True

    def _write_by_descriptor(self, data: bytes, patience: float) -> None:
        self._take(data)
        self.stream.flush()  # what was printed before comes out before
        descriptor = self.stream.fileno()
        while self._backlog:
            try:
                written = os.write(descriptor, self._backlog)
            except BlockingIOError:
                if patience <= 0.0 or not select.select((), (descriptor,), (), patience)[1]:
                    return
                continue
            self._backlog = self._backlog[written:]

    def _take(self, data: bytes) -> None:
        if len(self._backlog) + len(data) > MAX_BACKLOG_BYTES:
            self._dropped += data.count(b"\n")
        else:
            self._backlog = self._backlog + data if self._backlog else data

    def _failure(self, problem: str) -> str:
        if self._is_failing:
            return ""
        self._is_failing = True
        return problem

    def _recovery(self) -> str:
        if self._dropped and not self._backlog:
            dropped, self._dropped = self._dropped, 0
            return f"was not read fast enough, {dropped} lines were dropped"
        self._is_failing = False
        return ""


def is_descriptor_stream(stream: TextIO) -> bool:
    """Tell whether a stream is the process's own and its descriptor is all: no capture, no tee, no translation."""
    if os.name != "posix" or (stream is not sys.__stdout__ and stream is not sys.__stderr__):
        return False
    if type(stream) is not io.TextIOWrapper or type(stream.buffer) is not io.BufferedWriter:
        return False
    return type(stream.buffer.raw) is io.FileIO and stream.encoding.lower() in ("utf-8", "ascii", "iso-8859-1")
