"""A link whose engine is chosen by its peer, and one whose engine has many exchanges at a time."""

import asyncio
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from licorne.engine.negotiate import new_connection_factory
from licorne.errors import RemoteProtocolError
from tests.drivers.test_back_pressure import SlowClient
from tests.support.mux import PREFACE, MuxConnection
from tests.support.peer import Peer
from tests.support.stage import GET, Receive, Scope, Send, Stage, hello

START = {"type": "http.response.start", "status": 200, "headers": []}


def choose_by_preface(stage: Stage) -> None:
    """Have the connections of a stage that is prepared speak what their peer does."""
    assert stage.runtime is not None
    stage.runtime.new_connection = new_connection_factory(stage.new_connection, MuxConnection, 10.0)


async def connect(stage: Stage, **driver: object) -> Peer:
    """Prepare what is not, and connect a peer."""
    assert stage.runtime is not None
    choose_by_preface(stage)
    return await stage.connect()


# --- the choice ---------------------------------------------------------------------------------------------


async def test_http1_is_served_on_a_connection_that_was_undecided(stage: Stage) -> None:
    stage.prepare(hello)
    peer = await connect(stage)
    for _ in range(2):
        peer.send(GET)
        assert (await peer.answer()).body == b"Hello"


async def test_another_engine_takes_over_when_the_peer_begins_with_its_preface(stage: Stage) -> None:
    stage.prepare(hello)
    peer = await connect(stage)
    peer.send(PREFACE[:5])
    await stage.until(lambda: stage.connections() == 1)
    peer.send(PREFACE[5:] + b"open 1\ncredit 1 9\n")
    assert await peer.bytes_until(b"end\n") == b"1 head 200\n1 data 5 Hello\n1 end\n"


async def test_a_peer_that_never_says_what_it_speaks_is_closed_by_a_drain(stage: Stage) -> None:
    stage.prepare(hello)
    peer = await connect(stage)
    peer.send(PREFACE[:3])
    await stage.until(lambda: stage.connections() == 1)
    assert stage.runtime is not None
    stage.runtime.begin_drain()
    assert (await peer.rest()).startswith(b"HTTP/1.1 408 ")


# --- many exchanges -----------------------------------------------------------------------------------------


async def test_exchanges_are_answered_at_the_same_time(stage: Stage) -> None:
    met = asyncio.Barrier(3)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await met.wait()
        await send(START)
        await send({"type": "http.response.body", "body": scope["path"].encode()})

    stage.prepare(app)
    peer = await connect(stage)
    peer.send(PREFACE + b"".join(b"open %d\ncredit %d 9\n" % (number, number) for number in (1, 2, 3)))
    await peer.until(lambda: peer.received.count(b"end\n") == 3, "three ends")
    assert sorted(line for line in bytes(peer.received).splitlines() if b"data" in line) == [
        b"%d data 2 /%d" % (number, number) for number in (1, 2, 3)
    ]


async def test_what_many_exchanges_answer_at_once_leaves_in_one_write(stage: Stage) -> None:
    stage.prepare(hello)
    peer = await connect(stage)
    peer.send(PREFACE)
    peer.reads = 0
    peer.send(b"".join(b"open %d\ncredit %d 9\n" % (number, number) for number in range(10)))
    await peer.until(lambda: peer.received.count(b"end\n") == 10, "ten ends")
    assert peer.reads == 1 or not stage.is_eager()


async def test_only_the_application_of_a_reset_stream_is_told_and_cancelled(stage: Stage) -> None:
    told: list[str] = []
    ended: dict[str, BaseException] = {}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await receive()
            told.append((await receive())["type"])
            await asyncio.sleep(60)
        except asyncio.CancelledError as cancelled:
            ended[scope["path"]] = cancelled
            raise

    stage.prepare(app, driver={"disconnect_timeout": 0.05})
    peer = await connect(stage)
    peer.send(PREFACE + b"open 1\nopen 2\n")
    await stage.until(lambda: stage.running() == 2)
    peer.send(b"reset 2\n")
    await stage.until(lambda: bool(ended))
    await stage.until(lambda: stage.running() == 1)
    assert (told, list(ended)) == (["http.disconnect"], ["/2"])
    peer.leave()
    await stage.until(lambda: len(ended) == 2)


