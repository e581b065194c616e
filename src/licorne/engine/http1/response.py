"""The writing half of an HTTP/1 connection: response calls in, bytes out. One for a connection, reused.

The head waits for the first body bytes, so that both leave in one piece and a body that is complete at once
gets a Content-Length instead of chunks. A large body is queued as it is, never copied.
"""

from licorne.engine.http1.writer import (
    LAST_CHUNK,
    Heads,
    serialize_chunk_line,
    serialize_head,
    serialize_informational,
    serialize_refusal,
    serialize_trailers,
    serialize_upgrade,
)
from licorne.engine.received import RequestHead
from licorne.engine.sink import HAS_NO_CONTENT, NAMES_UPGRADE, UNKNOWN_LENGTH, WANTS_CLOSE, ResponseSink

__all__ = ["Http1Response"]

# How far the response is.
_IDLE = 0  # no request, or none of its response yet
_HEAD = 1  # the head is known and waits for the first body bytes
_BODY = 2
_DONE = 3

# How its end is known (RFC 9112 §6.3).
_NO_CONTENT = 0
_LENGTH = 1
_CHUNKED = 2
_UNTIL_CLOSE = 3

_UNKNOWN_LENGTH = UNKNOWN_LENGTH
_WANTS_CLOSE = WANTS_CLOSE
_HAS_NO_CONTENT = HAS_NO_CONTENT
_NAMES_UPGRADE = NAMES_UPGRADE
_RESET_CONTENT = 205
_SWITCHING_PROTOCOLS = 101
# For between two responses; nothing is ever added to it.
_NO_FIELDS: list[tuple[bytes, bytes]] = []
# A body up to this size is copied behind its head: one buffer costs the kernel and the loop less than two.
_MAX_COPIED_BYTES = 16 * 1024


