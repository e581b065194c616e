"""Children: the processes of workers, as the supervisor sees them: a number, a channel, and an end.

Rules: a child is asked for its end until it has one, and never again, so no zombie stays and no signal reaches a
stranger who was given the same number.
"""

import os
import socket
import subprocess
from contextlib import suppress

from licorne.errors import StartupError
from licorne.server.attached.channel import Channel

__all__ = ["Child", "ForkedChild", "SpawnedChild", "open_pair", "reap_strangers"]


class Child:
    """Be the process of a worker, with the supervisor's end of its channel."""

    __slots__ = ("channel", "pid", "status")

    def __init__(self, pid: int, channel: Channel) -> None:
        self.pid = pid
        self.channel = channel
        #: How it has ended, negative when a signal killed it; None while it lives.
        self.status: int | None = None

    def poll(self) -> int | None:
        """Return the exit status if it has ended; negative when a signal killed it."""
        if self.status is None:
            self.status = self._ask()
        return self.status

    def signal(self, number: int) -> None:
        """Send a signal, if it has not ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def _ask(self) -> int | None:
        raise NotImplementedError


class SpawnedChild(Child):
    """Be a process that runs a program of its own."""

    __slots__ = ("_process",)

    def __init__(self, process: "subprocess.Popen[bytes]", channel: Channel) -> None:
        super().__init__(process.pid, channel)
        self._process = process

    def _ask(self) -> int | None:
        return self._process.poll()


class ForkedChild(Child):
    """Be a process that was forked."""

    __slots__ = ()

    def _ask(self) -> int | None:
        try:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
        except ChildProcessError:  # somebody else has waited for it
            return 0
        return os.waitstatus_to_exitcode(status) if pid else None


def open_pair() -> tuple[socket.socket, socket.socket]:
    """Return our end and that of a child. Raises StartupError."""
    try:
        return socket.socketpair()
    except OSError as error:  # out of descriptors, for now
        raise StartupError(f"cannot start a worker process: {error.strerror or error}") from None


def reap_strangers(own: set[int]) -> None:
    """Let the ends be forgotten of processes that were left to this one, as they are to the first of a container."""
    if os.name != "posix" or os.getpid() != 1:
        return
    while True:
        try:
            found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if found is None or found.si_pid in own:
            return
        with suppress(ChildProcessError):
            os.waitpid(found.si_pid, os.WNOHANG)
