"""The framing of responses belongs to the server: lengths, chunks, what has no body, and fields that it owns."""

from typing import Any

import pytest

from licorne.engine.defaults import DefaultHeaders
from tests.asgi.test_messages import END, LAST, PIECE, START, ask, script
from tests.support.http1 import Answer
from tests.support.stage import GET, Receive, Scope, Send, Stage

HEAD = b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"
OLD = b"GET / HTTP/1.0\r\n\r\n"
OLD_KEEP = b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"


def length(size: int) -> dict[str, Any]:
    """Return a start that promises a length."""
    return {**START, "headers": [(b"content-length", b"%d" % size)]}


def values(answer: Answer, name: bytes) -> list[bytes]:
    """Return the values of a field of an answer."""
    return [value for known, value in answer.fields if known == name]


# --- lengths ------------------------------------------------------------------------------------------------


async def test_length_is_found_out_when_the_body_is_whole(stage: Stage) -> None:
    answer = await (await ask(stage, script(START, END))).answer()
    assert answer.fields == [(b"content-length", b"2")]


async def test_length_of_an_empty_body_is_zero(stage: Stage) -> None:
    answer = await (await ask(stage, script(START, {"type": "http.response.body"}))).answer()
    assert answer.fields == [(b"content-length", b"0")]


async def test_pieces_go_in_chunks(stage: Stage) -> None:
    answer = await (await ask(stage, script(START, PIECE, LAST))).answer()
    assert answer.fields == [(b"transfer-encoding", b"chunked")]
    assert answer.body == b"ok"


async def test_pieces_of_a_known_length_go_as_they_are(stage: Stage) -> None:
    answer = await (await ask(stage, script(length(2), PIECE, LAST))).answer()
    assert answer.fields == [(b"content-length", b"2")]


async def test_large_bodies_come_whole(stage: Stage) -> None:
    body = bytes(range(256)) * 4096
    piece = {"type": "http.response.body", "body": body, "more_body": True}
    answer = await (await ask(stage, script(START, piece, {**END, "body": body}))).answer()
    assert answer.body == body + body


async def test_promise_said_twice_is_sent_once(stage: Stage) -> None:
    start = {**START, "headers": [(b"content-length", b"2"), (b"Content-Length", b"2")]}
    answer = await (await ask(stage, script(start, END))).answer()
    assert values(answer, b"content-length") == [b"2"]


async def test_body_longer_than_promised_at_once_is_a_500(stage: Stage) -> None:
    peer = await ask(stage, script(length(1), END))
    assert (await peer.answer()).status == 500
    (record,) = stage.take_log()
    assert "Response content longer than Content-Length" in str(record.exc_info and record.exc_info[1])


async def test_body_longer_than_promised_sends_no_byte_too_many(stage: Stage) -> None:
    peer = await ask(stage, script(length(2), PIECE, END))
    sent = await peer.rest()
    assert sent == b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\no"
    assert len(stage.take_log()) == 1


async def test_body_shorter_than_promised_cuts_the_connection(stage: Stage) -> None:
    peer = await ask(stage, script(length(5), PIECE, LAST))
    sent = await peer.rest()
    assert sent == b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\no"
    (record,) = stage.take_log()
    assert "Response content shorter than Content-Length" in str(record.exc_info and record.exc_info[1])


async def test_fault_that_the_application_hides_cannot_end_the_response(stage: Stage) -> None:
    caught: list[Exception] = []
    peer = await ask(stage, script(length(5), PIECE, LAST, caught=caught))
    sent = await peer.rest()
    assert sent.endswith(b"\r\n\r\no")
    assert len(caught) == 1
    (record,) = stage.take_log()
    assert record.getMessage() == "ASGI callable returned without completing response (GET /)."


# --- what has no body ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [None, 2, 1000])
async def test_head_has_the_fields_and_no_body(stage: Stage, size: int | None) -> None:
    start = START if size is None else length(size)
    peer = await ask(stage, script(start, END), HEAD)
    answer = await peer.answer("HEAD")
    assert values(answer, b"content-length") in ([], [b"%d" % (size or 2)])
    assert values(answer, b"transfer-encoding") == []
    peer.send(HEAD)
    assert (await peer.answer("HEAD")).status == 200


async def test_head_of_a_stream(stage: Stage) -> None:
    peer = await ask(stage, script(START, PIECE, PIECE, LAST), HEAD + HEAD)
    assert len(await peer.answers("HEAD", "HEAD")) == 2


@pytest.mark.parametrize("status", [204, 304])
@pytest.mark.parametrize("body", [b"", b"ignored"])
async def test_status_without_content(stage: Stage, status: int, body: bytes) -> None:
    start = {**START, "status": status}
    peer = await ask(stage, script(start, {**END, "body": body}), GET + GET)
    for answer in await peer.answers("GET", "GET"):
        assert (answer.status, answer.fields, answer.body) == (status, [], b"")


