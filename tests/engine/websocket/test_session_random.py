"""WebSocketSession under random traffic: cutting the stream changes nothing, and no bytes make it raise."""

import zlib

from hypothesis import given
from hypothesis import strategies as st

from licorne.engine.websocket.codec import CODECS
from tests.support.frames import masked
from tests.support.talk import Talk, closing

Message = str | bytes

messages = st.lists(st.text(max_size=200) | st.binary(max_size=400), max_size=6)
masks = st.binary(min_size=4, max_size=4)


def fragments_of(message: Message, cuts: list[int], mask: bytes, compressor: "zlib._Compress | None") -> list[bytes]:
    """Write a message as frames, cut at `cuts`."""
    head = 0x01 if isinstance(message, str) else 0x02
    data = message.encode() if isinstance(message, str) else message
    if compressor is not None:
        data = (compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]
        head |= 0x40
    points = sorted({min(cut, len(data)) for cut in cuts})
    pieces = [data[start:end] for start, end in zip([0, *points], [*points, len(data)], strict=True)]
    frames = []
    for index, piece in enumerate(pieces):
        first = head if index == 0 else 0
        frames.append(masked(first | (0x80 if index == len(pieces) - 1 else 0), piece, mask))
    return frames


@given(
    messages,
    masks,
    st.lists(st.integers(0, 400), max_size=3),
    st.lists(st.integers(0, 3000), max_size=6),
    st.booleans(),
    st.sampled_from(CODECS),
    st.integers(1, 4),
)
def test_messages_are_the_same_however_they_are_cut(
    sent: list[Message],
    mask: bytes,
    fragment_cuts: list[int],
    read_cuts: list[int],
    is_compressed: bool,
    codec: str,
    max_queue: int,
) -> None:
    compressor = zlib.compressobj(6, zlib.DEFLATED, -15) if is_compressed else None
    frames = []
    for message in sent:
        frames += fragments_of(message, fragment_cuts, mask, compressor)
        frames.append(masked(0x89, b"between", mask))
    data = b"".join(frames) + closing(1000, b"done")
    points = sorted({min(cut, len(data)) for cut in read_cuts})
    talk = Talk(codec, max_queue=max_queue, extensions=b"permessage-deflate" if is_compressed else b"")
    taken: list[Message] = []
    for start, end in zip([0, *points], [*points, len(data)], strict=True):
        talk.hear(data[start:end])
        taken += talk.taken()
    assert taken == sent
    assert talk.ending() == (1000, "done")
    assert talk.sent() == [(0x8A, b"between")] * len(sent) + [(0x88, b"\x03\xe8done")]


@given(
    st.lists(
        st.tuples(st.integers(0, 255), st.binary(max_size=140)).map(lambda frame: masked(*frame))
        | st.sampled_from([masked(0x81, b"text"), masked(0x01, b"\xc3"), masked(0x80, b"\xa9"), closing(1000)])
        | st.binary(max_size=20),
        max_size=8,
    ),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=3),
    st.lists(st.integers(0, 600), max_size=4),
    st.sampled_from(CODECS),
    st.booleans(),
)
def test_nothing_that_a_peer_sends_raises(
    pieces: list[bytes], changes: list[tuple[int, int]], cuts: list[int], codec: str, is_compressed: bool
) -> None:
    data = bytearray(b"".join(pieces))
    for at, byte in changes:
        if at < len(data):
            data[at] = byte
    points = sorted({min(cut, len(data)) for cut in cuts})
    extensions = b"permessage-deflate" if is_compressed else b""
    talk = Talk(codec, max_size=100, max_queue=2, max_fragments=4, extensions=extensions)
    for start, end in zip([0, *points], [*points, len(data)], strict=True):
        talk.hear(bytes(data[start:end]))
    talk.session.receive_eof(1.0)
    talk.taken()
    assert talk.session.has_ended()
    assert talk.sink.has_ended
    frames = talk.sent()
    assert all(head in (0x8A, 0x88) for head, _ in frames)
    assert [head for head, _ in frames].count(0x88) <= 1


@given(st.lists(st.integers(0, 300), max_size=6), st.integers(0, 10))
def test_a_fault_is_the_same_however_the_stream_is_cut(cuts: list[int], which: int) -> None:
    faults = [
        b"\x81\x01a",
        masked(0x83, b"abc"),
        masked(0x81, b"\xff"),
        masked(0x82, bytes(101)),
        masked(0x01, b"\xc3") + masked(0x80, b"("),
        masked(0xC1, b"abc"),
        masked(0x02, bytes(60)) + masked(0x80, bytes(60)),
        closing(1005),
        closing(1000, b"\xff"),
        masked(0x01) + masked(0x00) * 4,
        masked(0x80),
    ]
    data = masked(0x81, b"first") + masked(0x82, bytes(100)) + faults[which] + masked(0x81, b"behind")

    def outcome(pieces: list[bytes]) -> tuple[object, ...]:
        talk = Talk(max_size=100, max_fragments=4)
        talk.hear(*pieces)
        return talk.taken(), talk.ending(), talk.sent()

    points = sorted({min(cut, len(data)) for cut in cuts})
    pieces = [data[start:end] for start, end in zip([0, *points], [*points, len(data)], strict=True)]
    assert outcome(pieces) == outcome([data])
