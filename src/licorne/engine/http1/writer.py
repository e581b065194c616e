"""HTTP/1 responses as bytes (RFC 9112 §4, §6, §7): heads, chunks, trailers, interim and refusing answers.

Pure functions, and one small cache: the fields that every response carries are bytes that change once a second.
"""

from email.utils import formatdate
from http import HTTPStatus

from licorne.engine import _bytes
from licorne.engine.sink import HAS_DATE, HAS_SERVER

__all__ = [
    "LAST_CHUNK",
    "DefaultHeaders",
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


class DefaultHeaders:
    """Hold the fields that every response begins with, as bytes for each status and for what the application set."""

    __slots__ = ("date", "has_date", "heads", "last_head", "last_key", "others", "server")

    def __init__(self, fixed: list[tuple[bytes, bytes]], has_date: bool = True) -> None:
        """Take the fixed fields (names in lower case) and whether a Date is wanted."""
        self.has_date = has_date
        self.server = _lines([field for field in fixed if field[0] == b"server"])
        self.others = _lines([field for field in fixed if field[0] != b"server"])
        self.date = b""
        #: status line and default fields by `status << 2 | flags`; made when first asked for.
        self.heads: dict[int, bytes] = {}
        #: The one asked for last: most responses of a server begin alike.
        self.last_head = b""
        self.last_key = 0

    def refresh(self, unix_time: float) -> None:
        """Take the time in seconds since the epoch (RFC 9110 §6.6.1); call it once a second."""
        if self.has_date:
            self.date = b"date: %s\r\n" % formatdate(unix_time, usegmt=True).encode()
            self.heads.clear()
            self.last_key = 0

    def head(self, status: int, flags: int) -> bytes:
        """Return the status line and the default fields, without those that `flags` says the application has set."""
        key = status << 2 | flags & (_HAS_DATE | _HAS_SERVER)
        if key != self.last_key:
            known = self.heads.get(key)
            if known is None:
                known = self.heads[key] = self._make(status, flags)
            self.last_head = known
            self.last_key = key
        return self.last_head

    def _make(self, status: int, flags: int) -> bytes:
        date = b"" if flags & _HAS_DATE else self.date
        server = b"" if flags & _HAS_SERVER else self.server
        return b"".join((_STATUS_LINES[status], date, server, self.others))


def _lines(fields: list[tuple[bytes, bytes]]) -> bytes:
    return b"".join([b"%b: %b\r\n" % field for field in fields])


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


def serialize_refusal(status: int, reason: str, defaults: DefaultHeaders) -> bytes:
    """Return a complete answer to a peer that broke a rule: it names the reason and closes the connection."""
    body = (reason + "\n").encode("ascii", "replace")
    retry = b"retry-after: 1\r\n" if status == 503 else b""
    last = b"content-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\n%bconnection: close\r\n\r\n"
    return b"".join((defaults.head(status, 0), last % (len(body), retry), body))
