"""Notify: tells systemd how a service of `Type=notify` is (`sd_notify`), and that it lives (its watchdog).

Rules: what cannot be told is not told: nothing here raises or waits. A state that finds the queue of systemd full is
told later; that the service lives is not, since it is said again soon. Without NOTIFY_SOCKET no call does anything.
"""

import math
import os
import socket
import time
from collections import deque
from collections.abc import Mapping
from typing import Final, Self

__all__ = ["Notifier"]

#: systemd reads at once; when its queue is full, it is tried again this often.
_RETRY_SECONDS: Final = 1.0
#: Who wants to hear of us more often than this, in seconds, would have us do nothing else.
_MIN_INTERVAL: Final = 0.01
_MAX_DIGITS: Final = 15
#: So many states are kept meanwhile, the newest.
_MAX_WAITING: Final = 16


class Notifier:
    """Send states to the socket of whoever started the service."""

    __slots__ = ("_due", "_interval", "_sock", "_waiting")

    def __init__(self, address: str = "", interval: float = 0.0) -> None:
        """Take the address (a path, or "@" and an abstract name) and how often to say that we live, in seconds."""
        self._interval = interval
        self._due = 0.0
        self._sock = _connect(address) if address else None
        #: States that found no room.
        self._waiting: deque[bytes] = deque(maxlen=_MAX_WAITING)

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Return the notifier that the variables of systemd ask for.

        They stay: a program that takes over from this one (an upgrade) needs them too.
        """
        microseconds = environ.get("WATCHDOG_USEC", "")
        is_ours = environ.get("WATCHDOG_PID", "") in ("", str(os.getpid()))
        is_number = microseconds.isascii() and microseconds.isdigit() and len(microseconds) <= _MAX_DIGITS
        seconds = int(microseconds) / 1e6 if is_ours and is_number else 0.0
        return cls(environ.get("NOTIFY_SOCKET", ""), max(seconds / 2, _MIN_INTERVAL) if seconds else 0.0)

    @property
    def interval(self) -> float:
        """Return how often `watchdog` wants to be called, in seconds; 0 for never."""
        return self._interval if self._sock is not None else 0.0

    def ready(self, status: str = "") -> None:
        """Say that the service serves, after its start or after a reload."""
        self._send("READY=1", f"MAINPID={os.getpid()}", *_status(status))

    def reloading(self) -> None:
        """Say that the service reads its configuration anew; `ready` ends that."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}", *_status("reloading"))

    def stopping(self) -> None:
        """Say that the service ends."""
        self._send("STOPPING=1", *_status("stopping"))

    def status(self, text: str) -> None:
        """Show a line in `systemctl status`."""
        self._send(*_status(text))

    def hand_over(self, pid: int) -> None:
        """Say that another process is the service from now on."""
        self._send(f"MAINPID={pid}")

    def watchdog(self, now: float) -> float:
        """Say that the service lives when that is due; return when to be called again. `now` is in seconds."""
        self._send_waiting()
        due = math.inf
        if self.interval:
            if now >= self._due:
                self._due = now + self._interval
                self._try(b"WATCHDOG=1")
            due = self._due
        return min(due, now + _RETRY_SECONDS) if self._waiting else due

    def close(self) -> None:
        """Let go of the socket."""
        if self._sock is not None:
            self._sock.close()
            self._sock = None

    def _send(self, *lines: str) -> None:
        if self._sock is not None:
            self._waiting.append("\n".join(lines).encode())
            self._send_waiting()

    def _send_waiting(self) -> None:
        while self._waiting and self._try(self._waiting[0]):
            self._waiting.popleft()

    def _try(self, message: bytes) -> bool:
        """Send a message; tell whether there was room, or nobody hears it anyhow."""
        try:
            if self._sock is not None:
                self._sock.send(message)
        except BlockingIOError:
            return False
        except OSError:
            pass
        return True


def _connect(address: str) -> socket.socket | None:
    # Others, such as "vsock:", belong to virtual machines.
    if not hasattr(socket, "AF_UNIX") or address[0] not in "@/":
        return None
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.setblocking(False)
    try:
        sock.connect("\0" + address[1:] if address[0] == "@" else address)
    except OSError:
        sock.close()
        return None
    return sock


def _status(text: str) -> tuple[str, ...]:
    return (f"STATUS={' '.join(text.split())}",) if text else ()
