"""Intake: lets connections in from the listeners to the driver, and ends that without losing one.

Rules: a connection that the system has accepted belongs to a client who believes that he is in, so whoever
stands in a queue when the intake closes is served. What comes after that is refused by the system, or accepted by
another worker that shares the listener.
"""

import asyncio
import socket
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any

from licorne.server.listening.acceptor import Acceptor, Entrance
from licorne.server.listening.balance import Balance
from licorne.server.listening.listeners import Listener

__all__ = ["Intake", "turn"]

#: How often the loop turns between accepting a connection and announcing it to its protocol.
_ANNOUNCE_TURNS = 3

_ACCEPTS_PER_TURN = 64


class Intake:
    """Hold the listeners of a worker and what accepts on them."""

    __slots__ = ("acceptors", "balance", "entrance", "listeners", "servers")

    def __init__(self, listeners: Sequence[Listener], balance: Balance | None = None) -> None:
        """Take the listeners, and what decides who accepts when other workers do that too."""
        self.listeners = list(listeners)
        self.balance = balance
        self.servers: list[asyncio.AbstractServer] = []
        self.acceptors: list[Acceptor] = []
        #: There is one once connections are let in.
        self.entrance: Entrance | None = None

    def take_redirects(self) -> list[Listener]:
        """Hand over the listeners at which nobody is served, and forget them."""
        redirects = [listener for listener in self.listeners if listener.is_redirect]
        self.listeners = [listener for listener in self.listeners if not listener.is_redirect]
        return redirects

    async def open(self, new_protocol: Any, backlog: int, count: Callable[[], int]) -> None:
        """Listen, and announce each connection to a new protocol; `count` says how many there are.

        Raises StartupError.
        """
        loop = asyncio.get_running_loop()
        self.entrance = Entrance(loop, new_protocol, count)
        for listener in self.listeners:
            listener.listen(backlog)
            if not self._accept_in_turn(loop, listener, self.entrance):
                # asyncio takes its backlog also for how often it calls accept() in one turn, and out of files each
                # fails.
                server = await loop.create_server(new_protocol, sock=listener.sock, backlog=_ACCEPTS_PER_TURN)
                listener.listen(backlog)
                self.servers.append(server)
        self.tick(0.0)

    def tick(self, now: float) -> None:
        """Say how many connections there are; called every second."""
        if self.balance is not None and self.entrance is not None and self.acceptors:
            self.balance.tick(self.entrance.count, monotonic())

    async def close(self) -> None:
        """Let nobody in any more but those who are in a queue."""
        entrance = self.entrance
        if entrance is not None:
            await self._stop_accepting(entrance)
        waiting = [connection for listener in self.listeners for connection in self._queue_of(listener)]
        for server in self.servers:
            server.close()
        for listener in self.listeners:
            listener.close()
        if entrance is not None:
            for connection in waiting:
                await entrance.announce(connection)

    def _accept_in_turn(self, loop: asyncio.AbstractEventLoop, listener: Listener, entrance: Entrance) -> bool:
        """Begin to accept as one of several workers; tell whether this is one and the loop can do that."""
        if self.balance is None:
            return False
        acceptor = Acceptor(loop, listener, entrance, self.balance)
        try:
            acceptor.start()
        except NotImplementedError:  # asyncio's own loop of Windows
            return False
        self.acceptors.append(acceptor)
        return True

    async def _stop_accepting(self, entrance: Entrance) -> None:
        loop = asyncio.get_running_loop()
        for acceptor in self.acceptors:
            acceptor.stop()
        self.acceptors.clear()
        if self.balance is not None:
            self.balance.clear()
        for listener in self.listeners:
            listener.stop_queueing()
            try:
                loop.remove_reader(listener.sock)
            except (NotImplementedError, ValueError):  # Windows; a listener that is closed already
                continue
        # asyncio forgets a connection that it has accepted and not yet announced when the server closes.
        await turn(_ANNOUNCE_TURNS)
        await entrance.finish()

    def _queue_of(self, listener: Listener) -> list[socket.socket]:
        return listener.accept_queued() if self.entrance is not None else []


async def turn(count: int) -> None:
    """Let the loop turn so often: what is ready is done."""
    for _ in range(count):
        await asyncio.sleep(0)
