"""Forked: has processes that the application forks let go of the sockets that are the server's.

A process that is forked and runs no other program, as with `os.fork()` or multiprocessing's "fork", has inherited
everything. While it lives the port would stay bound, clients would stand in a queue that nobody empties, and what the
server has closed would not look so to its clients, or to its supervisor.

Rules: a descriptor is made to lead to /dev/null rather than closed, so that its number never becomes one of the
application's while something here still holds it. What the application has opened, or has handed over, is left alone.
A process that C code forks is not seen. SIGTERM waits during a fork: Python would lose one that comes to the new
process in its first moments, because a server handles it, and whoever has sent it would wait for the end in vain.
"""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from licorne.server.companion import Companion, Host

__all__ = ["ForkedChildren", "kept_from_children"]

_Find = Callable[[], Iterable[int]]


@contextlib.contextmanager
def kept_from_children(find: _Find) -> Iterator[None]:
    """Have processes that are forked meanwhile let go of the descriptors that `find` returns then."""
    keeper = _Keeper(find)
    try:
        yield
    finally:
        keeper.release()


class ForkedChildren(Companion):
    """Keep the connections of a server from forked processes, and its listeners where they are its own."""

    def __init__(self) -> None:
        self._server: Host | None = None
        self._keeper: _Keeper | None = None

    def begun(self, server: Host) -> None:
        self._server = server
        self._keeper = _Keeper(self._descriptors)

    def ended(self) -> None:
        if self._keeper is not None:
            self._keeper.release()
        self._server = self._keeper = None

    def _descriptors(self) -> Iterator[int]:
        server = self._server
        if server is None:
            return
        for listener in server.listeners:
            if not listener.is_shared:
                yield listener.sock.fileno()
        for link in list(server.runtime.links) if server.runtime is not None else ():
            yield _descriptor_of(link)


class _Keeper:
    """Be called in forked processes until `release()`: Python takes no such call back."""

    __slots__ = ("_find", "_masks")

    def __init__(self, find: _Find) -> None:
        self._find: _Find | None = find
        #: The signals that were blocked before, by the thread that forks.
        self._masks: dict[int, set[int]] = {}
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(before=self._block, after_in_parent=self._unblock, after_in_child=self._let_go)

    def release(self) -> None:
        """Keep nothing any more."""
        self._find = None

    def _block(self) -> None:
        if self._find is not None:
            mask = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
            self._masks[threading.get_ident()] = mask

    def _unblock(self) -> None:
        mask = self._masks.pop(threading.get_ident(), None)
        if mask is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def _let_go(self) -> None:
        try:
            self._lead_to_nothing()
        finally:
            self._unblock()

    def _lead_to_nothing(self) -> None:
        find, self._find = self._find, None  # not once more in its own children: the numbers may be others' then
        if find is None:
            return
        with contextlib.suppress(OSError):
            nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
            for fd in find():
                if fd >= 0:
                    os.dup2(nothing, fd, inheritable=False)
            os.close(nothing)


def _descriptor_of(link: Any) -> int:
    sock = None if link.transport is None else link.transport.get_extra_info("socket")
    return -1 if sock is None else sock.fileno()
