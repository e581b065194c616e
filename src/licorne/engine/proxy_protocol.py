"""The PROXY protocol, versions 1 and 2: what a proxy writes before anything else, to say whose connection it passes on.

    PROXY TCP4 192.0.2.1 192.0.2.2 50000 443\\r\\n      version 1, at most 107 bytes
    \\r\\n\\r\\n\\0\\r\\nQUIT\\n 0x21 0x11 length …         version 2: addresses, and TLVs with what else is known

Rules: the header is told apart by its first byte that cannot belong to one, is bounded, and may come in pieces. What
it says must be whole and right to the last byte, or the connection is refused: nobody else will say whose it is.
"""

import socket
import struct
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address

from licorne.errors import RemoteProtocolError

__all__ = ["Address", "ProxyHeader", "ProxyHeaderReader", "TlsFacts"]

#: A host and a port.
Address = tuple[str, int]

_SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
_V1_START = b"PROXY "
_MAX_V1_BYTES = 107
_V2_HEAD_BYTES = 16
#: The addresses of UNIX sockets take 216 bytes; the rest is for TLVs, of which a certificate is the largest.
_MAX_V2_BYTES = 16 * 1024

_LOCAL = 0
_PROXY = 1
_V2 = 2
_STREAM = 1
#: Family → how an address is written, and the size of both addresses with their ports.
_FAMILIES = {1: (socket.AF_INET, 12), 2: (socket.AF_INET6, 36)}
_UNSPECIFIED = 0
_UNIX = 3
_UNIX_BYTES = 216
_MAX_PORT = 65535

_ALPN = 0x01
_AUTHORITY = 0x02
_CRC32C = 0x03
_NOOP = 0x04
_UNIQUE_ID = 0x05
_SSL = 0x20
_NETNS = 0x30
_MAX_UNIQUE_ID_BYTES = 128
_MAX_AUTHORITY_BYTES = 255
_SSL_HEAD = struct.Struct("!BL")
_CLIENT_SSL = 0x01
_CLIENT_CERT = 0x02 | 0x04
_SUB_NAMES = {0x21: "version", 0x22: "certificate_name", 0x23: "cipher", 0x24: "signature", 0x25: "key"}


@dataclass(slots=True)
class TlsFacts:
    """Hold what a proxy says of the TLS that the client speaks to it. Texts are empty where it says nothing."""

    #: Whether the client has shown a certificate, on this connection or in this session, and whether it was good.
    has_certificate: bool = False
    is_verified: bool = False
    version: str = ""
    certificate_name: str = ""
    cipher: str = ""
    signature: str = ""
    key: str = ""


@dataclass(slots=True)
class ProxyHeader:
    """Hold one header. Addresses are None where the connection is the proxy's own, or it tells none."""

    version: int
    source: Address | None = None
    destination: Address | None = None
    alpn: str = ""
    authority: str = ""
    unique_id: bytes = b""
    namespace: str = ""
    #: The connection is the proxy's own, such as one that looks whether we live.
    is_own: bool = False
    #: None when the client speaks no TLS to the proxy, or nothing is known of that.
    tls: TlsFacts | None = None
    #: TLVs that have no meaning here, such as those of a cloud, by type.
    others: dict[int, bytes] = field(default_factory=dict)


class ProxyHeaderReader:
    """Read the header at the start of one connection."""

    __slots__ = ("data",)

    def __init__(self) -> None:
        self.data = b""

    def feed(self, data: bytes) -> ProxyHeader | None:
        """Take bytes; return the header when it is whole: what came behind it is left in `data`.

        Raises:
            RemoteProtocolError: 400 when this is no header.
        """
        self.data += data
        start = self.data[: len(_SIGNATURE)]
        if _SIGNATURE.startswith(start):
            return self._read_v2() if len(self.data) >= _V2_HEAD_BYTES else None
        start = self.data[: len(_V1_START)]
        if _V1_START.startswith(start):
            return self._read_v1()
        raise RemoteProtocolError(400, "no PROXY protocol header")

    def _read_v1(self) -> ProxyHeader | None:
        end = self.data.find(b"\r\n", 0, _MAX_V1_BYTES)
        if end < 0:
            if len(self.data) >= _MAX_V1_BYTES:
                raise _malformed("the line is too long")
            return None
        header = parse_v1(self.data[:end])
        self.data = self.data[end + 2 :]
        return header

    def _read_v2(self) -> ProxyHeader | None:
        size = _V2_HEAD_BYTES + int.from_bytes(self.data[14:16], "big")
        if size > _MAX_V2_BYTES:
            raise _malformed("it is too large")
        if len(self.data) < size:
            return None
        header = parse_v2(self.data[:size])
        self.data = self.data[size:]
        return header


def parse_v1(line: bytes) -> ProxyHeader:
    """Read a header of version 1 without the end of its line. Raises RemoteProtocolError."""
    words = line[len(_V1_START) :].split(b" ")
    if words[0] == b"UNKNOWN":
        return ProxyHeader(1)  # whatever follows is to be ignored
    if len(words) != 5 or words[0] not in (b"TCP4", b"TCP6"):
        raise _malformed("the line is none of version 1")
    is_v4 = words[0] == b"TCP4"
    source = _v1_host(words[1], is_v4), _v1_port(words[3])
    destination = _v1_host(words[2], is_v4), _v1_port(words[4])
    return ProxyHeader(1, source, destination)


