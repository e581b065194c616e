"""Locking: makes what is done in a directory one step for whoever else does the same there.

Rules: best effort. A directory that cannot be locked, or that another program keeps locked, is gone on with unlocked:
whoever works in it finds out what is wrong with it.
"""

import contextlib
import os
import time
from collections.abc import Iterator

__all__ = ["locked_directory_of"]

#: How long another process may keep the directory locked.
_LOCK_SECONDS = 2.0
_STEP_SECONDS = 0.01


@contextlib.contextmanager
def locked_directory_of(path: str) -> Iterator[None]:
    """Lock the directory that a path lies in meanwhile. No file is left behind."""
    try:
        fd = os.open(os.path.dirname(os.path.abspath(path)), os.O_RDONLY)
    except OSError:
        yield
        return
    try:
        _lock(fd)
        yield
    finally:
        os.close(fd)


def _lock(fd: int) -> None:
    try:
        import fcntl
    except ImportError:  # Windows, which does not let a directory be opened either
        return
    deadline = time.monotonic() + _LOCK_SECONDS
    while time.monotonic() < deadline:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            time.sleep(_STEP_SECONDS)
        except OSError:  # a file system without locks
            return