class Http1Response(ResponseSink):
    """Frame one response after the other."""

    __slots__ = (
        "fields",
        "flags",
        "framing",
        "heads",
        "hint",
        "is_aborted",
        "keeps_alive",
        "length",
        "minor",
        "out",
        "out_bytes",
        "state",
        "status",
    )

    # construction

    def __init__(self, heads: Heads, hint: bytes) -> None:
        """Take what responses begin with, and the Keep-Alive field line (or b"") that the first response carries."""
        self.heads = heads
        self.hint = hint
        #: What is ready to leave; None for nothing.
        self.out: list[bytes] | None = None
        self.out_bytes = 0
        self.state = _IDLE
        self.is_aborted = False
        self.keeps_alive = True
        self.fields = _NO_FIELDS

    def begin(self, head: RequestHead, keeps_alive: bool) -> None:
        """Prepare for the response to that request; `keeps_alive` says whether another one may follow."""
        self.state = _IDLE
        self.minor = 0 if head.http_version == "1.0" else 1
        self.keeps_alive = keeps_alive

    # output: the ResponseSink contract

    def send_informational(self, status: int, fields: list[tuple[bytes, bytes]]) -> None:
        self._queue(serialize_informational(status, fields))

    def can_inform(self) -> bool:
        return self.state <= _HEAD

    def send_head(self, status: int, fields: list[tuple[bytes, bytes]], length: int, flags: int) -> None:
        self.status = status
        self.fields = fields
        self.length = length
        self.flags = flags
        self.state = _HEAD

    def send_data(self, data: bytes, end: bool) -> None:
        if self.state == _HEAD:
            self._send_first(data, end)
        elif self.framing == _CHUNKED:
            self._send_chunk(data, end)
        elif data and self.framing != _NO_CONTENT:
            self._queue(data)
        self.state = _DONE if end else _BODY

    def send_trailers(self, fields: list[tuple[bytes, bytes]]) -> None:
        if self.framing == _CHUNKED:
            self._queue(serialize_trailers(fields) if fields else LAST_CHUNK)
        self.state = _DONE

    def start_file(self, count: int, end: bool) -> None:
        if self.state == _HEAD:
            if end and self.length == _UNKNOWN_LENGTH:
                self.length = count
                self.fields = [*self.fields, (b"content-length", b"%d" % count)]
            self._send_first(b"", False)
        self.state = _BODY
        if self.framing == _CHUNKED:
            self._queue(serialize_chunk_line(count))

    def finish_file(self, end: bool) -> None:
        if self.framing == _CHUNKED:
            self._queue(b"\r\n" + LAST_CHUNK if end else b"\r\n")
        if end:
            self.state = _DONE

    def start_tunnel(self, fields: list[tuple[bytes, bytes]], flags: int) -> None:
        self._queue(serialize_upgrade(self.heads.head(_SWITCHING_PROTOCOLS, flags), fields))
        self.keeps_alive = False
        self.framing = _LENGTH  # what follows is nobody's to frame
        self.state = _BODY

    def withdraw(self) -> bool:
        if self.state == _HEAD:
            self.state = _IDLE
        return self.state == _IDLE

    def abort(self) -> None:
        self.is_aborted = True
        if not self.has_left():
            self.framing = _NO_CONTENT  # none was chosen yet
        self.state = _DONE

    # output: the connection's side

    def refuse(self, status: int, reason: str) -> None:
        """Queue a complete answer to a peer that broke a rule."""
        self._queue(serialize_refusal(status, reason, self.heads))
        self.keeps_alive = False
        self.state = _DONE

    def take(self) -> list[bytes]:
        """Hand over what is ready."""
        out = self.out or []
        self.out = None
        self.out_bytes = 0
        return out

    # predicates

    def is_done(self) -> bool:
        """Tell whether the response is queued to its end, or given up."""
        return self.state == _DONE

    def has_left(self) -> bool:
        """Tell whether bytes of the final response are on their way, so that no other can take its place."""
        return self.state >= _BODY

    def ends_with_connection(self) -> bool:
        """Tell whether only the end of the connection can end the response."""
        return self.has_left() and self.framing == _UNTIL_CLOSE

    # internals

    def _queue(self, data: bytes) -> None:
        if self.out is None:
            self.out = [data]
        else:
            self.out.append(data)
        self.out_bytes += len(data)

    def _send_first(self, data: bytes, end: bool) -> None:
        """Queue the head and the first body bytes."""
        last = self._frame(len(data), end)
        first = self.heads.head(self.status, self.flags)
        if self.framing == _NO_CONTENT:
            self._queue(serialize_head(first, self.fields, last, b""))
        elif self.framing == _CHUNKED or len(data) > _MAX_COPIED_BYTES:
            self._queue(serialize_head(first, self.fields, last, b""))
            if self.framing == _CHUNKED:
                self._send_chunk(data, end)
            else:
                self._queue(data)
        else:
            self._queue(serialize_head(first, self.fields, last, data))
        self.fields = _NO_FIELDS

    def _frame(self, size: int, end: bool) -> bytes:
        """Choose the framing; return the fields that say so, and the end of the head."""
        line = b""
        if self.flags & _HAS_NO_CONTENT:
            self.framing = _NO_CONTENT
            if self.status == _RESET_CONTENT:
                line = b"content-length: 0\r\n"  # RFC 9110 §15.3.6
            elif size and end and self.length == _UNKNOWN_LENGTH and self.status not in (204, 304):
                line = b"content-length: %d\r\n" % size  # RFC 9110 §8.6: what a GET would have been told
        elif self.length != _UNKNOWN_LENGTH:
            self.framing = _LENGTH
        elif end:
            self.framing = _LENGTH
            line = b"content-length: %d\r\n" % size
        elif self.minor:
            self.framing = _CHUNKED
            line = b"transfer-encoding: chunked\r\n"
        else:
            # RFC 9112 §6.1: a 1.0 client must not be sent chunks; the end of the connection ends the body.
            self.framing = _UNTIL_CLOSE
            self.keeps_alive = False
        return line + self._connection_lines()

    def _connection_lines(self) -> bytes:
        # RFC 9112 §9.3, §9.6
        if self.flags & _WANTS_CLOSE or not self.keeps_alive:
            self.keeps_alive = False
            if self.flags & _NAMES_UPGRADE:
                return b"upgrade: websocket\r\nconnection: Upgrade, close\r\n\r\n"
            return b"connection: close\r\n\r\n"
        hint = self.hint
        self.hint = b""
        if not self.minor:
            return b"connection: keep-alive\r\n" + hint + b"\r\n"
        return b"connection: keep-alive\r\n" + hint + b"\r\n" if hint else b"\r\n"

    def _send_chunk(self, data: bytes, end: bool) -> None:
        # RFC 9112 §7.1: a chunk of size 0 would end the body.
        if data:
            line = serialize_chunk_line(len(data))
            if len(data) > _MAX_COPIED_BYTES:
                self._queue(line)
                self._queue(data)
                self._queue(b"\r\n" + LAST_CHUNK if end else b"\r\n")
                return
            self._queue(b"".join((line, data, b"\r\n" + LAST_CHUNK if end else b"\r\n")))
        elif end:
            self._queue(LAST_CHUNK)
