"""Threads: their number, who waits for one, clients that leave, slow clients, the end, context variables."""

import asyncio
import contextvars
import io
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from licorne.adapters.wsgi import WsgiToAsgi
from licorne.adapters.wsgi.files import FileWrapper
from licorne.adapters.wsgi.threads import ThreadPool
from licorne.errors import ClientDisconnected
from tests.adapters.wsgi_stage import TEXT, Environ, Opened, StartResponse, asking, hello, staged, wait
from tests.support.stage import GET, Stage

SOCKETS = pytest.mark.parametrize("stage", ["asyncio", "uvloop"], indirect=True)


# --- the pool -----------------------------------------------------------------------------------------------


def in_pool(limit: int, scene: Any) -> None:
    """Run a coroutine function with a pool, and end it."""

    async def run() -> None:
        pool = ThreadPool(limit, "test")
        try:
            await scene(pool)
        finally:
            assert not await pool.stop(60)

    asyncio.run(run())


async def until(is_true: Any) -> None:
    """Let the loop turn until something is true."""
    async with asyncio.timeout(60):
        while not is_true():
            await asyncio.sleep(0.001)


def test_short_jobs_are_done_in_order_and_all_of_them() -> None:
    async def scene(pool: ThreadPool) -> None:
        done: list[int] = []
        for number in range(500):
            pool.submit(lambda number=number: done.append(number))  # type: ignore[misc]
        await until(lambda: len(done) == 500)
        assert done == list(range(500))

    in_pool(1, scene)


def test_jobs_that_wait_run_at_a_time_up_to_the_limit() -> None:
    async def scene(pool: ThreadPool) -> None:
        go_on = threading.Event()
        begun: list[int] = []
        for number in range(5):
            pool.submit(lambda number=number: (begun.append(number), wait(go_on)))  # type: ignore[misc]
        await until(lambda: len(begun) == 3)
        assert (pool.threads, pool.busy, pool.waiting) == (3, 3, 2)
        go_on.set()
        await until(lambda: len(begun) == 5 and not pool.busy)

    in_pool(3, scene)


def test_an_idle_thread_is_used_again() -> None:
    async def scene(pool: ThreadPool) -> None:
        names: list[str] = []
        for number in range(20):
            pool.submit(lambda: names.append(threading.current_thread().name))
            await until(lambda number=number: len(names) == number + 1 and not pool.busy)
        assert set(names) == {"test-1"}

    in_pool(8, scene)


def test_a_stopped_pool_takes_nothing() -> None:
    async def scene(pool: ThreadPool) -> None:
        await pool.stop(60)
        with pytest.raises(RuntimeError, match="stopped"):
            pool.submit(print)

    in_pool(1, scene)


def test_a_pool_stops_behind_what_was_submitted() -> None:
    async def scene(pool: ThreadPool) -> None:
        go_on = threading.Event()
        done: list[int] = []
        pool.submit(lambda: wait(go_on))
        pool.submit(lambda: done.append(1))
        assert await pool.stop(0.001) == 1
        go_on.set()
        await until(lambda: not pool.threads)
        assert done == [1]

    in_pool(1, scene)


def test_no_thread_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one, got 0"):
        WsgiToAsgi(hello, 0)


# --- who waits ----------------------------------------------------------------------------------------------


async def test_requests_over_the_limit_wait_for_a_thread(stage: Stage) -> None:
    go_on = threading.Event()
    running = []

    def app(environ: Environ, start_response: StartResponse) -> list[bytes]:
        running.append(1)
        wait(go_on)
        start_response("200 OK", TEXT)
        return [b"done"]

    async with staged(stage, app, threads=2) as adapter:
        peers = [await stage.connect() for _ in range(5)]
        for peer in peers:
            peer.send(GET)
        await stage.until(lambda: len(running) == 2 and adapter._pool.waiting == 3)
        go_on.set()
        for peer in peers:
            assert (await peer.answer()).body == b"done"


@SOCKETS
async def test_a_request_whose_client_leaves_while_it_waits_is_never_run(stage: Stage) -> None:
    go_on = threading.Event()
    paths = []

    def app(environ: Environ, start_response: StartResponse) -> list[bytes]:
        paths.append(environ["PATH_INFO"])
        wait(go_on)
        start_response("200 OK", TEXT)
        return [b"done"]

    async with staged(stage, app, threads=1, driver={"disconnect_timeout": 0.1}) as adapter:
        first, second = await stage.connect(), await stage.connect()
        first.send(GET)
        await stage.until(lambda: len(paths) == 1)
        second.send(GET.replace(b"/ ", b"/late "))
        await stage.until(lambda: adapter._pool.waiting == 1)
        second.leave()
        await stage.until(lambda: stage.running() == 1)
        go_on.set()
        await first.answer()
        await stage.until(lambda: not adapter._pool.waiting and not adapter._pool.busy)
    assert paths == ["/"]


# --- clients that leave, or are slow ------------------------------------------------------------------------


@SOCKETS
async def test_a_stream_hears_that_its_client_has_left(stage: Stage) -> None:
    heard: list[BaseException] = []

    def parts() -> Iterator[bytes]:
        try:
            while True:
                yield b"x" * 1000
        finally:
            heard.append(GeneratorExit())

    opened = Opened(parts())
    inner = opened.parts

    def close() -> None:
        inner.close()  # type: ignore[attr-defined]
        opened.closed.set()

    opened.close = close  # type: ignore[method-assign]

    def app(environ: Environ, start_response: StartResponse) -> Any:
        start_response("200 OK", TEXT)
        return opened

    async with asking(stage, app) as peer:
        await peer.until(lambda: len(peer.received) > 2000, "some of the stream")
        peer.reset()
        await stage.until(opened.closed.is_set)
    assert heard


