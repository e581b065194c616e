"""Back-pressure over real sockets: whoever does not read, client or application, holds a bounded amount of memory."""

import asyncio
import socket
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from licorne.engine.limits import Limits
from licorne.engine.websocket.options import SessionOptions
from tests.support.peer import DEADLINE
from tests.support.stage import GET, POST, Receive, Scope, Send, Stage, hello
from tests.support.websocket import WebSocketClient, frame

START = {"type": "http.response.start", "status": 200, "headers": []}
MEBIBYTE = 1024 * 1024
#: Small socket buffers, so that the kernel is full soon.
KERNEL_BYTES = 16 * 1024
HIGH_WATER = 64 * 1024


class SlowClient:
    """Be a client that reads only when told to, over a socket with small buffers."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.loop = asyncio.get_running_loop()

    @classmethod
    async def connect(cls, stage: Stage) -> "SlowClient":
        """Connect to a stage."""
        await stage.connect()  # binds the listener, and shows that it serves
        for server in stage.server.sockets if stage.server else ():
            server.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BYTES)
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, KERNEL_BYTES)
        sock.setblocking(False)
        client = cls(sock)
        await client.loop.sock_connect(sock, stage.address)
        stage.peers.append(client)
        return client

    def leave(self) -> None:
        """Close the connection."""
        self.sock.close()

    async def send(self, data: bytes) -> None:
        """Send all of it."""
        async with asyncio.timeout(DEADLINE):
            await self.loop.sock_sendall(self.sock, data)

    def send_what_fits(self, data: bytes) -> int:
        """Send as much as the kernel takes; return how much that was."""
        try:
            return self.sock.send(data)
        except BlockingIOError:
            return 0

    async def read(self, size: int) -> int:
        """Read `size` bytes, or to the end; return how many came."""
        count = 0
        async with asyncio.timeout(DEADLINE):
            while count < size and (data := await self.loop.sock_recv(self.sock, MEBIBYTE)):
                count += len(data)
        return count


@contextmanager
def flat_memory(limit: int) -> Iterator[None]:
    """Fail if Python holds `limit` bytes more at any time inside than before."""
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        yield
        _, peak = tracemalloc.get_traced_memory()
        assert peak - before < limit, f"{peak - before} bytes more"
    finally:
        tracemalloc.stop()


class Streamer:
    """Stream pieces for ever; count them."""

    def __init__(self, size: int) -> None:
        self.piece = {"type": "http.response.body", "body": b"x" * size, "more_body": True}
        self.count = 0
        self.error: BaseException | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send(START)
        try:
            while True:
                await send(self.piece)
                self.count += 1
        except BaseException as error:
            self.error = error
            raise

    async def until_it_waits(self) -> None:
        """Return once a further piece has not gone through for a while of the loop's turns."""
        count, turns = -1, 0
        async with asyncio.timeout(DEADLINE):
            while turns < 50:
                turns = turns + 1 if count == self.count else 0
                count = self.count
                await asyncio.sleep(0.001)


# --- a client that does not read ----------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1000, 20_000, 300_000])
async def test_client_that_never_reads_holds_the_application_back(stage: Stage, size: int) -> None:
    app = Streamer(size)
    stage.prepare(app)
    client = await SlowClient.connect(stage)
    with flat_memory(4 * HIGH_WATER + 4 * size):
        await client.send(GET)
        await app.until_it_waits()
    sent = app.count * size
    assert sent <= HIGH_WATER + 2 * size + 40 * KERNEL_BYTES
    # It goes on as soon as the client reads.
    await client.read(sent + size)
    await stage.until(lambda: app.count * size > sent)
    client.leave()
    await stage.until(lambda: not stage.running())


async def test_application_learns_that_the_client_it_waited_for_has_gone(stage: Stage) -> None:
    app = Streamer(100_000)
    stage.prepare(app)
    client = await SlowClient.connect(stage)
    await client.send(GET)
    await app.until_it_waits()
    client.leave()
    await stage.until(lambda: not stage.running())
    assert isinstance(app.error, OSError)


@pytest.mark.parametrize("size", [100, 30_000, 200_000])
async def test_application_that_never_waits_does_not_hold_the_loop_when_its_client_goes(
    stage: Stage, size: int
) -> None:
    """A stream to a client that reads as fast as it comes never has to wait, until the client goes."""
    app = Streamer(size)
    peer = await stage.connect(app)
    loop = asyncio.get_running_loop()
    reader = loop.run_in_executor(None, read_then_reset, stage.address, 2 * MEBIBYTE)
    async with asyncio.timeout(DEADLINE):
        await reader
    await stage.until(lambda: not stage.running())
    assert isinstance(app.error, OSError)
    assert not peer.has_ended


