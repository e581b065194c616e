"""chunked.py: the line before a chunk."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licorne.engine.framing import MAX_LENGTH
from licorne.engine.http1.chunked import parse_chunk_line
from licorne.errors import RemoteProtocolError
from tests.support.oracle import CHUNK_LINE


def refusal(line: bytes) -> int:
    with pytest.raises(RemoteProtocolError) as caught:
        parse_chunk_line(line)
    return caught.value.status


@given(st.integers(0, MAX_LENGTH))
def test_size_is_what_the_digits_say(size: int) -> None:
    assert parse_chunk_line(b"%x" % size) == size
    assert parse_chunk_line(b"%X" % size) == size
    assert parse_chunk_line(b"%016x;a=b" % size) == size


@given(st.integers(MAX_LENGTH + 1, 2**64 - 1))
def test_size_over_the_greatest_is_refused_with_413(size: int) -> None:
    assert refusal(b"%x" % size) == 413


@pytest.mark.parametrize("line", [b"", b"0" * 17, b"f" * 17, b"0x5", b"+5", b"-5", b"5_0", b" 5", b"5 ", b"g", b"\xb2"])
def test_what_is_no_size_is_refused_with_400(line: bytes) -> None:
    assert refusal(line) == 400


@given(st.text('0aF; \t=ab"\\,\xe9', max_size=14))
def test_line_is_accepted_if_and_only_if_the_grammar_has_it(text: str) -> None:
    line = text.encode("latin-1")
    match = CHUNK_LINE.fullmatch(line)
    if match:
        assert parse_chunk_line(line) == int(match[1], 16)
    else:
        assert refusal(line) == 400
