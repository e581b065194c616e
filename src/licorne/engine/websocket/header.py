"""The header of a frame (RFC 6455 §5.2), for the codecs whose libraries leave a part of it to us. Pure functions."""

from licorne.errors import WebSocketError

__all__ = ["check_length", "serialize_start", "start_bytes"]

_CONTROL = 0x08
_LENGTH = 0x7F
_MAX_SHORT = 125
_TWO_BYTES, _EIGHT_BYTES = 126, 127
_MAX_TWO_BYTES = 0xFFFF
_MAX_LENGTH = 2**63 - 1


def start_bytes(start: bytes) -> int:
    """Return how many bytes stand before the mask in a frame of which two or more are given."""
    code = start[1] & _LENGTH
    if code <= _MAX_SHORT:
        return 2
    return 4 if code == _TWO_BYTES else 10


def check_length(start: bytes) -> None:
    """Judge the length that a frame announces; `start` holds at least what stands before the mask.

    Raises:
        WebSocketError: 1002.
    """
    code = start[1] & _LENGTH
    if code <= _MAX_SHORT:
        return
    if start[0] & _CONTROL:
        # RFC 6455 §5.5
        raise WebSocketError(1002, "a control frame is longer than 125 bytes")
    length = int.from_bytes(start[2 : start_bytes(start)])
    if length > _MAX_LENGTH or length <= (_MAX_TWO_BYTES if code == _EIGHT_BYTES else _MAX_SHORT):
        # RFC 6455 §5.2: no more bytes than needed, and the highest bit is 0.
        raise WebSocketError(1002, "the length of a frame is malformed")


def serialize_start(head: int, size: int) -> bytes:
    """Return the header of a frame from the server, which is not masked."""
    if size <= _MAX_SHORT:
        return bytes((head, size))
    if size <= _MAX_TWO_BYTES:
        return bytes((head, _TWO_BYTES)) + size.to_bytes(2)
    return bytes((head, _EIGHT_BYTES)) + size.to_bytes(8)
