"""Reload: tells the supervisor that files of the application have changed.

A thread waits for changes and writes to a socket, which the supervisor's loop reads: it is one of its stations.

Rules: changes that come while the supervisor is busy are reported together, once. What cannot be watched is a line of
the log, and never an end. What a reload does to the workers is decided elsewhere (fleet.py).
"""

import glob
import logging
import os
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final

from licorne.config.options import Config
from licorne.supervisor.changes import Source, StatSource, choose_source
from licorne.supervisor.stations import Station
from licorne.supervisor.watch import Watched

__all__ = ["Reloader", "changes_line", "watched_of"]

logger = logging.getLogger("licorne.error")

#: How many files a line names.
_MAX_NAMED: Final = 5


class Reloader(Station):
    """Watch the files of an application from a thread; be a station of the supervisor."""

    __slots__ = ("_changed", "_on_change", "_reader", "_source", "_stop", "_thread", "_watched", "_writer", "delay")

    def __init__(self, config: Config, on_change: Callable[[set[str]], object]) -> None:
        self._on_change = on_change
        self._watched = watched_of(config)
        self.delay = config.reload_delay
        self._source: Source | None = None
        self._stop = threading.Event()
        self._changed: deque[set[str]] = deque()
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        self._thread = threading.Thread(target=self._run, name="licorne-reloader", daemon=True)

    def start(self) -> None:
        """Watch from now on."""
        self._source = choose_source(self._watched, self.delay)
        logger.info("Will watch for changes in these directories: %s", list(self._watched.directories))
        line = "Started reloader process [%d] using %s"
        bold = line.replace("%d", "\x1b[36m\x1b[1m%d\x1b[0m").replace("%s", "\x1b[36m\x1b[1m%s\x1b[0m")
        logger.info(line, os.getpid(), self._source.name, extra={"color_message": bold})
        self._thread.start()

    def close(self) -> None:
        """Watch no more."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(1.0)
        self._reader.close()
        self._writer.close()

    # --- a station of the supervisor -------------------------------------------------------------------------

    def fileno(self) -> int:
        """Return what becomes readable when something has changed."""
        return self._reader.fileno()

    def on_readable(self) -> None:
        """Say what has changed, and have it served."""
        with suppress(BlockingIOError):
            self._reader.recv(4096)
        changed: set[str] = set()
        while self._changed:
            changed |= self._changed.popleft()
        if changed and self._source is not None:
            logger.warning("%s", changes_line(self._source.name, changed, os.getcwd()))
            self._on_change(changed)

    # --- the thread ------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stop.is_set() and self._source is not None:
            try:
                changed = self._source.wait(self._stop)
            except Exception as error:
                self._give_up(error)
                continue
            if changed:
                self._changed.append(changed)
                with suppress(OSError):  # full: it is readable as it is; closed: nobody wants to know
                    self._writer.send(b"\0")

    def _give_up(self, error: Exception) -> None:
        """Go on without the system's notifications, which may be limited in number."""
        name = self._source.name if self._source else ""
        if isinstance(self._source, StatSource):
            logger.error("%s cannot watch any more (%s); restart licorne to reload", name, error)
            self._stop.set()
            return
        self._source = StatSource(self._watched, self.delay)
        logger.warning("%s cannot watch (%s); %s goes on", name, error, self._source.name)


def changes_line(source: str, changed: Iterable[str], directory: str) -> str:
    """Return what to say of changes: a few of the files, by their path from `directory` where they are in it."""
    paths = sorted(_shown(path, directory) for path in changed)
    named = ", ".join(f"'{path}'" for path in paths[:_MAX_NAMED])
    rest = f" and {len(paths) - _MAX_NAMED} more" if len(paths) > _MAX_NAMED else ""
    return f"{source} detected changes in {named}{rest}. Reloading..."


def _shown(path: str, directory: str) -> str:
    prefix = directory.rstrip(os.sep) + os.sep
    return path.removeprefix(prefix)


# --- what the options say --------------------------------------------------------------------------------------


def watched_of(config: Config) -> Watched:
    """Return what the configuration asks to watch; say in the log which directories are not there."""
    directories = [path for path in config.reload_dirs if _is_directory(path)]
    if not directories:
        if config.reload_dirs:
            logger.warning("No directory to watch is there, so the current one is watched: %s", os.getcwd())
        directories = [os.getcwd(), config.app_dir or os.curdir]
    includes, more = _part(config.reload_includes)
    excludes, fewer = _part(config.reload_excludes)
    return Watched([*directories, *more], includes, excludes, fewer)


def _is_directory(path: str) -> bool:
    if os.path.isdir(path):
        return True
    logger.warning("The directory to watch is not there: %s", os.path.abspath(path))
    return False


def _part(patterns: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return the patterns of files, and the directories that the other patterns name, in full."""
    of_files: list[str] = []
    directories: list[str] = []
    for pattern in patterns:
        found = [path for path in glob.glob(pattern, recursive=True) if os.path.isdir(path)]
        directories += map(os.path.abspath, found)
        if pattern not in found:
            of_files.append(pattern)
    return of_files, directories
