"""decoder.py: every rule of RFC 7541 §2 to §6 for who reads, the examples of Appendix C, and the limits."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licorne.engine.http2.errors import H2Error
from licorne.engine.http2.frames import COMPRESSION_ERROR, ENHANCE_YOUR_CALM
from licorne.engine.http2.hpack.decoder import Decoder
from licorne.engine.http2.hpack.encoder import put_integer, put_string
from licorne.engine.http2.hpack.table import STATIC

Fields = list[tuple[bytes, bytes]]

GET = [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/"), (b":authority", b"www.example.com")]
SECURE = [(b":method", b"GET"), (b":scheme", b"https"), (b":path", b"/index.html"), (b":authority", b"www.example.com")]
NO_CACHE = (b"cache-control", b"no-cache")
CUSTOM = (b"custom-key", b"custom-value")
DATE_21 = (b"date", b"Mon, 21 Oct 2013 20:13:21 GMT")
DATE_22 = (b"date", b"Mon, 21 Oct 2013 20:13:22 GMT")
PRIVATE = (b"cache-control", b"private")
LOCATION = (b"location", b"https://www.example.com")
COOKIE = (b"set-cookie", b"foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1")
FOUND = [(b":status", b"302"), PRIVATE, DATE_21, LOCATION]
MOVED = [(b":status", b"307"), PRIVATE, DATE_21, LOCATION]
FINE = [(b":status", b"200"), PRIVATE, DATE_22, LOCATION, (b"content-encoding", b"gzip"), COOKIE]
#: A size update to 256 bytes, which the responses of the appendix are written for.
TO_256 = "3fe101"


def block(digits: str) -> bytes:
    return bytes.fromhex(digits)


def literal(name: bytes, value: bytes, kind: int = 0x40) -> bytes:
    """Return a literal with a literal name: with indexing (0x40), without (0) or never indexed (0x10)."""
    out = bytearray([kind])
    put_string(out, name)
    put_string(out, value)
    return bytes(out)


def indexed(index: int) -> bytes:
    out = bytearray()
    put_integer(out, index, 0x80, 0x7F)
    return bytes(out)


def resized(size: int) -> bytes:
    out = bytearray()
    put_integer(out, size, 0x20, 0x1F)
    return bytes(out)


def refusal(decoder: Decoder, data: bytes) -> int:
    with pytest.raises(H2Error) as caught:
        decoder.decode(data)
    assert caught.value.stream_id == 0
    assert "\n" not in caught.value.reason
    return caught.value.code


# --- the examples -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param(
            [("400a637573746f6d2d6b65790d637573746f6d2d686561646572", [(b"custom-key", b"custom-header")], 55)],
            id="C.2.1",
        ),
        pytest.param([("040c2f73616d706c652f70617468", [(b":path", b"/sample/path")], 0)], id="C.2.2"),
        pytest.param([("100870617373776f726406736563726574", [(b"password", b"secret")], 0)], id="C.2.3"),
        pytest.param([("82", [(b":method", b"GET")], 0)], id="C.2.4"),
        pytest.param(
            [
                ("828684410f7777772e6578616d706c652e636f6d", GET, 57),
                ("828684be58086e6f2d6361636865", [*GET, NO_CACHE], 110),
                ("828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565", [*SECURE, CUSTOM], 164),
            ],
            id="C.3",
        ),
        pytest.param(
            [
                ("828684418cf1e3c2e5f23a6ba0ab90f4ff", GET, 57),
                ("828684be5886a8eb10649cbf", [*GET, NO_CACHE], 110),
                ("828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf", [*SECURE, CUSTOM], 164),
            ],
            id="C.4",
        ),
        pytest.param(
            [
                (
                    TO_256
                    + "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d54"
                    "6e1768747470733a2f2f7777772e6578616d706c652e636f6d",
                    FOUND,
                    222,
                ),
                ("4803333037c1c0bf", MOVED, 222),
                (
                    (
                        "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153"
                        "444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e"
                        "3d31"
                    ),
                    FINE,
                    215,
                ),
            ],
            id="C.5",
        ),
        pytest.param(
            [
                (
                    (
                        TO_256
                        + "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c7"
                        "8f0b97c8e9ae82ae43d3"
                    ),
                    FOUND,
                    222,
                ),
                ("4883640effc1c0bf", MOVED, 222),
                (
                    (
                        "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b"
                        "3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007"
                    ),
                    FINE,
                    215,
                ),
            ],
            id="C.6",
        ),
    ],
)
def test_examples_of_the_appendix(steps: list[tuple[str, Fields, int]]) -> None:
    decoder = Decoder()
    for digits, fields, table_size in steps:
        assert decoder.decode(block(digits)) == fields
        assert decoder.table.size == table_size


def test_static_table_is_the_appendix() -> None:
    # RFC 7541 Appendix A: 61 entries, the first and the last.
    assert len(STATIC) == 62
    assert Decoder().decode(bytes(0x80 | index for index in range(1, 62))) == list(STATIC[1:])


def test_empty_block_is_an_empty_list() -> None:
    assert Decoder().decode(b"") == []


# --- tables (§2, §4) ----------------------------------------------------------------------------------------


def test_newest_entry_has_the_lowest_index() -> None:
    # RFC 7541 §2.3.2, §2.3.3
    decoder = Decoder()
    decoder.decode(literal(b"a", b"1") + literal(b"b", b"2"))
    assert decoder.decode(indexed(62) + indexed(63)) == [(b"b", b"2"), (b"a", b"1")]


def test_duplicate_entries_are_allowed() -> None:
    # RFC 7541 §2.3.2
    decoder = Decoder()
    decoder.decode(literal(b"a", b"1") + literal(b"a", b"1"))
    assert decoder.table.size == 2 * 34


@pytest.mark.parametrize("kind", [0x00, 0x10])
def test_literal_that_is_not_indexed_changes_no_table(kind: int) -> None:
    # RFC 7541 §6.2.2, §6.2.3
    decoder = Decoder()
    assert decoder.decode(literal(b"a", b"1", kind)) == [(b"a", b"1")]
    assert decoder.table.size == 0
    assert refusal(decoder, indexed(62)) == COMPRESSION_ERROR


@pytest.mark.parametrize("index", [0, 62, 63, 1000, 2**28])
def test_index_that_no_table_has_is_refused(index: int) -> None:
    # RFC 7541 §2.3.3, §6.1
    assert refusal(Decoder(), indexed(index)) == COMPRESSION_ERROR


@pytest.mark.parametrize(("kind", "prefix"), [(0x40, 0x3F), (0x00, 0x0F), (0x10, 0x0F)])
def test_name_index_that_no_table_has_is_refused(kind: int, prefix: int) -> None:
    # RFC 7541 §6.2
    out = bytearray()
    put_integer(out, 62, kind, prefix)
    put_string(out, b"value")
    assert refusal(Decoder(), bytes(out)) == COMPRESSION_ERROR


def test_oldest_entries_are_evicted_for_a_new_one() -> None:
    # RFC 7541 §4.4
    decoder = Decoder()
    decoder.decode(resized(100) + literal(b"a", b"1") + literal(b"b", b"2"))
    assert decoder.decode(literal(b"c", b"3") + indexed(63)) == [(b"c", b"3"), (b"b", b"2")]
    assert decoder.table.size == 68
    assert refusal(decoder, indexed(64)) == COMPRESSION_ERROR


def test_entry_larger_than_the_table_empties_it_and_is_no_error() -> None:
    # RFC 7541 §4.4
    decoder = Decoder()
    decoder.decode(resized(100) + literal(b"a", b"1"))
    assert decoder.decode(literal(b"b", b"2" * 100)) == [(b"b", b"2" * 100)]
    assert decoder.table.size == 0


def test_entry_as_large_as_the_table_fits() -> None:
    decoder = Decoder()
    decoder.decode(resized(100) + literal(b"a", b"1") + literal(b"b", b"2" * 67))
    assert decoder.table.size == 100
    assert decoder.decode(indexed(62)) == [(b"b", b"2" * 67)]


def test_name_may_be_that_of_the_entry_that_is_evicted() -> None:
    # RFC 7541 §4.4
    decoder = Decoder()
    decoder.decode(resized(40) + literal(b"name", b"old"))
    assert decoder.decode(block("7e") + b"\x03new") == [(b"name", b"new")]
    assert decoder.decode(indexed(62)) == [(b"name", b"new")]


def test_size_update_evicts() -> None:
    # RFC 7541 §4.3
    decoder = Decoder()
    decoder.decode(literal(b"a", b"1") + literal(b"b", b"2"))
    assert decoder.decode(resized(40) + indexed(62)) == [(b"b", b"2")]
    assert decoder.table.size == 34
    decoder.decode(resized(0))
    assert decoder.table.size == 0


def test_size_update_of_zero_and_back_empties_the_table() -> None:
    decoder = Decoder()
    decoder.decode(literal(b"a", b"1"))
    assert refusal(decoder, resized(0) + resized(4096) + indexed(62)) == COMPRESSION_ERROR


def test_size_update_over_the_announced_size_is_refused() -> None:
    # RFC 7541 §6.3
    assert refusal(Decoder(), resized(4097)) == COMPRESSION_ERROR
    assert Decoder(8192).decode(resized(8192)) == []


def test_size_update_within_a_block_is_refused() -> None:
    # RFC 7541 §4.2
    assert refusal(Decoder(), indexed(2) + resized(100)) == COMPRESSION_ERROR


def test_both_table_sizes_will_do_until_the_peer_acknowledges() -> None:
    decoder = Decoder(100)
    assert decoder.decode(resized(4096)) == []
    assert decoder.decode(indexed(2)) == [(b":method", b"GET")]


def test_reduced_table_must_be_reduced_by_the_next_block() -> None:
    # RFC 9113 §4.3.1
    decoder = Decoder(100)
    decoder.acknowledge()
    assert refusal(decoder, indexed(2)) == COMPRESSION_ERROR
    for data in (b"", resized(101)):
        decoder = Decoder(100)
        decoder.acknowledge()
        assert refusal(decoder, data) == COMPRESSION_ERROR
    decoder = Decoder(100)
    decoder.acknowledge()
    assert decoder.decode(resized(0) + resized(100) + indexed(2)) == [(b":method", b"GET")]
    assert decoder.decode(indexed(2)) == [(b":method", b"GET")]


def test_table_that_was_reduced_before_owes_nothing() -> None:
    decoder = Decoder(100)
    decoder.decode(resized(50))
    decoder.acknowledge()
    assert decoder.decode(indexed(2)) == [(b":method", b"GET")]


def test_same_field_is_the_same_object() -> None:
    decoder = Decoder()
    first = decoder.decode(literal(b"user-agent", b"somebody"))
    assert decoder.decode(indexed(62))[0] is first[0]
    assert decoder.decode(indexed(2))[0] is STATIC[2]


# --- integers and strings (§5) ------------------------------------------------------------------------------


def test_integers_of_the_appendix() -> None:
    # RFC 7541 C.1
    for number, prefix, digits in ((10, 0x1F, "0a"), (1337, 0x1F, "1f9a0a"), (42, 0xFF, "2a")):
        out = bytearray()
        put_integer(out, number, 0, prefix)
        assert out.hex() == digits


@pytest.mark.parametrize(
    "digits",
    [
        pytest.param("ff", id="index-without-its-rest"),
        pytest.param("ff80", id="rest-that-goes-on"),
        pytest.param("ff8080808080808000", id="too-many-octets"),
        pytest.param("ffffffffff7f", id="over-31-bits"),
        pytest.param("ffffffffffffffffffffff01", id="far-over"),
        pytest.param("40", id="literal-without-name"),
        pytest.param("400161", id="literal-without-value"),
        pytest.param("40026101", id="value-without-octets"),
        pytest.param("4003616263", id="value-missing"),
        pytest.param("400561", id="name-beyond-the-block"),
        pytest.param("0405616263", id="value-beyond-the-block"),
        pytest.param("04ffffffff0f", id="huge-huffman-value"),
        pytest.param("047fffffffff0f", id="huge-value"),
        pytest.param("0482ffff", id="huffman-padding-too-long"),
        pytest.param("3f", id="size-update-without-its-rest"),
    ],
)
def test_broken_block_is_refused(digits: str) -> None:
    # RFC 7541 §5.1, §5.2; RFC 9113 §4.3
    assert refusal(Decoder(), block(digits)) == COMPRESSION_ERROR


@pytest.mark.parametrize("digits", ["7f00", "7f80808000"])
def test_integer_may_be_longer_than_it_needs_within_bounds(digits: str) -> None:
    decoder = Decoder()
    decoder.decode(literal(b"a", b"1") + literal(b"b", b"2"))
    assert decoder.decode(block(digits) + b"\x01v") == [(b"a", b"v")]


def test_value_may_hold_any_octet() -> None:
    # RFC 7541 has no opinion on names and values; pseudo.py has.
    name, value = bytes(range(256)), bytes(reversed(range(256)))
    assert Decoder().decode(literal(name, value) + literal(b"", b"")) == [(name, value), (b"", b"")]


# --- limits -------------------------------------------------------------------------------------------------


def test_list_at_its_limit_is_kept_and_one_byte_more_is_not() -> None:
    decoder = Decoder(max_list_bytes=100)
    fields = decoder.decode(literal(b"a", b"1") + literal(b"b", b"2" * 33))
    assert len(fields) == 2
    assert decoder.list_bytes == 100
    assert not decoder.is_too_large
    assert decoder.decode(literal(b"a", b"1") + literal(b"b", b"2" * 34)) == []
    assert decoder.is_too_large


def test_too_many_fields_are_too_large() -> None:
    decoder = Decoder(max_fields=3)
    assert len(decoder.decode(indexed(2) * 3)) == 3
    assert decoder.decode(indexed(2) * 4) == []
    assert decoder.is_too_large


def test_no_limit_is_zero() -> None:
    decoder = Decoder(max_list_bytes=0, max_fields=0)
    assert len(decoder.decode(literal(b"a", b"b" * 5000) * 300)) == 300


def test_too_many_fields_are_no_fault_where_their_size_has_no_limit() -> None:
    decoder = Decoder(max_list_bytes=0, max_fields=3)
    assert decoder.decode(indexed(2) * 40) == []
    assert decoder.is_too_large


def test_table_is_right_behind_a_list_that_is_too_large() -> None:
    decoder = Decoder(max_list_bytes=100)
    assert decoder.decode(literal(b"a", b"1" * 70) + literal(b"b", b"2" * 70)) == []
    assert decoder.decode(indexed(62)) == []
    decoder.decode(indexed(2))
    assert not decoder.is_too_large
    assert decoder.table.size == 2 * 103


def test_fault_behind_the_limit_is_a_fault() -> None:
    assert refusal(Decoder(max_list_bytes=100), literal(b"a", b"1" * 100) + indexed(99)) == COMPRESSION_ERROR


def test_list_four_times_over_its_limit_ends_the_connection() -> None:
    decoder = Decoder(max_list_bytes=100)
    assert decoder.decode(literal(b"a", b"1" * 366)) == []
    assert refusal(decoder, literal(b"a", b"1" * 368)) == ENHANCE_YOUR_CALM


def test_bomb_of_indexes_takes_neither_memory_nor_time() -> None:
    # One entry of 4 KiB named again and again: 256 KiB of block would stand for a gigabyte of fields.
    decoder = Decoder()
    decoder.decode(literal(b"a", b"b" * 4000))
    assert decoder.decode(indexed(62) * 60) == []
    bomb = indexed(62) * 256 * 1024
    tracemalloc.start()
    try:
        assert refusal(decoder, bomb) == ENHANCE_YOUR_CALM
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


def test_bomb_of_small_fields_keeps_nothing() -> None:
    decoder = Decoder()
    tracemalloc.start()
    try:
        assert decoder.decode(indexed(15) * 5000) == []
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


def test_many_evictions_take_linear_time() -> None:
    # A large table that is full of the smallest entries, and one that replaces them all. Would the entries be moved
    # for each that goes, this took minutes.
    decoder = Decoder(2**20, max_list_bytes=0, max_fields=0)
    decoder.acknowledge()
    decoder.decode(resized(2**20))
    for _ in range(3):
        decoder.decode(literal(b"", b"") * 2**16)
        assert decoder.table.size == 2**20
        decoder.decode(literal(b"b", b"c" * (2**20 - 33)))
        assert decoder.decode(indexed(62))[0][0] == b"b"


def outcome(decoder: Decoder, data: bytes) -> Fields | int:
    """Return the fields, or the code of the error."""
    try:
        return decoder.decode(data)
    except H2Error as error:
        return error.code


@given(st.lists(st.binary(max_size=40), max_size=6), st.booleans())
def test_any_blocks_are_decoded_or_refused(blocks: list[bytes], is_tight: bool) -> None:
    decoder = Decoder(max_list_bytes=150, max_fields=5) if is_tight else Decoder()
    for data in blocks:
        fields = outcome(decoder, data)
        if isinstance(fields, int):
            assert fields in (COMPRESSION_ERROR, ENHANCE_YOUR_CALM)
            return
        assert decoder.table.size <= decoder.table.max_size <= 4096
        assert not is_tight or sum(len(name) + len(value) + 32 for name, value in fields) <= 150
        assert not (fields and decoder.is_too_large)
