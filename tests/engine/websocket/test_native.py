"""NativeCodec: what it does beyond the contract in test_codecs.py: whole texts, and keeping next to nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licorne.engine.websocket.codec import NO_TEXT, FrameSink
from licorne.engine.websocket.native import NativeCodec
from tests.support.frames import masked

WHOLE_TEXT = 0x81


class Calls(FrameSink):
    """Write down the calls."""

    def __init__(self, text_limit: int = 1000) -> None:
        self.is_full = False
        self.text_limit = text_limit
        self.calls: list[tuple[object, ...]] = []

    def on_frame(self, head: int, data: bytes, left: int) -> None:
        self.calls.append((head, data, left))

    def on_text(self, text: str, size: int) -> None:
        self.calls.append((text, size))


def read(data: bytes, text_limit: int = 1000) -> list[tuple[object, ...]]:
    sink = Calls(text_limit)
    NativeCodec().feed(data, sink)
    return sink.calls


@pytest.mark.parametrize("text", ["", "a", "\xe9", "ab", "seven b", "eight by", "Grüße \U0001f984", "x" * 1000])
def test_a_whole_text_is_told_as_text(text: str) -> None:
    assert read(masked(WHOLE_TEXT, text.encode())) == [(text, len(text.encode()))]


@given(st.text(max_size=40), st.binary(min_size=4, max_size=4))
def test_any_text_under_any_mask_is_told_as_text(text: str, mask: bytes) -> None:
    assert read(masked(WHOLE_TEXT, text.encode(), mask)) == [(text, len(text.encode()))]


@pytest.mark.parametrize("payload", [b"\xff", b"ab\xc3", b"\xed\xa0\x80", b"\xc0\x80", b"eight by\x80tes"])
def test_what_is_no_text_is_told_as_a_frame(payload: bytes) -> None:
    assert read(masked(WHOLE_TEXT, payload)) == [(WHOLE_TEXT, payload, 0)]


@pytest.mark.parametrize(("size", "is_text"), [(10, True), (11, False)])
def test_a_text_over_the_limit_is_told_as_a_frame(size: int, is_text: bool) -> None:
    payload = b"x" * size
    told = (payload.decode(), size) if is_text else (WHOLE_TEXT, payload, 0)
    assert read(masked(WHOLE_TEXT, payload), text_limit=10) == [told]


def test_a_sink_that_takes_no_text_gets_not_even_an_empty_one() -> None:
    assert read(masked(WHOLE_TEXT), NO_TEXT) == [(WHOLE_TEXT, b"", 0)]


@pytest.mark.parametrize("head", [0x01, 0x80, 0x82, 0xC1, 0xA1, 0x89])
def test_nothing_else_is_told_as_text(head: int) -> None:
    assert read(masked(head, b"x")) == [(head, b"x", 0)]


def test_a_text_in_two_reads_is_told_in_parts() -> None:
    data = masked(WHOLE_TEXT, b"hello")
    codec, sink = NativeCodec(), Calls()
    codec.feed(data[:8], sink)
    codec.feed(data[8:], sink)
    assert sink.calls == [(WHOLE_TEXT, b"he", 3), (WHOLE_TEXT, b"llo", 0)]


@pytest.mark.parametrize("size", [0, 1, 5, 13])
def test_only_an_incomplete_header_is_kept(size: int) -> None:
    codec, sink = NativeCodec(), Calls()
    codec.feed(masked(0x82, bytes(1000)) + masked(0x82, bytes(70_000))[:size], sink)
    assert codec.pending_bytes() == size
    assert sink.calls == [(0x82, bytes(1000), 0)]


def test_of_what_is_kept_no_more_than_half_was_told() -> None:
    class Stopping(Calls):
        """Be full after each frame."""

        def on_frame(self, head: int, data: bytes, left: int) -> None:
            super().on_frame(head, data, left)
            self.is_full = True

    codec, sink = NativeCodec(), Stopping()
    codec.feed(b"".join(masked(0x82, b"%03d" % number) for number in range(100)), sink)
    for number in range(1, 100):
        assert codec.pending_bytes() == 9 * (100 - number)
        sink.is_full = False
        codec.feed(b"", sink)
    assert [call[1] for call in sink.calls] == [b"%03d" % number for number in range(100)]


def test_the_mask_goes_on_over_parts_of_any_size() -> None:
    payload = bytes(range(256)) * 5
    data = masked(0x82, payload)
    codec, sink = NativeCodec(), Calls()
    at = 0
    for size in (9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 1, 1, 1, len(data)):
        codec.feed(data[at : at + size], sink)
        at += size
    assert b"".join(call[1] for call in sink.calls if isinstance(call[1], bytes)) == payload


class OneByOne(Calls):
    """Be full with each text."""

    def on_text(self, text: str, size: int) -> None:
        super().on_text(text, size)
        self.is_full = True


def test_nothing_is_pending_once_what_was_kept_is_told() -> None:
    codec, sink = NativeCodec(), OneByOne()
    codec.feed(b"".join(masked(0x81, name) for name in (b"a", b"b", b"c")), sink)
    for expected in (7, 0):
        sink.is_full = False
        codec.feed(b"", sink)
        assert codec.pending_bytes() == expected
    codec.feed(masked(0x81, b"d")[:3], sink)
    assert codec.pending_bytes() == 3