def read_then_reset(address: Any, size: int) -> None:
    """Ask, read `size` bytes as fast as possible, and reset the connection."""
    with socket.create_connection(address, DEADLINE) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        sock.sendall(GET)
        while size > 0:
            size -= len(sock.recv(MEBIBYTE))


@pytest.mark.parametrize("waits", [False, True], ids=["at-once", "later"])
async def test_requests_of_a_client_that_reads_no_answer_are_not_answered_without_end(
    stage: Stage, waits: bool
) -> None:
    calls = 0
    body = b"x" * 100_000

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal calls
        calls += 1
        if waits:
            await asyncio.sleep(0)
        await send(START)
        await send({"type": "http.response.body", "body": body})

    stage.prepare(app)
    client = await SlowClient.connect(stage)
    sent = 0
    with flat_memory(20 * len(body)):
        for _ in range(50):
            sent += client.send_what_fits(20 * GET)
            await asyncio.sleep(0.002)
    assert 1 <= calls <= 15
    before = calls
    await client.read(3 * before * len(body))
    await stage.until(lambda: calls > before)
    client.leave()
    await stage.until(lambda: not stage.running())


# --- an application that does not read ----------------------------------------------------------------------


async def test_upload_to_an_application_that_never_receives_is_paused(stage: Stage) -> None:
    may_end = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await may_end.wait()
        await hello(scope, receive, send)

    stage.prepare(app)
    client = await SlowClient.connect(stage)
    await client.send(POST.replace(b"5", b"1000000000"))
    data, sent, refusals = b"x" * 65536, 0, 0
    with flat_memory(5 * HIGH_WATER + MEBIBYTE // 2):
        while refusals < 50:
            size = client.send_what_fits(data)
            sent += size
            refusals = 0 if size else refusals + 1
            await asyncio.sleep(0.001)
    assert sent < 8 * MEBIBYTE
    may_end.set()
    assert await client.read(1) > 0


async def test_upload_goes_on_as_the_application_receives(stage: Stage) -> None:
    size = 20 * MEBIBYTE
    received = 0

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal received
        while True:
            message = await receive()
            received += len(message["body"])
            assert len(message["body"]) <= HIGH_WATER + 256 * 1024
            await asyncio.sleep(0)
            if not message["more_body"]:
                break
        await hello(scope, receive, send)

    peer = await stage.connect(app)
    peer.send(POST.replace(b"5", b"%d" % size))
    for _ in range(20):
        peer.send(b"x" * MEBIBYTE)
    await peer.answer()
    assert received == size


async def test_pipelined_requests_wait_in_the_kernel(stage: Stage) -> None:
    may_end = asyncio.Event()
    calls = 0

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal calls
        calls += 1
        await may_end.wait()
        await hello(scope, receive, send)

    stage.prepare(app, limits=Limits(high_water_bytes=10_000))
    client = await SlowClient.connect(stage)
    sent, refusals = 0, 0
    with flat_memory(MEBIBYTE):
        while refusals < 50:
            size = client.send_what_fits(1000 * GET)
            sent += size
            refusals = 0 if size else refusals + 1
            await asyncio.sleep(0.001)
    assert calls == 1
    assert sent < 8 * MEBIBYTE
    client.leave()
    may_end.set()
    await stage.until(lambda: not stage.running())


# --- WebSockets ---------------------------------------------------------------------------------------------


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Accept, and send back what comes."""
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({**message, "type": "websocket.send"})


async def test_flood_of_control_frames_leaves_others_their_turn(stage: Stage) -> None:
    stage.prepare(echo)
    flooder = await WebSocketClient.opened(stage)
    other = await WebSocketClient.opened(stage)
    flooder.peer.send(frame(10) * 100_000 + frame(1, b"end"))
    end = asyncio.ensure_future(flooder.message())
    count = 0
    while not end.done():
        other.send_text("x")
        assert await other.message() == "x"
        count += 1
    assert await end == "end"
    assert count > 20


async def test_client_that_leaves_a_full_queue_behind_is_found_out(stage: Stage) -> None:
    may_end = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await may_end.wait()

    stage.prepare(app, driver={"disconnect_timeout": 0.2}, websocket=SessionOptions(max_queue=1, ping_interval=0.1))
    client = await WebSocketClient.opened(stage)
    client.peer.send(frame(1, b"x") * 10)
    await asyncio.sleep(0.05)
    client.peer.reset()
    await stage.until(lambda: not stage.running())
