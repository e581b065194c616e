"""Inbox: takes the signals of the supervisor, wakes its loop, and hands them over in the order in which they came.

Until the loop turns, what asks for the end raises an exception, so that what was begun is undone; all else waits.

Rules: a handler remembers and wakes, nothing else. What the system has blocked or ignored before the start, a shell
that runs us in the background for one, is ours nevertheless.
"""

import contextlib
import signal
import socket
from collections import deque
from types import FrameType
from typing import Any, Final

from licorne.server.signals import Terminated, in_this_process
from licorne.server.watching.signal_stack import widen_signal_stack

__all__ = ["SignalInbox"]

_NAMES: Final = (
    *("SIGTERM", "SIGINT", "SIGQUIT", "SIGBREAK"),
    *("SIGHUP", "SIGTTIN", "SIGTTOU", "SIGUSR1", "SIGUSR2", "SIGWINCH", "SIGCHLD"),
)
_OF_THE_END: Final = tuple(getattr(signal, name) for name in _NAMES[:4] if hasattr(signal, name))
NUMBERS: Final = tuple(int(getattr(signal, name)) for name in _NAMES if hasattr(signal, name))


class SignalInbox:
    """Gather signals from `open()` to `close()`, in the main thread; hand them over from `begin()` on."""

    __slots__ = ("_before", "_caught", "_has_begun", "_reader", "_wakeup_before", "_writer")

    def __init__(self) -> None:
        self._caught: deque[int] = deque()
        self._has_begun = False
        self._before: dict[int, Any] = {}
        self._wakeup_before = -1
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)

    def open(self) -> None:
        """Begin to gather."""
        self._before = {number: signal.getsignal(number) for number in NUMBERS}
        self._install()
        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_UNBLOCK, NUMBERS)

    def begin(self) -> None:
        """Wake whoever waits for `fileno()` from now on."""
        self._has_begun = True
        widen_signal_stack()  # whoever starts Python with -X faulthandler has made it small
        self._wakeup_before = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        self._install()  # once more: the import of an application may have put something else there
        if self._caught:
            self._writer.send(b"\0")

    def close(self) -> None:
        """Give the signals back to whoever had them."""
        for number, before in self._before.items():
            # None: it was installed by C code, which Python cannot put back.
            signal.signal(number, signal.SIG_DFL if before is None else before)
        self._before = {}
        if self._has_begun:
            signal.set_wakeup_fd(self._wakeup_before)
        self._reader.close()
        self._writer.close()

    def abandon(self) -> None:
        """Let go of the sockets in a forked process."""
        self._reader.close()
        self._writer.close()

    def fileno(self) -> int:
        """Return what becomes readable when a signal has come."""
        return self._reader.fileno()

    def take(self) -> list[int]:
        """Return the signals that have come, SIGCHLD included, in their order."""
        told = bytearray()
        with contextlib.suppress(BlockingIOError):
            while data := self._reader.recv(4096):
                told += data
        caught = []
        while self._caught:
            caught.append(self._caught.popleft())
        # Python calls the handlers of what has come meanwhile by number; what woke us says which was first.
        told += bytes(caught)
        return sorted(caught, key=told.index)

    def _install(self) -> None:
        catch = in_this_process(self._catch)
        for number in NUMBERS:
            signal.signal(number, catch)

    def _catch(self, number: int, frame: FrameType | None) -> None:
        if self._has_begun or number not in _OF_THE_END:
            self._caught.append(number)
        elif number == signal.SIGTERM:
            raise Terminated
        else:
            raise KeyboardInterrupt
