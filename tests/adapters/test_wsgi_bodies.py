"""wsgi.input: streamed, bounded, whole, empty, cut off, refused; with every way to read it."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.adapters.wsgi_stage import TEXT, Environ, StartResponse, asking, staged, wait
from tests.support.stage import CHUNKED, GET, POST, Stage

EXPECTING = POST.replace(b"Host: a", b"Host: a\r\nExpect: 100-continue")


def reading(read: Callable[[Any], Any]) -> Any:
    """Return an application that answers with what a function reads."""

    def app(environ: Environ, start_response: StartResponse) -> list[bytes]:
        data = read(environ["wsgi.input"])
        start_response("200 OK", TEXT)
        return [data]

    return app


def read_lines(body: Any) -> bytes:
    """Read by lines."""
    return b"|".join([body.readline(), body.readline(2), *body])


@pytest.mark.parametrize("read", [lambda body: body.read(), lambda body: body.read(-1), lambda body: body.read(99)])
async def test_a_body_that_came_at_once(stage: Stage, read: Any) -> None:
    async with asking(stage, reading(read), POST + b"hello") as peer:
        assert (await peer.answer()).body == b"hello"


async def test_a_request_without_body_has_an_empty_one(stage: Stage) -> None:
    async with asking(stage, reading(lambda body: b"<%s>" % body.read())) as peer:
        assert (await peer.answer()).body == b"<>"


@pytest.mark.parametrize("read", [lambda body: body.read(), lambda body: b"".join(body), lambda body: body.read(5)])
async def test_a_body_that_comes_in_pieces(stage: Stage, read: Any) -> None:
    async with asking(stage, reading(read), POST + b"he") as peer:
        peer.send(b"ll")
        peer.send(b"o")
        assert (await peer.answer()).body == b"hello"


@pytest.mark.parametrize("cut", [0, 3, 8])
async def test_lines_are_lines_wherever_the_pieces_end(stage: Stage, cut: int) -> None:
    text = b"ab\ncdef\ng"
    request = POST.replace(b"5", b"9")
    async with asking(stage, reading(read_lines), request + text[:cut]) as peer:
        peer.send(text[cut:])
        assert (await peer.answer()).body == b"ab\n|cd|ef\n|g"


async def test_a_body_without_length_ends_where_it_ends(stage: Stage) -> None:
    async with asking(stage, reading(lambda body: body.read()), CHUNKED + b"3\r\nabc\r\n") as peer:
        peer.send(b"2\r\nde\r\n0\r\n\r\n")
        assert (await peer.answer()).body == b"abcde"


@pytest.mark.http1
async def test_what_has_come_is_read_before_the_rest_is_sent(stage: Stage) -> None:
    read = threading.Event()

    def app(environ: Environ, start_response: StartResponse) -> list[bytes]:
        first = environ["wsgi.input"].read(3)
        read.set()
        start_response("200 OK", TEXT)
        return [first, environ["wsgi.input"].read()]

    async with asking(stage, app, POST + b"hel") as peer:
        await stage.until(read.is_set)
        peer.send(b"lo")
        assert (await peer.answer()).body == b"hello"


@pytest.mark.http1
async def test_bodies_stream_both_ways_at_once(stage: Stage) -> None:
    def echo(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        start_response("200 OK", TEXT)
        for line in environ["wsgi.input"]:
            yield line.upper()

    async with asking(stage, echo, CHUNKED + b"2\r\na\n\r\n") as peer:
        await peer.until(lambda: b"A\n" in peer.received, "the first line")
        peer.send(b"2\r\nb\n\r\n")
        await peer.until(lambda: b"B\n" in peer.received, "the second line")
        peer.send(b"0\r\n\r\n")
        assert (await peer.answer()).body == b"A\nB\n"


@pytest.mark.http1
@pytest.mark.parametrize("stage", ["asyncio", "uvloop"], indirect=True)
async def test_a_body_that_nobody_reads_is_not_kept(stage: Stage) -> None:
    read, go_on = threading.Event(), threading.Event()
    size = 64 * 1024 * 1024

    def app(environ: Environ, start_response: StartResponse) -> list[bytes]:
        environ["wsgi.input"].read(1)
        read.set()
        wait(go_on)
        start_response("200 OK", TEXT)
        return [b"%d" % (1 + sum(map(len, iter(lambda: environ["wsgi.input"].read(65536), b""))))]

    async with asking(stage, app, POST.replace(b"5", b"%d" % size)) as peer:
        block = b"x" * (1024 * 1024)
        peer.send(block)
        await stage.until(read.is_set)
        for _ in range(63):
            peer.send(block)
        # Most of it is still with the client: the server has stopped to read.
        await stage.until(lambda: not any(link.is_reading for link in stage.runtime.links))  # type: ignore[union-attr, attr-defined]
        assert peer.transport.get_write_buffer_size() > size // 2
        go_on.set()
        assert (await peer.answer()).body == b"%d" % size


@pytest.mark.http1
async def test_the_body_is_asked_for_when_it_is_read(stage: Stage) -> None:
    async with asking(stage, reading(lambda body: body.read()), EXPECTING) as peer:
        assert await peer.bytes_until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        peer.send(b"hello")
        assert (await peer.answer()).body == b"hello"


@pytest.mark.http1
async def test_a_body_that_is_refused_is_never_asked_for(stage: Stage) -> None:
    def app(environ: Environ, start_response: StartResponse) -> list[bytes]:
        start_response("413 Content Too Large", TEXT)
        return [b"no"]

    async with asking(stage, app, EXPECTING) as peer:
        assert (await peer.answer()).status == 413


async def test_a_body_that_is_not_read_does_not_matter(stage: Stage) -> None:
    def app(environ: Environ, start_response: StartResponse) -> list[bytes]:
        start_response("200 OK", TEXT)
        return [b"ok"]

    async with asking(stage, app, POST + b"hello") as peer:
        assert (await peer.answer()).body == b"ok"
        peer.send(GET)
        assert (await peer.answer()).body == b"ok"


@pytest.mark.http1
async def test_a_body_that_breaks_off_is_an_error_and_no_end(stage: Stage) -> None:
    caught: list[BaseException] = []
    begun, failed = threading.Event(), threading.Event()

    def app(environ: Environ, start_response: StartResponse) -> list[bytes]:
        environ["wsgi.input"].read(1)
        begun.set()
        try:
            environ["wsgi.input"].read()
        except OSError as error:
            caught.append(error)
        failed.set()
        start_response("200 OK", TEXT)
        return [b"never"]

    async with staged(stage, app):
        peer = await stage.connect()
        peer.send(POST + b"hel")
        await stage.until(begun.is_set)
        peer.leave()
        await stage.until(failed.is_set)
    assert len(caught) == 1


async def test_who_sends_no_body_takes_no_thread(stage: Stage) -> None:
    async with staged(stage, reading(lambda body: body.read()), threads=1) as adapter:
        idle = await stage.connect()
        idle.send(POST)
        busy = await stage.connect()
        busy.send(POST + b"hello")
        assert (await busy.answer()).body == b"hello"
        assert adapter._pool.threads == 1
        idle.send(b"later")
        assert (await idle.answer()).body == b"later"
