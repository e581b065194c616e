"""What one connection may ask of one turn of the loop, so that the others have theirs."""

import asyncio
import contextlib
import socket
import ssl
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from licorne.drivers.tls import TlsEntrance
from licorne.engine.connection import Closing
from tests.support.certificates import Authority
from tests.support.mux import MuxConnection
from tests.support.stage import GET, Receive, Scope, Send, Stage, hello

#: Records of TLS that one turn decrypts at most.
MOST_RECORDS = 128
#: What one read brings at most: asyncio reads so much, uvloop a little less.
MOST_BYTES = 256 * 1024
KERNEL_BYTES = 4 * 1024 * 1024
#: What one read brings at least for others to have their turn behind it.
LARGE_BYTES = 128 * 1024


class Turns:
    """Count something for each turn of the loop."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.number = 0
        #: By the number of the turn.
        self.counts: Counter[int] = Counter()
        self._count()

    def _count(self) -> None:
        self.number += 1
        self.handle = self.loop.call_soon(self._count)

    def note(self, amount: int = 1) -> None:
        """Take note of something in this turn."""
        self.counts[self.number] += amount


class Swallower(MuxConnection):
    """Take all that comes, and say nothing."""

    def __init__(self, turns: Turns) -> None:
        super().__init__()
        self.turns = turns

    def receive_data(self, data: bytes, now: float) -> None:
        """Take note of how much came."""
        self.turns.note(len(data))

    def wants_data(self) -> bool:
        """Take more, whether it is of use or not."""
        return True


async def test_peers_that_ask_for_much_go_on_one_after_the_other(stage: Stage) -> None:
    turns = Turns()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        turns.note()
        await hello(scope, receive, send)

    stage.prepare(app)
    peers = [await stage.connect() for _ in range(8)]
    for peer in peers:
        peer.send(GET * 400)
    for peer in peers:
        await peer.answers(*400 * ["GET"])
    turns.handle.cancel()
    # What a read brings is begun at once, and it may come in more than one; what is left of it is not begun for all.
    assert sum(count > 40 for count in turns.counts.values()) <= 8, turns.counts


async def test_one_turn_reads_no_more_than_once_from_a_peer_that_sends_without_end(stage: Stage) -> None:
    stage.prepare(hello)
    await stage.connect()  # binds the listener
    assert stage.runtime is not None
    assert stage.server is not None
    for server in stage.server.sockets:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, KERNEL_BYTES)
    turns = Turns()
    stage.runtime.new_connection = lambda: Swallower(turns)
    with socket.create_connection(stage.address) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BYTES)
        sock.setblocking(False)
        sent = 0
        with contextlib.suppress(BlockingIOError):
            while True:
                sent += sock.send(bytes(MOST_BYTES))
        await stage.until(lambda: turns.counts.total() == sent)
    turns.handle.cancel()
    assert max(turns.counts.values()) <= MOST_BYTES


class StillTransport(asyncio.Transport):
    """Be a transport that does nothing but to remember whether it reads."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = True

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Have no buffer."""

    def get_write_buffer_size(self) -> int:
        """Return its size."""
        return 0

    def is_closing(self) -> bool:
        """Stay open."""
        return False

    def can_write_eof(self) -> bool:
        """Take the end of what is written."""
        return True

    def write_eof(self) -> None:
        """Take it."""

    def pause_reading(self) -> None:
        """Read no more."""
        self.reads = False

    def resume_reading(self) -> None:
        """Read again."""
        self.reads = True

    def abort(self) -> None:
        """Be gone; whoever asks for it knows."""


def link_of(stage: Stage, closing: Closing) -> tuple[Any, StillTransport]:
    """Return a link and its transport; the engine is as far with its end as is said."""
    stage.prepare(hello)
    assert stage.runtime is not None
    connection = Swallower(Turns())
    connection.closing = closing
    stage.runtime.new_connection = lambda: connection
    link, transport = stage.runtime.protocol_factory(), StillTransport()
    link.connection_made(transport)
    return link, transport


@pytest.mark.parametrize(("size", "reads"), [(LARGE_BYTES - 1, True), (LARGE_BYTES, False), (MOST_BYTES, False)])
async def test_others_have_a_turn_behind_a_large_read(stage: Stage, size: int, reads: bool) -> None:
    link, transport = link_of(stage, Closing.OPEN)
    link.data_received(bytes(size))
    assert transport.reads is reads
    await stage.until(lambda: transport.reads)
    link.connection_lost(None)


async def test_what_comes_behind_the_end_is_not_read_at_full_speed(stage: Stage) -> None:
    link, transport = link_of(stage, Closing.LINGER)
    link.data_received(bytes(LARGE_BYTES))
    for _ in range(3):
        await asyncio.sleep(0)
        assert not transport.reads
    await stage.until(lambda: transport.reads)
    link.connection_lost(None)


class SecurePeer:
    """Be a client over TLS that writes records of a size of its choice, many at once."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.loop = asyncio.get_running_loop()
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")

    async def greet(self, sock: socket.socket) -> None:
        """Make the handshake."""
        while True:
            with contextlib.suppress(ssl.SSLWantReadError):
                self.tls.do_handshake()
                break
            await self.loop.sock_sendall(sock, self.outgoing.read())
            self.incoming.write(await self.loop.sock_recv(sock, MOST_BYTES))

    def encrypt(self, record: bytes, number: int) -> bytes:
        """Return so many records."""
        for _ in range(number):
            self.tls.write(record)
        return self.outgoing.read()


@pytest.mark.parametrize(
    ("size", "number", "most"),
    [(1, 5000, MOST_RECORDS), (16384, 400, 2 * MOST_BYTES)],
    ids=["tiny", "full"],
)
async def test_one_turn_decrypts_no_more_than_a_share(
    stage: Stage, tmp_path: Path, size: int, number: int, most: int
) -> None:
    authority = Authority(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(str(authority.sign("localhost")))
    stage.prepare(hello)
    assert stage.runtime is not None
    runtime: Any = stage.runtime
    turns = Turns()
    runtime.new_connection = lambda: Swallower(turns)
    entrance = TlsEntrance(runtime, context, runtime.protocol_factory, 60.0)
    stage.server = await turns.loop.create_server(entrance.protocol_factory, "127.0.0.1", 0)
    listener = stage.server.sockets[0]
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, KERNEL_BYTES)
    with socket.create_connection(listener.getsockname()) as sock:
        sock.setblocking(False)
        peer = SecurePeer(authority.context())
        await peer.greet(sock)
        await turns.loop.sock_sendall(sock, peer.encrypt(bytes(size), number))
        await stage.until(lambda: turns.counts.total() == size * number)
    turns.handle.cancel()
    assert max(turns.counts.values()) <= most


async def test_many_applications_are_not_cancelled_in_one_turn(stage: Stage) -> None:
    turns = Turns()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            turns.note()

    stage.prepare(app, driver={"disconnect_timeout": 0.3})
    peers = [await stage.connect() for _ in range(60)]
    for peer in peers:
        peer.send(GET)
    await stage.until(lambda: stage.running() == 60)
    for peer in peers:
        peer.reset()
    await stage.until(lambda: not stage.running())
    turns.handle.cancel()
    assert turns.counts.total() == 60
    assert max(turns.counts.values()) <= 20
