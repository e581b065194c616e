"""Intake: lets connections in from the listeners to the driver, and ends that without losing one.

Rules: a connection that the system has accepted belongs to a client who believes that he is in, so whoever
stands in a queue when the intake closes is served. What comes after that is refused by the system.
"""

import asyncio
import socket
from collections.abc import Sequence
from typing import Any

from licorne.server.listeners import Listener

__all__ = ["Intake", "turn"]

#: How often the loop turns between accepting a connection and announcing it to its protocol.
_ANNOUNCE_TURNS = 3

_ACCEPTS_PER_TURN = 64


class Intake:
    """Hold the listeners of a worker and what accepts on them."""

    __slots__ = ("listeners", "new_protocol", "servers")

    def __init__(self, listeners: Sequence[Listener]) -> None:
        self.listeners = list(listeners)
        self.servers: list[asyncio.AbstractServer] = []
        self.new_protocol: Any = None

    async def open(self, new_protocol: Any, backlog: int) -> None:
        """Listen, and announce each connection to a new protocol. Raises StartupError."""
        loop = asyncio.get_running_loop()
        self.new_protocol = new_protocol
        for listener in self.listeners:
            listener.listen(backlog)
            # asyncio takes its backlog also for how often it calls accept() in one turn, and out of files each fails.
            server = await loop.create_server(new_protocol, sock=listener.sock, backlog=_ACCEPTS_PER_TURN)
            listener.listen(backlog)
            self.servers.append(server)

    async def close(self) -> None:
        """Let nobody in any more but those who are in a queue."""
        if self.servers:
            await self._stop_accepting()
        waiting = [connection for listener in self.listeners for connection in self._queue_of(listener)]
        for server in self.servers:
            server.close()
        for listener in self.listeners:
            listener.close()
        for connection in waiting:
            await self._announce(connection)

    async def _stop_accepting(self) -> None:
        loop = asyncio.get_running_loop()
        for listener in self.listeners:
            listener.stop_queueing()
            try:
                loop.remove_reader(listener.sock)
            except (NotImplementedError, ValueError):  # Windows; a listener that is closed already
                continue
        # asyncio forgets a connection that it has accepted and not yet announced when the server closes.
        await turn(_ANNOUNCE_TURNS)

    def _queue_of(self, listener: Listener) -> list[socket.socket]:
        return listener.accept_queued() if self.servers else []

    async def _announce(self, connection: socket.socket) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(self.new_protocol, connection)
        except OSError:
            connection.close()


async def turn(count: int) -> None:
    """Let the loop turn so often: what is ready is done."""
    for _ in range(count):
        await asyncio.sleep(0)
