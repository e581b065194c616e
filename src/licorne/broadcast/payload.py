"""Payload: what may be published, and how it looks between processes.

    bytes              a zero byte, then the bytes
    everything else    JSON in UTF-8, which never begins with a zero byte

So other programs can publish JSON as it is; what they send that is neither comes as the bytes that it is.

Rules: a message is the same with every back-end, so it becomes bytes and is read back even where it never leaves the
process: what JSON cannot express is refused, and no subscriber holds an object of the publisher.
"""

import json
from typing import Any, Final

from licorne.errors import BroadcastError

__all__ = ["MAX_GROUP_BYTES", "MAX_MESSAGE_BYTES", "check_group", "decode", "encode"]

#: Fits, with a group, into a frame between a worker and its supervisor.
MAX_MESSAGE_BYTES: Final = 1024 * 1024 - 4096
MAX_GROUP_BYTES: Final = 512
_BYTES_MARK: Final = b"\0"


def encode(message: Any) -> bytes:
    """Return what a message looks like on its way. Raises BroadcastError when it can have no way."""
    payload = _BYTES_MARK + bytes(message) if isinstance(message, bytes | bytearray | memoryview) else _json(message)
    if len(payload) > MAX_MESSAGE_BYTES:
        raise BroadcastError(f"a message has {len(payload)} bytes and may have {MAX_MESSAGE_BYTES}")
    return payload


def _json(message: Any) -> bytes:
    try:
        text = json.dumps(message, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise BroadcastError(f"a message must be bytes or what JSON can express: {error}") from None
    try:
        return text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can only express escaped
        return json.dumps(message, separators=(",", ":")).encode()


def decode(payload: bytes) -> Any:
    """Return a message; what nobody here has encoded comes as it is."""
    if payload.startswith(_BYTES_MARK):
        return payload[1:]
    try:
        return json.loads(payload)
    except (ValueError, RecursionError):
        return payload


def check_group(group: str) -> str:
    """Return a name of a group. Raises BroadcastError, or TypeError, for what is none."""
    if not isinstance(group, str):
        raise TypeError(f"a group is named by a str, and not by an object of type {type(group).__name__}")
    try:
        size = len(group.encode())
    except UnicodeEncodeError:
        raise BroadcastError(f"the name of a group must be text, and {group!r} has half of a surrogate pair") from None
    if not 0 < size <= MAX_GROUP_BYTES:
        raise BroadcastError(f"the name of a group has 1 to {MAX_GROUP_BYTES} bytes, and this one has {size}")
    return group