@SOCKETS
async def test_a_stream_waits_for_a_slow_client(stage: Stage) -> None:
    sent = [0]

    def app(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        start_response("200 OK", TEXT)
        for _ in range(1000):
            sent[0] += 1
            yield b"x" * 65536

    async with asking(stage, app) as peer:
        peer.transport.pause_reading()
        await stage.until(lambda: any(link.is_write_paused for link in stage.runtime.links))  # type: ignore[union-attr, attr-defined]
        assert 0 < sent[0] < 1000
        peer.transport.resume_reading()
        await peer.until(lambda: peer.received.endswith(b"\r\n0\r\n\r\n"), "the end")
        assert peer.received.count(b"x") >= 1000 * 65536


@SOCKETS
async def test_write_raises_when_the_client_has_left(stage: Stage) -> None:
    caught: list[BaseException] = []
    ended = threading.Event()

    def app(environ: Environ, start_response: StartResponse) -> list[bytes]:
        write = start_response("200 OK", TEXT)
        try:
            while True:
                write(b"x" * 1000)
        except OSError as error:
            caught.append(error)
        ended.set()
        return []

    async with asking(stage, app) as peer:
        await peer.until(lambda: len(peer.received) > 2000, "some of the response")
        peer.reset()
        await stage.until(ended.is_set)
    assert isinstance(caught[0], ClientDisconnected)


@SOCKETS
async def test_what_an_application_raises_behind_its_client_is_logged(stage: Stage) -> None:
    go_on, begun = threading.Event(), threading.Event()

    def app(environ: Environ, start_response: StartResponse) -> list[bytes]:
        begun.set()
        wait(go_on)
        raise KeyError("nobody listens")

    async with asking(stage, app, driver={"disconnect_timeout": 0.1}) as peer:
        await stage.until(begun.is_set)
        peer.leave()
        await stage.until(lambda: not stage.running())
        go_on.set()
        await stage.until(lambda: bool(stage.log.records))
    (record,) = stage.take_log()
    assert "whose client has gone" in record.getMessage()


# --- files --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("start", "length"), [(0, None), (3, None), (0, 4), (9, None)])
async def test_a_file_is_sent_from_its_position(stage: Stage, tmp_path: Path, start: int, length: int | None) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    kept: list[Any] = []

    def app(environ: Environ, start_response: StartResponse) -> Any:
        file = path.open("rb")
        kept.append(file)
        file.seek(start)
        start_response("200 OK", [] if length is None else [("Content-Length", str(length))])
        return environ["wsgi.file_wrapper"](file)

    async with asking(stage, app) as peer:
        answer = await peer.answer()
    assert answer.body == b"0123456789"[start:][:length]
    assert (b"content-length", b"%d" % len(answer.body)) in answer.fields
    assert kept[0].closed


async def test_a_large_file_holds_no_thread(stage: Stage, tmp_path: Path) -> None:
    path = tmp_path / "file"
    data = os.urandom(1024) * 4096
    path.write_bytes(data)

    def app(environ: Environ, start_response: StartResponse) -> Any:
        start_response("200 OK", TEXT)
        return FileWrapper(path.open("rb"))

    async with asking(stage, app, threads=1) as peer:
        assert (await peer.answer()).body == data


@pytest.mark.parametrize("block", [1, 4, 8192])
async def test_what_is_no_file_is_read(stage: Stage, block: int) -> None:
    source = io.BytesIO(b"0123456789")

    def app(environ: Environ, start_response: StartResponse) -> Any:
        start_response("200 OK", TEXT)
        return environ["wsgi.file_wrapper"](source, block)

    async with asking(stage, app) as peer:
        assert (await peer.answer()).body == b"0123456789"
    assert source.closed


async def test_head_and_empty_files(stage: Stage, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"")

    def app(environ: Environ, start_response: StartResponse) -> Any:
        start_response("200 OK", TEXT)
        return environ["wsgi.file_wrapper"](path.open("rb"))

    async with asking(stage, app) as peer:
        assert (await peer.answer()).body == b""
        path.write_bytes(b"full")
        peer.send(GET.replace(b"GET", b"HEAD"))
        assert (await peer.answer("HEAD")).body == b""


# --- the rest -----------------------------------------------------------------------------------------------


async def test_applications_have_context_variables_of_their_own(stage: Stage) -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="fresh")
    seen: list[str] = []

    def app(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        seen.append(variable.get())
        variable.set("used")
        start_response("200 OK", TEXT)
        yield b"a"
        seen.append(variable.get())

    async with asking(stage, app, threads=1) as peer:
        await peer.answer()
        peer.send(GET)
        await peer.answer()
        await stage.until(lambda: len(seen) == 4)
    assert seen == ["fresh", "used"] * 2


def test_the_lifespan_ends_the_threads() -> None:
    async def scene() -> None:
        adapter = WsgiToAsgi(hello, 2)
        messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
        sent: list[str] = []

        async def receive() -> dict[str, Any]:
            return messages.pop(0)

        async def send(message: dict[str, Any]) -> None:
            sent.append(message["type"])

        adapter._pool.submit(lambda: None)
        pool = adapter._pool
        await adapter({"type": "lifespan"}, receive, send)
        assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
        assert pool.threads == 0

    asyncio.run(scene())


def test_a_websocket_is_refused() -> None:
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(WsgiToAsgi(hello)({"type": "websocket"}, send, send))  # type: ignore[arg-type]
    assert sent == [{"type": "websocket.close"}]
