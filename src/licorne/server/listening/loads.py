"""Loads: a table in shared memory that says how many connections each worker of one socket holds.

    cell 0        how many cells are in use
    cell 1 + i    the worker of slot i: high half its connections + 1, or 0 for nobody; low half when it wrote that

Rules: each worker writes its own cell alone and reads the others without any lock: a number that is a little old makes
the spread a little worse, and nothing else. Who has not written for a while is not counted on, because its event loop
is blocked or it is gone.
"""

import contextlib
import mmap
import os
import sys
import tempfile
from collections.abc import Iterator
from typing import Self

if sys.platform == "linux":
    import fcntl

__all__ = ["MAX_SLOTS", "Load", "Loads"]

MAX_SLOTS = 1023
_CELL_BYTES = 8
_SIZE_BYTES = (1 + MAX_SLOTS) * _CELL_BYTES
_HALF_BITS = 32
_HALF = (1 << _HALF_BITS) - 1
_MILLISECOND = 1000
#: Workers write at least every second while their event loops turn.
_STALE_MILLISECONDS = 2500


class Loads:
    """Be the table of one fleet; a supervisor makes it, workers inherit its descriptor."""

    __slots__ = ("_cells", "fd")

    def __init__(self, fd: int) -> None:
        """Take the descriptor of a file of the right size, for good. Raises OSError."""
        self.fd = fd
        self._cells = memoryview(mmap.mmap(fd, _SIZE_BYTES)).cast("Q")

    @classmethod
    def create(cls) -> Self:
        """Return a new, empty table. Raises OSError."""
        fd = _new_file()
        try:
            os.ftruncate(fd, _SIZE_BYTES)
            _seal(fd)
            return cls(fd)
        except BaseException:
            os.close(fd)
            raise

    def write(self, slot: int, count: int, now: float) -> None:
        """Say how many connections the worker of a slot holds at `now`, in seconds of the monotonic clock."""
        self._cells[1 + slot] = (count + 1) << _HALF_BITS | _stamp(now)
        if self._cells[0] <= slot:
            self._cells[0] = slot + 1

    def clear(self, slot: int) -> None:
        """Say that nobody accepts connections in a slot."""
        if slot < MAX_SLOTS:
            self._cells[1 + slot] = 0

    def others(self, slot: int, now: float) -> Iterator[int]:
        """Yield the connections of each worker in another slot that is well."""
        stamp = _stamp(now)
        used = self._cells[1 : 1 + self._cells[0]].tolist()
        for other, cell in enumerate(used):
            # The clock is cut off, so that its differences are too.
            if other != slot and cell >> _HALF_BITS and (stamp - cell) & _HALF < _STALE_MILLISECONDS:
                yield (cell >> _HALF_BITS) - 1


class Load:
    """Be one worker's view of the table."""

    __slots__ = ("_loads", "_slot")

    def __init__(self, loads: Loads, slot: int) -> None:
        self._loads = loads
        self._slot = slot

    def write(self, count: int, now: float) -> None:
        """Say how many connections this worker holds."""
        self._loads.write(self._slot, count, now)

    def clear(self) -> None:
        """Say that this worker accepts no more."""
        self._loads.clear(self._slot)

    def least(self, now: float) -> int | None:
        """Return the fewest connections that another worker holds; None when there is no other."""
        return min(self._loads.others(self._slot, now), default=None)


def _seal(fd: int) -> None:
    """Fix the size: an application that cut the file short by mistake would have every worker die of SIGBUS."""
    if sys.platform != "linux":
        return
    with contextlib.suppress(OSError):
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)


def _stamp(now: float) -> int:
    return int(now * _MILLISECOND) & _HALF


def _new_file() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("licorne-loads", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
