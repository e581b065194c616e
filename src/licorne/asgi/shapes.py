"""Shapes: whether what an application sends to a WebSocket has the form that ASGI asks for.

Rules: what has not is a LocalProtocolError that says what was expected. The usual shapes never come here: the cycle
knows them by their types.
"""

from typing import Any

from licorne.asgi.cycle import Message
from licorne.engine.websocket.session import is_sendable
from licorne.errors import LocalProtocolError

__all__ = ["closing_of", "code_of", "fields_of_accept", "odd_payload", "subprotocol_of"]

_NORMAL_CLOSURE = 1000
# RFC 6455 §5.5: 125 bytes, of which the code takes two.
_MAX_REASON_BYTES = 123
# RFC 6455 §11.3: these fields are the handshake's own.
_OWN_FIELDS = b"sec-websocket-"


def odd_payload(message: Message) -> str | bytes:
    """Return the payload of a `websocket.send` as plain str or bytes."""
    text, data = message.get("text"), message.get("bytes")
    if data is None and isinstance(text, str):
        return str.__str__(text)
    if text is None and isinstance(data, bytes | bytearray | memoryview):
        return bytes(data)
    given = f"text: {type(text).__name__}, bytes: {type(data).__name__}"
    raise LocalProtocolError(f"'websocket.send' must have either 'text' as str or 'bytes' as bytes, got {given}.")


def subprotocol_of(message: Message) -> Any:
    """Return the subprotocol of a `websocket.accept`: a plain str, None for none, or what cannot have been offered."""
    subprotocol = message.get("subprotocol") or None
    return str.__str__(subprotocol) if isinstance(subprotocol, str) else subprotocol


def fields_of_accept(message: Message) -> list[Any]:
    """Return the header fields of a `websocket.accept`, which may be none of the handshake's."""
    fields = list(message.get("headers") or ())
    for field in fields:
        name = field[0]
        if isinstance(name, bytes) and name.lower().startswith(_OWN_FIELDS):
            advice = ", and which the key 'subprotocol' chooses" if name.lower().endswith(b"protocol") else ""
            raise LocalProtocolError(
                f"'websocket.accept' must not have the header {name!r}, which licorne sends{advice}."
            )
    return fields


def closing_of(message: Message) -> tuple[int, str]:
    """Return the code and the reason of a `websocket.close`."""
    return code_of(message), _reason_of(message)


def code_of(message: Message) -> int:
    """Return the code of a `websocket.close`."""
    code = message.get("code")
    if code is None:
        code = _NORMAL_CLOSURE
    if not isinstance(code, int) or not is_sendable(code):
        expected = "an int of 1000-1003, 1007-1014 or 3000-4999"
        raise LocalProtocolError(f"The code of 'websocket.close' must be {expected}, got {code!r}.")
    return int(code)


def _reason_of(message: Message) -> str:
    reason = message.get("reason")
    if reason is None:
        return ""
    if not isinstance(reason, str):
        raise LocalProtocolError(f"The reason of 'websocket.close' must be a str, got {type(reason).__name__}.")
    try:
        size = len(reason.encode())
    except UnicodeEncodeError as error:
        raise LocalProtocolError(f"The reason of 'websocket.close' cannot be UTF-8: {error.reason}.") from None
    if size > _MAX_REASON_BYTES:
        raise LocalProtocolError(f"The reason of 'websocket.close' must have at most 123 bytes as UTF-8, got {size}.")
    return str.__str__(reason)
