"""Fork: loads the application once, in the supervisor, and starts workers as copies that share its memory.

    before_fork(index)    in the supervisor, before each fork
    after_fork(index)     in the new worker, before it serves

What was loaded is frozen: the garbage collector does not touch it any more, and the pages stay shared.

Rules: a forked worker never returns into the supervisor's code. It lets go of the supervisor's descriptors and
signals before it does anything else; signals that come in between wait. Threads do not survive a fork: those that
the application has started while it was imported are said once.
"""

import contextlib
import gc
import logging
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn, Protocol

from licorne.config.options import Config
from licorne.errors import AppLoadError, StartupError
from licorne.server.application.importer import import_object
from licorne.server.application.origins import with_origin
from licorne.server.application.preparing import load, refuse_unusable
from licorne.server.attached.channel import Channel
from licorne.server.attached.leaving import leave
from licorne.server.attached.serving import leave_signals_to_supervisor, report_failure, serve_attached
from licorne.server.forked import kept_from_children
from licorne.server.listening.listeners import Listener
from licorne.server.loops import choose_loop
from licorne.supervisor.children import Child, ForkedChild, open_pair

__all__ = ["Forker", "Holdings"]

logger = logging.getLogger("licorne.error")

_EXIT_BROKEN = 1

_Hook = Callable[[int], Any]


class Holdings(Protocol):
    """Know what the supervisor holds and a worker must not."""

    def descriptors(self) -> Iterable[int]:
        """Return those that processes of the application must not have."""

    def abandon(self, kept: Sequence[Listener]) -> None:
        """Let go of everything in a forked worker but of the listeners that it serves."""


class Forker:
    """Start workers that share the application with the supervisor."""

    def __init__(self, config: Config, holdings: Holdings) -> None:
        """Import the application and the hooks. Raises ConfigError, StartupError."""
        if not hasattr(os, "fork"):
            raise StartupError("preload: this system cannot fork; leave it out, and every worker imports by itself")
        self._holdings = holdings
        self._before = _hook(config.before_fork, "before_fork")
        self._after = _hook(config.after_fork, "after_fork")
        refuse_unusable(config)
        choose_loop(config.loop)  # is imported once for all, and takes megabytes
        try:
            with kept_from_children(holdings.descriptors):
                self._loaded = load(config)
        except SystemExit as left:
            raise StartupError(f"the application left the process with status {left.code!r}") from None
        _name_threads()
        gc.collect()
        gc.freeze()

    def launch(self, config: Config, listeners: Sequence[Listener], index: int, loads_fd: int = -1) -> Child:
        """Start a worker. Raises StartupError."""
        if self._before is not None:
            _call(self._before, index, "before_fork")
        ours, theirs = open_pair()
        _flush()
        every = signal.valid_signals()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, every)
        try:
            pid = _fork()
            if pid == 0:
                ours.close()
                channel = Channel(theirs)
                self._live(before, lambda: self._serve(config, channel, listeners, index, loads_fd), listeners)
        except OSError as error:
            ours.close()
            raise StartupError(f"cannot fork a worker process: {error.strerror or error}") from None
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            theirs.close()
        return ForkedChild(pid, Channel(ours))

    def _live(self, mask: Iterable[int], serve: Callable[[], int], listeners: Sequence[Listener]) -> None:
        """Be a worker until the end of this process."""
        status = _EXIT_BROKEN
        try:
            _forget_signals()
            leave_signals_to_supervisor()
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            self._holdings.abandon(listeners)
            status = serve()
        except SystemExit as left:
            status = left.code if isinstance(left.code, int) else _EXIT_BROKEN
        except BaseException:
            traceback.print_exc()
        finally:
            _end(status)

    def _serve(self, config: Config, channel: Channel, listeners: Sequence[Listener], index: int, loads_fd: int) -> int:
        try:
            if self._after is not None:
                _call(self._after, index, "after_fork")
        except StartupError as error:
            return report_failure(channel, with_origin(error, config))
        return serve_attached(config, channel, listeners, index, loaded=self._loaded, loads_fd=loads_fd)


def _hook(named: Any, option: str) -> _Hook | None:
    if named is None or callable(named):
        return named  # type: ignore[no-any-return]
    found = import_object(named, f"{option} {named}")
    if not callable(found):
        raise StartupError(f"{option}: {named} is an object of type {type(found).__name__} and cannot be called")
    return found  # type: ignore[no-any-return]


def _call(hook: _Hook, index: int, option: str) -> None:
    try:
        hook(index)
    except (Exception, SystemExit) as error:
        raise AppLoadError(f"{option} has failed: {type(error).__name__}: {error}") from error


def _name_threads() -> None:
    others = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
    if others:
        logger.warning(
            "The import of the application has started threads, which forked workers do not have: %s. Start them in "
            "after_fork or in lifespan.startup.",
            ", ".join(others),
        )


def _fork() -> int:
    """Fork; the warning of Python about threads was given in our own words."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _forget_signals() -> None:
    """Have every signal that Python handles do what it does by default."""
    with contextlib.suppress(ValueError):
        signal.set_wakeup_fd(-1)
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL)


def _end(status: int) -> NoReturn:
    try:
        leave(status)
    finally:
        os._exit(status)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
