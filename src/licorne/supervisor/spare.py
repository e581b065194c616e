"""Spare: starts workers from a process kept in reserve, which has done all that can be done before the import.

While one worker serves, the interpreter of the next one runs already, has imported the server, and waits to be told
what to serve. So a reload takes hardly longer than the import of the application.

Rules: at most one process waits. It is no worker: the fleet does not know it. It ends when its channel does, or when
what it has imported was changed.
"""

import contextlib
import os
import sys
from collections.abc import Sequence

from licorne.errors import StartupError
from licorne.supervisor.bytecode import drop_bytecode
from licorne.supervisor.children import Child
from licorne.supervisor.spawn import Spawner, start_process

__all__ = ["SpareSpawner"]


class SpareSpawner(Spawner):
    """Start workers that share nothing with the supervisor, from a process in reserve where there is one."""

    __slots__ = ("_changed", "_fds", "_gone", "_identity", "_spare")

    def __init__(self) -> None:
        self._spare: Child | None = None
        #: The descriptors that the last worker was given: the next one will need the same.
        self._fds: tuple[int, ...] = ()
        #: What tells what they stand for from what they stood for before.
        self._identity: tuple[int, ...] = ()
        self._gone: list[Child] = []
        #: The files that were changed since the last start.
        self._changed: set[str] = set()

    def mistrust(self, changed: set[str]) -> None:
        """Take note of files that were changed: the next worker is to read them anew."""
        self._changed |= changed

    def start(self, fds: tuple[int, ...]) -> Child:
        """Return the process in reserve if it has these descriptors, else a new one. Raises StartupError."""
        changed, self._changed = self._changed, set()
        drop_bytecode(changed)
        if not changed.isdisjoint(_imported_files()):
            self.close()
        child = self._take(fds) or start_process(fds)
        self._fds = fds
        return child

    def prepare(self) -> None:
        """Have a process in reserve, if there was a worker and the system lets us."""
        self._gone = [child for child in self._gone if child.poll() is None]
        if self._spare is None and self._fds:
            with contextlib.suppress(StartupError):
                self._spare = start_process(self._fds)
                self._identity = _identity(self._fds)

    def close(self) -> None:
        """End the process in reserve."""
        if self._spare is not None:
            self._spare.channel.close()
            self._gone.append(self._spare)
        self._spare = None

    def _take(self, fds: tuple[int, ...]) -> Child | None:
        spare = self._spare
        if spare is None or fds != self._fds or _identity(fds) != self._identity or spare.poll() is not None:
            self.close()
            return None
        self._spare = None
        return spare


def _imported_files() -> set[str | None]:
    """Return the sources of what a process in reserve has imported too, and of a little more."""
    return {getattr(module, "__file__", None) for module in list(sys.modules.values())}


def _identity(fds: Sequence[int]) -> tuple[int, ...]:
    return tuple(os.fstat(fd).st_ino for fd in fds)
