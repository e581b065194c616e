"""The first message of a client over TLS: which protocols it offers, read before OpenSSL answers (RFC 8446 §4.1.2).

`ssl` tells only which of them was chosen.

Rules: nothing is judged here. What is no ClientHello, or a damaged one, is a ValueError: OpenSSL knows which alert it
deserves.
"""

from collections.abc import Iterator
from typing import Final

__all__ = ["ClientHelloReader"]

_HANDSHAKE: Final = 22
_CLIENT_HELLO: Final = 1
_RECORD_HEAD_BYTES: Final = 5
_MESSAGE_HEAD_BYTES: Final = 4
_VERSION_AND_RANDOM_BYTES: Final = 34
#: What OpenSSL takes.
_MAX_BYTES: Final = 131_396
# RFC 7301 §3.1.
_ALPN: Final = 16


class ClientHelloReader:
    """Put the message together from the records that it comes in."""

    __slots__ = ("_message", "_rest")

    def __init__(self) -> None:
        self._message = bytearray()
        self._rest = bytearray()

    def feed(self, data: bytes) -> frozenset[bytes] | None:
        """Take what has come; return the protocols by ALPN when the message is whole. Raises ValueError."""
        rest, message = self._rest, self._message
        rest += data
        while len(rest) >= _RECORD_HEAD_BYTES:
            end = _RECORD_HEAD_BYTES + int.from_bytes(rest[3:_RECORD_HEAD_BYTES])
            if rest[0] != _HANDSHAKE:
                raise ValueError("is no record of a handshake")
            if len(rest) < end:
                break
            message += rest[_RECORD_HEAD_BYTES:end]
            del rest[:end]
            if _is_whole(message):
                return _parse(message)
        if len(message) + len(rest) > _MAX_BYTES:
            raise ValueError("is too large")
        return None


def _is_whole(message: bytearray) -> bool:
    if len(message) < _MESSAGE_HEAD_BYTES:
        return False
    return len(message) >= _MESSAGE_HEAD_BYTES + int.from_bytes(message[1:_MESSAGE_HEAD_BYTES])


def _parse(message: bytearray) -> frozenset[bytes]:
    if message[0] != _CLIENT_HELLO:
        raise ValueError("is no ClientHello")
    end = _MESSAGE_HEAD_BYTES + int.from_bytes(message[1:_MESSAGE_HEAD_BYTES])
    data = bytes(message[:end])
    at = _MESSAGE_HEAD_BYTES + _VERSION_AND_RANDOM_BYTES
    for width in (1, 2, 1):  # the session, the cipher suites, the ways to compress
        _, at = _vector(data, at, width)
    extensions = _vector(data, at, 2)[0] if at < len(data) else b""
    return frozenset(_protocols(dict(_extensions(extensions)).get(_ALPN, b"")))


def _vector(data: bytes, at: int, width: int) -> tuple[bytes, int]:
    """Return the bytes behind their length, which has `width` bytes, and where the next thing is (RFC 8446 §3.4)."""
    start = at + width
    end = start + int.from_bytes(data[at:start])
    if start > len(data) or end > len(data):
        raise ValueError("is cut off")
    return data[start:end], end


def _extensions(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        kind = int.from_bytes(data[at : at + 2])
        content, at = _vector(data, at + 2, 2)
        yield kind, content


def _protocols(extension: bytes) -> Iterator[bytes]:
    names = _vector(extension, 0, 2)[0] if extension else b""
    at = 0
    while at < len(names):
        name, at = _vector(names, at, 1)
        yield name
