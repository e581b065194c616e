"""writer.py: answers as bytes."""

import pytest

from licorne.engine.defaults import DefaultHeaders
from licorne.engine.http1.writer import (
    LAST_CHUNK,
    Heads,
    serialize_chunk_line,
    serialize_head,
    serialize_informational,
    serialize_refusal,
    serialize_trailers,
)
from licorne.engine.sink import HAS_DATE, HAS_SERVER

EPOCH = b"date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"


@pytest.fixture
def defaults() -> DefaultHeaders:
    made = DefaultHeaders([(b"server", b"licorne"), (b"x-a", b"1")], has_date=True)
    made.refresh(0.0)
    return made


def test_head_begins_with_status_line_and_default_fields(defaults: DefaultHeaders) -> None:
    assert Heads(defaults).head(200, 0) == b"HTTP/1.1 200 OK\r\n" + EPOCH + b"server: licorne\r\nx-a: 1\r\n"


def test_applications_date_and_server_take_the_place_of_ours(defaults: DefaultHeaders) -> None:
    assert Heads(defaults).head(200, HAS_DATE) == b"HTTP/1.1 200 OK\r\nserver: licorne\r\nx-a: 1\r\n"
    assert Heads(defaults).head(200, HAS_SERVER) == b"HTTP/1.1 200 OK\r\n" + EPOCH + b"x-a: 1\r\n"
    assert Heads(defaults).head(200, HAS_DATE | HAS_SERVER) == b"HTTP/1.1 200 OK\r\nx-a: 1\r\n"


def test_date_is_the_one_of_the_last_refresh(defaults: DefaultHeaders) -> None:
    heads = Heads(defaults)
    before = heads.head(200, 0)
    defaults.refresh(1.0)
    assert heads.head(200, 0) == before.replace(b"00:00:00 GMT", b"00:00:01 GMT")


def test_no_date_when_none_is_wanted() -> None:
    defaults = DefaultHeaders([], has_date=False)
    defaults.refresh(0.0)
    assert Heads(defaults).head(404, 0) == b"HTTP/1.1 404 Not Found\r\n"


def test_unregistered_status_has_an_empty_phrase() -> None:
    # RFC 9112 §4: the space before the phrase is needed even then.
    assert Heads(DefaultHeaders([], has_date=False)).head(299, 0) == b"HTTP/1.1 299 \r\n"


def test_head_is_one_piece_with_its_body() -> None:
    head = serialize_head(b"HTTP/1.1 200 OK\r\n", [(b"a", b"b")], b"content-length: 2\r\n\r\n", b"ok")
    assert head == b"HTTP/1.1 200 OK\r\na: b\r\ncontent-length: 2\r\n\r\nok"


def test_interim_answer_has_no_default_fields() -> None:
    assert serialize_informational(100, []) == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert serialize_informational(103, [(b"link", b"x")]) == b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"


@pytest.mark.parametrize(("size", "line"), [(1, b"1\r\n"), (255, b"ff\r\n"), (65536, b"10000\r\n")])
def test_chunk_line_is_hexadecimal(size: int, line: bytes) -> None:
    assert serialize_chunk_line(size) == line


def test_last_chunk_with_and_without_trailers() -> None:
    assert LAST_CHUNK == b"0\r\n\r\n"
    assert serialize_trailers([(b"a", b"b")]) == b"0\r\na: b\r\n\r\n"


def test_refusal_says_why_and_closes() -> None:
    assert serialize_refusal(400, "no good", Heads(DefaultHeaders([], has_date=False))) == (
        b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\n"
        b"content-length: 8\r\nconnection: close\r\n\r\nno good\n"
    )


def test_refusal_for_want_of_room_says_when_to_come_back() -> None:
    assert b"\r\nretry-after: 1\r\n" in serialize_refusal(503, "busy", Heads(DefaultHeaders([], has_date=False)))
