"""The clocks of a connection over real sockets, set short: each test waits for the event that the clock brings."""

import asyncio
import time
from typing import Any

import pytest

from licorne.engine.limits import Limits
from licorne.engine.websocket.options import SessionOptions
from tests.drivers.test_back_pressure import SlowClient
from tests.support.stage import CHUNKED, GET, POST, Receive, Scope, Send, Stage, hello
from tests.support.websocket import PING, PONG, WebSocketClient, frame

#: The clock that a test is about; the others are too long to interfere.
SHORT = 0.1
START = {"type": "http.response.start", "status": 200, "headers": []}


async def read_all(scope: Scope, receive: Receive, send: Send) -> None:
    """Read the body, then answer."""
    while (await receive()).get("more_body"):
        pass
    await hello(scope, receive, send)


class Watch:
    """Tell whether something took as long as its clock, and no longer than it may be late."""

    def __enter__(self) -> None:
        self.started = time.monotonic()

    def __exit__(self, *exception: object) -> None:
        elapsed = time.monotonic() - self.started
        if exception[0] is None:
            assert SHORT * 0.8 <= elapsed < SHORT + 30.0, f"{elapsed:.3f} s"


@pytest.mark.parametrize("sent", [b"", b"\r\n", GET[:1], GET[:20]], ids=["nothing", "empty-line", "byte", "half"])
async def test_head_clock(stage: Stage, sent: bytes) -> None:
    stage.prepare(hello, limits=Limits(head_timeout=SHORT))
    with Watch():
        peer = await stage.connect()
        peer.send(sent)
        answer = await peer.rest()
    assert answer[:13] in ((b"HTTP/1.1 408 ", b"") if sent else (b"",))


async def test_head_clock_does_not_start_again_with_each_byte(stage: Stage) -> None:
    stage.prepare(hello, limits=Limits(head_timeout=SHORT))
    drip = b"GET / HTTP/1.1\r\nHost: " + 10_000 * b"a"
    with Watch():
        peer = await stage.connect()
        for byte in drip:
            if peer.has_ended:
                break
            peer.send(bytes([byte]))
            await asyncio.sleep(SHORT / 10)
        assert (await peer.rest()).startswith(b"HTTP/1.1 408 ")


async def test_body_clock(stage: Stage) -> None:
    stage.prepare(read_all, limits=Limits(body_timeout=SHORT))
    peer = await stage.connect()
    with Watch():
        peer.send(POST + b"he")
        assert (await peer.rest()).startswith(b"HTTP/1.1 408 ")


async def test_body_clock_starts_again_with_each_byte(stage: Stage) -> None:
    stage.prepare(read_all, limits=Limits(body_timeout=4 * SHORT))
    peer = await stage.connect()
    peer.send(POST.replace(b"5", b"10"))
    for _ in range(10):
        await asyncio.sleep(SHORT)
        peer.send(b"x")
    assert (await peer.answer()).status == 200


async def test_body_clock_stands_still_while_the_application_does_not_read(stage: Stage) -> None:
    may_read = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await may_read.wait()
        await read_all(scope, receive, send)

    stage.prepare(app, limits=Limits(body_timeout=SHORT, high_water_bytes=2))
    peer = await stage.connect()
    peer.send(POST + b"hel")
    await asyncio.sleep(4 * SHORT)
    may_read.set()
    peer.send(b"lo")
    assert (await peer.answer()).status == 200


async def test_minimum_rate_of_a_body(stage: Stage) -> None:
    stage.prepare(read_all, limits=Limits(min_body_rate=10_000.0, body_rate_grace=SHORT))
    peer = await stage.connect()
    with Watch():
        peer.send(CHUNKED)
        while not peer.has_ended:
            peer.send(b"1\r\nx\r\n")
            await asyncio.sleep(SHORT / 10)
        assert (await peer.rest()).startswith(b"HTTP/1.1 408 ")


async def test_keep_alive_clock(stage: Stage) -> None:
    stage.prepare(hello, limits=Limits(keep_alive_timeout=SHORT))
    peer = await stage.connect()
    with Watch():
        peer.send(GET)
        await peer.answer()
        assert await peer.rest() == b""


async def test_keep_alive_clock_starts_again_with_each_request(stage: Stage) -> None:
    stage.prepare(hello, limits=Limits(keep_alive_timeout=4 * SHORT))
    peer = await stage.connect()
    for _ in range(8):
        peer.send(GET)
        await peer.answer()
        await asyncio.sleep(SHORT)
    peer.send(GET)
    await peer.answer()