async def test_204_has_no_length(stage: Stage) -> None:
    answer = await (await ask(stage, script({**length(0), "status": 204}, {**END, "body": b""}))).answer()
    assert answer.fields == []


async def test_304_may_tell_the_length_that_200_would_have(stage: Stage) -> None:
    peer = await ask(stage, script({**length(100), "status": 304}, {**END, "body": b""}), GET + GET)
    for answer in await peer.answers("GET", "GET"):
        assert answer.fields == [(b"content-length", b"100")]


# --- HTTP/1.0 -----------------------------------------------------------------------------------------------


async def test_http10_stream_ends_with_the_connection(stage: Stage) -> None:
    peer = await ask(stage, script(START, PIECE, LAST), OLD_KEEP)
    assert await peer.rest() == b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nok"


async def test_http10_is_closed_after_the_answer(stage: Stage) -> None:
    peer = await ask(stage, script(START, END), OLD)
    assert await peer.rest() == b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"


async def test_http10_is_kept_when_asked(stage: Stage) -> None:
    peer = await ask(stage, script(START, END), OLD_KEEP)
    answer = await peer.answer()
    assert values(answer, b"connection") == [b"keep-alive"]
    peer.send(OLD)
    assert (await peer.answer()).body == b"ok"


# --- fields that the server owns ----------------------------------------------------------------------------


@pytest.mark.parametrize("value", [b"chunked", b"gzip", b"identity", b"gzip, chunked"])
@pytest.mark.parametrize("messages", [[END], [PIECE, LAST]], ids=["whole", "pieces"])
async def test_transfer_encoding_of_the_application_is_ignored(stage: Stage, value: bytes, messages: list[Any]) -> None:
    start = {**START, "headers": [(b"Transfer-Encoding", value)]}
    answer = await (await ask(stage, script(start, *messages))).answer()
    assert answer.body == b"ok"
    assert values(answer, b"transfer-encoding") == ([b"chunked"] if len(messages) > 1 else [])


async def test_length_beside_transfer_encoding_wins(stage: Stage) -> None:
    start = {**START, "headers": [(b"transfer-encoding", b"chunked"), (b"content-length", b"2")]}
    answer = await (await ask(stage, script(start, PIECE, LAST))).answer()
    assert answer.fields == [(b"content-length", b"2")]


async def test_connection_close_of_the_application_is_obeyed(stage: Stage) -> None:
    start = {**START, "headers": [(b"Connection", b"X, Close")]}
    peer = await ask(stage, script(start, END), GET + GET)
    assert await peer.rest() == b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"


@pytest.mark.parametrize("value", [b"keep-alive", b"upgrade", b"x-closer"])
async def test_other_connection_options_are_dropped(stage: Stage, value: bytes) -> None:
    start = {**START, "headers": [(b"connection", value), (b"keep-alive", b"timeout=9"), (b"upgrade", b"h2c")]}
    peer = await ask(stage, script(start, END), GET + GET)
    for answer in await peer.answers("GET", "GET"):
        assert answer.fields == [(b"content-length", b"2")]


async def test_default_fields_come_once(stage: Stage) -> None:
    defaults = DefaultHeaders([(b"server", b"licorne"), (b"x-more", b"1")])
    defaults.refresh(0.0)
    stage.prepare(script(START, END), defaults=defaults)
    answer = await (await ask(stage, None)).answer()
    assert values(answer, b"date") == [b"Thu, 01 Jan 1970 00:00:00 GMT"]
    assert values(answer, b"server") == [b"licorne"]
    assert values(answer, b"x-more") == [b"1"]


async def test_date_and_server_of_the_application_replace_ours(stage: Stage) -> None:
    defaults = DefaultHeaders([(b"server", b"licorne")])
    defaults.refresh(0.0)
    stage.prepare(
        script({**START, "headers": [(b"Date", b"today"), (b"Server", b"mine")]}, END),
        defaults=defaults,
    )
    answer = await (await ask(stage, None)).answer()
    assert values(answer, b"date") == [b"today"]
    assert values(answer, b"server") == [b"mine"]


async def test_next_response_has_the_default_fields_again(stage: Stage) -> None:
    defaults = DefaultHeaders([(b"server", b"licorne")], has_date=False)
    starts = [{**START, "headers": [(b"server", b"mine")]}, START]

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(starts.pop(0))
        await send(END)

    stage.prepare(app, defaults=defaults)
    peer = await ask(stage, None, GET + GET)
    first, second = await peer.answers("GET", "GET")
    assert values(first, b"server") == [b"mine"]
    assert values(second, b"server") == [b"licorne"]
