"""ResponseFields: judges the header fields that an application gives its response, and notes what they say.

Rules: the application owns no framing and splits no response (RFC 9112 §11.1). What it may not send is an error, and
what is the server's to say is left out.
"""

from collections.abc import Iterable

from licorne.engine import _bytes
from licorne.engine.framing import parse_length
from licorne.engine.headers import FIELD_NAME, FIELD_TEXT, HOP_BY_HOP, LOWER_NAME, list_tokens
from licorne.engine.received import RequestHead
from licorne.engine.sink import HAS_DATE, HAS_SERVER, NAMES_UPGRADE, UNKNOWN_LENGTH, WANTS_CLOSE
from licorne.engine.tunnel import Tunnel
from licorne.errors import LocalProtocolError, RemoteProtocolError

__all__ = ["ResponseFields"]

# The same once more, typed in the `.pxd`: a name that is typed there is not visible from outside.
_UNKNOWN_LENGTH = UNKNOWN_LENGTH
_FIELD_NAME = FIELD_NAME
_FIELD_TEXT = FIELD_TEXT
_LOWER_NAME = LOWER_NAME
_HAS_DATE = HAS_DATE
_HAS_SERVER = HAS_SERVER
_NAMES_UPGRADE = NAMES_UPGRADE
_WANTS_CLOSE = WANTS_CLOSE

_OWNED = HOP_BY_HOP | {b"content-length", b"date", b"server"}
# Most names are told apart from the owned ones by their length alone.
_OWNED_LENGTHS = bytes(1 if size in {len(name) for name in _OWNED} else 0 for size in range(256))


class ResponseFields:
    """Be the part of an exchange that knows what the fields of its response say."""

    __slots__ = ("flags", "head", "remaining", "tunnel")

    #: Those of sink.py.
    flags: int
    head: RequestHead
    #: Bytes of body that are still due; UNKNOWN_LENGTH if no length was promised.
    remaining: int
    #: What the exchange carries if it is accepted as a tunnel.
    tunnel: Tunnel | None

    def _begin_fields(self, head: RequestHead) -> None:
        self.head = head
        self.tunnel = None
        self._forget_fields()

    def _forget_fields(self) -> None:
        self.flags = 0
        self.remaining = _UNKNOWN_LENGTH

    def _without_length(self, fields: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        self.remaining = _UNKNOWN_LENGTH
        return [field for field in fields if field[0] != b"content-length"]

    def _count_off(self, size: int, end: bool) -> None:
        """Hold the application to the length that it promised."""
        if size > self.remaining:
            raise LocalProtocolError("Response content longer than Content-Length")
        self.remaining -= size
        if end and self.remaining:
            raise LocalProtocolError("Response content shorter than Content-Length")

    def _check_fields(self, headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """Return the fields that may go to the wire, names in lower case; take note of those that we own."""
        fields = []
        for pair in headers:
            first, second = pair
            if type(first) is not bytes or type(second) is not bytes:
                raise LocalProtocolError(f"A header must be a pair of bytes, got {pair!r}.")
            name, value = first, second
            if not name or not _bytes.is_all(name, 0, len(name), _LOWER_NAME):
                name = self._lower(name)
                pair = (name, value)
            if not _bytes.is_all(value, 0, len(value), _FIELD_TEXT):
                raise LocalProtocolError(f"Invalid HTTP header value: {value!r} of {name.decode()!r}.")
            if len(name) < 256 and _OWNED_LENGTHS[len(name)] and not self._keeps(name, value):
                continue
            fields.append(pair if type(pair) is tuple else (name, value))
        return fields

    def _lower(self, name: bytes) -> bytes:
        lowered = _bytes.translated(name, 0, len(name), _FIELD_NAME)
        if lowered is None:
            raise LocalProtocolError(f"Invalid HTTP header name: {name!r}.")
        return lowered

    def _keeps(self, name: bytes, value: bytes) -> bool:
        """Note what a field says if it is an owned one; tell whether it goes to the wire as it is."""
        if name == b"content-length":
            return self._note_length(value)
        if name == b"date":
            self.flags |= _HAS_DATE
            return True
        if name == b"server":
            self.flags |= _HAS_SERVER
            return True
        if name == b"connection" and b"close" in list_tokens(value):
            self.flags |= _WANTS_CLOSE
        if name == b"upgrade" and self.head.is_websocket and self.tunnel is None:
            self.flags |= _NAMES_UPGRADE  # no application was asked yet: it is the refusal of a handshake
        # Framing and connection fields are the server's: the ASGI specification says to ignore the application's.
        return name not in HOP_BY_HOP

    def _note_length(self, value: bytes) -> bool:
        try:
            length = parse_length(value)
        except RemoteProtocolError:
            raise LocalProtocolError(f"The Content-Length of the response is not a number: {value!r}.") from None
        if self.remaining != _UNKNOWN_LENGTH and self.remaining != length:
            raise LocalProtocolError("The response has two different Content-Length headers.")
        is_first = self.remaining == _UNKNOWN_LENGTH
        self.remaining = length
        return is_first
