"""Responses of WSGI applications, by the rules of PEP 3333: the head, parts, write, exc_info, lengths, close."""

import logging
import sys
import threading
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from licorne.errors import LocalProtocolError
from tests.adapters.wsgi_stage import TEXT, Environ, Opened, StartResponse, asking, hello, wait
from tests.support.stage import GET, Stage

HEAD = GET.replace(b"GET", b"HEAD")


class FaultError(Exception):
    """What an application raises."""


def returning(result: Any, status: str = "200 OK", headers: list[tuple[str, str]] = TEXT) -> Any:
    """Return an application that returns something."""

    def app(environ: Environ, start_response: StartResponse) -> Any:
        start_response(status, headers)
        return result

    return app


def only(records: list[logging.LogRecord]) -> BaseException:
    """Return the error of the one record that was logged."""
    (record,) = records
    assert record.exc_info is not None
    assert record.exc_info[1] is not None
    return record.exc_info[1]


# --- whole responses ----------------------------------------------------------------------------------------


async def test_a_list_is_sent_as_a_whole_with_its_length(stage: Stage) -> None:
    async with asking(stage, hello) as peer:
        answer = await peer.answer()
    assert (answer.status, answer.body) == (200, b"Hello")
    assert (b"content-length", b"5") in answer.fields
    assert (b"content-type", b"text/plain") in answer.fields


@pytest.mark.parametrize("result", [[b"a", b"", b"bc"], (b"abc",), [b"", b"abc"]])
async def test_the_parts_of_a_list_are_joined(stage: Stage, result: Any) -> None:
    async with asking(stage, returning(result)) as peer:
        answer = await peer.answer()
    assert answer.body == b"abc"
    assert (b"content-length", b"3") in answer.fields


@pytest.mark.parametrize("result", [[], (), [b""], iter(())])
async def test_nothing_is_a_response_too(stage: Stage, result: Any) -> None:
    async with asking(stage, returning(result)) as peer:
        answer = await peer.answer()
    assert (answer.status, answer.body) == (200, b"")
    assert (b"content-length", b"0") in answer.fields


async def test_status_and_fields_are_those_of_the_application(stage: Stage) -> None:
    headers = [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("X-Latin", "\xe9")]
    async with asking(stage, returning([b"x"], "404 Nothing Here", headers)) as peer:
        answer = await peer.answer()
    assert answer.status == 404
    assert [value for name, value in answer.fields if name == b"set-cookie"] == [b"a=1", b"b=2"]
    assert (b"x-latin", b"\xe9") in answer.fields


async def test_requests_of_one_connection_follow_each_other(stage: Stage) -> None:
    async with asking(stage, hello) as peer:
        for _ in range(3):
            assert (await peer.answer()).body == b"Hello"
            peer.send(GET)
        await peer.answer()


# --- parts --------------------------------------------------------------------------------------------------


