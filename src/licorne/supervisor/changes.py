"""Sources of changes: what waits until files of an application have changed.

    StatSource    looks at every file again and again
    NotifySource  is told by the system when to look (watchfiles); what has changed is still found by looking

Rules: a source is used by one thread, which it keeps until something has changed or it is told to stop. Changes that
come together are returned together. A directory that vanishes is waited for.
"""

import logging
import os
import time
from collections.abc import Iterator
from threading import Event
from typing import Any, Final, Protocol

from licorne.supervisor.watch import Watched, identity_of, take_look

__all__ = ["NotifySource", "Source", "StatSource", "choose_source"]

logger = logging.getLogger("licorne.error")

#: Changes are gathered until none has come for this long, but not for longer than the delay.
_QUIET_SECONDS: Final = 0.05
#: How often directories that were replaced are looked for.
_TURN_SECONDS: Final = 1.0
#: Looking takes at most one part in so many of the time.
_REST_FACTOR: Final = 20
#: Numbers of watchfiles' kinds of change.
_ADDED: Final = 1
_DELETED: Final = 3


class Source(Protocol):
    """Wait for changes."""

    name: str

    def wait(self, stop: Event) -> set[str]:
        """Return the files that have changed since the last call, when there are some, or none once `stop` is set."""


class StatSource:
    """Find changes by looking at every file again and again."""

    __slots__ = ("_delay", "_look", "_watched", "name")

    def __init__(self, watched: Watched, delay: float) -> None:
        self.name = "StatReload"
        self._watched = watched
        self._delay = delay
        self._look = take_look(watched)

    def wait(self, stop: Event) -> set[str]:
        """Return the files that have changed since the last call, when there are some, or none once `stop` is set."""
        rest = self._delay
        while not stop.wait(rest):
            began = time.monotonic()
            look = take_look(self._watched, stop.is_set)
            rest = max(self._delay, (time.monotonic() - began) * _REST_FACTOR)
            if not stop.is_set() and (changed := self._look.difference(look)):
                self._look = look
                return changed
        return set()


class NotifySource:
    """Be told by the system that something has changed, then look.

    Looking finds what the system does not tell: files in a directory that has come or gone as a whole.
    """

    __slots__ = ("_delay", "_is_late", "_look", "_told", "_watch", "_watched", "name")

    def __init__(self, watched: Watched, delay: float) -> None:
        """Raises ImportError without watchfiles."""
        from watchfiles import watch

        self.name = "WatchFiles"
        self._watch: Any = watch
        self._watched = watched
        self._delay = max(delay, _QUIET_SECONDS)
        self._look = take_look(watched)
        #: What the system tells, from one call to the next.
        self._told: Iterator[set[tuple[Any, str]]] = iter(())
        #: Whether something may have changed before the system began to tell.
        self._is_late = True

    def wait(self, stop: Event) -> set[str]:
        """Return the files that have changed since the last call, when there are some, or none once `stop` is set."""
        while not stop.is_set():
            try:
                told = next(self._told, None)
            except FileNotFoundError:  # a directory has vanished since it was seen
                told = None
            if told is None and self._begin(stop):
                continue
            if told is None:
                stop.wait(self._delay)
            if changed := self._changes(told or set(), stop):
                return changed
        return set()

    def _begin(self, stop: Event) -> bool:
        """Have the system tell of the directories that are there; return whether there are some."""
        present = [path for path in self._watched.directories if os.path.isdir(path)]
        self._is_late = True
        self._told = self._tell(present, stop) if present else iter(())
        return bool(present)

    def _tell(self, directories: list[str], stop: Event) -> Iterator[set[tuple[Any, str]]]:
        told: Iterator[set[tuple[Any, str]]] = self._watch(
            *directories,
            watch_filter=self._is_of_interest,
            debounce=int(self._delay * 1000),
            step=int(_QUIET_SECONDS * 1000),
            rust_timeout=int(_TURN_SECONDS * 1000),
            stop_event=stop,
            yield_on_timeout=True,
            raise_interrupt=False,
            ignore_permission_denied=True,
        )
        return told

    def _is_of_interest(self, change: Any, path: str) -> bool:
        if path in self._look.directories:
            return int(change) == _DELETED or self._look.directories[path] != identity_of(path)
        if not self._watched.is_within(path):
            return False
        return self._watched.is_wanted(path) or (int(change) == _ADDED and os.path.isdir(path))

    def _changes(self, told: set[tuple[Any, str]], stop: Event) -> set[str]:
        if self._has_moved():
            # What is watched is the directory that was there, not the one that has its name now.
            self._told = iter(())
        elif not told and not self._is_late:
            return set()
        self._is_late = False
        look = take_look(self._watched, stop.is_set)
        if stop.is_set():
            return set()
        changed = self._look.difference(look)
        self._look = look
        # A clock may be too coarse to tell two writes apart; the system has told of both.
        return changed | {path for _, path in told if path in look.files}

    def _has_moved(self) -> bool:
        return any(identity_of(path) != self._look.directories.get(path) for path in self._watched.directories)


def choose_source(watched: Watched, delay: float) -> Source:
    """Return the best source that there is."""
    try:
        return NotifySource(watched, delay)
    except ImportError:
        return StatSource(watched, delay)
