"""Rereading: sees that files of certificates have changed, and has contexts made of them anew.

Connections that are there go on with what they began with. Whoever comes later gets the new certificate; he cannot
resume a session from before, since its key has gone with the old context, and does a whole handshake.

Rules: files are read once they have stayed as they are for a second, because certificate and key are seldom written at
once, and at once when somebody asks. Files that cannot be used leave everything as it is, and one line says so: of
several workers, the first one's.
"""

import logging
import os
from collections.abc import Callable, Sequence

from licorne.errors import LicorneError

__all__ = ["Rereading"]

_INTERVAL_SECONDS = 1.0

_Stamp = tuple[tuple[int, ...] | None, ...]


class Rereading:
    """Look at some files every second."""

    __slots__ = ("_due", "_files", "_logger", "_read", "_renew", "_seen", "_speaks")

    def __init__(
        self, files: Sequence[str], renew: Callable[[], object], logger: logging.Logger, *, speaks: bool = True
    ) -> None:
        """Take the files, and what reads them anew; it raises a LicorneError when they cannot be used.

        `speaks` is false where another process says the same.
        """
        self._files = list(files)
        self._renew = renew
        self._logger = logger
        self._speaks = speaks
        #: The files as they were read, and as they were when last looked at.
        self._read = self._seen = self._stamp()
        self._due = 0.0

    def tick(self, now: float) -> None:
        """Take the time in seconds: look, if that is due."""
        if now < self._due:
            return
        self._due = now + _INTERVAL_SECONDS
        stamp = self._stamp()
        is_settled, self._seen = stamp == self._seen, stamp
        if is_settled and stamp != self._read:
            self.read_anew()

    def read_anew(self) -> None:
        """Read the files now, whether they have changed or not."""
        self._read = self._seen = self._stamp()
        try:
            self._renew()
        except LicorneError as error:
            self._logger.log(self._level(logging.ERROR), "The TLS certificates stay as they were: %s", error)
        else:
            self._logger.log(self._level(logging.INFO), "The TLS certificates were read anew")

    def _level(self, level: int) -> int:
        return level if self._speaks else logging.DEBUG

    def _stamp(self) -> _Stamp:
        return tuple(_stamp_of(path) for path in self._files)


def _stamp_of(path: str) -> tuple[int, ...] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
