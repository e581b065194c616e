"""Frames of RFC 6455 as a client makes them and as a server answers them.

Rules: every client frame has the same mask, since a server cannot tell and the load costs nothing then.
"""

import zlib
from dataclasses import dataclass

__all__ = ["BINARY", "CLOSE", "CONTINUATION", "DEFLATED", "FIN", "PING", "PONG", "TEXT", "Frame", "Inflater"]
__all__ += ["client_frame", "deflate", "mask", "read_frame", "server_frame"]

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
FIN = 0x80
DEFLATED = 0x40  # RSV1, RFC 7692 §6

KEY = b"\x37\xfa\x21\x3d"
MASKED = 0x80

# RFC 7692 §7.2.1: the end of a flushed block, which a message leaves out.
FLUSH_TAIL = b"\x00\x00\xff\xff"


@dataclass(frozen=True, slots=True)
class Frame:
    """Hold one frame: its first byte, its payload, and where the next one begins."""

    head: int
    payload: bytes
    end: int


def client_frame(head: int, payload: bytes) -> bytes:
    """Return a masked frame."""
    return _header(head, len(payload), MASKED) + KEY + mask(payload)


def server_frame(head: int, payload: bytes) -> bytes:
    """Return a frame as the server must send it."""
    return _header(head, len(payload), 0) + payload


def mask(payload: bytes) -> bytes:
    """Return the payload with the key over it, or without it again."""
    size = len(payload)
    keys = (KEY * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(keys, "big")).to_bytes(size, "big")


def read_frame(data: bytes, start: int = 0) -> Frame | None:
    """Return the server's frame that begins at `start`, None when it is not there whole."""
    if len(data) < start + 2:
        return None
    begin, size = start + 2, data[start + 1]
    if size >= 126:
        begin += 2 if size == 126 else 8
        size = int.from_bytes(data[start + 2 : begin], "big")
    if len(data) < begin + size:
        return None
    return Frame(data[start], data[begin : begin + size], begin + size)


def deflate(message: bytes) -> bytes:
    """Return a message compressed by itself, within 1 KiB of window: right whatever was negotiated."""
    compressor = zlib.compressobj(wbits=-10)
    data = compressor.compress(message) + compressor.flush(zlib.Z_SYNC_FLUSH)
    return data.removesuffix(FLUSH_TAIL)


class Inflater:
    """Read a server's compressed messages, in their order."""

    __slots__ = ("_decompressor",)

    def __init__(self) -> None:
        self._decompressor = zlib.decompressobj(wbits=-15)

    def inflate(self, payload: bytes) -> bytes:
        """Return one message."""
        return self._decompressor.decompress(payload + FLUSH_TAIL)


def _header(head: int, size: int, masked: int) -> bytes:
    if size < 126:
        return bytes((head, masked | size))
    if size < 65536:
        return bytes((head, masked | 126)) + size.to_bytes(2, "big")
    return bytes((head, masked | 127)) + size.to_bytes(8, "big")
