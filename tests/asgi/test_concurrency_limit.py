"""The limit on concurrent requests: who waits, for how long, in which order, and who is let go."""

import asyncio
from typing import Any

import pytest

from licorne.asgi.run import AsgiOptions
from licorne.engine.exchange import Exchange
from licorne.link import Link
from tests.support.peer import Peer
from tests.support.stage import GET, Receive, Scope, Send, Stage, hello
from tests.support.websocket import WebSocketClient
from tests.support.websocket import asking as asking_for_websocket

IS_FOR_HTTP2 = True


class Gatekeeper:
    """Answer `/now` at once and everything else when told to; keep the order of what came."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.may_answer = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.paths.append(scope["path"])
        if scope["path"] != "/now":
            await self.may_answer.wait()
        await hello(scope, receive, send)


def limited(stage: Stage, limit: int, wait: float = 100.0) -> Gatekeeper:
    """Prepare a stage with a limit."""
    app = Gatekeeper()
    stage.prepare(app, options=AsgiOptions(limit_concurrency=limit, concurrency_wait=wait))
    assert stage.application is not None
    stage.application.tick(stage_time())
    return app


def stage_time() -> float:
    """Return the time of the loop, which the queue is told."""
    return asyncio.get_running_loop().time()


def asking(path: str) -> bytes:
    """Return a request."""
    return b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % path.encode()


async def ask(stage: Stage, path: str) -> Peer:
    """Return a peer that has sent a request, which the server has read."""
    assert stage.application is not None
    shared = stage.application.shared
    known = shared.running + len(shared.waiting)
    peer = await stage.connect()
    peer.send(asking(path))
    await stage.until(lambda: shared.running + len(shared.waiting) > known)
    return peer


async def test_requests_over_the_limit_wait_their_turn_in_order(stage: Stage) -> None:
    app = limited(stage, 2)
    peers = [await ask(stage, f"/{number}") for number in range(5)]
    await stage.until(lambda: len(app.paths) == 2)
    app.may_answer.set()
    for peer in peers:
        assert (await peer.answer()).body == b"Hello"
    assert app.paths == ["/0", "/1", "/2", "/3", "/4"]


async def test_idle_connections_do_not_count(stage: Stage) -> None:
    limited(stage, 1).may_answer.set()
    peers = [await stage.connect() for _ in range(5)]
    for peer in peers:
        peer.send(asking("/x"))
        await peer.answer()


async def test_request_that_waited_too_long_is_answered_503(stage: Stage) -> None:
    app = limited(stage, 1, wait=5.0)
    first = await ask(stage, "/first")
    second = await ask(stage, "/second")
    assert stage.application is not None
    stage.application.tick(stage_time() + 10)
    answer = await second.answer()
    assert answer.status == 503
    assert (b"retry-after", b"5") in answer.fields
    # The connection goes on, and so does what ran.
    app.may_answer.set()
    assert (await first.answer()).status == 200
    second.send(asking("/again"))
    assert (await second.answer()).status == 200
    assert app.paths == ["/first", "/again"]


async def test_request_does_not_wait_longer_than_it_may(stage: Stage) -> None:
    app = limited(stage, 1, wait=0.05)
    await ask(stage, "/first")
    assert stage.application is not None
    if stage.kind == "memory":
        second = await ask(stage, "/second")
        stage.application.tick(stage_time() + 1)
    else:
        second = await stage.connect()
        second.send(asking("/second"))  # it may be over before anybody could have seen it wait
    assert (await second.answer()).status == 503
    app.may_answer.set()


async def test_client_that_leaves_while_it_waits_is_forgotten(stage: Stage) -> None:
    app = limited(stage, 1)
    first = await ask(stage, "/first")
    second = await ask(stage, "/second")
    third = await ask(stage, "/third")
    second.reset()
    await stage.until(lambda: stage.connections() == 2)
    app.may_answer.set()
    await first.answer()
    await third.answer()
    assert app.paths == ["/first", "/third"]


async def test_running_request_whose_client_left_keeps_its_place_until_it_ends(stage: Stage) -> None:
    app = limited(stage, 1)
    first = await ask(stage, "/first")
    second = await ask(stage, "/second")
    await stage.until(lambda: app.paths == ["/first"])
    first.reset()
    await stage.until(lambda: stage.connections() == 1)
    assert app.paths == ["/first"]
    app.may_answer.set()
    assert (await second.answer()).status == 200


@pytest.mark.http1
async def test_pipelined_request_does_not_overtake_others(stage: Stage) -> None:
    app = limited(stage, 1)
    first = await stage.connect()
    first.send(asking("/first") + asking("/now"))
    await stage.until(lambda: len(app.paths) == 1)
    second = await ask(stage, "/second")
    app.may_answer.set()
    await first.answers("GET", "GET")
    await second.answer()
    assert app.paths == ["/first", "/second", "/now"]


async def test_long_queue_of_fast_requests(stage: Stage) -> None:
    app = limited(stage, 1)
    first = await ask(stage, "/first")
    assert stage.application is not None
    peers = [await stage.connect() for _ in range(300)]
    for peer in peers:
        peer.send(asking("/now"))
    await stage.until(lambda: len(stage.application.shared.waiting) == 300)  # type: ignore[union-attr]
    app.may_answer.set()
    await first.answer()
    for peer in peers:
        assert (await peer.answer()).body == b"Hello"


async def test_failures_give_their_place_back(stage: Stage) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise ValueError

    stage.prepare(app, options=AsgiOptions(limit_concurrency=1))
    for _ in range(3):
        peer = await stage.connect()
        peer.send(GET)
        assert (await peer.answer()).status == 500
    assert len(stage.take_log()) == 3
    assert stage.application is not None
    assert stage.application.shared.running == 0


# --- WebSockets that wait ---------------------------------------------------------------------------------------


class Book:
    """Keep what the access log is told, and count responses."""

    def __init__(self) -> None:
        self.lines: list[tuple[bytes, int]] = []
        self.count = 0

    def log(self, exchange: Exchange, link: Link, started_at: float, ended_at: float) -> None:
        """Take a line."""
        self.lines.append((exchange.target, exchange.status))

    def take(self) -> None:
        """Take note of a response."""
        self.count += 1


async def answered_in_the_queue(stage: Stage, wait: float, book: Book) -> tuple[Gatekeeper, Peer]:
    """Have one request run, and one WebSocket wait until its session has answered it."""
    app = Gatekeeper()
    options = AsgiOptions(limit_concurrency=1, concurrency_wait=wait)
    stage.prepare(app, options=options, log_access=book.log, on_response=book.take)
    first = await ask(stage, "/first")
    client = await WebSocketClient.connect(stage, request=asking_for_websocket("/ws"))
    assert stage.application is not None
    waiting = stage.application.shared.waiting
    await stage.until(lambda: len(waiting) == 1)
    exchange, link, _ = waiting[0]
    assert exchange.tunnel is not None
    exchange.tunnel.shutdown(stage_time())
    link.pump()
    assert (await client.answer()).status == 503
    return app, first


async def test_websocket_that_its_session_answered_while_it_waited_is_not_begun(stage: Stage) -> None:
    app, first = await answered_in_the_queue(stage, 100.0, Book())
    app.may_answer.set()
    await first.answer()
    second = await stage.connect()
    second.send(asking("/second"))
    assert (await second.answer()).body == b"Hello"
    assert app.paths == ["/first", "/second"]


async def test_websocket_that_its_session_answered_while_it_waited_is_not_answered_again(stage: Stage) -> None:
    app, first = await answered_in_the_queue(stage, 5.0, Book())
    third = await ask(stage, "/third")
    assert stage.application is not None
    stage.application.tick(stage_time() + 10)
    assert (await third.answer()).status == 503
    app.may_answer.set()
    await first.answer()


async def test_websocket_that_its_session_answered_while_it_waited_is_logged_and_counted_once(stage: Stage) -> None:
    book = Book()
    app, first = await answered_in_the_queue(stage, 100.0, book)
    assert (book.lines, book.count) == ([(b"/ws", 503)], 1)
    app.may_answer.set()
    await first.answer()
    await stage.until(lambda: not stage.running())
    assert book.lines == [(b"/ws", 503), (b"/first", 200)]
    assert book.count == 2


@pytest.mark.http1
async def test_websocket_is_begun_after_it_has_waited(stage: Stage) -> None:
    ends: list[dict[str, Any]] = []
    may_answer = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await may_answer.wait()
            await hello(scope, receive, send)
            return
        await receive()
        await send({"type": "websocket.accept"})
        ends.append(await receive())

    book = Book()
    options = AsgiOptions(limit_concurrency=1, concurrency_wait=100.0)
    stage.prepare(app, options=options, log_access=book.log, on_response=book.take)
    await ask(stage, "/first")
    client = await WebSocketClient.connect(stage, request=asking_for_websocket("/ws"))
    assert stage.application is not None
    await stage.until(lambda: len(stage.application.shared.waiting) == 1)  # type: ignore[union-attr]
    may_answer.set()
    assert (await client.answer()).status == 101
    client.close(4000)
    await client.closing()
    await stage.until(lambda: bool(ends))
    assert ends[0]["code"] == 4000
    await stage.until(lambda: not stage.running())
    assert sorted(book.lines) == [(b"/first", 200), (b"/ws", 101)]
    assert book.count == 2


async def test_an_access_log_that_fails_stops_no_refusal(stage: Stage) -> None:
    def fail(exchange: Exchange, link: Link, started_at: float, ended_at: float) -> None:
        raise ValueError

    app = Gatekeeper()
    stage.prepare(app, options=AsgiOptions(limit_concurrency=1, concurrency_wait=5.0), log_access=fail)
    first = await ask(stage, "/first")
    others = [await ask(stage, "/second"), await ask(stage, "/third")]
    assert stage.application is not None
    stage.application.tick(stage_time() + 10)
    for other in others:
        assert (await other.answer()).status == 503
    app.may_answer.set()
    await first.answer()
    await stage.until(lambda: not stage.running())
    assert {record.getMessage() for record in stage.take_log()} == {"The access log cannot take a line"}