@pytest.mark.http1
async def test_each_part_leaves_before_the_next_is_asked_for(stage: Stage) -> None:
    go_on = threading.Event()

    def app(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        start_response("200 OK", TEXT)
        yield b"first"
        wait(go_on)
        yield b"second"

    async with asking(stage, app) as peer:
        await peer.until(lambda: b"first" in peer.received, "the first part")
        assert b"second" not in peer.received
        go_on.set()
        assert (await peer.answer()).body == b"firstsecond"


async def test_empty_parts_send_nothing_and_keep_the_head_back(stage: Stage) -> None:
    def app(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        start_response("200 OK", TEXT)
        yield b""
        start_response("201 Created", TEXT, (FaultError, FaultError(), None))
        yield b"x"
        yield b""

    async with asking(stage, app) as peer:
        answer = await peer.answer()
    assert (answer.status, answer.body) == (201, b"x")


async def test_start_response_may_come_with_the_first_part(stage: Stage) -> None:
    def app(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        start_response("202 Accepted", TEXT)
        yield b"x"

    async with asking(stage, app) as peer:
        assert (await peer.answer()).status == 202


async def test_an_announced_length_ends_the_response(stage: Stage) -> None:
    go_on = threading.Event()

    def app(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Length", "6")])
        yield b"abc"
        yield b"def"
        wait(go_on)

    async with asking(stage, app) as peer:
        answer = await peer.answer()
        go_on.set()
    assert answer.body == b"abcdef"
    assert [value for name, value in answer.fields if name == b"content-length"] == [b"6"]


async def test_a_thousand_parts_come_in_order(stage: Stage) -> None:
    parts = [b"%d," % number for number in range(1000)]
    async with asking(stage, returning(iter(parts))) as peer:
        assert (await peer.answer()).body == b"".join(parts)


async def test_an_iterable_that_is_no_iterator(stage: Stage) -> None:
    class Parts:
        def __iter__(self) -> Iterator[bytes]:
            return iter([b"a", b"b"])

    async with asking(stage, returning(Parts())) as peer:
        assert (await peer.answer()).body == b"ab"


async def test_a_class_may_be_the_application(stage: Stage) -> None:
    class App:
        def __init__(self, environ: Environ, start_response: StartResponse) -> None:
            self.start = start_response

        def __iter__(self) -> Iterator[bytes]:
            self.start("200 OK", TEXT)
            yield b"instance"

    async with asking(stage, App) as peer:
        assert (await peer.answer()).body == b"instance"


# --- write --------------------------------------------------------------------------------------------------


@pytest.mark.http1
async def test_what_is_written_comes_before_what_is_returned(stage: Stage) -> None:
    go_on = threading.Event()

    def app(environ: Environ, start_response: StartResponse) -> list[bytes]:
        write = start_response("200 OK", TEXT)
        write(b"written ")
        wait(go_on)
        write(b"")
        write(b"twice ")
        return [b"returned"]

    async with asking(stage, app) as peer:
        await peer.until(lambda: b"written " in peer.received, "what was written")
        go_on.set()
        assert (await peer.answer()).body == b"written twice returned"


# --- without a body -----------------------------------------------------------------------------------------


async def test_head_of_a_list_has_the_length_of_get(stage: Stage) -> None:
    async with asking(stage, hello, HEAD) as peer:
        answer = await peer.answer("HEAD")
    assert (b"content-length", b"5") in answer.fields
    assert answer.body == b""


async def test_head_asks_an_endless_response_for_no_more_than_its_head(stage: Stage) -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield b"x"

    opened = Opened(endless())
    async with asking(stage, returning(opened), HEAD) as peer:
        answer = await peer.answer("HEAD")
        assert answer.status == 200
        assert b"content-length" not in dict(answer.fields)
    assert opened.closings == 1


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
async def test_a_status_without_body_drops_one(stage: Stage, status: str) -> None:
    async with asking(stage, returning([b"body"], status, [])) as peer:
        answer = await peer.answer()
        assert answer.body == b""
        peer.send(GET)
        assert str((await peer.answer()).status) == status[:3]


async def test_head_may_announce_a_length_that_it_does_not_send(stage: Stage) -> None:
    async with asking(stage, returning([], headers=[("Content-Length", "1000")]), HEAD) as peer:
        answer = await peer.answer("HEAD")
    assert (b"content-length", b"1000") in answer.fields


# --- close --------------------------------------------------------------------------------------------------


async def test_close_is_called_once_at_the_end(stage: Stage) -> None:
    opened = Opened([b"a", b"b"])
    async with asking(stage, returning(opened)) as peer:
        assert (await peer.answer()).body == b"ab"
    assert opened.closings == 1


async def test_close_is_called_when_iterating_raises(stage: Stage) -> None:
    def parts() -> Iterator[bytes]:
        yield b"a"
        raise FaultError("while iterating")

    opened = Opened(parts())
    async with asking(stage, returning(opened)) as peer:
        await stage.until(opened.closed.is_set)
        await stage.until(lambda: bool(stage.log.records))
        assert isinstance(only(stage.take_log()), FaultError)
        if stage.kind != "http2":
            assert not (await peer.rest()).endswith(b"0\r\n\r\n")
    assert opened.closings == 1


async def test_close_is_called_when_the_application_sends_what_it_must_not(stage: Stage) -> None:
    opened = Opened(["text"])  # type: ignore[list-item]
    async with asking(stage, returning(opened)) as peer:
        assert (await peer.answer()).status == 500
    assert "must yield and write bytes, got str" in str(only(stage.take_log()))
    assert opened.closings == 1


async def test_what_close_raises_is_logged_and_spoils_nothing(stage: Stage) -> None:
    class Failing(Opened):
        def close(self) -> None:
            super().close()
            raise FaultError("while closing")

    opened = Failing([b"abc"])
    async with asking(stage, returning(opened, headers=[("Content-Length", "3")])) as peer:
        assert (await peer.answer()).body == b"abc"
        await stage.until(lambda: bool(stage.log.records))
    assert str(only(stage.take_log())) == "while closing"


# --- failures -----------------------------------------------------------------------------------------------


async def test_an_exception_before_the_head_is_a_500_with_the_applications_traceback(stage: Stage) -> None:
    def app(environ: Environ, start_response: StartResponse) -> list[bytes]:
        raise FaultError("x")

    async with asking(stage, app) as peer:
        answer = await peer.answer()
    assert (answer.status, answer.body) == (500, b"Internal Server Error")
    error = only(stage.take_log())
    assert isinstance(error, FaultError)
    frames = []
    traceback = error.__traceback__
    while traceback is not None:
        frames.append(traceback.tb_frame.f_code.co_name)
        traceback = traceback.tb_next
    assert frames[-1] == "app"


async def test_an_exception_before_the_first_part_is_a_500(stage: Stage) -> None:
    def app(environ: Environ, start_response: StartResponse) -> list[bytes]:
        start_response("200 OK", TEXT)
        raise FaultError("x")

    async with asking(stage, app) as peer:
        assert (await peer.answer()).status == 500
    assert isinstance(only(stage.take_log()), FaultError)


@pytest.mark.http1
async def test_an_exception_after_the_head_cuts_the_response(stage: Stage) -> None:
    def app(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        start_response("200 OK", TEXT)
        yield b"part"
        raise FaultError("x")

    async with asking(stage, app) as peer:
        assert not (await peer.rest()).endswith(b"0\r\n\r\n")
    assert isinstance(only(stage.take_log()), FaultError)


async def test_exc_info_replaces_a_head_that_has_not_left(stage: Stage) -> None:
    def app(environ: Environ, start_response: StartResponse) -> list[bytes]:
        start_response("200 OK", [("X-First", "1")])
        try:
            raise FaultError("x")
        except FaultError:
            start_response("503 Later", [("X-Second", "1")], sys.exc_info())
        return [b"sorry"]

    async with asking(stage, app) as peer:
        answer = await peer.answer()
    assert (answer.status, answer.body) == (503, b"sorry")
    assert (b"x-second", b"1") in answer.fields
    assert b"x-first" not in dict(answer.fields)


@pytest.mark.http1
async def test_exc_info_is_raised_where_the_head_has_left(stage: Stage) -> None:
    def app(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        start_response("200 OK", TEXT)
        yield b"part"
        try:
            raise FaultError("first cause")
        except FaultError:
            start_response("500 Oops", TEXT, sys.exc_info())
        yield b"never"

    async with asking(stage, app) as peer:
        rest = await peer.rest()
    assert b"never" not in rest
    assert not rest.endswith(b"0\r\n\r\n")
    assert str(only(stage.take_log())) == "first cause"


def no_head(environ: Environ, start_response: StartResponse) -> list[bytes]:
    """Send no head."""
    return [b"x"]


def no_head_and_nothing(environ: Environ, start_response: StartResponse) -> list[bytes]:
    """Send nothing."""
    return []


def twice(environ: Environ, start_response: StartResponse) -> list[bytes]:
    """Send two heads."""
    start_response("200 OK", TEXT)
    start_response("200 OK", TEXT)
    return [b"x"]


def none(environ: Environ, start_response: StartResponse) -> None:
    """Return nothing to iterate over."""
    start_response("200 OK", TEXT)


def text_list(environ: Environ, start_response: StartResponse) -> list[Any]:
    """Return text."""
    start_response("200 OK", TEXT)
    return ["a", "b"]


def writes_text(environ: Environ, start_response: StartResponse) -> list[bytes]:
    """Write text."""
    start_response("200 OK", TEXT)("text")  # type: ignore[arg-type]
    return []


def too_long(environ: Environ, start_response: StartResponse) -> list[bytes]:
    """Send more than announced."""
    start_response("200 OK", [("Content-Length", "3")])
    return [b"abcd"]


@pytest.mark.parametrize(
    ("app", "expected"),
    [
        (no_head, "must call start_response first"),
        (no_head_and_nothing, "must call start_response first"),
        (twice, "a second time without exc_info"),
        (none, "NoneType"),
        (text_list, "must return bytes"),
        (writes_text, "must yield and write bytes, got str"),
        (too_long, "has announced 3 bytes of body and sends 4 or more"),
        (returning([b"x"], "OK"), "a str like '200 OK', got 'OK'"),
        (returning([b"x"], b"200 OK"), "a str like '200 OK', got b'200 OK'"),  # type: ignore[arg-type]
        (returning([b"x"], "2000 OK"), "a str like '200 OK'"),
        (returning([b"x"], "²00 OK"), "a str like '200 OK'"),
        (returning([b"x"], "99"), "a str like '200 OK'"),
        (returning([b"x"], "100 Continue"), "200 to 599"),
        (returning([b"x"], headers=[("X-A", 1)]), "a list of (str, str)"),  # type: ignore[list-item]
        (returning([b"x"], headers=[(b"X-A", b"1")]), "a list of (str, str)"),  # type: ignore[list-item]
        (returning([b"x"], headers=[("X-A", "\u20ac")]), "within ISO-8859-1"),
        (returning([b"x"], headers=[("Content-Length", "many")]), "within ISO-8859-1"),
        (returning([b"x"], headers=[("X-A", "1\r\nX-B: 2")]), "Invalid HTTP header value"),
        (returning([b"x"], headers=[("X A", "1")]), "Invalid HTTP header name"),
    ],
)
async def test_what_breaks_the_rules_is_a_500_that_says_which(stage: Stage, app: Any, expected: str) -> None:
    async with asking(stage, app) as peer:
        assert (await peer.answer()).status == 500
    assert expected in str(only(stage.take_log()))


async def test_who_breaks_the_rules_hears_of_it_where_it_does(stage: Stage) -> None:
    caught: list[BaseException] = []

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        try:
            start_response("nonsense", TEXT)
        except LocalProtocolError as error:
            caught.append(error)
        start_response("200 OK", TEXT)
        return [b"recovered"]

    async with asking(stage, app) as peer:
        assert (await peer.answer()).body == b"recovered"
    assert caught


@pytest.mark.http1
async def test_fewer_bytes_than_announced_cut_the_response(stage: Stage) -> None:
    async with asking(stage, returning([b"abc"], headers=[("Content-Length", "10")])) as peer:
        assert b"abcabc" not in await peer.rest()
    assert stage.take_log()


async def test_more_than_announced_is_told_and_never_sent(stage: Stage) -> None:
    parts = [b"abc", b"def"]
    async with asking(stage, returning(iter(parts), headers=[("Content-Length", "3")])) as peer:
        assert (await peer.answer()).body == b"abc"
        await stage.until(lambda: bool(stage.log.records))
        assert b"def" not in peer.received
    assert "announced 3 bytes" in str(only(stage.take_log()))
