"""encoder.py: what it writes is small, is what it should say, and is written once when it repeats."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licorne.engine.http2.hpack.decoder import Decoder
from licorne.engine.http2.hpack.encoder import Encoder

Fields = list[tuple[bytes, bytes]]

HTML = (b"content-type", b"text/html; charset=utf-8")
JSON = (b"content-type", b"application/json")
SERVER = (b"server", b"licorne")
DATE = (b"date", b"Mon, 21 Oct 2013 20:13:21 GMT")


class Pair:
    """Be both ends: what one writes the other reads."""

    def __init__(self, max_table: int = 4096) -> None:
        self.encoder = Encoder(max_table)
        self.decoder = Decoder(65536, max_list_bytes=0, max_fields=0)

    def send(self, status: int, fields: Fields) -> bytes:
        """Encode, compare with what is decoded, return the block."""
        block = self.encoder.encode(status, fields)
        head = [(b":status", b"%d" % status)] if status else []
        assert self.decoder.decode(block) == head + fields
        assert self.decoder.table.size == self.encoder.table.size
        return block


def length(size: int) -> tuple[bytes, bytes]:
    return (b"content-length", b"%d" % size)


@pytest.mark.parametrize("status", [100, 103, 200, 204, 206, 226, 302, 304, 400, 404, 418, 500, 503, 599])
def test_every_status_is_said(status: int) -> None:
    Pair().send(status, [])


@pytest.mark.parametrize("status", [200, 204, 206, 304, 400, 404, 500])
def test_status_of_the_static_table_takes_one_octet(status: int) -> None:
    assert len(Pair().send(status, [])) == 1


def test_usual_response_takes_an_octet_for_each_field_that_repeats() -> None:
    pair = Pair()
    fields = [HTML, DATE, SERVER, length(13)]
    assert len(pair.send(200, fields)) > 40
    assert len(pair.send(200, fields)) == 4 + 5


def test_block_that_repeats_is_the_same_object() -> None:
    pair = Pair()
    fields = [HTML, DATE, SERVER, length(13)]
    pair.send(200, fields)
    kept = pair.send(200, fields)
    assert pair.send(200, list(fields)) is kept
    assert pair.send(200, [(bytes(bytearray(name)), bytes(bytearray(value))) for name, value in fields]) is kept
    assert pair.send(404, fields) is not kept


def test_several_blocks_are_kept_in_turn() -> None:
    pair = Pair()
    lists: list[Fields] = [[HTML, length(1)], [JSON, length(2)], [HTML, length(3)]]
    for _ in range(2):
        for fields in lists:
            pair.send(200, fields)
    kept = [pair.send(200, fields) for fields in lists]
    assert all(pair.send(200, fields) is block for fields, block in zip(lists, kept, strict=True))


def test_block_is_made_anew_when_the_table_has_changed() -> None:
    pair = Pair()
    fields = [HTML, SERVER]
    pair.send(200, fields)
    kept = pair.send(200, fields)
    pair.send(200, [DATE])
    again = pair.send(200, fields)
    assert again != kept
    assert len(again) == len(kept)


def test_list_that_was_changed_is_not_mistaken_for_the_one_that_was_kept() -> None:
    pair = Pair()
    fields = [HTML]
    pair.send(200, fields)
    pair.send(200, fields)
    fields.append(length(5))
    pair.send(200, fields)
    fields[:] = [JSON]
    pair.send(200, fields)


def test_trailers_have_no_status() -> None:
    encoder, decoder = Encoder(), Decoder()
    fields = [(b"grpc-status", b"0"), (b"grpc-message", b"")]
    for _ in range(4):
        assert decoder.decode(encoder.encode_fields(fields)) == fields
    assert len(encoder.encode_fields(fields)) == 2


def test_head_and_trailers_with_the_same_fields_are_told_apart() -> None:
    pair = Pair()
    for status in (200, 0, 200, 0):
        pair.send(status, [HTML])


@pytest.mark.parametrize("name", [b"set-cookie", b"cookie", b"authorization", b"proxy-authorization"])
def test_credentials_are_never_indexed(name: bytes) -> None:
    # RFC 7541 §7.1.3
    pair = Pair()
    for _ in range(3):
        block = pair.send(200, [(name, b"secret")])
        assert block[1] & 0xF0 == 0x10
    assert pair.encoder.table.inserted == 0


@pytest.mark.parametrize("name", [b"content-length", b"etag", b"last-modified", b"x-request-id"])
def test_what_hardly_repeats_is_not_indexed(name: bytes) -> None:
    pair = Pair()
    for number in (1, 1, 2, 2):
        pair.send(200, [(name, b"%d" % number)])
    assert pair.encoder.table.inserted == 0


def test_unknown_field_is_indexed_when_it_is_seen_again() -> None:
    pair = Pair()
    sizes = [len(pair.send(200, [(b"x-powered-by", b"curiosity")])) for _ in range(4)]
    assert sizes[0] == sizes[1] > sizes[2] == sizes[3] == 2
    assert pair.encoder.table.inserted == 1


def test_fields_that_never_repeat_push_nothing_out() -> None:
    pair = Pair()
    pair.send(200, [HTML, SERVER])
    for number in range(1000):
        pair.send(200, [HTML, SERVER, (b"x-trace", b"%d" % number)])
    assert pair.encoder.table.inserted == 2


def test_dates_push_out_what_is_old_and_usual_fields_come_back() -> None:
    pair = Pair()
    for second in range(500):
        block = pair.send(200, [HTML, (b"date", b"Mon, 21 Oct 2013 20:%02d:%02d GMT" % divmod(second, 60)), SERVER])
        assert len(block) < 80
    assert pair.encoder.table.size <= 4096


def test_field_that_would_fill_the_table_is_not_indexed() -> None:
    pair = Pair()
    pair.send(200, [HTML])
    for _ in range(3):
        pair.send(200, [(b"vary", b"x" * 4000)])
    assert pair.encoder.table.inserted == 1


def test_two_values_of_one_name_are_both_found() -> None:
    pair = Pair()
    for _ in range(3):
        for field in (HTML, JSON):
            block = pair.send(200, [field])
    assert len(block) == 2


def test_text_is_coded_only_when_that_is_shorter() -> None:
    # RFC 7541 §5.2
    pair = Pair()
    assert b"\x03\xff\xfe\xfd" in pair.send(200, [(b"x-odd", b"\xff\xfe\xfd")])
    assert b"licorne" not in pair.send(200, [SERVER])


@pytest.mark.parametrize("value", [b" a", b"a ", b"\ta\t", b" \t a b \t", b" ", b"\t"])
def test_blanks_around_a_value_are_left_out(value: bytes) -> None:
    # RFC 9113 §8.2.1
    encoder, decoder = Encoder(), Decoder()
    for _ in range(4):
        block = encoder.encode(0, [(b"x-padded", value)])
        assert decoder.decode(block) == [(b"x-padded", value.strip())]


# --- the size of the table ----------------------------------------------------------------------------------


def updates(block: bytes) -> list[int]:
    """Return the size updates that a block begins with (RFC 7541 §6.3)."""
    sizes = []
    at = 0
    while block[at] & 0xE0 == 0x20:
        size, shift = block[at] & 31, 0
        at += 1
        while size >= 31 and (not shift or block[at - 1] & 0x80):
            size += (block[at] & 127) << shift
            shift += 7
            at += 1
        sizes.append(size)
    return sizes


def test_size_of_the_peer_is_obeyed_by_the_next_block() -> None:
    # RFC 7541 §4.2
    pair = Pair()
    pair.send(200, [HTML, SERVER])
    pair.encoder.set_max_table(100)
    assert updates(pair.send(200, [HTML, SERVER])) == [100]
    assert updates(pair.send(200, [HTML, SERVER])) == []
    assert pair.encoder.table.max_size == 100


def test_smallest_size_since_the_last_block_is_said_first() -> None:
    # RFC 7541 §4.2
    pair = Pair()
    pair.send(200, [HTML])
    for size in (2000, 50, 300, 1000):
        pair.encoder.set_max_table(size)
    assert updates(pair.send(200, [HTML])) == [50, 1000]


def test_size_that_went_down_and_up_again_is_said() -> None:
    pair = Pair()
    pair.send(200, [HTML])
    pair.encoder.set_max_table(0)
    pair.encoder.set_max_table(4096)
    assert updates(pair.send(200, [HTML])) == [0, 4096]


def test_size_that_goes_up_is_said_once() -> None:
    pair = Pair()
    pair.encoder.set_max_table(0)
    pair.send(200, [HTML])
    pair.encoder.set_max_table(1000)
    assert updates(pair.send(200, [HTML])) == [1000]


@pytest.mark.parametrize("size", [4096, 4097, 65536, 2**32 - 1])
def test_larger_table_than_ours_is_not_used(size: int) -> None:
    pair = Pair()
    pair.encoder.set_max_table(size)
    assert updates(pair.send(200, [HTML])) == []
    assert pair.encoder.table.max_size == 4096


def test_kept_block_is_forgotten_when_the_size_changes() -> None:
    pair = Pair()
    for _ in range(3):
        pair.send(200, [HTML, SERVER])
    pair.encoder.set_max_table(0)
    pair.send(200, [HTML, SERVER])
    pair.encoder.set_max_table(4096)
    pair.send(200, [HTML, SERVER])


def test_own_maximum_is_said_at_once() -> None:
    assert updates(Pair(256).send(200, [HTML])) == [256]
    assert updates(Pair(0).send(200, [HTML])) == [0]


def test_without_table_everything_still_works() -> None:
    pair = Pair(0)
    for _ in range(3):
        pair.send(302, [HTML, SERVER, (b"x-own", b"value")])


# --- any fields ---------------------------------------------------------------------------------------------

NAMES = st.sampled_from([b"content-type", b"set-cookie", b"x-own", b"etag", b"date", b"x"]) | st.binary(max_size=8)
VALUES = st.sampled_from([b"", b"1", b"licorne", b"x" * 50, b"x" * 3500]) | st.binary(max_size=12)
LISTS = st.lists(st.tuples(NAMES, VALUES.map(lambda value: value.strip(b" \t"))), max_size=6)


@given(
    st.lists(st.tuples(st.sampled_from([0, 200, 302]), LISTS, st.sampled_from([None, 0, 64, 200, 4096])), max_size=8)
)
def test_any_fields_are_read_as_they_were_written(steps: list[tuple[int, Fields, int | None]]) -> None:
    pair = Pair()
    for status, fields, size in steps:
        if size is not None:
            pair.encoder.set_max_table(size)
        for _ in range(3):
            pair.send(status, fields)


def test_memory_is_bounded_whatever_is_sent() -> None:
    pair = Pair()
    for number in range(3000):
        pair.send(200, [(b"x-%d" % number, b"v"), (b"vary", b"%d" % number), (b"x-more", b"%d" % (number // 2))])
    tracemalloc.start()
    try:
        for number in range(3000, 6000):
            pair.send(200, [(b"x-%d" % number, b"v"), (b"vary", b"%d" % number), (b"x-more", b"%d" % (number // 2))])
        assert tracemalloc.get_traced_memory()[0] < 60_000
    finally:
        tracemalloc.stop()