def _v1_host(word: bytes, is_v4: bool) -> str:
    try:
        text = word.decode("ascii")
        if "%" in text:
            raise ValueError("a zone")
        # As version 2 has it, and sockets; Python's own form depends on its version.
        address = IPv4Address(text) if is_v4 else IPv6Address(text)
        return socket.inet_ntop(socket.AF_INET if is_v4 else socket.AF_INET6, address.packed)
    except ValueError:
        raise _malformed("an address is wrong") from None


def _v1_port(word: bytes) -> int:
    is_plain = word.isdigit() and len(word) <= 5 and (word[:1] != b"0" or word == b"0")
    if not is_plain or int(word) > _MAX_PORT:
        raise _malformed("a port is wrong")
    return int(word)


def parse_v2(whole: bytes) -> ProxyHeader:
    """Read a header of version 2. Raises RemoteProtocolError."""
    command = whole[12] & 15
    if whole[12] >> 4 != _V2 or command not in (_LOCAL, _PROXY):
        raise _malformed("its version or command is unknown")
    if command == _LOCAL:
        return ProxyHeader(2, is_own=True)  # the rest is to be skipped
    family, transport = whole[13] >> 4, whole[13] & 15
    header = ProxyHeader(2)
    rest = _V2_HEAD_BYTES
    if family in _FAMILIES and transport == _STREAM:
        rest = _take_addresses(header, whole, family)
    elif family == _UNIX and transport == _STREAM:
        rest += _UNIX_BYTES
    elif family != _UNSPECIFIED:
        raise _malformed("its family or transport is not one of a stream")
    if rest > len(whole):
        raise _malformed("it ends within the addresses")
    _take_tlvs(header, whole, rest)
    return header


def _take_addresses(header: ProxyHeader, whole: bytes, family: int) -> int:
    """Set the addresses; return where they end."""
    kind, size = _FAMILIES[family]
    end = _V2_HEAD_BYTES + size
    if end > len(whole):
        raise _malformed("it ends within the addresses")
    width = (size - 4) // 2
    middle = _V2_HEAD_BYTES + width
    source_port, destination_port = struct.unpack("!HH", whole[end - 4 : end])
    header.source = socket.inet_ntop(kind, whole[_V2_HEAD_BYTES:middle]), source_port
    header.destination = socket.inet_ntop(kind, whole[middle : middle + width]), destination_port
    return end


def _take_tlvs(header: ProxyHeader, whole: bytes, start: int) -> None:
    seen = set()
    for kind, at, value in _tlvs(whole, start):
        if kind in seen and kind != _NOOP:
            raise _malformed("a TLV comes twice")
        seen.add(kind)
        if kind == _CRC32C:
            _check_sum(whole, at, value)
        elif kind == _SSL:
            header.tls = _read_tls(value)
        elif kind != _NOOP:
            _take_tlv(header, kind, value)


def _take_tlv(header: ProxyHeader, kind: int, value: bytes) -> None:
    if kind == _ALPN:
        header.alpn = value.decode("latin-1")
    elif kind == _AUTHORITY and len(value) <= _MAX_AUTHORITY_BYTES:
        header.authority = _text(value)
    elif kind == _UNIQUE_ID and len(value) <= _MAX_UNIQUE_ID_BYTES:
        header.unique_id = value
    elif kind == _NETNS:
        header.namespace = _text(value)
    elif kind in (_AUTHORITY, _UNIQUE_ID):
        raise _malformed("a TLV is too long")
    else:
        header.others[kind] = value


def _tlvs(data: bytes, start: int) -> list[tuple[int, int, bytes]]:
    """Return each TLV with its type and where its value begins."""
    found = []
    while start < len(data):
        if start + 3 > len(data):
            raise _malformed("it ends within a TLV")
        size = int.from_bytes(data[start + 1 : start + 3], "big")
        if start + 3 + size > len(data):
            raise _malformed("it ends within a TLV")
        found.append((data[start], start + 3, data[start + 3 : start + 3 + size]))
        start += 3 + size
    return found


def _read_tls(value: bytes) -> TlsFacts | None:
    if len(value) < _SSL_HEAD.size:
        raise _malformed("it ends within a TLV")
    client, verify = _SSL_HEAD.unpack_from(value)
    if not client & _CLIENT_SSL:
        return None
    has_certificate = bool(client & _CLIENT_CERT)
    facts = TlsFacts(has_certificate, has_certificate and not verify)
    for kind, _, content in _tlvs(value, _SSL_HEAD.size):
        if kind in _SUB_NAMES:
            setattr(facts, _SUB_NAMES[kind], _text(content))
    return facts


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        raise _malformed("a text is no UTF-8") from None


def _check_sum(whole: bytes, at: int, value: bytes) -> None:
    """Compare the checksum, which counts as zeros where it stands."""
    if len(value) != 4 or crc32c(whole[:at] + bytes(4) + whole[at + 4 :]) != int.from_bytes(value, "big"):
        raise _malformed("its checksum is wrong")


def crc32c(data: bytes) -> int:
    """Return the checksum of RFC 4960 appendix B."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _CRC_TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def _crc_row(byte: int) -> int:
    for _ in range(8):
        byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
    return byte


_CRC_TABLE = tuple(_crc_row(byte) for byte in range(256))


def _malformed(what: str) -> RemoteProtocolError:
    return RemoteProtocolError(400, f"a malformed PROXY protocol header: {what}")
