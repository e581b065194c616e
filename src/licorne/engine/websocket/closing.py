"""Close codes and the payload of close frames (RFC 6455 §5.5.1, §7.4)."""

from licorne.errors import WebSocketError

__all__ = ["ABNORMAL", "NO_CODE", "is_sendable", "parse_close", "serialize_close"]

#: What is reported of a close frame without a code.
NO_CODE = 1005
#: What is reported of a connection that ended without a close frame.
ABNORMAL = 1006

_MAX_REASON_BYTES = 123
# RFC 6455 §7.4.1 and IANA's registry: 1004 means nothing, 1005, 1006 and 1015 never stand in a frame.
_REGISTERED = frozenset({1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014})
_FIRST_PRIVATE = 3000
_LAST_PRIVATE = 4999


def is_sendable(code: int) -> bool:
    """Tell whether a code may stand in a close frame."""
    return code in _REGISTERED or _FIRST_PRIVATE <= code <= _LAST_PRIVATE


def parse_close(payload: bytes) -> tuple[int, str]:
    """Return the code and the reason in a close frame.

    Raises:
        WebSocketError: The code is not allowed, or the reason is not UTF-8.
    """
    if not payload:
        return NO_CODE, ""
    if len(payload) == 1:
        raise WebSocketError(1002, "a close frame of one byte")
    code = payload[0] << 8 | payload[1]
    if not is_sendable(code):
        raise WebSocketError(1002, f"close code {code} is not allowed")
    try:
        return code, payload[2:].decode()
    except UnicodeDecodeError:
        raise WebSocketError(1007, "the reason in a close frame is not UTF-8") from None


def serialize_close(code: int, reason: str) -> bytes:
    """Return the payload of a close frame; a reason that is too long is cut between two characters."""
    if code == NO_CODE:
        return b""
    text = reason.encode("utf-8", "replace")
    if len(text) > _MAX_REASON_BYTES:
        text = text[:_MAX_REASON_BYTES].decode("utf-8", "ignore").encode()
    return code.to_bytes(2, "big") + text
