"""Signals: what a signal means to a server, and the capture of signals while servers run.

Rules: signals are captured in the main thread only, and given back when the server ends. Several servers of
one process share them: each installs its capture over the one before, a signal reaches all of them, and the
last to end raises it again for whoever listened before. So a process dies of the signal that it was sent, and
its parent sees that it did. A child that the application has forked is no server: SIGTERM ends it, as whoever has
forked it expects.
"""

import contextlib
import enum
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

__all__ = [
    "INTENTIONS",
    "Capture",
    "Intention",
    "Terminated",
    "die_of",
    "in_this_process",
    "insisting",
    "is_in_foreground",
]


class Intention(enum.Enum):
    """Name what a signal asks of a server."""

    STOP = "stop"  # gracefully, however often it comes
    STOP_THEN_FORCE = "stop, and at once when it comes again"


INTENTIONS: dict[int, Intention] = {
    signal.SIGINT: Intention.STOP_THEN_FORCE,
    signal.SIGTERM: Intention.STOP,
}
if hasattr(signal, "SIGBREAK"):  # Windows: Ctrl+Break
    INTENTIONS[signal.SIGBREAK] = Intention.STOP

#: What shells add to the number of a signal that a process has died of.
_SHELL_OFFSET = 128

#: After so much a signal comes again whose exception was lost.
_AGAIN_SECONDS = 0.01

_Handler = Callable[[int, FrameType | None], Any]
_Deliver = Callable[[int, FrameType | None], None]


class Terminated(BaseException):
    """SIGTERM has come before anything was served: what was begun is undone, and then the process dies of it."""


#: What handlers raise before anything is served, and for which signal.
_ENDING = {Terminated: signal.SIGTERM, KeyboardInterrupt: signal.SIGINT}


def die_of(number: int) -> int:
    """Die of a signal; return an exit status where that cannot be, as in process 1."""
    signal.signal(number, signal.SIG_DFL)
    signal.raise_signal(number)
    return _SHELL_OFFSET + number


@contextlib.contextmanager
def insisting() -> Iterator[None]:
    """Have a signal come again that raised its exception where Python can only drop it.

    That is in a finalizer or in a callback of a weak reference: importing modules calls many of those.
    """
    before = sys.unraisablehook

    def receive(lost: Any) -> None:
        number = _ENDING.get(lost.exc_type)
        if number is None:
            before(lost)
        else:
            threading.Timer(_AGAIN_SECONDS, os.kill, (os.getpid(), number)).start()

    sys.unraisablehook = receive
    try:
        yield
    finally:
        sys.unraisablehook = before


class Capture:
    """Deliver the signals of INTENTIONS to one server from `install()` to `release()`."""

    __slots__ = ("_deliver", "_outer", "_process", "caught", "is_live")

    def __init__(self, deliver: _Deliver) -> None:
        self._deliver = deliver
        #: Whether it was installed and not released since.
        self.is_live = False
        self._outer: dict[int, Any] = {}
        self._process = 0
        #: The signals that the server took as its own: they are raised again at the end, the last one first.
        self.caught: list[int] = []

    def install(self) -> None:
        """Begin to capture; do nothing in another thread than the main one, which has no signals."""
        if threading.current_thread() is not threading.main_thread():
            return
        self.is_live = True
        self._process = os.getpid()
        self._outer = {number: signal.signal(number, self.receive) for number in INTENTIONS}

    def outer(self, number: int) -> Any:
        """Return what had a signal before."""
        return self._outer.get(number)

    def receive(self, number: int, frame: FrameType | None) -> None:
        """Deliver a signal to this server and to those that were started before it."""
        if number == signal.SIGTERM and os.getpid() != self._process:
            _pass_on(number, _outermost(number, self.outer(number)))
            return
        if self.is_live:
            self._deliver(number, frame)
        outer = _capture_behind(self.outer(number))
        if outer is not None:
            outer.receive(number, frame)

    def release(self) -> None:
        """Give the signals back to whoever had them, then raise those again that were caught."""
        if not self.is_live:
            return
        self.is_live = False
        for number, outer in self._outer.items():
            if signal.getsignal(number) == self.receive:
                signal.signal(number, _first_live(number, outer))
        for number in reversed(self.caught):
            inner = _capture_behind(signal.getsignal(number))
            if inner is None or number not in inner.caught:
                signal.raise_signal(number)


def in_this_process(handler: _Handler) -> _Handler:
    """Return a handler that, in a child that this process forks, lets a signal do what it does by default."""
    process = os.getpid()

    def receive(number: int, frame: FrameType | None) -> None:
        if os.getpid() == process:
            handler(number, frame)
        else:
            _pass_on(number, signal.SIG_DFL)

    return receive


def is_in_foreground() -> bool:
    """Tell whether a terminal sends its signals here, as one does whose window was resized."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)


def _pass_on(number: int, handler: Any) -> None:
    signal.signal(number, signal.SIG_DFL if handler is None else handler)
    signal.raise_signal(number)


def _outermost(number: int, handler: Any) -> Any:
    """Return what stood before the first server."""
    while (capture := _capture_behind(handler)) is not None:
        handler = capture.outer(number)
    return handler


def _capture_behind(handler: Any) -> Capture | None:
    owner = getattr(handler, "__self__", None)
    return owner if isinstance(owner, Capture) else None


def _first_live(number: int, handler: Any) -> Any:
    """Return `handler`, or what stood before it if its server has ended since."""
    capture = _capture_behind(handler)
    while capture is not None and not capture.is_live:
        handler = capture.outer(number)
        capture = _capture_behind(handler)
    # None: it was installed by C code, which Python cannot put back.
    return signal.SIG_DFL if handler is None else handler
