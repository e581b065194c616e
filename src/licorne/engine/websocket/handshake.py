"""The WebSocket handshake (RFC 6455 §4.2): a request's fields in, the fields that accept it out.

Only what is particular to WebSocket is judged here. That the request is a GET of HTTP/1.1 with `Upgrade` and
`Connection`, or an extended CONNECT (RFC 8441 §5), which needs no key, the engine has seen before.

Rules: a field that breaks its grammar is refused with 400 (RFC 6455 §9.1), never repaired; each list is read once,
byte by byte, without regular expressions; whatever a peer sends, nothing but RemoteProtocolError is raised.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha1

from licorne.engine import _bytes
from licorne.engine.headers import TOKEN, is_token
from licorne.engine.received import RequestHead
from licorne.errors import LocalProtocolError, RemoteProtocolError

__all__ = ["Extension", "Upgrade", "accept_fields", "is_allowed", "read_upgrade", "refusal_fields"]

#: An extension's name and its parameters, in order; a parameter without "=" has the value None.
Extension = tuple[str, list[tuple[str, str | None]]]

_VERSION = b"13"
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY_BYTES = 24
_BASE64 = bytes(chr(byte).isalnum() or byte in b"+/" for byte in range(128)) + bytes(128)
_DEFAULT_PORTS = {b"http": b":80", b"https": b":443"}

# RFC 9110 §5.6.4: what may stand between the quotes, as it is and behind a backslash.
_QUOTED = bytes(byte not in b'"\\' and (byte == 9 or 32 <= byte != 127) for byte in range(256))
_ESCAPED = bytes(byte == 9 or 32 <= byte != 127 for byte in range(256))


@dataclass(slots=True, kw_only=True)
class Upgrade:
    """Hold what a client says in its handshake."""

    #: Empty where the HTTP version needs none.
    key: bytes = b""
    subprotocols: list[str] = field(default_factory=list)
    extensions: list[Extension] = field(default_factory=list)
    origin: bytes | None = None


def read_upgrade(head: RequestHead) -> Upgrade:
    """Read the handshake of a request that `is_websocket`.

    Raises:
        RemoteProtocolError: 426 for another version of the protocol, 400 for everything else that is wrong;
            `refusal_fields` belong to the answer.
    """
    fields = _Fields(head.headers)
    _check_version(fields)
    return Upgrade(
        key=_read_key(fields) if head.http_version == "1.1" else b"",
        subprotocols=_read_subprotocols(fields.all(b"sec-websocket-protocol")),
        extensions=_read_extensions(fields.all(b"sec-websocket-extensions")),
        origin=fields.only(b"origin"),
    )


def refusal_fields(status: int) -> list[tuple[bytes, bytes]]:
    """Return what the answer to a refused handshake must say (RFC 6455 §4.4, RFC 9110 §15.5.22)."""
    if status == 426:
        return [(b"sec-websocket-version", _VERSION), (b"upgrade", b"websocket")]
    return []


def accept_fields(upgrade: Upgrade, subprotocol: str | None, extension: bytes) -> list[tuple[bytes, bytes]]:
    """Return the fields that accept a handshake; `extension` is empty when none is used.

    Raises:
        LocalProtocolError: The subprotocol is not a token.
    """
    fields = []
    if upgrade.key:
        # RFC 6455 §4.2.2: it proves that the key was read, and is no security.
        digest = sha1(upgrade.key + _GUID, usedforsecurity=False).digest()
        fields.append((b"sec-websocket-accept", base64.b64encode(digest)))
    if subprotocol is not None:
        if not subprotocol.isascii() or not is_token(subprotocol.encode("ascii")):
            raise LocalProtocolError(f"a subprotocol must be a token, not {subprotocol!r}")
        fields.append((b"sec-websocket-protocol", subprotocol.encode("ascii")))
    if extension:
        fields.append((b"sec-websocket-extensions", extension))
    return fields


def is_allowed(origin: bytes | None, allowed: Sequence[str]) -> bool:
    """Tell whether a request from `origin` may come in: it equals one of `allowed`, or that holds "*" or nothing.

    Origins are `scheme://host` or `scheme://host:port` (RFC 6454 §6.2), in any case and with or without the port
    that the scheme has anyway. A request without Origin may come in: a browser sends one (RFC 6455 §4.1), and what
    is no browser could send any, so that refusing it would protect nobody.
    """
    if origin is None or not allowed or "*" in allowed:
        return True
    wanted = _normal_origin(origin)
    return any(_normal_origin(entry.encode()) == wanted for entry in allowed)


# internals


class _Fields:
    """Find fields of a head by name."""

    __slots__ = ("headers",)

    def __init__(self, headers: list[tuple[bytes, bytes]]) -> None:
        self.headers = headers

    def all(self, name: bytes) -> list[bytes]:
        """Return the values of every field of that name."""
        return [value for other, value in self.headers if other == name]

    def only(self, name: bytes) -> bytes | None:
        """Return the value of the one field of that name, None if there is none."""
        values = self.all(name)
        if len(values) > 1:
            raise RemoteProtocolError(400, f"more than one {name.decode('ascii')} field")
        return values[0] if values else None


def _check_version(fields: _Fields) -> None:
    version = fields.only(b"sec-websocket-version")
    if version is None:
        raise RemoteProtocolError(400, "a handshake without Sec-WebSocket-Version")
    if version != _VERSION:
        # RFC 6455 §4.4
        raise RemoteProtocolError(426, "the only version of WebSocket spoken here is 13")


def _read_key(fields: _Fields) -> bytes:
    key = fields.only(b"sec-websocket-key")
    if key is None:
        raise RemoteProtocolError(400, "a handshake without Sec-WebSocket-Key")
    # RFC 6455 §4.1: base64 of 16 bytes. The bits of the last digit that say nothing may be anything (RFC 4648 §3.5).
    if len(key) != _KEY_BYTES or key[-2:] != b"==" or not _bytes.is_all(key, 0, _KEY_BYTES - 2, _BASE64):
        raise RemoteProtocolError(400, "Sec-WebSocket-Key is not base64 of 16 bytes")
    return key


def _read_subprotocols(values: list[bytes]) -> list[str]:
    names = []
    for value in values:
        for member in value.split(b","):
            name = member.strip(b" \t")
            if name:
                names.append(name)
    # RFC 6455 §4.1: tokens, and all of them different.
    if values and not names:
        raise RemoteProtocolError(400, "Sec-WebSocket-Protocol names no subprotocol")
    if len(set(names)) != len(names):
        raise RemoteProtocolError(400, "a subprotocol is named twice")
    if not all(is_token(name) for name in names):
        raise RemoteProtocolError(400, "a subprotocol is not a token")
    return [name.decode("ascii") for name in names]


def _read_extensions(values: list[bytes]) -> list[Extension]:
    extensions: list[Extension] = []
    for value in values:
        extensions += _ExtensionReader(value).read()
    if values and not extensions:
        raise RemoteProtocolError(400, "Sec-WebSocket-Extensions names no extension")
    return extensions


class _ExtensionReader:
    """Read the value of one Sec-WebSocket-Extensions field (RFC 6455 §9.1)."""

    __slots__ = ("at", "value")

    def __init__(self, value: bytes) -> None:
        self.value = value
        self.at = 0

    def read(self) -> list[Extension]:
        """Return the extensions in order; empty list members do not count (RFC 9110 §5.6.1)."""
        extensions = []
        while True:
            self.skip_blanks()
            if self.at < len(self.value) and self.value[self.at] != 44:
                extensions.append(self.take_extension())
            if self.at == len(self.value):
                return extensions
            self.expect(b",")

    def take_extension(self) -> Extension:
        """Take a name and what parameters follow it."""
        name = self.take_token()
        parameters = []
        while self.try_take(b";"):
            parameter, value = self.take_token(), None
            if self.try_take(b"="):
                value = self.take_value()
            parameters.append((parameter, value))
        return name, parameters

    def take_token(self) -> str:
        """Take a token."""
        self.skip_blanks()
        start = self.at
        while self.at < len(self.value) and TOKEN[self.value[self.at]]:
            self.at += 1
        if self.at == start:
            raise self.error()
        return self.value[start : self.at].decode("ascii")

    def take_value(self) -> str:
        """Take a token that may stand in quotes."""
        if not self.try_take(b'"'):
            return self.take_token()
        value = bytearray()
        while not self.try_take_quote():
            value += self.take_quoted_byte()
        # RFC 6455 §9.1: without its quotes it must be a token all the same.
        if not is_token(bytes(value)):
            raise self.error()
        return value.decode("ascii")

    def try_take_quote(self) -> bool:
        """Take the closing quote if it comes next; blanks before it belong to the value."""
        if self.value[self.at : self.at + 1] != b'"':
            return False
        self.at += 1
        return True

    def take_quoted_byte(self) -> bytes:
        """Take one byte of a quoted string, with the backslash before it if there is one."""
        is_escaped = self.value[self.at : self.at + 1] == b"\\"
        self.at += is_escaped
        byte = self.value[self.at : self.at + 1]
        if not byte or not (_ESCAPED if is_escaped else _QUOTED)[byte[0]]:
            raise self.error()
        self.at += 1
        return byte

    def try_take(self, mark: bytes) -> bool:
        """Take a mark, and the blanks before it, if it comes next."""
        self.skip_blanks()
        if self.value[self.at : self.at + 1] != mark:
            return False
        self.at += 1
        return True

    def expect(self, mark: bytes) -> None:
        """Take a mark that must come next."""
        if not self.try_take(mark):
            raise self.error()

    def skip_blanks(self) -> None:
        """Pass over spaces and tabs."""
        while self.value[self.at : self.at + 1] in (b" ", b"\t"):
            self.at += 1

    def error(self) -> RemoteProtocolError:
        """Return the refusal of this value."""
        return RemoteProtocolError(400, "Sec-WebSocket-Extensions is malformed")


def _normal_origin(origin: bytes) -> bytes:
    normal = origin.lower()
    return normal.removesuffix(_DEFAULT_PORTS.get(normal.partition(b"://")[0], b""))
