"""The PROXY protocol: what versions 1 and 2 say, in pieces and whole, and everything that is refused."""

import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licorne.engine.proxy_protocol import ProxyHeader, ProxyHeaderReader, TlsFacts, crc32c
from licorne.errors import RemoteProtocolError

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
V4 = socket.inet_aton("192.0.2.1") + socket.inet_aton("192.0.2.2") + struct.pack("!HH", 50000, 443)
V6 = socket.inet_pton(socket.AF_INET6, "2001:db8::1") + socket.inet_pton(socket.AF_INET6, "::1") + b"\x00\x01\x00\x02"


def v2(payload: bytes, command: int = 0x21, family: int = 0x11) -> bytes:
    """Write a header of version 2."""
    return SIGNATURE + bytes([command, family]) + struct.pack("!H", len(payload)) + payload


def tlv(kind: int, value: bytes) -> bytes:
    """Write a TLV."""
    return struct.pack("!BH", kind, len(value)) + value


def read(data: bytes) -> ProxyHeader:
    """Read a whole header with nothing behind it."""
    reader = ProxyHeaderReader()
    header = reader.feed(data)
    assert header is not None
    assert reader.data == b""
    return header


def with_sum(header: bytes) -> bytes:
    """Add a checksum to a header of version 2."""
    size = int.from_bytes(header[14:16], "big") + 7
    whole = header[:14] + struct.pack("!H", size) + header[16:] + tlv(0x03, bytes(4))
    return whole[:-4] + struct.pack("!L", crc32c(whole))


TLS = tlv(
    0x20,
    b"\x07" + bytes(4) + tlv(0x21, b"TLSv1.3") + tlv(0x22, "Zoë".encode()) + tlv(0x23, b"AES") + tlv(0x24, b"SHA256"),
)

WHOLE = {
    "tcp4": (
        b"PROXY TCP4 192.0.2.1 192.0.2.2 50000 443\r\n",
        ProxyHeader(1, ("192.0.2.1", 50000), ("192.0.2.2", 443)),
    ),
    "tcp6": (
        b"PROXY TCP6 2001:DB8::0:1 ::ffff:192.0.2.2 0 65535\r\n",
        ProxyHeader(1, ("2001:db8::1", 0), ("::ffff:192.0.2.2", 65535)),
    ),
    "tcp6-mapped": (
        b"PROXY TCP6 ::FFFF:C000:0201 ::192.0.2.2 1 2\r\n",
        ProxyHeader(1, ("::ffff:192.0.2.1", 1), ("::192.0.2.2", 2)),
    ),
    "v2-mapped": (
        v2(
            bytes(10) + b"\xff\xff\xc0\x00\x02\x01" + bytes(12) + b"\xc0\x00\x02\x02" + b"\x00\x01\x00\x02", family=0x21
        ),
        ProxyHeader(2, ("::ffff:192.0.2.1", 1), ("::192.0.2.2", 2)),
    ),
    "longest-v1": (
        b"PROXY TCP6 " + b"ffff:" * 7 + b"ffff " + b"ffff:" * 7 + b"ffff 65535 65535\r\n",
        ProxyHeader(1, (":".join(["ffff"] * 8), 65535), (":".join(["ffff"] * 8), 65535)),
    ),
    "unknown": (b"PROXY UNKNOWN\r\n", ProxyHeader(1)),
    "unknown-with-more": (b"PROXY UNKNOWN ffff::1 whatever 1 2\r\n", ProxyHeader(1)),
    "v2-tcp4": (v2(V4), ProxyHeader(2, ("192.0.2.1", 50000), ("192.0.2.2", 443))),
    "v2-tcp6": (v2(V6, family=0x21), ProxyHeader(2, ("2001:db8::1", 1), ("::1", 2))),
    "v2-unix": (v2(bytes(216), family=0x31), ProxyHeader(2)),
    "v2-unspecified": (v2(b"", family=0), ProxyHeader(2)),
    "v2-local": (v2(V4, command=0x20), ProxyHeader(2, is_own=True)),
    "v2-local-skips-everything": (v2(b"\xff\xff\xff", command=0x20, family=0xFF), ProxyHeader(2, is_own=True)),
    "v2-unspecified-with-tlv": (v2(tlv(0x02, b"a.org"), family=0), ProxyHeader(2, authority="a.org")),
    "v2-tlvs": (
        v2(V4 + tlv(0x01, b"h2") + tlv(0x04, b"xx") + tlv(0x04, b"") + tlv(0x05, b"\x00id") + tlv(0xEA, b"\x01vpce")),
        ProxyHeader(
            2, ("192.0.2.1", 50000), ("192.0.2.2", 443), alpn="h2", unique_id=b"\x00id", others={0xEA: b"\x01vpce"}
        ),
    ),
    "v2-tls": (
        v2(V4 + TLS + tlv(0x30, b"blue")),
        ProxyHeader(
            2,
            ("192.0.2.1", 50000),
            ("192.0.2.2", 443),
            namespace="blue",
            tls=TlsFacts(True, True, "TLSv1.3", "Zoë", "AES", "SHA256"),
        ),
    ),
    "v2-tls-unverified": (
        v2(V4 + tlv(0x20, b"\x03\x00\x00\x00\x01")),
        ProxyHeader(2, ("192.0.2.1", 50000), ("192.0.2.2", 443), tls=TlsFacts(True, False)),
    ),
    "v2-no-tls": (v2(V4 + tlv(0x20, bytes(5))), ProxyHeader(2, ("192.0.2.1", 50000), ("192.0.2.2", 443))),
    "v2-checksum": (with_sum(v2(V4)), ProxyHeader(2, ("192.0.2.1", 50000), ("192.0.2.2", 443))),
}


