"""Acceptor: accepts on a listener that several workers share, one connection at a time and in turn.

Rules: what was accepted is announced to a protocol before this ends. When the system has no descriptor left, nothing
is accepted for a second: the others may have some.
"""

import asyncio
import contextlib
import errno
import logging
import socket
from collections.abc import Callable
from time import monotonic
from typing import Any

from licorne.server.listening.balance import WAIT_SECONDS, Balance
from licorne.server.listening.listeners import Listener

__all__ = ["Acceptor", "Entrance"]

logger = logging.getLogger("licorne.error")

_PAUSE_SECONDS = 1.0
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Entrance:
    """Announce accepted connections, and know how many there are."""

    __slots__ = ("_count", "_loop", "_new_protocol", "announcing")

    def __init__(self, loop: asyncio.AbstractEventLoop, new_protocol: Any, count: Callable[[], int]) -> None:
        """Take the loop, what makes protocols, and what counts the connections that were announced."""
        self._loop = loop
        self._new_protocol = new_protocol
        self._count = count
        self.announcing: set[asyncio.Task[None]] = set()

    @property
    def count(self) -> int:
        """Return how many connections this worker holds."""
        return self._count() + len(self.announcing)

    def begin(self, connection: socket.socket) -> None:
        """Announce a connection soon."""
        task = self._loop.create_task(self.announce(connection))
        self.announcing.add(task)
        task.add_done_callback(self.announcing.discard)

    async def announce(self, connection: socket.socket) -> None:
        """Announce a connection to a protocol."""
        try:
            await self._loop.connect_accepted_socket(self._new_protocol, connection)
        except OSError:  # it has ended meanwhile
            connection.close()

    async def finish(self) -> None:
        """Wait until all are announced."""
        if self.announcing:
            await asyncio.wait(set(self.announcing))


class Acceptor:
    """Accept on one listener."""

    __slots__ = ("_balance", "_entrance", "_listener", "_loop", "_timer")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, listener: Listener, entrance: Entrance, balance: Balance
    ) -> None:
        self._loop = loop
        self._listener = listener
        self._entrance = entrance
        self._balance = balance
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to accept. Raises NotImplementedError on loops that cannot watch descriptors."""
        self._timer = None
        self._loop.add_reader(self._listener.sock, self._on_readable)

    def stop(self) -> None:
        """Accept no more."""
        if self._timer is not None:
            self._timer.cancel()
        with contextlib.suppress(ValueError):  # a program has closed its socket
            self._loop.remove_reader(self._listener.sock)

    def _on_readable(self) -> None:
        accepts = self._balance.accepts(self._entrance.count, monotonic())
        if accepts:
            self._accept(accepts)
        else:
            self._pause(WAIT_SECONDS, self._go_on)

    def _go_on(self) -> None:
        self.start()
        self._accept(self._balance.accepts_after_wait(self._entrance.count, monotonic()))

    def _pause(self, seconds: float, then: Callable[[], None]) -> None:
        self._loop.remove_reader(self._listener.sock)
        self._timer = self._loop.call_later(seconds, then)

    def _accept(self, count: int) -> None:
        accepted = 0
        while accepted < count:
            try:
                connection, _ = self._listener.sock.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                break  # another worker was faster, or the client has left
            except OSError as error:
                self._rest(error)
                return
            self._entrance.begin(connection)
            accepted += 1
        self._balance.accepted(accepted, self._entrance.count, monotonic())

    def _rest(self, error: OSError) -> None:
        if error.errno not in _EXHAUSTED:
            logger.error("Cannot accept on %s: %s", self._listener.url, error.strerror or error)
        else:
            logger.error("Cannot accept connections for a second: %s", error.strerror or error)
        self._balance.clear()
        self._pause(_PAUSE_SECONDS, self.start)
