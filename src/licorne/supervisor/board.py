"""Board: waits for what the supervisor listens to, and tells whose it is.

Rules: an owner is registered under the descriptor that it has at the moment; one that has closed its own is
forgotten, even when the number was given to another owner meanwhile.
"""

import selectors
from collections.abc import Callable, Iterable
from typing import Final, Protocol

__all__ = ["Board", "Owner"]

#: The system takes no longer ones than some weeks.
_LONGEST_WAIT_SECONDS: Final = 3600.0


class Owner(Protocol):
    """Have a descriptor, -1 when it has none any more."""

    def fileno(self) -> int:
        """Return the descriptor."""


_Entry = tuple[Owner, int, Callable[[], object]]


class Board:
    """Hold the selector."""

    __slots__ = ("_entries", "_selector")

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        #: By descriptor: whose it is, what is waited for, what is called.
        self._entries: dict[int, _Entry] = {}

    def wait(self, timeout: float | None) -> list[_Entry]:
        """Wait until something of what is wanted happens, or for an hour at most; return that."""
        wait = None if timeout is None else min(timeout, _LONGEST_WAIT_SECONDS)
        return [self._entries[key.fd] for key, _ in self._selector.select(wait)]

    def close(self) -> None:
        """Let go of the selector."""
        self._selector.close()

    def update(self, entries: Iterable[_Entry]) -> None:
        """Wait for these from now on, each with its owner, the events and what to call."""
        wanted = {entry[0].fileno(): entry for entry in entries}
        wanted.pop(-1, None)
        for fd, (owner, events, _) in list(self._entries.items()):
            if fd not in wanted or wanted[fd][:2] != (owner, events):
                self._selector.unregister(fd)
                del self._entries[fd]
        for fd, entry in wanted.items():
            if fd not in self._entries:
                self._selector.register(fd, entry[1])
            self._entries[fd] = entry
