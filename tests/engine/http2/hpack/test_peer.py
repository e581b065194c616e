"""Both directions against another implementation: `hpack`, which is strict."""

from collections.abc import Callable

import hpack
from hypothesis import given
from hypothesis import strategies as st

from licorne.engine.http2.errors import H2Error
from licorne.engine.http2.hpack.decoder import Decoder
from licorne.engine.http2.hpack.encoder import Encoder

Fields = list[tuple[bytes, bytes]]

NAMES = st.sampled_from([b":path", b"cookie", b"accept", b"x-own", b"user-agent", b"content-length"]) | st.text(
    "abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=12
).map(str.encode)
VALUES = st.sampled_from([b"", b"/", b"0", b"text/html", b"x" * 300, b"y" * 4070]) | st.binary(max_size=30)
FIELDS = st.lists(st.tuples(NAMES, VALUES), max_size=8)
SIZES = st.sampled_from([None, 0, 40, 300, 4096])


@given(st.lists(st.tuples(FIELDS, st.booleans(), SIZES), max_size=6))
def test_what_the_peer_writes_is_read(steps: list[tuple[Fields, bool, int | None]]) -> None:
    theirs, ours = hpack.Encoder(), Decoder(max_list_bytes=0, max_fields=0)
    for fields, is_huffman, size in steps:
        if size is not None:
            theirs.header_table_size = size
        for _ in range(2):
            assert ours.decode(theirs.encode(fields, huffman=is_huffman)) == fields
            assert ours.table.size == theirs.header_table._current_size


@given(st.lists(st.tuples(FIELDS, SIZES), max_size=6))
def test_what_we_write_is_read_by_the_peer(steps: list[tuple[Fields, int | None]]) -> None:
    ours, theirs = Encoder(), hpack.Decoder(max_header_list_size=2**20)
    for fields, size in steps:
        if size is not None:
            ours.set_max_table(size)
            theirs.max_allowed_table_size = size
        for _ in range(3):
            expected = [(name, value.strip(b" \t")) for name, value in fields]
            assert [tuple(field) for field in theirs.decode(ours.encode_fields(fields), raw=True)] == expected
            assert theirs.header_table._current_size == ours.table.size


def outcome(decode: Callable[[bytes], Fields], blocks: list[bytes]) -> list[Fields | str]:
    """Return what each block means, up to the one that is refused."""
    read: list[Fields | str] = []
    for block in blocks:
        try:
            read.append([(bytes(name), bytes(value)) for name, value in decode(block)])
        except (H2Error, hpack.HPACKError):
            return [*read, "refused"]
    return read


INSTRUCTIONS = st.sampled_from(
    [
        b"\x82",
        b"\xbe",
        b"\xbf",
        b"\x40\x01a\x01b",
        b"\x40\x81\x1f\x81\x1f",
        b"\x00\x01c\x00",
        b"\x10\x01d\x03xyz",
        b"\x41\x01h",
        b"\x7e\x01v",
        b"\x20",
        b"\x3f\x21",
        b"\x3f\xe1\x1f",
        b"\xff\x00",
        b"\xff\x80\x01",
        b"\x80",
        b"\x0f\x2f\x00",
    ]
)


@given(st.lists(st.lists(INSTRUCTIONS | st.binary(max_size=3), max_size=6).map(b"".join), max_size=4))
def test_both_have_one_opinion_of_any_blocks(blocks: list[bytes]) -> None:
    theirs = hpack.Decoder(max_header_list_size=2**20)
    theirs.max_allowed_table_size = 4096
    ours = Decoder(max_list_bytes=0, max_fields=0)
    assert outcome(ours.decode, blocks) == outcome(lambda block: theirs.decode(block, raw=True), blocks)
