"""The header fields that an HTTP/1 connection itself must understand, gathered from a head in one pass."""

from licorne.engine.headers import PROXY_FIELDS
from licorne.errors import RemoteProtocolError

__all__ = ["KnownFields"]

_NAMES = (b"host", b"content-length", b"transfer-encoding", b"connection", b"expect", b"te", b"upgrade")
# Most names are told apart from these by their length alone.
_KNOWN_LENGTHS = bytes(1 if size in {len(name) for name in _NAMES} else 0 for size in range(256))
# Those that proxies add are looked for elsewhere, if there may be any.
_PROXY_LENGTHS = bytes(1 if size in {len(name) for name in PROXY_FIELDS} else 0 for size in range(256))
_PROXY_LETTERS = bytes(1 if letter in {name[0] for name in PROXY_FIELDS} else 0 for letter in range(256))


class KnownFields:
    """Hold the values of one head; None for a field that is absent. One for a connection, reused."""

    __slots__ = ("connection", "expect", "host", "is_plain", "length", "te", "transfer_encoding", "upgrade")

    def gather(self, fields: list[tuple[bytes, bytes]]) -> None:
        """Forget the last head and take what the fields of the next one say.

        Raises:
            RemoteProtocolError: 400 when a field that is not a list is repeated.
        """
        self.host: bytes | None = None
        self.length: bytes | None = None
        self.transfer_encoding: bytes | None = None
        self.connection: bytes | None = None
        self.expect: bytes | None = None
        self.te: bytes | None = None
        self.upgrade: bytes | None = None
        self.is_plain = True
        for field in fields:
            name = field[0]
            size = len(name)
            if size >= 256:
                continue
            if _KNOWN_LENGTHS[size]:
                self._note(name, field[1])
            if _PROXY_LENGTHS[size] and _PROXY_LETTERS[name[0]]:
                self.is_plain = False

    def _note(self, name: bytes, value: bytes) -> None:
        if name == b"host":
            self.host = _once(self.host, value, "Host")
        elif name == b"content-length":
            self.length = _once(self.length, value, "Content-Length")
        elif name == b"transfer-encoding":
            self.transfer_encoding = _once(self.transfer_encoding, value, "Transfer-Encoding")
        elif name == b"connection":
            self.connection = _listed(self.connection, value)
        elif name == b"expect":
            self.expect = _listed(self.expect, value)
        elif name == b"te":
            self.te = _listed(self.te, value)
        elif name == b"upgrade":
            self.upgrade = _listed(self.upgrade, value)


def _once(known: bytes | None, value: bytes, name: str) -> bytes:
    # RFC 9110 §5.3: a field that is not a list must not be repeated; two readers could choose different ones.
    if known is not None:
        raise RemoteProtocolError(400, f"more than one {name} header")
    return value


def _listed(known: bytes | None, value: bytes) -> bytes:
    # RFC 9110 §5.3: the lines of a list may be joined.
    return value if known is None else known + b"," + value
