"""_bytes.py: the Python bodies say what the C bodies, which are seen through all that uses them, must do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licorne.engine import _bytes

tables = st.binary(min_size=256, max_size=256)
spans = st.tuples(st.binary(max_size=20), st.integers(0, 20), st.integers(0, 20)).map(
    lambda span: (span[0], *sorted(min(len(span[0]), at) for at in span[1:]))
)


@given(spans, st.integers(0, 255))
def test_find_is_the_first_place(span: tuple[bytes, int, int], byte: int) -> None:
    data, start, end = span
    places = [at for at in range(start, end) if data[at] == byte]
    assert _bytes.find(data, byte, start, end) == (places[0] if places else -1)


@given(spans, tables)
def test_is_all_asks_the_table_for_each_byte(span: tuple[bytes, int, int], table: bytes) -> None:
    data, start, end = span
    assert _bytes.is_all(data, start, end, table) == all(table[byte] for byte in data[start:end])


@given(spans, tables)
def test_translated_maps_each_byte_or_gives_up(span: tuple[bytes, int, int], table: bytes) -> None:
    data, start, end = span
    mapped = bytes(table[byte] for byte in data[start:end])
    assert _bytes.translated(data, start, end, table) == (mapped if mapped and 0 not in mapped else None)


@given(spans)
def test_cut_is_a_slice(span: tuple[bytes, int, int]) -> None:
    data, start, end = span
    assert _bytes.cut(data, start, end) == data[start:end]


def test_join_head_writes_lines() -> None:
    fields = [(b"a", b"1"), (b"b", b"")]
    assert _bytes.join_head(b"first\r\n", fields, b"last\r\n\r\n", b"body") == (
        b"first\r\na: 1\r\nb: \r\nlast\r\n\r\nbody"
    )
    assert _bytes.join_head(b"", [], b"", b"") == b""


@given(spans, st.integers(0, 2**32 - 1))
def test_unmask_turns_each_byte_by_its_place(span: tuple[bytes, int, int], mask: int) -> None:
    data, start, end = span
    keys = mask.to_bytes(4, "little")
    unmasked = bytes(byte ^ keys[at % 4] for at, byte in enumerate(data[start:end]))
    assert _bytes.unmask(data, start, end, mask) == unmasked
    try:
        text = unmasked.decode()
    except UnicodeDecodeError:
        with pytest.raises(UnicodeDecodeError):
            _bytes.unmask_text(data, start, end, mask)
    else:
        assert _bytes.unmask_text(data, start, end, mask) == text


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536])
def test_join_frame_writes_the_shortest_length(size: int) -> None:
    payload = size * b"x"
    length = bytes([size]) if size < 126 else b""
    if size >= 126:
        length = b"\x7e" + size.to_bytes(2, "big") if size < 65536 else b"\x7f" + size.to_bytes(8, "big")
    assert _bytes.join_frame(0x82, payload) == b"\x82" + length + payload
    assert _bytes.join_frame(0x81, payload.decode()) == b"\x81" + length + payload
