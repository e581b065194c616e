"""Frames as HTTP/2 clients write them (RFC 9113 §4.1, §6), by hand: right ones, and wrong ones if asked for.

Header blocks are written without a table and without Huffman's code, so that a case says its bytes and no state stands
behind it.
"""

from typing import NamedTuple

__all__ = [
    "ACK",
    "CONTINUATION",
    "DATA",
    "END_HEADERS",
    "END_STREAM",
    "GOAWAY",
    "HEADERS",
    "PADDED",
    "PING",
    "PREFACE",
    "PRIORITY",
    "PRIORITY_UPDATE",
    "PUSH_PROMISE",
    "RST_STREAM",
    "SETTINGS",
    "WINDOW_UPDATE",
    "WITH_PRIORITY",
    "Code",
    "Fields",
    "Frame",
    "Setting",
    "block",
    "continuation",
    "data",
    "dependency",
    "frame",
    "goaway",
    "headers",
    "integer",
    "literal",
    "ping",
    "priority",
    "request",
    "reset",
    "settings",
    "settings_ack",
    "split_frame",
    "window_update",
]

Fields = tuple[tuple[bytes, bytes], ...]

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
PRIORITY_UPDATE = 0x10

END_STREAM = ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
WITH_PRIORITY = 0x20

HEAD_BYTES = 9


class Code:
    """Name the error codes of RFC 9113 §7."""

    NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, SETTINGS_TIMEOUT, STREAM_CLOSED = range(6)
    FRAME_SIZE_ERROR, REFUSED_STREAM, CANCEL, COMPRESSION_ERROR, CONNECT_ERROR, ENHANCE_YOUR_CALM = range(6, 12)


class Setting:
    """Name the settings of RFC 9113 §6.5.2, RFC 8441 and RFC 9218."""

    HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE = range(1, 5)
    MAX_FRAME_SIZE, MAX_HEADER_LIST_SIZE = 5, 6
    ENABLE_CONNECT_PROTOCOL, NO_RFC7540_PRIORITIES = 8, 9


class Frame(NamedTuple):
    """Hold one frame."""

    kind: int
    flags: int
    stream: int
    payload: bytes

    @property
    def code(self) -> int:
        """Return the error code of a RST_STREAM or GOAWAY frame."""
        start = 4 if self.kind == GOAWAY else 0
        return int.from_bytes(self.payload[start : start + 4], "big")

    @property
    def ends_stream(self) -> bool:
        """Tell whether it is the last one of a message."""
        return self.kind in (DATA, HEADERS) and bool(self.flags & END_STREAM)


def split_frame(received: bytes | bytearray) -> Frame | None:
    """Return the first frame of what was received, None while it is not whole."""
    if len(received) < HEAD_BYTES:
        return None
    end = HEAD_BYTES + int.from_bytes(received[:3], "big")
    if len(received) < end:
        return None
    stream = int.from_bytes(received[5:9], "big")
    return Frame(received[3], received[4], stream, bytes(received[HEAD_BYTES:end]))


# --- frames -------------------------------------------------------------------------------------------------


def frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"", size: int | None = None) -> bytes:
    """Write any frame; `size` is the length that is announced, if it is another one."""
    length = len(payload) if size is None else size
    return length.to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def data(stream: int, payload: bytes = b"", *, end: bool = False, pad: int | None = None) -> bytes:
    """Write DATA, perhaps with so many bytes of padding."""
    flags = END_STREAM if end else 0
    if pad is None:
        return frame(DATA, flags, stream, payload)
    return frame(DATA, flags | PADDED, stream, bytes([pad]) + payload + bytes(pad))


def headers(stream: int, fragment: bytes, *, end: bool = True, is_whole: bool = True, lead: bytes = b"") -> bytes:
    """Write HEADERS; `lead` is a priority field before the block."""
    flags = (END_STREAM if end else 0) | (END_HEADERS if is_whole else 0) | (WITH_PRIORITY if lead else 0)
    return frame(HEADERS, flags, stream, lead + fragment)


def continuation(stream: int, fragment: bytes, *, is_last: bool = True) -> bytes:
    """Write CONTINUATION."""
    return frame(CONTINUATION, END_HEADERS if is_last else 0, stream, fragment)


def dependency(on: int = 0, weight: int = 255, *, is_exclusive: bool = False) -> bytes:
    """Write the priority field of RFC 7540, five bytes."""
    return (on | (1 << 31 if is_exclusive else 0)).to_bytes(4, "big") + bytes([weight])


def priority(stream: int, on: int = 0, weight: int = 255, *, is_exclusive: bool = False) -> bytes:
    """Write PRIORITY."""
    return frame(PRIORITY, 0, stream, dependency(on, weight, is_exclusive=is_exclusive))


def reset(stream: int, code: int = Code.CANCEL) -> bytes:
    """Write RST_STREAM."""
    return frame(RST_STREAM, 0, stream, code.to_bytes(4, "big"))


def settings(*pairs: tuple[int, int]) -> bytes:
    """Write SETTINGS."""
    payload = b"".join(number.to_bytes(2, "big") + value.to_bytes(4, "big") for number, value in pairs)
    return frame(SETTINGS, 0, 0, payload)


def settings_ack() -> bytes:
    """Write the acknowledgement of SETTINGS."""
    return frame(SETTINGS, ACK)


def ping(payload: bytes = b"conforms", *, is_ack: bool = False) -> bytes:
    """Write PING."""
    return frame(PING, ACK if is_ack else 0, 0, payload)


def goaway(last: int = 0, code: int = Code.NO_ERROR, text: bytes = b"") -> bytes:
    """Write GOAWAY."""
    return frame(GOAWAY, 0, 0, last.to_bytes(4, "big") + code.to_bytes(4, "big") + text)


def window_update(stream: int, credit: int) -> bytes:
    """Write WINDOW_UPDATE."""
    return frame(WINDOW_UPDATE, 0, stream, credit.to_bytes(4, "big"))


# --- header blocks ------------------------------------------------------------------------------------------


def integer(value: int, bits: int, first: int = 0) -> bytes:
    """Write an integer of RFC 7541 §5.1 with a prefix of so many bits, below the bits that `first` sets."""
    most = (1 << bits) - 1
    if value < most:
        return bytes([first | value])
    out = bytearray([first | most])
    value -= most
    while value >= 128:
        out.append(128 | value & 127)
        value >>= 7
    return bytes([*out, value])


def literal(name: bytes, value: bytes, first: int = 0x00) -> bytes:
    """Write a literal field with a new name (RFC 7541 §6.2): 0x00 without indexing, 0x10 never, 0x40 with it."""
    return bytes([first]) + integer(len(name), 7) + name + integer(len(value), 7) + value


def block(*fields: tuple[bytes, bytes]) -> bytes:
    """Write a header block."""
    return b"".join(literal(name, value) for name, value in fields)


def request(method: bytes = b"GET", path: bytes = b"/", *more: tuple[bytes, bytes]) -> bytes:
    """Write the header block of a request."""
    pseudo = ((b":method", method), (b":scheme", b"http"), (b":path", path), (b":authority", b"localhost"))
    return block(*pseudo, *more)
