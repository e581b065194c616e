"""Early hints and trailers: what reaches the wire, when, and what a client that did not ask for them sees."""

import asyncio
from typing import Any

import pytest

from licorne.errors import LocalProtocolError
from tests.asgi.test_messages import END, LAST, PIECE, START, ask, script
from tests.support.stage import GET, Stage

IS_FOR_HTTP2 = True

HINT = {"type": "http.response.early_hint", "links": [b"</a.css>; rel=preload", b"</b.js>; rel=preload"]}
HINTS = b"HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\nlink: </b.js>; rel=preload\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
ASKING = b"GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n"
WITH_TRAILERS = {**START, "headers": [(b"trailer", b"x-sum")], "trailers": True}
TRAILERS = {"type": "http.response.trailers", "headers": [(b"x-sum", b"1")]}


# --- early hints --------------------------------------------------------------------------------------------


async def test_hints_before_the_start(stage: Stage) -> None:
    peer = await ask(stage, script(HINT, START, END))
    assert await peer.bytes_until(b"ok") == HINTS + OK


async def test_hints_between_the_start_and_the_body(stage: Stage) -> None:
    peer = await ask(stage, script(START, HINT, END))
    assert await peer.bytes_until(b"ok") == HINTS + OK


async def test_hints_may_come_more_than_once(stage: Stage) -> None:
    peer = await ask(stage, script(HINT, HINT, START, END))
    assert await peer.bytes_until(b"ok") == HINTS + HINTS + OK


@pytest.mark.http1
async def test_hints_after_the_head_has_left_are_too_late_and_no_fault(stage: Stage) -> None:
    peer = await ask(stage, script(START, PIECE, HINT, LAST))
    assert b"103" not in await peer.bytes_until(b"0\r\n\r\n")


async def test_hints_leave_before_the_application_goes_on(stage: Stage) -> None:
    may_go_on = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(HINT)
        await may_go_on.wait()
        await script(START, END)(scope, receive, send)

    peer = await ask(stage, app)
    assert await peer.bytes_until(b"\r\n\r\n") == HINTS
    may_go_on.set()
    assert await peer.bytes_until(b"ok") == OK


@pytest.mark.http1
async def test_hints_do_not_reach_http10(stage: Stage) -> None:
    peer = await ask(stage, script(HINT, START, HINT, END), b"GET / HTTP/1.0\r\n\r\n")
    assert b"103" not in await peer.rest()


async def test_hints_without_links(stage: Stage) -> None:
    peer = await ask(stage, script({"type": "http.response.early_hint"}, START, END))
    assert (await peer.answer()).body == b"ok"


@pytest.mark.parametrize("links", [["</a>"], [b"</a>\r\nx: y"], [b"\x00"], [5], 5], ids=repr)
async def test_wrong_hints(stage: Stage, links: Any) -> None:
    caught: list[Exception] = []
    peer = await ask(stage, script({**HINT, "links": links}, START, END, caught=caught))
    assert await peer.bytes_until(b"ok") == OK
    assert isinstance(caught[0], LocalProtocolError | TypeError)


async def test_hints_after_the_end(stage: Stage) -> None:
    caught: list[Exception] = []
    peer = await ask(stage, script(START, END, HINT, caught=caught))
    assert await peer.bytes_until(b"ok") == OK
    await stage.until(lambda: bool(caught))
    assert isinstance(caught[0], LocalProtocolError)


# --- trailers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pieces", [[END], [PIECE, LAST]], ids=["whole", "pieces"])
async def test_trailers_for_a_client_that_wants_them(stage: Stage, pieces: list[Any]) -> None:
    peer = await ask(stage, script(WITH_TRAILERS, *pieces, TRAILERS), ASKING + ASKING)
    for answer in await peer.answers("GET", "GET"):
        assert answer.body == b"ok"
        assert answer.fields == [(b"trailer", b"x-sum"), (b"transfer-encoding", b"chunked"), (b"x-sum", b"1")]