async def test_a_reset_stream_is_released_when_its_application_has_ended(stage: Stage) -> None:
    go_on = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await go_on.wait()

    stage.prepare(app)
    peer = await connect(stage)
    peer.send(PREFACE + b"open 1\n")
    await stage.until(lambda: stage.running() == 1)
    assert stage.runtime is not None
    (link,) = [link for link in stage.runtime.links if isinstance(link.connection, MuxConnection)]
    exchange = link.connection.streams[1].exchange
    peer.send(b"reset 1\n")
    await stage.until(lambda: exchange.is_disconnected)
    assert not exchange.is_released
    go_on.set()
    await stage.until(lambda: exchange.is_released)


# --- room ---------------------------------------------------------------------------------------------------


async def test_an_application_waits_for_the_room_of_its_own_stream(stage: Stage) -> None:
    sent: dict[str, int] = {"/1": 0, "/2": 0}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(START)
        for _ in range(10):
            await send({"type": "http.response.body", "body": 100 * b"x", "more_body": True})
            sent[scope["path"]] += 1
        await send({"type": "http.response.body"})

    stage.prepare(app)
    peer = await connect(stage)
    peer.send(PREFACE + b"open 1\nopen 2\ncredit 2 2000\n")
    await peer.bytes_until(b"2 end\n")
    assert sent == {"/1": 1, "/2": 10}
    peer.send(b"credit 1 150\n")
    await peer.bytes_until(b"x\n")
    await stage.until(lambda: sent["/1"] == 2)
    peer.send(b"credit 1 2000\n")
    await peer.bytes_until(b"1 end\n")


async def test_an_application_that_waits_for_room_is_let_go_when_its_stream_is_reset(stage: Stage) -> None:
    raised: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(START)
        try:
            while True:
                await send({"type": "http.response.body", "body": 100 * b"x", "more_body": True})
        except OSError as error:
            raised.append(type(error).__name__)
            raise

    stage.prepare(app)
    peer = await connect(stage)
    peer.send(PREFACE + b"open 1\n")
    await peer.bytes_until(b"1 head 200\n")
    peer.send(b"reset 1\n")
    await stage.until(lambda: bool(raised))
    assert raised == ["ClientDisconnected"]


async def test_a_file_passes_through_an_engine_that_frames_it(stage: Stage, tmp_path: Path) -> None:
    path = tmp_path / "file"
    content = 500_000 * b"z"
    path.write_bytes(content)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(START)
        await send({"type": "http.response.pathsend", "path": str(path)})

    stage.prepare(app)
    peer = await connect(stage)
    peer.send(PREFACE + b"open 1\ncredit 1 1000000\n")
    received = await peer.bytes_until(b"1 end\n")
    assert received.count(b"z") == len(content)


async def test_what_a_full_transport_does_not_take_stays_with_the_engine(stage: Stage) -> None:
    body = 1024 * 1024 * b"x"

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(START)
        await send({"type": "http.response.body", "body": body})

    stage.prepare(app)
    assert stage.runtime is not None
    choose_by_preface(stage)
    client = await SlowClient.connect(stage)
    await client.send(PREFACE + b"open 1\ncredit 1 %d\n" % len(body))
    await stage.until(lambda: any(getattr(link, "is_write_paused", False) for link in stage.runtime.links))  # type: ignore[union-attr]
    (link,) = [link for link in stage.runtime.links if isinstance(link.connection, MuxConnection)]
    assert len(link.connection.streams[1].body) > len(body) // 2
    assert await client.read(len(body)) >= len(body)


class Refuser(MuxConnection):
    """Refuse a peer that sends a full stop."""

    def receive_data(self, data: bytes, now: float) -> None:
        if data != b".":
            super().receive_data(data, now)
            return
        self.refusal = RemoteProtocolError(400, "a full stop")
        self.lost()
        self.has_departed = True


async def test_applications_of_a_peer_that_is_refused_are_cancelled_at_once_and_a_few_at_a_time(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    ended: Counter[float] = Counter()
    turn = 0

    def count() -> None:
        nonlocal turn
        turn += 1
        stack.callback(loop.call_soon(count).cancel)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            ended[turn] += 1

    stage.prepare(app, driver={"disconnect_timeout": 3600.0})
    assert stage.runtime is not None
    stage.runtime.new_connection = Refuser
    stage.runtime.on_refusal = None
    with ExitStack() as stack:
        peer = await stage.connect()
        peer.send(b"".join(b"open %d\n" % number for number in range(40)))
        await stage.until(lambda: stage.running() == 40)
        count()
        peer.send(b".")
        await stage.until(lambda: not stage.running())
    assert ended.total() == 40
    assert max(ended.values()) <= 20
    assert not stage.runtime.abandoned
