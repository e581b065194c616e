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
from tests.support.certificates import Authority
from tests.support.mux import MuxConnection
from tests.support.stage import GET, Receive, Scope, Send, Stage, hello

#: Records of TLS that one turn decrypts at most.
MOST_RECORDS = 128
#: What one read brings at most: asyncio reads so much, uvloop a little less.
MOST_BYTES = 256 * 1024
KERNEL_BYTES = 4 * 1024 * 1024


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
