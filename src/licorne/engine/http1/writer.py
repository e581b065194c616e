"""HTTP/1 responses as bytes (RFC 9112 §4, §6, §7): heads, chunks, trailers, interim and refusing answers.

Pure functions, and one small cache: what every response begins with is bytes that change once a second.
"""

from http import HTTPStatus

from licorne.engine import _bytes
from licorne.engine.defaults import DefaultHeaders
from licorne.engine.sink import HAS_DATE, HAS_SERVER

__all__ = [
    "LAST_CHUNK",
    "Heads",
    "serialize_chunk_line",
    "serialize_head",
    "serialize_informational",
    "serialize_refusal",
    "serialize_trailers",
    "serialize_upgrade",
]

LAST_CHUNK = b"0\r\n\r\n"

_HAS_DATE = HAS_DATE
_HAS_SERVER = HAS_SERVER
_PHRASES = {status.value: status.phrase.encode() for status in HTTPStatus}
_UPGRADE = b"upgrade: websocket\r\nconnection: Upgrade\r\n"
_STATUS_LINES = {status: b"HTTP/1.1 %d %s\r\n" % (status, _PHRASES.get(status, b"")) for status in range(100, 600)}


class Heads:
    """Hold what every response begins with, as bytes for each status and for what the application has set."""

    __slots__ = ("defaults", "heads", "last_head", "last_key", "version")

    def __init__(self, defaults: DefaultHeaders) -> None:
        self.defaults = defaults
        #: Of the default fields that `heads` were made of.
        self.version = 0
        #: status line and default fields by `status << 2 | flags`; made when first asked for.
        self.heads: dict[int, bytes] = {}
        #: The one asked for last: most responses of a server begin alike.
        self.last_head = b""
        self.last_key = 0

    def head(self, status: int, flags: int) -> bytes:
        """Return the status line and the default fields, without those that `flags` says the application has set."""
        key = status << 2 | flags & (_HAS_DATE | _HAS_SERVER)
        if key != self.last_key or self.version != self.defaults.version:
            self._find(key, status, flags)
        return self.last_head

    def _find(self, key: int, status: int, flags: int) -> None:
        if self.version != self.defaults.version:
            self.version = self.defaults.version
            self.heads = {}
        known = self.heads.get(key)
        if known is None:
            lines = [b"%b: %b\r\n" % field for field in self.defaults.pairs(flags)]
            known = self.heads[key] = b"".join((_STATUS_LINES[status], *lines))
        self.last_head = known
        self.last_key = key


def serialize_head(first: bytes, fields: list[tuple[bytes, bytes]], last: bytes, body: bytes) -> bytes:
    """Return a head, and what follows it, in one piece; `last` holds the framing fields and the empty line."""
    return _bytes.join_head(first, fields, last, body)


def serialize_informational(status: int, fields: list[tuple[bytes, bytes]]) -> bytes:
    """Return an interim response (RFC 9110 §15.2)."""
    return _bytes.join_head(_STATUS_LINES[status], fields, b"\r\n", b"")


def serialize_upgrade(first: bytes, fields: list[tuple[bytes, bytes]]) -> bytes:
    """Return the head of a 101 that turns the connection into a WebSocket (RFC 6455 §4.2.2)."""
    return _bytes.join_head(first, fields, _UPGRADE + b"\r\n", b"")


def serialize_chunk_line(size: int) -> bytes:
    """Return the line before a chunk of `size` bytes (RFC 9112 §7.1)."""
    return b"%x\r\n" % size


def serialize_trailers(fields: list[tuple[bytes, bytes]]) -> bytes:
    """Return the last chunk with a trailer section (RFC 9112 §7.1.2)."""
    return _bytes.join_head(b"0\r\n", fields, b"\r\n", b"")


def serialize_refusal(status: int, reason: str, heads: Heads) -> bytes:
    """Return a complete answer to a peer that broke a rule: it names the reason and closes the connection."""
    body = (reason + "\n").encode("ascii", "replace")
    retry = b"retry-after: 1\r\n" if status == 503 else b""
    last = b"content-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\n%bconnection: close\r\n\r\n"
    return b"".join((heads.head(status, 0), last % (len(body), retry), body))