@pytest.mark.parametrize(("data", "expected"), WHOLE.values(), ids=WHOLE)
def test_a_header_says_this(data: bytes, expected: ProxyHeader) -> None:
    assert read(data) == expected


@pytest.mark.parametrize(("data", "expected"), WHOLE.values(), ids=WHOLE)
def test_a_header_may_come_in_pieces_with_more_behind_it(data: bytes, expected: ProxyHeader) -> None:
    for cut in range(1, len(data)):
        reader = ProxyHeaderReader()
        assert reader.feed(data[:cut]) is None
        assert reader.feed(data[cut:] + b"GET /") == expected
        assert reader.data == b"GET /"


BAD = {
    "http": b"GET / HTTP/1.1\r\n",
    "http2": b"PRI * HTTP/2.0\r\n",
    "tls": b"\x16\x03\x01\x02\x00",
    "lower-case": b"proxy TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
    "no-words": b"PROXY \r\n",
    "no-ports": b"PROXY TCP4 192.0.2.1 192.0.2.2\r\n",
    "two-spaces": b"PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n",
    "tab": b"PROXY TCP4\t192.0.2.1 192.0.2.2 1 2\r\n",
    "one-word-more": b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n",
    "other-family": b"PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n",
    "v6-as-v4": b"PROXY TCP4 ::1 192.0.2.2 1 2\r\n",
    "v4-as-v6": b"PROXY TCP6 192.0.2.1 ::1 1 2\r\n",
    "leading-zero-in-address": b"PROXY TCP4 192.0.2.01 192.0.2.2 1 2\r\n",
    "short-address": b"PROXY TCP4 192.0.2 192.0.2.2 1 2\r\n",
    "zone": b"PROXY TCP6 fe80::1%lo ::1 1 2\r\n",
    "name": b"PROXY TCP4 localhost 192.0.2.2 1 2\r\n",
    "leading-zero-in-port": b"PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n",
    "large-port": b"PROXY TCP4 192.0.2.1 192.0.2.2 65536 2\r\n",
    "negative-port": b"PROXY TCP4 192.0.2.1 192.0.2.2 -1 2\r\n",
    "long-line": b"PROXY UNKNOWN " + b"x" * 100,
    "bare-line-feed": b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n" + b"x" * 107,
    "v2-version-1": v2(V4, command=0x11),
    "v2-version-3": v2(V4, command=0x31),
    "v2-command": v2(V4, command=0x22),
    "v2-family": v2(V4, family=0x41),
    "v2-transport": v2(V4, family=0x13),
    "v2-datagrams": v2(V4, family=0x12),
    "v2-short-addresses": v2(V4[:-1]),
    "v2-short-v6": v2(V4, family=0x21),
    "v2-short-unix": v2(bytes(215), family=0x31),
    "v2-cut-tlv-head": v2(V4 + b"\x01\x00"),
    "v2-cut-tlv": v2(V4 + b"\x01\x00\x05h2"),
    "v2-authority-twice": v2(V4 + tlv(2, b"a") + tlv(2, b"b")),
    "v2-tls-twice": v2(V4 + TLS + TLS),
    "v2-long-authority": v2(V4 + tlv(2, b"a" * 256)),
    "v2-long-id": v2(V4 + tlv(5, b"a" * 129)),
    "v2-authority-no-utf8": v2(V4 + tlv(2, b"\xff")),
    "v2-short-tls": v2(V4 + tlv(0x20, b"\x01")),
    "v2-cut-tls": v2(V4 + tlv(0x20, b"\x01" + bytes(4) + b"\x21\x00\x09x")),
    "v2-checksum": v2(V4 + tlv(3, bytes(4))),
    "v2-short-checksum": v2(V4 + tlv(3, b"")),
    "v2-changed": with_sum(v2(V4)).replace(socket.inet_aton("192.0.2.1"), socket.inet_aton("192.0.2.9")),
    "v2-too-large": SIGNATURE + b"\x21\x11\xff\xff",
}


@pytest.mark.parametrize("data", BAD.values(), ids=BAD)
def test_what_is_no_header_is_refused(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match="PROXY protocol") as caught:
        ProxyHeaderReader().feed(data)
    assert caught.value.status == 400


def test_what_is_no_header_is_refused_at_its_first_wrong_byte() -> None:
    reader = ProxyHeaderReader()
    assert reader.feed(b"P") is None
    assert reader.feed(b"RO") is None
    with pytest.raises(RemoteProtocolError, match="no PROXY protocol header"):
        reader.feed(b"P")


def test_the_checksum_is_that_of_rfc_4960() -> None:
    assert crc32c(b"123456789") == 0xE3069283


@given(st.binary(max_size=300), st.sampled_from([b"", b"PROXY ", b"PROXY TCP4 ", SIGNATURE, SIGNATURE + b"\x21\x11"]))
def test_nothing_but_a_refusal_comes_of_any_bytes(data: bytes, start: bytes) -> None:
    reader = ProxyHeaderReader()
    try:
        reader.feed(start + data)
    except RemoteProtocolError:
        return
