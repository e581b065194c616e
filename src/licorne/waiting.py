"""Waiting: lets signals wait in the first moments of a process, in which it cannot answer them yet.

What an operator sends to a supervisor, to read its configuration anew for one, would end a process that has only begun.

Rules: nothing that takes long, and no code of the application, runs while they wait.
"""

import contextlib
import signal
import sys
from collections.abc import Iterable, Iterator
from typing import Final

__all__ = ["blocked", "hold_signals", "release_signals", "undivided"]

_NAMES: Final = ("SIGHUP", "SIGUSR1", "SIGUSR2", "SIGTTIN", "SIGTTOU")
_ENDS: Final = ("SIGTERM", "SIGINT", "SIGQUIT")


def hold_signals() -> Iterable[int]:
    """Let the signals of a supervisor wait in this thread; return those that did before."""
    if sys.platform == "win32":
        return ()
    return signal.pthread_sigmask(signal.SIG_BLOCK, [getattr(signal, name) for name in _NAMES])


def release_signals(before: Iterable[int] | None) -> None:
    """Let only those wait that did before; None: nothing was held."""
    if before is not None and sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def blocked(numbers: Iterable[int]) -> Iterator[None]:
    """Let signals wait in this thread, and in what it starts meanwhile."""
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def undivided() -> contextlib.AbstractContextManager[None]:
    """Let signals that end the process wait, so that what is done is also noted, and can be undone."""
    return blocked([getattr(signal, name) for name in _ENDS if hasattr(signal, name)])