async def test_discard_clock(stage: Stage) -> None:
    stage.prepare(hello, limits=Limits(discard_timeout=SHORT))
    peer = await stage.connect()
    with Watch():
        peer.send(POST)
        assert (await peer.rest()).endswith(b"Hello")


async def test_linger_clock(stage: Stage) -> None:
    stage.prepare(hello, limits=Limits(linger_timeout=SHORT))
    peer = await stage.connect()
    with Watch():
        peer.send(b"rubbish\r\n\r\n")
        assert (await peer.rest()).startswith(b"HTTP/1.1 400 ")
        await stage.until(lambda: not stage.connections())


async def test_disconnect_clock_cancels_quietly_an_application_whose_client_left(stage: Stage) -> None:
    cancelled: list[asyncio.CancelledError] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError as error:
            cancelled.append(error)
            raise

    stage.prepare(app, driver={"disconnect_timeout": SHORT})
    peer = await stage.connect()
    peer.send(GET)
    await stage.until(lambda: bool(stage.running()))
    with Watch():
        peer.reset()
        await stage.until(lambda: not stage.running())
    assert len(cancelled) == 1


async def test_disconnect_clock_ends_a_stream_to_nobody(stage: Stage) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(START)
        await send({"type": "http.response.body", "body": b"x", "more_body": True})
        await asyncio.sleep(3600)

    stage.prepare(app, driver={"disconnect_timeout": SHORT})
    peer = await stage.connect()
    peer.send(GET)
    await peer.until(lambda: b"x" in peer.received, "the first piece")
    peer.leave()
    await stage.until(lambda: not stage.running())


async def test_application_that_is_quick_enough_is_not_cancelled(stage: Stage) -> None:
    ends: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        await asyncio.sleep(SHORT)
        ends.append("cleaned up")

    stage.prepare(app, driver={"disconnect_timeout": 100 * SHORT})
    peer = await stage.connect()
    peer.send(GET)
    await stage.until(lambda: bool(stage.running()))
    peer.reset()
    await stage.until(lambda: not stage.running())
    assert ends == ["cleaned up"]


async def test_write_stall_clock_drops_a_client_that_reads_nothing(stage: Stage) -> None:
    errors: list[BaseException] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(START)
        try:
            while True:
                await send({"type": "http.response.body", "body": 100_000 * b"x", "more_body": True})
        except OSError as error:
            errors.append(error)

    stage.prepare(app, driver={"write_stall_timeout": SHORT})
    peer = await stage.connect()
    peer.transport.pause_reading()
    peer.send(GET)
    await stage.until(lambda: bool(errors))
    await stage.until(lambda: not stage.connections())


async def test_write_stall_clock_watches_what_is_left_when_the_application_has_ended(stage: Stage) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({**START, "headers": [(b"connection", b"close")]})
        await send({"type": "http.response.body", "body": 50_000_000 * b"x"})

    stage.prepare(app, driver={"write_stall_timeout": SHORT})
    peer = await stage.connect()
    peer.transport.pause_reading()
    peer.send(GET)
    await stage.until(lambda: not stage.running())
    await stage.until(lambda: not stage.connections())


async def test_write_stall_clock_spares_a_client_that_reads_slowly(stage: Stage) -> None:
    size = 2_000_000

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({**START, "headers": [(b"content-length", b"%d" % size)]})
        await send({"type": "http.response.body", "body": size * b"x"})

    stage.prepare(app, driver={"write_stall_timeout": 4 * SHORT})
    client = await SlowClient.connect(stage)
    await client.send(GET)
    count = 0
    while count < size:
        await asyncio.sleep(SHORT)
        count += await client.read(min(size // 10, size - count))


async def test_round_trip_of_a_ping_is_measured(stage: Stage) -> None:
    sessions: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            pass

    # The time of the driver runs ahead by up to half a second.
    limits = Limits(head_timeout=4.0, discard_timeout=4.0, linger_timeout=4.0)
    stage.prepare(app, limits=limits, driver={"disconnect_timeout": 4.0}, websocket=SessionOptions(ping_interval=SHORT))
    assert stage.runtime is not None
    assert stage.runtime.tick == 0.5
    assert stage.application is not None
    open_session: Any = stage.application.shared.open_session
    stage.application.shared.open_session = lambda exchange: sessions.append(open_session(exchange))
    client = await WebSocketClient.opened(stage)
    opcode, payload = await client.frame()
    assert opcode == PING
    begun = time.monotonic()
    await asyncio.sleep(0.02)
    client.peer.send(frame(PONG, payload))
    await stage.until(lambda: sessions[0].rtt >= 0)
    assert 0.015 <= sessions[0].rtt < time.monotonic() - begun + 0.4
