"""Every codec keeps the contract: the same frames for the same bytes, however they arrive, and the same bytes out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licorne.engine.websocket.codec import CODECS, NO_TEXT, Codec, FrameSink, new_codec
from licorne.errors import WebSocketError
from tests.support.frames import MASK, masked

UNLIMITED = 0


class Frames(FrameSink):
    """Write down frames; those told in parts are put together, and their parts are checked."""

    def __init__(self) -> None:
        self.is_full = False
        self.text_limit = NO_TEXT
        self.whole: list[tuple[int, bytes]] = []
        self.head, self.part, self.left = 0, b"", 0
        self.calls = 0

    def on_frame(self, head: int, data: bytes, left: int) -> None:
        assert type(data) is bytes
        self.calls += 1
        if self.left:
            assert head == self.head
            assert len(data) + left == self.left
        assert not (head & 8 and left)
        self.head, self.part, self.left = head, self.part + data, left
        if not left:
            self.whole.append((head, self.part))
            self.part = b""


def read(codec: Codec, *pieces: bytes) -> Frames:
    sink = Frames()
    for piece in pieces:
        codec.feed(piece, sink)
    return sink


def fail(codec: Codec, *pieces: bytes) -> int:
    """Feed what must be refused; return the close code."""
    with pytest.raises(WebSocketError) as raised:
        read(codec, *pieces)
    assert raised.value.reason.isprintable()
    return raised.value.code


@pytest.fixture(params=CODECS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def codec(name: str) -> Codec:
    return new_codec(name, UNLIMITED)


def test_there_is_no_other_codec() -> None:
    with pytest.raises(ValueError):
        new_codec("other", UNLIMITED)


@pytest.mark.parametrize("head", [0x01, 0x02, 0x00, 0x80, 0x81, 0x82, 0x88, 0x89, 0x8A, 0xC1, 0xF2, 0x41])
def test_the_first_byte_is_told_as_it_came(codec: Codec, head: int) -> None:
    assert read(codec, masked(head, b"Hello")).whole == [(head, b"Hello")]


@pytest.mark.parametrize("size", [0, 1, 3, 4, 5, 7, 8, 9, 125, 126, 127, 65535, 65536, 200_001])
def test_every_length_is_read(codec: Codec, size: int) -> None:
    payload = (bytes(range(251)) * (size // 251 + 1))[:size]
    assert read(codec, masked(0x82, payload) + masked(0x89, b"x")).whole == [(0x82, payload), (0x89, b"x")]


@pytest.mark.parametrize("mask", [bytes(4), b"\xff\xff\xff\xff", b"\x01\x02\x03\x04", b"\x80\x00\x00\x7f"])
def test_every_mask_is_undone(codec: Codec, mask: bytes) -> None:
    assert read(codec, masked(0x82, bytes(range(100)), mask)).whole == [(0x82, bytes(range(100)))]


frames = st.lists(
    st.tuples(st.sampled_from([0x01, 0x82, 0x00, 0xC2]), st.binary(max_size=300))
    | st.tuples(st.sampled_from([0x88, 0x89, 0x8A]), st.binary(max_size=125)),
    max_size=5,
)


@given(frames, st.binary(min_size=4, max_size=4), st.lists(st.integers(0, 1000), max_size=5), st.sampled_from(CODECS))
def test_frames_are_the_same_however_they_arrive(
    sent: list[tuple[int, bytes]], mask: bytes, cuts: list[int], name: str
) -> None:
    data = b"".join(masked(head, payload, mask) for head, payload in sent)
    points = sorted({min(cut, len(data)) for cut in cuts})
    pieces = [data[start:end] for start, end in zip([0, *points], [*points, len(data)], strict=True)]
    codec = new_codec(name, UNLIMITED)
    assert read(codec, *pieces).whole == sent
    assert codec.pending_bytes() == 0


def test_every_byte_by_itself(codec: Codec) -> None:
    data = masked(0x01, b"") + masked(0x82, bytes(300)) + masked(0x89, b"ping") + masked(0x82, b"\x01" * 66_000)
    sink = read(codec, *(data[at : at + 1] for at in range(len(data))))
    assert sink.whole == [(0x01, b""), (0x82, bytes(300)), (0x89, b"ping"), (0x82, b"\x01" * 66_000)]


def test_a_full_sink_is_told_nothing_until_it_has_room(codec: Codec) -> None:
    sink = Frames()
    sink.is_full = True
    data = masked(0x81, b"one") + masked(0x81, b"two")
    codec.feed(data, sink)
    codec.feed(data, sink)
    assert sink.calls == 0
    assert codec.pending_bytes() == 2 * len(data)
    sink.is_full = False
    codec.feed(b"", sink)
    assert [payload for _, payload in sink.whole] == [b"one", b"two", b"one", b"two"]
    assert codec.pending_bytes() == 0


@pytest.mark.parametrize("name", ["native", "wsproto"])
def test_a_large_frame_is_told_as_it_comes(name: str) -> None:
    codec = new_codec(name, UNLIMITED)
    sink = Frames()
    data = masked(0x82, bytes(100_000))
    codec.feed(data[:14], sink)
    assert (sink.head, sink.left) == (0x82, 100_000)
    for at in range(14, len(data), 1000):
        codec.feed(data[at : at + 1000], sink)
        assert codec.pending_bytes() == 0
    assert sink.whole == [(0x82, bytes(100_000))]


def test_a_codec_that_takes_frames_whole_knows_the_limit() -> None:
    assert fail(new_codec("websockets", 1000), masked(0x82, bytes(3000))[:14]) == 1009


@pytest.mark.parametrize(
    "data",
    [
        b"\x81\x05Hello",
        b"\x89\x00",
        masked(0x09, b""),
        masked(0x08, b"\x03\xe8"),
        masked(0x89, bytes(126)),
        masked(0x88, bytes(70_000))[:40],
        b"\x82\xfe\x00\x7d" + MASK + bytes(125),
        b"\x82\xff" + (65535).to_bytes(8, "big") + MASK,
        b"\x82\xff" + (1).to_bytes(8, "big") + MASK,
        b"\x82\xff" + (2**63).to_bytes(8, "big") + MASK,
        b"\x82\xff" + b"\xff" * 8 + MASK,
    ],
)
def test_frames_that_cannot_be_read_are_1002(name: str, data: bytes) -> None:
    assert fail(new_codec(name, UNLIMITED), data) == 1002
    assert fail(new_codec(name, UNLIMITED), *(data[at : at + 1] for at in range(len(data)))) == 1002


def test_nothing_is_gathered_for_a_control_frame_that_is_too_long(codec: Codec) -> None:
    assert fail(codec, b"\x89\xff" + (2**40).to_bytes(8, "big") + MASK) == 1002


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535, 65536, 100_000])
@pytest.mark.parametrize("head", [0x81, 0x82, 0xC1, 0xC2])
def test_frames_are_written_in_the_shortest_form(codec: Codec, head: int, size: int) -> None:
    payload = b"x" * size
    if size < 126:
        start = bytes([head, size])
    elif size < 65536:
        start = bytes([head, 126]) + size.to_bytes(2, "big")
    else:
        start = bytes([head, 127]) + size.to_bytes(8, "big")
    assert codec.serialize(head, payload) == start + payload
    assert codec.serialize_text(head, "x" * size) == start + payload
    assert codec.serialize_start(head, size) == start


@pytest.mark.parametrize("head", [0x88, 0x89, 0x8A])
def test_control_frames_are_written(codec: Codec, head: int) -> None:
    assert codec.serialize(head, b"") == bytes([head, 0])
    assert codec.serialize(head, b"\x03\xe8bye") == bytes([head, 5]) + b"\x03\xe8bye"
    assert type(codec.serialize(head, b"")) is bytes


def test_text_is_written_as_utf8(codec: Codec) -> None:
    assert codec.serialize_text(0x81, "h\xe9llo \U0001f984") == b"\x81\x0b" + "h\xe9llo \U0001f984".encode()
    with pytest.raises(UnicodeEncodeError):
        codec.serialize_text(0x81, "\ud800")


@given(st.lists(st.binary(max_size=60), max_size=4), st.sampled_from(CODECS), st.sampled_from([UNLIMITED, 100]))
def test_junk_is_frames_or_the_peers_fault(pieces: list[bytes], name: str, max_size: int) -> None:
    code = 0
    try:
        read(new_codec(name, max_size), *pieces)
    except WebSocketError as error:
        code = error.code
    assert code in (0, 1002, 1009)
