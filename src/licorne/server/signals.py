"""Signals: what a signal means to a server, and the capture of signals while servers run.

Rules: signals are captured in the main thread only, and given back when the server ends. Several servers of
one process share them: each installs its capture over the one before, a signal reaches all of them, and the
last to end raises it again for whoever listened before. So a process dies of the signal that it was sent, and
its parent sees that it did.
"""

import enum
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

__all__ = ["INTENTIONS", "Capture", "Intention"]


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

_Deliver = Callable[[int, FrameType | None], None]


class Capture:
    """Deliver the signals of INTENTIONS to one server from `install()` to `release()`."""

    __slots__ = ("_deliver", "_is_live", "_outer", "caught")

    def __init__(self, deliver: _Deliver) -> None:
        self._deliver = deliver
        self._is_live = False
        self._outer: dict[int, Any] = {}
        #: The signals that the server took as its own: they are raised again at the end, the last one first.
        self.caught: list[int] = []

    def install(self) -> None:
        """Begin to capture; do nothing in another thread than the main one, which has no signals."""
        if threading.current_thread() is not threading.main_thread():
            return
        self._is_live = True
        self._outer = {number: signal.signal(number, self.receive) for number in INTENTIONS}

    def receive(self, number: int, frame: FrameType | None) -> None:
        """Deliver a signal to this server and to those that were started before it."""
        if self._is_live:
            self._deliver(number, frame)
        outer = _capture_behind(self._outer.get(number))
        if outer is not None:
            outer.receive(number, frame)

    def release(self) -> None:
        """Give the signals back to whoever had them, then raise those again that were caught."""
        if not self._is_live:
            return
        self._is_live = False
        for number, outer in self._outer.items():
            if signal.getsignal(number) == self.receive:
                signal.signal(number, _first_live(number, outer))
        for number in reversed(self.caught):
            inner = _capture_behind(signal.getsignal(number))
            if inner is None or number not in inner.caught:
                signal.raise_signal(number)


def _capture_behind(handler: Any) -> Capture | None:
    owner = getattr(handler, "__self__", None)
    return owner if isinstance(owner, Capture) else None


def _first_live(number: int, handler: Any) -> Any:
    """Return `handler`, or what stood before it if its server has ended since."""
    capture = _capture_behind(handler)
    while capture is not None and not capture._is_live:
        handler = capture._outer.get(number)
        capture = _capture_behind(handler)
    # None: it was installed by C code, which Python cannot put back.
    return signal.SIG_DFL if handler is None else handler
