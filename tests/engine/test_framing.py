"""framing.py: where a body ends, and which messages have none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licorne.engine.framing import CHUNKED, MAX_LENGTH, has_no_content, parse_length, request_length
from licorne.errors import RemoteProtocolError


def refusal(length: bytes | None, coding: bytes | None, minor: int = 1) -> int:
    with pytest.raises(RemoteProtocolError) as caught:
        request_length(length, coding, minor)
    assert caught.value.reason
    return caught.value.status


@given(st.integers(0, MAX_LENGTH))
def test_length_is_what_the_digits_say(length: int) -> None:
    assert parse_length(b"%d" % length) == length


@given(st.integers(0, 10**6), st.integers(0, 12))
def test_leading_zeros_change_nothing(length: int, zeros: int) -> None:
    assert parse_length(b"0" * zeros + b"%d" % length) == length


@given(st.integers(MAX_LENGTH + 1, 10**40))
def test_length_over_the_greatest_is_refused_with_413(length: int) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        parse_length(b"%d" % length)
    assert caught.value.status == 413


@given(st.binary(max_size=4).filter(lambda value: not value.isdigit()))
def test_length_that_is_not_a_number_is_refused_with_400(value: bytes) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        parse_length(value)
    assert caught.value.status == 400


def test_request_without_either_field_has_no_body() -> None:
    assert request_length(None, None, 1) == 0
    assert request_length(None, None, 0) == 0


def test_length_counts_on_both_versions() -> None:
    assert request_length(b"5", None, 1) == 5
    assert request_length(b"5", None, 0) == 5


@pytest.mark.parametrize("coding", [b"chunked", b"Chunked", b"CHUNKED"])
def test_chunked_alone_is_chunked(coding: bytes) -> None:
    assert request_length(None, coding, 1) == CHUNKED


@pytest.mark.parametrize("coding", [b"chunked", b"gzip, chunked", b"", b"x"])
@pytest.mark.parametrize("minor", [0, 1])
def test_both_fields_are_refused_whatever_they_say(coding: bytes, minor: int) -> None:
    assert refusal(b"5", coding, minor) == 400
    assert refusal(b"x", coding, minor) == 400


@pytest.mark.parametrize("coding", [b"chunked", b"gzip, chunked", b"identity", b""])
def test_coding_in_http10_is_refused(coding: bytes) -> None:
    assert refusal(None, coding, 0) == 400


@pytest.mark.parametrize("coding", [b"gzip, chunked", b"identity,chunked", b"gzip, br , chunked", b'x;a="b", chunked'])
def test_other_codings_before_chunked_are_answered_501(coding: bytes) -> None:
    assert refusal(None, coding) == 501


@given(st.text(' ,;="chunkedgzip\t', max_size=16).filter(lambda text: text.lower() != "chunked"))
def test_nothing_else_is_ever_accepted(text: str) -> None:
    assert refusal(None, text.encode()) in (400, 501)


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304), ("HEAD", 304), ("GET", 205)])
def test_answers_without_content(method: str, status: int) -> None:
    assert has_no_content(method, status)


@pytest.mark.parametrize(("method", "status"), [("GET", 200), ("POST", 201), ("OPTIONS", 200), ("GET", 404)])
def test_answers_with_content(method: str, status: int) -> None:
    assert not has_no_content(method, status)
