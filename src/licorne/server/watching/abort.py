"""Abort: SIGABRT, by which whoever watches a process ends one that hangs; it says first what it was doing.

    C code       `faulthandler` prints the stacks of all threads: it can do so even where C code holds the GIL. It is
                 kept quiet once the watchdog has said more, which shows that Python code can run
    Python code  the watchdog's last words, the hook, what was logged is flushed; then the process dies of SIGABRT,
                 and leaves a core file only if it is asked to
    no SIGABRT   in a process that nobody watches `faulthandler` prints by itself when no Python code has run for long

Rules: for processes that are ours from their beginning, as `faulthandler` can belong to one only. The handler runs in
the main thread, in the middle of what hangs there, so that a hook sees that stack. Another thread ends the process when
the hook takes longer than its budget. A child that the application has forked dies at once.
"""

import contextlib
import faulthandler
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any, Self

from licorne.server.companion import Companion
from licorne.server.signals import die_of
from licorne.server.watching.signal_stack import widen_signal_stack
from licorne.server.watching.watchdog import Backstop, Watchdog

__all__ = ["Abort"]

logger = logging.getLogger("licorne.error")

#: Whoever sends SIGABRT follows it up with SIGKILL after a second.
_BUDGET_SECONDS = 0.5
_STDERR = 2
#: The timer of `faulthandler` is set anew after this share of its time: each time is a thread for the system.
_REARM_SHARE = 0.25


class Abort(Backstop):
    """Hold SIGABRT from `install()` to `release()`. `hook` is called once, with no arguments.

    `core_dumps` says whether the process leaves a core file.
    `limit` is for a process that nobody watches: the seconds without any Python code after which stacks are printed.
    """

    def __init__(self, core_dumps: bool, hook: Callable[[], object] | None = None, limit: float = 0.0) -> None:
        self.core_dumps = core_dumps
        self._hook = hook
        # Somebody at a terminal suspends a process with Ctrl-Z, for which the timer would go off.
        self._limit = 0.0 if os.isatty(_STDERR) else limit
        self._watchdog: Watchdog | None = None
        self._process = 0
        self._previous: Any = None
        self._is_dying = False
        self._was_enabled = False
        self._rearm_at = 0.0

    def follow(self, companions: Sequence[Companion]) -> None:
        """Let the watchdog among these say the last words."""
        for companion in companions:
            if isinstance(companion, Watchdog):
                self._watchdog = companion
                companion.backstop = self

    def install(self) -> None:
        """Take SIGABRT, in the main thread; elsewhere do nothing."""
        if threading.current_thread() is not threading.main_thread():
            return
        self._process = os.getpid()
        self._was_enabled = faulthandler.is_enabled()
        faulthandler.disable()
        self._previous = signal.signal(signal.SIGABRT, self.receive)
        self.listen()
        widen_signal_stack()

    def release(self) -> None:
        """Give SIGABRT back."""
        if self._process != os.getpid():
            return
        self._process = 0
        if self._limit:
            faulthandler.cancel_dump_traceback_later()
        faulthandler.disable()
        if signal.getsignal(signal.SIGABRT) == self.receive:
            signal.signal(signal.SIGABRT, signal.SIG_DFL if self._previous is None else self._previous)
        if self._was_enabled:
            _enable()

    def __enter__(self) -> Self:
        self.install()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    # --- what the watchdog asks for --------------------------------------------------------------------------

    def look(self) -> None:
        """Put the timer off: Python code runs."""
        now = time.monotonic()
        if self._limit and now >= self._rearm_at and self._process == os.getpid():
            self._rearm_at = now + self._limit * _REARM_SHARE
            with contextlib.suppress(OSError, ValueError, RuntimeError):
                faulthandler.dump_traceback_later(self._limit, file=_STDERR)

    def quieten(self) -> None:
        """Leave the last words to Python code."""
        faulthandler.disable()

    def listen(self) -> None:
        """Let C code speak at SIGABRT, and then Python code."""
        if self._process == os.getpid() and not faulthandler.is_enabled():
            _enable()

    # --- SIGABRT ---------------------------------------------------------------------------------------------

    def receive(self, number: int, frame: FrameType | None) -> None:
        """Say what the process is doing, call the hook, die."""
        if self._process != os.getpid():
            self._die()
        if self._is_dying:
            return
        self._is_dying = True
        self._limit_time()
        try:
            if self._watchdog is not None:
                self._watchdog.last_words(frame)
            self._call_hook()
            _flush()
        except BaseException:
            logger.exception("The process could not say what it was doing")
        self._die()

    def _call_hook(self) -> None:
        if self._hook is None:
            return
        try:
            self._hook()
        except BaseException as error:  # SystemExit too: the process ends in any case
            logger.error("The hook at SIGABRT has failed: %s: %s", type(error).__name__, error)

    def _limit_time(self) -> None:
        timer = threading.Timer(_BUDGET_SECONDS, self._die_anyhow)
        timer.name = "licorne-abort"
        timer.daemon = True
        with contextlib.suppress(RuntimeError):  # no more threads: SIGKILL will end it
            timer.start()

    def _die_anyhow(self) -> None:
        """End the process from a thread that may not touch signal handlers: abort() sees to them itself."""
        self._leave_no_image()
        faulthandler.disable()
        os.abort()

    def _die(self) -> None:
        self._leave_no_image()
        faulthandler.disable()
        die_of(signal.SIGABRT)

    def _leave_no_image(self) -> None:
        if self.core_dumps:
            return
        with contextlib.suppress(ImportError, OSError, ValueError):  # Windows has no such limit
            import resource

            _, hard = resource.getrlimit(resource.RLIMIT_CORE)
            resource.setrlimit(resource.RLIMIT_CORE, (0, hard))


def _enable() -> None:
    """Let `faulthandler` write to standard error, which may be closed."""
    with contextlib.suppress(OSError, ValueError, AttributeError, RuntimeError):
        faulthandler.enable(_STDERR, all_threads=True)


def _flush() -> None:
    for handler in (*logging.getLogger("licorne").handlers, *logging.getLogger("licorne.access").handlers):
        with contextlib.suppress(Exception):
            handler.flush()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
