"""Inheritance: the sockets that an old supervisor leaves to its successor, and how the successor is told of them.

    _LICORNE_UPGRADE={"pipe": 9, "serving": {…}, "health": {…}}
    serving, health    what was asked for, and sets of [descriptor, path or null, is shared, is redirect]: one set
                       that all workers share, or one for each worker

Rules: what the successor's configuration asks for is what counts. The same addresses as before: all sockets are taken
over. Others: each that is at an address which is still wanted is, the rest are bound anew or closed. No socket that
is taken over is ever closed before the end, as there may be connections in its queue. The variable is removed, for
neither workers nor programs that the application starts have to do with it.
"""

import json
import os
import socket
import stat
from collections.abc import Callable, Iterable, MutableMapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from licorne.config.options import Config
from licorne.config.targets import Bind
from licorne.server.listening.listeners import Listener, binds_of, with_scheme

__all__ = ["VARIABLE", "Bequest", "Inheritance", "inherit"]

VARIABLE: Final = "_LICORNE_UPGRADE"
#: What the successor writes when it serves.
WORD: Final = b"ready\n"

_Described = tuple[int, str | None, bool, bool]
Sets = Sequence[Sequence[Listener]]
OpenSets = Callable[[Config, int], list[list[Listener]]]
Open = Callable[[Iterable[Bind]], list[Listener]]


@dataclass(frozen=True, slots=True)
class Bequest:
    """Hold what a supervisor leaves: the sets of listeners of its workers, and its own."""

    config: Config
    sets: Sets
    health: Sequence[Listener]

    def fds(self) -> list[int]:
        """Return the descriptors to be passed on."""
        return [listener.sock.fileno() for listeners in (*self.sets, self.health) for listener in listeners]

    def encode(self, pipe: int) -> str:
        """Return the value of the variable."""
        health = [self.health] if self.health else []
        return json.dumps(
            {
                "pipe": pipe,
                "serving": {"asked": _asked(self.config), "sets": _described(self.sets)},
                "health": {"asked": str(self.config.health_bind), "sets": _described(health)},
            }
        )


def _described(sets: Sets) -> list[list[_Described]]:
    unique: dict[tuple[int, ...], list[_Described]] = {}
    for listeners in sets:
        described = [(one.sock.fileno(), one.path, one.is_shared, one.is_redirect) for one in listeners]
        unique[tuple(fd for fd, *_ in described)] = described
    return list(unique.values())


def _asked(config: Config) -> str:
    return str((binds_of(config), config.redirect_http_bind))


class Inheritance:
    """Be what a successor was left: take it over, then say so."""

    __slots__ = ("_health", "_paths", "_pipe", "_serving")

    def __init__(self, pipe: int, serving: "_Estate", health: "_Estate") -> None:
        self._pipe = pipe
        self._serving = serving
        self._health = health
        self._paths: list[tuple[Listener, str]] = []

    def adopt(self, config: Config, slots: int, open_sets: OpenSets) -> list[list[Listener]]:
        """Return the listeners of each slot; `open_sets` binds what was not left. Raises StartupError."""
        kept, missing = self._serving.divide(_asked(config), (*binds_of(config), *config.redirect_http_bind))
        self._paths += self._serving.paths(kept)
        result = [with_scheme(config, listeners) for listeners in _dealt(kept, slots)]
        redirects = [bind for bind in missing if bind in config.redirect_http_bind]
        for is_redirect, binds in (False, [bind for bind in missing if bind not in redirects]), (True, redirects):
            if binds:
                asked = replace(config, bind=tuple(binds), uds=None, fd=None, redirect_http_bind=())
                fresh = _marked(config, open_sets(asked, slots), is_redirect)
                result = [[*old, *new] for old, new in zip(result, fresh, strict=True)]
        return result

    def adopt_health(self, config: Config, open_fresh: Open) -> list[Listener]:
        """Return the listeners for questions of health. Raises StartupError."""
        kept, missing = self._health.divide(str(config.health_bind), config.health_bind)
        self._paths += self._health.paths(kept)
        return [listener for listeners in kept for listener in listeners] + (open_fresh(missing) if missing else [])

    @property
    def is_finished(self) -> bool:
        """Tell whether the old process was told."""
        return self._pipe < 0

    def finish(self) -> None:
        """Tell the old process that this one serves, and own the paths from now on; once."""
        if self.is_finished:
            return
        for listener, path in self._paths:
            listener.own_path(path)
        with suppress(OSError):  # the old process is gone: so much the more is this one wanted
            os.write(self._pipe, WORD)
        os.close(self._pipe)
        self._pipe = -1


