"""A link in memory: the least that the ASGI layer needs below it, with a real engine and no socket.

It shares no code with the drivers, so what passes here needs nothing but the contract in `licorne.link`.

Rules: the peer's calls take effect at once; tasks run in the running asyncio loop; time is `MemoryLink.now` and
stands still.
"""

import asyncio
import contextvars
import os
from collections.abc import Awaitable, Callable
from typing import Any, BinaryIO

from licorne.engine.connection import Closing, Connection
from licorne.engine.exchange import Exchange
from licorne.errors import ClientDisconnected
from licorne.link import Cycle, Gate, Link
from tests.support.peer import Peer

__all__ = ["MemoryLink", "connect"]

Begin = Callable[[Exchange, Link], Cycle | None]
_READ_BYTES = 16 * 1024


class MemoryGate(Gate):
    """Let tasks wait for an asyncio event."""

    def __init__(self) -> None:
        self.event = asyncio.Event()

    def open(self) -> None:
        self.event.set()

    def wait(self) -> Awaitable[None]:
        return self._wait()

    async def _wait(self) -> None:
        await self.event.wait()


class MemoryLink(Link):
    """Join an engine and a peer."""

    def __init__(self, connection: Connection, begin: Begin, peer: Peer) -> None:
        self.client = ("192.0.2.1", 50000)
        self.server = ("192.0.2.2", 80)
        self.is_secure = False
        self.scope = None
        self.account = None
        self.standing = 0
        self.tls = None
        self.connection = connection
        self.begin = begin
        self.peer = peer
        self.now = 0.0
        self.cycles: dict[asyncio.Task[None], Cycle] = {}
        self.is_pumping = False
        self.is_gone = False
        #: What is started from within an application must not inherit its variables.
        self.context = contextvars.copy_context()

    # the link

    def flush(self) -> None:
        for data in self.connection.data_to_send():
            self.peer.data_received(data)

    def pump(self) -> None:
        if self.is_pumping:
            return
        if self.connection.successor is not None:
            self.connection = self.connection.successor
        self.is_pumping = True
        while (exchange := self.connection.next_exchange(self.now)) is not None:
            cycle = self.begin(exchange, self)
            if cycle is not None:
                self.start(cycle)
        self.is_pumping = False
        self.flush()
        if self.connection.closing == Closing.LINGER and not self.peer.has_ended:
            self.peer.eof_received()
        elif self.connection.closing >= Closing.FLUSH:
            self.lose()
        elif self.connection.is_resting():
            asyncio.get_running_loop().call_soon(self._go_on)

    def _go_on(self) -> None:
        self.connection.go_on(self.now)
        self.pump()

    def drain(self) -> Awaitable[None] | None:
        return None

    def gate(self) -> Gate:
        return MemoryGate()

    def turn(self) -> Awaitable[None]:
        return asyncio.sleep(0)

    def start(self, cycle: Cycle) -> None:
        task = asyncio.get_running_loop().create_task(self._run(cycle), context=self.context.copy())
        self.cycles[task] = cycle
        task.add_done_callback(self.cycles.pop)

    def send_file(self, file: BinaryIO, offset: int, count: int) -> Awaitable[None]:
        return self._send_file(file, offset, count)

    # what happens to it

    def lose(self) -> None:
        """Lose the transport."""
        if not self.is_gone:
            self.is_gone = True
            self.connection.lost()
            self.peer.connection_lost(None)

    # internals

    async def _run(self, cycle: Cycle) -> None:
        try:
            await cycle.start()
        except BaseException as error:
            cycle.finish(error)
        else:
            cycle.finish(None)

    async def _send_file(self, file: BinaryIO, offset: int, count: int) -> None:
        while count:
            if self.is_gone:
                raise ClientDisconnected("The client disconnected.")
            data = os.pread(file.fileno(), min(count, _READ_BYTES), offset)
            if not data:
                raise OSError("the file ends early")
            self.peer.data_received(data)
            offset += len(data)
            count -= len(data)
            await asyncio.sleep(0)


class MemoryTransport:
    """Be what a peer holds of a link in memory."""

    def __init__(self, link: MemoryLink) -> None:
        self.link = link

    def write(self, data: bytes) -> None:
        """Give bytes to the server."""
        if not self.link.is_gone:
            self.link.connection.receive_data(data, self.link.now)
            self.link.pump()

    def write_eof(self) -> None:
        """Tell the server that nothing more will come."""
        if not self.link.is_gone:
            self.link.connection.receive_eof(self.link.now)
            self.link.pump()

    def abort(self) -> None:
        """Go."""
        self.link.lose()

    def get_extra_info(self, name: str) -> Any:
        """Know nothing."""
        return None


def connect(connection: Connection, begin: Begin) -> tuple[MemoryLink, Peer]:
    """Make a connection in memory: both its ends."""
    peer = Peer()
    link = MemoryLink(connection, begin, peer)
    peer.connection_made(MemoryTransport(link))
    connection.start(link.now)
    return link, peer
