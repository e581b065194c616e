"""Greetings of TLS made by hand, as scanners send them: what no TLS library would offer any more (RFC 8446 §4.1.2)."""

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["FORWARD_SECRET", "Greeting", "greet", "record"]

#: ECDHE with AES-GCM and ChaCha20, for both kinds of keys.
FORWARD_SECRET = (0xC02B, 0xC02C, 0xC02F, 0xC030, 0xCCA8, 0xCCA9)
_HANDSHAKE = 22


@dataclass(frozen=True)
class Greeting:
    """Be a ClientHello up to TLS 1.2."""

    version: int = 0x0303
    ciphers: Sequence[int] = FORWARD_SECRET
    groups: Sequence[int] = (0x001D, 0x0017, 0x0018)
    compressions: bytes = b"\0"
    protocols: Sequence[bytes] = ()
    host: bytes = b"localhost"
    #: An extension of its own, as it is.
    more: bytes = b""

    def message(self) -> bytes:
        """Return the message."""
        extensions = self.more
        if self.host:
            extensions += _extension(0, _vector(b"\0" + _vector(self.host, 2), 2))
        extensions += _extension(10, _vector(_words(self.groups), 2))
        extensions += _extension(11, b"\1\0")
        extensions += _extension(13, _vector(_words((0x0403, 0x0804, 0x0401, 0x0201, 0x0203)), 2))
        if self.protocols:
            extensions += _extension(16, _vector(b"".join(_vector(name, 1) for name in self.protocols), 2))
        body = self.version.to_bytes(2) + os.urandom(32) + b"\0" + _vector(_words(self.ciphers), 2)
        body += _vector(self.compressions, 1) + _vector(extensions, 2)
        return b"\1" + _vector(body, 3)


def greet(sock: socket.socket, greeting: Greeting) -> tuple[int, bytes]:
    """Send a greeting; return the kind of the first record that comes back, and its content."""
    sock.sendall(record(greeting.message()))
    head = _read(sock, 5)
    return head[0], _read(sock, int.from_bytes(head[3:]))


def record(content: bytes, kind: int = _HANDSHAKE) -> bytes:
    """Return a record in clear."""
    return bytes((kind, 3, 1)) + _vector(content, 2)


def _read(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = sock.recv(size - len(data))
        assert part, f"the connection ended after {data!r}"
        data += part
    return data


def _vector(content: bytes, width: int) -> bytes:
    return len(content).to_bytes(width) + content


def _words(numbers: Sequence[int]) -> bytes:
    return b"".join(number.to_bytes(2) for number in numbers)


def _extension(kind: int, content: bytes) -> bytes:
    return kind.to_bytes(2) + _vector(content, 2)
