"""Connections over real sockets: how many, in which order they are answered, and how they end."""

import asyncio
import socket
from typing import Any

import pytest

from licorne.engine.limits import Limits
from tests.support.peer import DEADLINE, Peer
from tests.support.stage import GET, POST, Receive, Scope, Send, Stage, hello

START = {"type": "http.response.start", "status": 200, "headers": []}


class Waiter:
    """Answer when told to."""

    def __init__(self) -> None:
        self.may_answer = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.may_answer.wait()
        await hello(scope, receive, send)


async def echo_path(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer the path; paths that begin with /later after some turns of the loop."""
    if scope["path"].startswith("/later"):
        for _ in range(3):
            await asyncio.sleep(0)
    await send(START)
    await send({"type": "http.response.body", "body": scope["path"].encode()})


# --- pipelining ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kinds", ["now", "later", "mixed"])
async def test_pipelined_requests_are_answered_in_order(stage: Stage, kinds: str) -> None:
    names = {"now": ["now"], "later": ["later"], "mixed": ["now", "later", "later", "now"]}[kinds]
    paths = [f"/{names[number % len(names)]}/{number}" for number in range(40)]
    peer = await stage.connect(echo_path)
    peer.send(b"".join(b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % path.encode() for path in paths))
    answers = await peer.answers(*len(paths) * ["GET"])
    assert [answer.body.decode() for answer in answers] == paths


async def test_answers_to_pipelined_requests_leave_together(stage: Stage) -> None:
    """An application that answers without waiting is over when the loop turns, where tasks start at once."""
    peer = await stage.connect(echo_path)
    peer.send(16 * GET)
    await peer.answers(*16 * ["GET"])
    if stage.is_eager():
        assert peer.reads == 1


async def test_body_between_pipelined_requests(stage: Stage) -> None:
    bodies: list[bytes] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        message = await receive()
        bodies.append(message["body"])
        await hello(scope, receive, send)

    peer = await stage.connect(app)
    peer.send(POST + b"first" + GET + POST + b"third")
    await peer.answers("POST", "GET", "POST")
    assert bodies == [b"first", b"", b"third"]


# --- limits -------------------------------------------------------------------------------------------------


async def is_refused(peer: Peer) -> bool:
    """Tell whether a connection was answered 503, or dropped, before anything was asked."""
    answer = await peer.rest()
    return answer == b"" or answer.startswith(b"HTTP/1.1 503 ")


async def test_idle_connections_make_room_for_new_ones(stage: Stage) -> None:
    stage.prepare(hello, driver={"max_connections": 3})
    peers = []
    for _ in range(3):
        peers.append(await stage.connect())
        peers[-1].send(GET)
        await peers[-1].answer()
    newcomer = await stage.connect()
    newcomer.send(GET)
    assert (await newcomer.answer()).status == 200
    await stage.until(lambda: stage.connections() == 3)
    kept = [peer for peer in peers if not peer.has_ended]
    assert len(kept) == 2
    for peer in kept:
        peer.send(GET)
        assert (await peer.answer()).status == 200


async def test_busy_connections_are_kept_and_newcomers_refused(stage: Stage) -> None:
    app = Waiter()
    stage.prepare(app, driver={"max_connections": 3})
    peers = []
    for _ in range(3):
        peers.append(await stage.connect())
        peers[-1].send(GET)
    await stage.until(lambda: stage.running() == 3)
    assert await is_refused(await stage.connect())
    app.may_answer.set()
    for peer in peers:
        assert (await peer.answer()).status == 200


async def test_crowd_is_not_even_answered(stage: Stage) -> None:
    app = Waiter()
    stage.prepare(app, driver={"max_connections": 2})
    for _ in range(2):
        (await stage.connect()).send(GET)
    await stage.until(lambda: stage.running() == 2)
    crowd = [await stage.connect() for _ in range(30)]
    for peer in crowd:
        assert await is_refused(peer)
    assert stage.connections() <= 6
    app.may_answer.set()


async def test_connections_of_one_peer_are_limited(stage: Stage) -> None:
    stage.prepare(hello, driver={"max_connections_per_peer": 2})
    peers = [await stage.connect(), await stage.connect()]
    for peer in peers:
        peer.send(GET)
        await peer.answer()
    refused = await stage.connect()
    assert (await refused.answer()).status == 503
    refused.leave()
    peers[0].leave()
    await stage.until(lambda: stage.connections() == 1)
    again = await stage.connect()
    again.send(GET)
    assert (await again.answer()).status == 200


async def test_peers_are_forgotten(stage: Stage) -> None:
    stage.prepare(hello, driver={"max_connections_per_peer": 2})
    for _ in range(5):
        peer = await stage.connect()
        peer.leave()
        await stage.until(lambda: not stage.connections())
    assert stage.runtime is not None
    assert stage.runtime.peers.counts == {}


# --- the end ------------------------------------------------------------------------------------------------


async def test_refusal_is_seen_though_the_client_goes_on_sending(stage: Stage) -> None:
    """Closing at once would answer what is still on its way with a reset, which destroys the answer."""
    peer = await stage.connect(hello)
    peer.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n" + 100_000 * b"x")
    await peer.until(lambda: bool(peer.received), "the answer")
    peer.send(100_000 * b"x")
    assert (await peer.rest()).startswith(b"HTTP/1.1 400 ")
    assert peer.error is None


async def test_answer_is_seen_though_its_request_goes_on(stage: Stage) -> None:
    peer = await stage.connect(hello)
    peer.send(POST.replace(b"5", b"10000000") + 150_000 * b"x")
    await peer.until(lambda: bool(peer.received), "the answer")
    peer.send(50_000 * b"x")
    assert (await peer.rest()).endswith(b"Hello")
    assert peer.error is None


async def test_client_that_ends_its_side_gets_its_answers(stage: Stage) -> None:
    peer = await stage.connect(echo_path)
    peer.send(GET + GET.replace(b"/ ", b"/later "))
    peer.end()
    assert [answer.body for answer in await peer.answers("GET", "GET")] == [b"/", b"/later"]
    assert await peer.rest() == b""
    await stage.until(lambda: not stage.connections())


async def test_many_clients_that_leave_in_the_middle_leave_nothing_behind(stage: Stage) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(START)
        while True:
            await send({"type": "http.response.body", "body": 10_000 * b"x", "more_body": True})
            await asyncio.sleep(0)

    stage.prepare(app)
    for _ in range(10):
        peers = [await stage.connect() for _ in range(10)]
        for peer in peers:
            peer.send(GET)
        for peer in peers:
            await peer.until(lambda peer=peer: bool(peer.received), "the first bytes")
            peer.reset()
        await stage.until(lambda: not stage.running() and not stage.connections())
    assert stage.runtime is not None
    assert not stage.runtime.abandoned


async def test_cut_answer_that_ends_with_the_connection_is_reset(stage: Stage) -> None:
    """Nothing but a reset tells a client of HTTP/1.0 that the end is not the end."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(START)
        await send({"type": "http.response.body", "body": b"part", "more_body": True})
        raise ValueError

    peer = await stage.connect(app)
    peer.send(b"GET / HTTP/1.0\r\n\r\n")
    await peer.rest()
    await stage.until(lambda: peer.error is not None)
    assert isinstance(peer.error, ConnectionResetError)
    assert len(stage.take_log()) == 1


# --- draining -----------------------------------------------------------------------------------------------


async def test_drain_closes_idle_connections_and_lets_busy_ones_finish(stage: Stage) -> None:
    app = Waiter()
    stage.prepare(app)
    runtime = stage.runtime
    assert runtime is not None
    idle, busy = await stage.connect(), await stage.connect()
    app.may_answer.set()
    idle.send(GET)
    await idle.answer()
    app.may_answer.clear()
    busy.send(GET)
    await stage.until(lambda: stage.running() == 1)
    runtime.begin_drain()
    assert await idle.rest() == b""
    assert not await runtime.drained(0.01)
    app.may_answer.set()
    assert (b"connection", b"close") in (await busy.answer()).fields
    assert await busy.rest() == b""
    busy.leave()
    assert await runtime.drained(DEADLINE)


async def test_drain_answers_requests_that_have_begun(stage: Stage) -> None:
    stage.prepare(hello)
    assert stage.runtime is not None
    peer = await stage.connect()
    peer.send(GET[:20])
    await asyncio.sleep(0.02)
    stage.runtime.begin_drain()
    peer.send(GET[20:])
    assert (await peer.answer()).status == 200
    assert await peer.rest() == b""


async def test_connection_that_comes_while_the_server_drains_is_answered_once(stage: Stage) -> None:
    stage.prepare(hello)
    assert stage.runtime is not None
    await stage.connect()
    stage.runtime.begin_drain()
    peer = await stage.connect()
    peer.send(GET + GET)
    assert (b"connection", b"close") in (await peer.answer()).fields
    assert await peer.rest() == b""


async def test_shutdown_is_announced_by_a_disconnect(stage: Stage) -> None:
    seen: list[dict[str, Any]] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(START)
        await send({"type": "http.response.body", "body": b"x", "more_body": True})
        seen.extend([await receive(), await receive()])
        await send({"type": "http.response.body", "body": b"end"})

    stage.prepare(app)
    runtime = stage.runtime
    assert runtime is not None
    peer = await stage.connect()
    peer.send(GET)
    await peer.until(lambda: b"x" in peer.received, "the first piece")
    runtime.begin_drain()
    runtime.announce_shutdown()
    assert (await peer.answer()).body == b"xend"
    assert [message["type"] for message in seen] == ["http.request", "http.disconnect"]


async def test_abort_ends_everything_quietly(stage: Stage) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/background":
            await hello(scope, receive, send)
        await asyncio.sleep(3600)

    stage.prepare(app)
    runtime = stage.runtime
    assert runtime is not None
    peers = [await stage.connect() for _ in range(4)]
    for number, peer in enumerate(peers):
        peer.send(GET if number % 2 else GET.replace(b"/ ", b"/background "))
    await stage.until(lambda: stage.running() == 4)
    runtime.begin_drain()
    runtime.abort()
    assert await runtime.drained(DEADLINE)
    for peer in peers:
        await peer.rest()


async def test_odd_bytes_after_the_end_harm_nobody(stage: Stage) -> None:
    stage.prepare(hello, limits=Limits(max_discard_bytes=1000))
    peer = await stage.connect()
    peer.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    await peer.answer()
    sock: socket.socket = peer.transport.get_extra_info("socket")
    assert sock.fileno() >= 0
    peer.send(100_000 * b"x")
    await stage.until(lambda: not stage.connections())


async def test_peer_that_pipelines_much_shares_its_turns(stage: Stage) -> None:
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["path"])
        await echo_path(scope, receive, send)

    greedy = await stage.connect(app)
    other = await stage.connect(app)
    greedy.send(b"GET /greedy HTTP/1.1\r\nHost: a\r\n\r\n" * 1500)
    other.send(b"GET /other HTTP/1.1\r\nHost: a\r\n\r\n")
    assert (await other.answer()).body == b"/other"
    await greedy.answers(*1500 * ["GET"])
    assert seen.index("/other") < 1400