class _Estate:
    """Hold the sockets that were left for one purpose."""

    __slots__ = ("_asked", "_path_by_fd", "_sets")

    def __init__(self, asked: str, sets: list[list[_Described]]) -> None:
        self._asked = asked
        self._path_by_fd = {fd: path for described in sets for fd, path, *_ in described if path}
        self._sets = [[_adopted(one) for one in described] for described in sets]

    def divide(self, asked: str, binds: Sequence[Bind]) -> tuple[list[list[Listener]], list[Bind]]:
        """Return what is still wanted of the sockets, and what is wanted besides; close the others."""
        if asked == self._asked:
            return self._sets, []
        wanted = {bind: _addresses(bind) for bind in binds}
        there = {self._address(listener) for listeners in self._sets for listener in listeners}
        missing = [bind for bind, addresses in wanted.items() if not addresses or not addresses <= there]
        used = {address for bind, addresses in wanted.items() if bind not in missing for address in addresses}
        kept = [[one for one in listeners if self._address(one) in used] for listeners in self._sets]
        for listener in {one for listeners in self._sets for one in listeners}.difference(*kept):
            listener.close()
        return [listeners for listeners in kept if listeners], missing

    def paths(self, sets: Sets) -> list[tuple[Listener, str]]:
        """Return the listeners that have a path, with it."""
        listeners = [listener for listeners in sets for listener in listeners]
        return [(one, path) for one in listeners if (path := self._path_by_fd.get(one.sock.fileno()))]

    def _address(self, listener: Listener) -> tuple[Any, ...]:
        if listener.is_unix:
            path = self._path_by_fd.get(listener.sock.fileno()) or os.fsdecode(listener.sock.getsockname())
            return (os.path.abspath(path),)
        return tuple(listener.sock.getsockname()[:2])


def _adopted(described: _Described) -> Listener:
    fd, _, is_shared, is_redirect = described
    listener = Listener(socket.socket(fileno=fd), is_shared=is_shared)
    listener.is_redirect = is_redirect
    return listener


def _marked(config: Config, sets: list[list[Listener]], is_redirect: bool) -> list[list[Listener]]:
    for listeners in sets:
        for listener in listeners:
            listener.is_redirect = is_redirect
        with_scheme(config, listeners)
    return sets


def _addresses(bind: Bind) -> set[tuple[Any, ...]]:
    """Return the addresses that a socket would have which is bound for this; none if that cannot be known."""
    if bind.path is not None:
        return {(os.path.abspath(bind.path),)}
    if bind.host is None or not bind.port:
        return set()
    try:
        found = socket.getaddrinfo(bind.host or None, bind.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        return set()
    return {tuple(address[:2]) for _, _, _, _, address in found}


def _dealt(sets: list[list[Listener]], slots: int) -> list[list[Listener]]:
    """Return the listeners of each slot: a set each; sets that are left over go round, and so do slots."""
    if not sets:
        return [[] for _ in range(slots)]
    result = [list(sets[index % len(sets)]) for index in range(slots)]
    for index, listeners in enumerate(sets[slots:]):
        result[index % slots] += listeners
    return result


def inherit(environ: MutableMapping[str, str]) -> Inheritance | None:
    """Return what was left to this process, if something was, and remove the variable that says so."""
    text = environ.pop(VARIABLE, "")
    try:
        told = json.loads(text) if text else None
        estates = [told[name] for name in ("serving", "health")] if told else []
        fds = [fd for estate in estates for described in estate["sets"] for fd, *_ in described]
        if not told or not all(stat.S_ISSOCK(os.fstat(fd).st_mode) for fd in fds):
            return None
        for fd in (told["pipe"], *fds):
            os.set_inheritable(fd, False)
        return Inheritance(told["pipe"], *(_Estate(estate["asked"], estate["sets"]) for estate in estates))
    except (ValueError, LookupError, TypeError, OSError):  # it was meant for another process
        return None
