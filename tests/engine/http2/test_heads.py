"""heads.py: what repeats is not read again, and nobody can tell."""

import gc
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licorne.engine.http2.errors import H2Error
from licorne.engine.http2.heads import HeadReader
from licorne.engine.http2.hpack.decoder import Decoder
from licorne.engine.http2.hpack.encoder import Encoder
from licorne.engine.pseudo import request_head
from licorne.engine.received import RequestHead
from licorne.errors import RemoteProtocolError

Fields = list[tuple[bytes, bytes]]

ATTRIBUTES = [name for name in dir(RequestHead) if not name.startswith("_")]


def request(*more: tuple[bytes, bytes], path: bytes = b"/") -> Fields:
    return [(b":method", b"GET"), (b":scheme", b"https"), (b":path", path), (b":authority", b"a.example"), *more]


def facts(head: RequestHead | None) -> list[object]:
    assert head is not None
    return [getattr(head, name) for name in ATTRIBUTES]


def new_reader(takes_websocket: bool = True, **limits: int) -> HeadReader:
    return HeadReader(Decoder(**limits), takes_websocket)


def test_repeated_request_is_the_same_each_time() -> None:
    reader, encoder = new_reader(), Encoder()
    fields = request(
        (b"user-agent", b"somebody"), (b"cookie", b"a=1"), (b"cookie", b"b=2"), (b"x-forwarded-for", b"::1")
    )
    expected = facts(request_head(fields, True))
    assert len(ATTRIBUTES) == 12
    for _ in range(5):
        assert facts(reader.read(encoder.encode_fields(fields), True)) == expected


def test_each_request_has_a_list_of_its_own() -> None:
    reader, encoder = new_reader(), Encoder()
    for _ in range(5):
        head = reader.read(encoder.encode_fields(request()), True)
        assert head is not None
        assert head.headers == [(b"host", b"a.example")]
        head.headers.append((b"x-added", b"by an application"))
        head.expects_continue = True
        head.method = "CHANGED"


def test_same_block_means_something_else_with_another_table() -> None:
    reader = new_reader()
    block = b"\x82\x87\x84\x01\x09a.example\xbe"  # :authority as a literal, and the newest entry
    for value in (b"one", b"two"):
        reader.decoder.decode(b"\x40\x05x-own\x03" + value)
        for _ in range(4):
            head = reader.read(block, True)
            assert head is not None
            assert head.headers == [(b"host", b"a.example"), (b"x-own", value)]


def test_same_block_with_a_body_is_another_request() -> None:
    reader, encoder = new_reader(), Encoder()
    lengths = []
    for ends in (True, True, True, False, False, False, True):
        head = reader.read(encoder.encode_fields(request()), ends)
        assert head is not None
        lengths.append(head.content_length)
    assert lengths == [0, 0, 0, -1, -1, -1, 0]


def test_same_block_must_reduce_the_table_when_that_is_due() -> None:
    # RFC 9113 §4.3.1
    reader, encoder = HeadReader(Decoder(100), True), Encoder()
    block = b""
    for _ in range(4):
        block = encoder.encode_fields(request())
        reader.read(block, True)
    reader.decoder.acknowledge()
    with pytest.raises(H2Error):
        reader.read(block, True)


def test_malformed_request_is_refused_each_time() -> None:
    reader, encoder = new_reader(), Encoder()
    for fields in (request(), request((b"upgrade", b"h2c")), request((b"Upper", b"case"))):
        for _ in range(4):
            block = encoder.encode_fields(fields)
            if len(fields) == 4:
                reader.read(block, True)
            else:
                with pytest.raises(RemoteProtocolError):
                    reader.read(block, True)


def test_list_that_is_too_large_is_none_each_time() -> None:
    reader, encoder = new_reader(max_list_bytes=500), Encoder()
    for _ in range(4):
        assert reader.read(encoder.encode_fields(request((b"x-large", b"x" * 500))), True) is None
    assert reader.read(encoder.encode_fields(request()), True) is not None


def test_head_method_is_known_also_of_a_refused_request() -> None:
    reader, encoder = new_reader(), Encoder()
    with pytest.raises(RemoteProtocolError):
        reader.read(encoder.encode_fields([(b":method", b"HEAD"), *request((b"te", b"gzip"))[1:]]), True)
    assert reader.is_head()
    reader.read(encoder.encode_fields(request()), True)
    assert not reader.is_head()


def test_head_method_is_known_also_of_a_list_that_is_too_large() -> None:
    reader, encoder = new_reader(max_list_bytes=500), Encoder()
    large = (b"x-large", b"x" * 500)
    for method in (b"HEAD", b"GET", b"HEAD"):
        assert reader.read(encoder.encode_fields([(b":method", method), *request(large)[1:]]), True) is None
        assert reader.is_head() is (method == b"HEAD")
    assert reader.read(encoder.encode_fields([large, *request()]), True) is None
    assert not reader.is_head()


def test_large_requests_are_not_held() -> None:
    reader, encoder = new_reader(), Encoder()
    value = bytes(bytearray(b"x" * 9000))
    for _ in range(3):
        head = reader.read(encoder.encode_fields(request((b"x-large", value))), True)
    assert head is not None
    kept = head.headers[-1][1]
    del head
    gc.collect()
    assert sys.getrefcount(kept) == 2


HEADS = st.builds(
    lambda path, more: request(*more, path=path),
    st.sampled_from([b"/", b"/a?b=c", b"", b"nowhere"]),
    st.lists(
        st.sampled_from(
            [
                (b"accept", b"*/*"),
                (b"cookie", b"a=1"),
                (b"cookie", b"b=2"),
                (b"te", b"trailers"),
                (b"te", b"gzip"),
                (b"host", b"a.example"),
                (b"host", b"b.example"),
                (b"content-length", b"0"),
                (b"expect", b"100-continue"),
                (b"x-bad", b"a\nb"),
                (b"X-Bad", b"a"),
                (b":path", b"/late"),
                (b"connection", b"close"),
            ]
        ),
        max_size=3,
    ),
)


@given(st.lists(st.tuples(HEADS, st.booleans(), st.integers(1, 4)), max_size=6))
def test_any_requests_are_read_as_if_each_were_the_first(steps: list[tuple[Fields, bool, int]]) -> None:
    reader, encoder = new_reader(), Encoder()
    for fields, ends, count in steps:
        expected: object
        try:
            expected = facts(request_head(fields, ends))
        except RemoteProtocolError as error:
            expected = str(error)
        for _ in range(count):
            seen: object
            try:
                seen = facts(reader.read(encoder.encode_fields(fields), ends))
            except RemoteProtocolError as error:
                seen = str(error)
            assert seen == expected
