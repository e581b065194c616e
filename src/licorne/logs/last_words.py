"""Write what is pending when the process ends, as far as Python can.

    return, exception, `sys.exit`       `atexit`
    SIGINT, SIGTERM                     the server's: it stops gracefully and closes its logs
    SIGHUP, SIGQUIT, SIGXCPU            would kill at once: a handler flushes, then lets the signal kill
    SIGABRT, SIGSEGV, SIGBUS, SIGFPE    no Python can run then; `faulthandler` may own them, so they stay untouched
    SIGKILL, `os._exit`                 nobody is asked

In the last two cases what is lost is at most 100 ms of lines.

Rules: a signal that somebody else handles or ignores stays theirs, before and after. Signals can only be set
from the main thread; elsewhere there is `atexit` alone.
"""

import atexit
import signal
import threading
from collections.abc import Callable
from types import FrameType

__all__ = ["LastWords"]

FATAL_SIGNALS = tuple(getattr(signal, name) for name in ("SIGHUP", "SIGQUIT", "SIGXCPU") if hasattr(signal, name))


class LastWords:
    """Call `flush` when the process ends, between `start` and `stop`."""

    __slots__ = ("_flush", "_is_over", "_previous")

    def __init__(self, flush: Callable[[], object]) -> None:
        self._flush = flush
        self._is_over = False
        self._previous: dict[int, object] = {}

    def start(self) -> None:
        """Begin to watch for the end."""
        atexit.register(self._flush)
        if threading.current_thread() is not threading.main_thread():
            return
        for number in FATAL_SIGNALS:
            previous = signal.getsignal(number)
            if previous is signal.SIG_DFL or _is_one_of_us(previous):
                self._previous[number] = previous
                signal.signal(number, self.on_signal)

    def stop(self) -> None:
        """Give everything back as it was, unless somebody else took it since."""
        atexit.unregister(self._flush)
        self._is_over = True
        if threading.current_thread() is not threading.main_thread():
            return
        for number in self._previous:
            if signal.getsignal(number) == self.on_signal:
                signal.signal(number, self._before(number))  # type: ignore[arg-type]

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        """Flush, then let the signal do what it would have done."""
        self._flush()
        signal.signal(number, self._before(number))  # type: ignore[arg-type]
        signal.raise_signal(number)

    def _before(self, number: int) -> object:
        """Return who had a signal before, passing over those of us that are over already."""
        previous = self._previous[number]
        owner = getattr(previous, "__self__", None)
        return owner._before(number) if isinstance(owner, LastWords) and owner._is_over else previous


def _is_one_of_us(disposition: object) -> bool:
    return isinstance(getattr(disposition, "__self__", None), LastWords)