async def test_trailers_for_a_client_that_did_not_ask(stage: Stage) -> None:
    peer = await ask(stage, script(WITH_TRAILERS, PIECE, LAST, TRAILERS), GET + GET)
    for answer in await peer.answers("GET", "GET"):
        assert answer.body == b"ok"
        assert (b"x-sum", b"1") not in answer.fields


@pytest.mark.http1
@pytest.mark.parametrize("te", [b"gzip, trailers", b"Trailers", b"trailers;q=0.5", b"gzip"])
async def test_te(stage: Stage, te: bytes) -> None:
    request = ASKING.replace(b"trailers", te)
    peer = await ask(stage, script(WITH_TRAILERS, END, TRAILERS), request)
    answer = await peer.answer()
    assert ((b"x-sum", b"1") in answer.fields) == (b"railers" in te and b";" not in te)


async def test_trailers_in_several_messages(stage: Stage) -> None:
    first = {**TRAILERS, "more_trailers": True}
    second = {"type": "http.response.trailers", "headers": [[b"X-Size", b"2"]]}
    peer = await ask(stage, script(WITH_TRAILERS, END, first, second), ASKING)
    assert (await peer.answer()).fields[-2:] == [(b"x-sum", b"1"), (b"x-size", b"2")]


async def test_trailers_without_headers(stage: Stage) -> None:
    peer = await ask(stage, script(WITH_TRAILERS, END, {"type": "http.response.trailers"}), ASKING + ASKING)
    assert len(await peer.answers("GET", "GET")) == 2


@pytest.mark.http1
@pytest.mark.parametrize(
    "request_",
    [b"HEAD / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n", b"GET / HTTP/1.0\r\nTE: trailers\r\n\r\n"],
    ids=["head", "http10"],
)
async def test_trailers_where_there_can_be_none(stage: Stage, request_: bytes) -> None:
    peer = await ask(stage, script(WITH_TRAILERS, PIECE, LAST, TRAILERS), request_)
    if request_.startswith(b"HEAD"):
        await peer.answer("HEAD")
    else:
        assert (await peer.rest()).endswith(b"\r\n\r\nok")


@pytest.mark.http1
async def test_trailers_of_a_response_with_a_length_are_left_out(stage: Stage) -> None:
    start = {**START, "headers": [(b"content-length", b"2")], "trailers": True}
    peer = await ask(stage, script(start, END, TRAILERS), ASKING + ASKING)
    for answer in await peer.answers("GET", "GET"):
        assert answer.fields == [(b"content-length", b"2")]


@pytest.mark.parametrize("name", [b"content-length", b"Transfer-Encoding", b"connection", b"keep-alive"])
async def test_trailers_hold_no_framing(stage: Stage, name: bytes) -> None:
    trailers = {"type": "http.response.trailers", "headers": [(name, b"7"), (b"x-sum", b"1")]}
    peer = await ask(stage, script(WITH_TRAILERS, END, trailers), ASKING + ASKING)
    for answer in await peer.answers("GET", "GET"):
        assert [field for field, _ in answer.fields] == [b"trailer", b"transfer-encoding", b"x-sum"]


async def test_wrong_trailers_raise(stage: Stage) -> None:
    caught: list[Exception] = []
    wrong = {"type": "http.response.trailers", "headers": [(b"x", b"1\r\ny: 2")]}
    peer = await ask(stage, script(WITH_TRAILERS, END, wrong, END, START, caught=caught), ASKING)
    sent = await peer.rest()
    assert not sent.endswith(b"0\r\n\r\n")
    assert [type(error) for error in caught] == [LocalProtocolError] * 3
    assert len(stage.take_log()) == 1


async def test_return_without_trailers_cuts_the_connection(stage: Stage) -> None:
    peer = await ask(stage, script(WITH_TRAILERS, END), ASKING)
    assert not (await peer.rest()).endswith(b"0\r\n\r\n")
    (record,) = stage.take_log()
    assert record.getMessage() == "ASGI callable returned without completing response (GET /)."
