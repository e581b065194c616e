"""Watch: which files belong to an application, and which of them have changed between two looks.

Rules: a pattern without a slash is compared with every part of a path below its directory, so that `.*` leaves out
`.venv/` with all that is in it; one with a slash is compared with the end of the path. What the user excludes is out;
what is left out by default can be included by a pattern as particular (`.env*`). Virtual environments are not watched.
Nothing here waits or knows of processes.
"""

import fnmatch
import os
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

__all__ = ["Look", "Watched", "identity_of", "take_look"]

DEFAULT_INCLUDES: Final = ("*.py",)
DEFAULT_EXCLUDES: Final = (".*", ".py[cod]", ".sw.*", "~*")
#: Directories that hold no source of the application.
_FOREIGN: Final = ("__pycache__", "node_modules")
_MARK_OF_ENVIRONMENT: Final = "pyvenv.cfg"

_Stamp = tuple[int, int, int]
_Test = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Look:
    """Hold what was found: a stamp for each file, and every directory with its identity."""

    files: dict[str, _Stamp] = field(default_factory=dict)
    directories: dict[str, tuple[int, int]] = field(default_factory=dict)

    def difference(self, later: "Look") -> set[str]:
        """Return the files that are new, gone or another in `later`."""
        gone = self.files.keys() - later.files.keys()
        return {*gone, *(path for path, stamp in later.files.items() if self.files.get(path) != stamp)}


class Watched:
    """Decide which files below some directories matter."""

    __slots__ = ("_excluded_directories", "_is_excluded", "_is_foreign", "_rules", "directories")

    def __init__(
        self,
        directories: Iterable[str],
        includes: Iterable[str] = (),
        excludes: Iterable[str] = (),
        excluded_directories: Iterable[str] = (),
    ) -> None:
        """Take directories; one that is reached from another is watched with that."""
        self.directories: tuple[str, ...] = ()
        self._is_excluded = _Pattern(excludes)
        self._excluded_directories = tuple(excluded_directories)
        self._is_foreign = _Pattern((*DEFAULT_EXCLUDES, *_FOREIGN))
        #: For each pattern of names that matter, what is left out among them.
        self._rules = [
            (_Pattern([include]), _Pattern(e for e in DEFAULT_EXCLUDES if not fnmatch.fnmatch(_last(include), e)))
            for include in (*DEFAULT_INCLUDES, *includes)
        ]
        for path in sorted({os.path.abspath(path) for path in directories}):
            is_watched = self.is_within(path) and self.is_entered(path)
            if not is_watched and path not in self._excluded_directories:
                self.directories += (path,)

    def is_entered(self, path: str) -> bool:
        """Tell whether a directory below a watched one is looked into."""
        return not self._is_left_out(path) and not self._is_foreign.is_like(path)

    def is_wanted(self, path: str) -> bool:
        """Tell whether a file matters, as far as its own name says."""
        if self._is_left_out(path):
            return False
        return any(include.is_like(path) and not exclude.is_like(path) for include, exclude in self._rules)

    def is_within(self, path: str) -> bool:
        """Tell whether all directories from the watched one down to this path are looked into."""
        root = max((root for root in self.directories if _is_below(path, root)), key=len, default=None)
        if root is None:
            return False
        parent = os.path.dirname(path)
        while len(parent) > len(root):
            if not self.is_entered(parent):
                return False
            parent = os.path.dirname(parent)
        return True

    def _is_left_out(self, path: str) -> bool:
        return bool(self._is_excluded.is_like(path)) or path in self._excluded_directories


class _Pattern:
    """Compare paths with shell patterns: those with a slash with the end of the path, others with the last part."""

    __slots__ = ("_names", "_tails")

    def __init__(self, patterns: Iterable[str]) -> None:
        given = [pattern.replace(os.sep, "/").rstrip("/") for pattern in patterns]
        self._names = _compiled("", (pattern for pattern in given if "/" not in pattern))
        self._tails = _compiled("(?s:.*/)?", (pattern.removeprefix("./") for pattern in given if "/" in pattern))

    def is_like(self, path: str) -> bool:
        """Tell whether a path is like one of the patterns."""
        path = os.path.normcase(path)
        if self._names is not None and self._names(os.path.basename(path)):
            return True
        return self._tails is not None and bool(self._tails(path.replace(os.sep, "/")))


def _compiled(start: str, patterns: Iterable[str]) -> _Test | None:
    texts = [start + fnmatch.translate(os.path.normcase(pattern)) for pattern in patterns]
    return re.compile("|".join(texts)).match if texts else None


def _last(pattern: str) -> str:
    return pattern.rstrip("/").rpartition("/")[2]


def _is_below(path: str, root: str) -> bool:
    return path == root or path.startswith(root.rstrip(os.sep) + os.sep)


# --- looking -------------------------------------------------------------------------------------------------


def take_look(watched: Watched, is_stopped: Callable[[], bool] = lambda: False) -> Look:
    """Return what is there now; what vanishes meanwhile is not."""
    look = Look()
    seen: set[tuple[int, int]] = set()
    waiting = list(watched.directories)
    while waiting and not is_stopped():
        path = waiting.pop()
        identity = identity_of(path)
        if identity is None or identity in seen:  # a link to what was looked into already
            continue
        seen.add(identity)
        look.directories[path] = identity
        waiting += _enter(path, watched, look)
    return look


def _enter(directory: str, watched: Watched, look: Look) -> list[str]:
    """Note the files of one directory; return the directories in it."""
    inner: list[str] = []
    with suppress(OSError), os.scandir(directory) as entries:
        for entry in entries:
            if entry.name == _MARK_OF_ENVIRONMENT and directory not in watched.directories:
                return []
            with suppress(OSError):
                _note(entry, watched, look, inner)
    return inner


def _note(entry: "os.DirEntry[str]", watched: Watched, look: Look, inner: list[str]) -> None:
    if entry.is_dir():
        if watched.is_entered(entry.path):
            inner.append(entry.path)
    elif watched.is_wanted(entry.path):
        status = entry.stat()
        look.files[entry.path] = (status.st_mtime_ns, status.st_size, status.st_ino)


def identity_of(path: str) -> tuple[int, int] | None:
    """Return what tells a directory from one that takes its place later, None when there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino
