"""Occupant: who holds an address already, as a phrase for an error message.

Rules: best effort and never an error. Linux tells it in /proc, for processes that we are allowed to look into;
elsewhere the phrase is empty.
"""

import os
import re
from collections.abc import Iterable, Iterator

__all__ = ["command_of", "holder_of_path", "holder_of_port", "is_path_held", "shown_command"]

_LISTENS = "0A"  # the state column of /proc/net/tcp
_MAX_READ = 4096
_MAX_WORD = 40
_MAX_LINE = 100
_FIRST_WORDS = 3  # such as: python licorne main:app


def holder_of_port(port: int) -> str:
    """Return a phrase like " by process 4242 (python main.py)" for who listens on a TCP port, "" if unknown."""
    rows = [row for name in ("tcp", "tcp6") for row in _rows(f"/proc/net/{name}")]
    return _phrase(row[9] for row in rows if row[3] == _LISTENS and row[1].endswith(f":{port:04X}"))


def holder_of_path(path: str) -> str:
    """Return the phrase for who holds the UNIX socket that was bound at `path`, "" if unknown."""
    names = {path, os.path.abspath(path), os.path.relpath(path)}
    return _phrase(row[6] for row in _rows("/proc/net/unix") if row[7:] and row[7] in names)


def is_path_held(path: str) -> bool:
    """Tell whether a UNIX socket was bound at `path` that somebody still has, who may be another user's process."""
    # Of names that are not absolute nobody knows where they lie.
    return any(row[7] == os.path.abspath(path) for row in _rows("/proc/net/unix") if row[7:])


def _rows(file: str) -> list[list[str]]:
    try:
        with open(file, encoding="utf-8", errors="surrogateescape") as lines:
            return [line.split() for line in lines][1:]
    except OSError:
        return []


def _phrase(inodes: Iterable[str]) -> str:
    wanted = {f"socket:[{inode}]" for inode in inodes}
    pid = next(_holders(wanted), None) if wanted else None
    if pid is None:
        return ""
    return " by this process" if pid == os.getpid() else f" by process {pid}{command_of(pid)}"


def _holders(wanted: set[str]) -> Iterator[int]:
    for name in _entries("/proc"):
        if name.isdigit() and any(_target(f"/proc/{name}/fd/{fd}") in wanted for fd in _entries(f"/proc/{name}/fd")):
            yield int(name)


def _entries(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _target(link: str) -> str:
    try:
        return os.readlink(link)
    except OSError:
        return ""


def command_of(pid: int) -> str:
    """Return the command line of a process as a phrase like " (python main.py)", "" if unknown."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read(_MAX_READ).decode("utf-8", "replace").rstrip("\0").split("\0")
    except OSError:
        return ""
    line = shown_command(words)
    return f" ({line})" if line else ""


def _shown(word: str) -> str:
    """Return a word as one line, with the last name of a path only and no more than can be read at a glance."""
    word = re.sub(r"[^ -~]", "?", re.sub(r"^(-[^=/]*=)?/.*/(?=.)", r"\1", word))
    return word if len(word) <= _MAX_WORD else f"{word[:_MAX_WORD]}..."


def shown_command(words: list[str]) -> str:
    """Join words; leave out from the middle, because the program stands first and its address often last."""
    words = [_shown(word) for word in words]
    first, rest = words[:_FIRST_WORDS], words[_FIRST_WORDS:]
    while rest and len(" ".join([*first, *rest])) > _MAX_LINE:
        rest = ["...", *rest[2 if rest[0] == "..." else 1 :]] if len(rest) > 1 else []
    return " ".join([*first, *rest]).strip()
