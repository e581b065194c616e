"""NativeParser: licorne's own HTTP/1 parser (RFC 9112), strict, incremental, without a copy of a whole head.

Strategy: the head, chunk sizes and trailers are lines, so one loop finds lines and one function for each
state reads them; a body is passed on as it comes. Only an incomplete line is kept between two feeds, and no
byte of it is searched twice.

Rules:
- A line ends with CR LF and holds no other CR, LF or control character (RFC 9112 §2.2 allows to refuse them).
- A broken line is refused as soon as its bad byte arrives, so cutting the stream elsewhere changes nothing.
- Limits are held while bytes arrive, not once a line or a head is complete.
"""

from licorne.engine import _bytes
from licorne.engine.framing import CHUNKED, MAX_LENGTH
from licorne.engine.headers import FIELD_NAME, FIELD_TEXT, TOKEN
from licorne.engine.http1.chunked import MAX_EXTENSION_LINE_BYTES, digits_end, parse_chunk_line
from licorne.engine.http1.parser import Parser, RequestSink
from licorne.engine.limits import Limits
from licorne.errors import RemoteProtocolError

__all__ = ["NativeParser"]

# What the next byte belongs to.
_START_LINE = 0
_FIELD = 1
_LENGTH_BODY = 2
_CHUNK_LINE = 3
_CHUNK_DATA = 4
_CHUNK_END = 5
_TRAILER = 6

_CR = 13
_LF = 10
_SPACE = 32
_TAB = 9
_COLON = 58
_TLS_HANDSHAKE = 22
_CHUNKED = CHUNKED
_FIELD_NAME = FIELD_NAME
_FIELD_TEXT = FIELD_TEXT
_TOKEN = TOKEN
_MAX_EMPTY_LINES = 2
_MAX_CHUNK_LINE_BYTES = MAX_EXTENSION_LINE_BYTES + 16
_VERSION_BYTES = 8
_DIGITS = b"0123456789"


class NativeParser(Parser):
    """Parse requests line by line."""

    __slots__ = (
        "fields",
        "limits",
        "lines",
        "max_fields",
        "max_head",
        "max_line",
        "remaining",
        "rest",
        "rest_at",
        "searched",
        "section_bytes",
        "section_lines",
        "start_line",
        "state",
    )

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        # The three that are asked for with every line; 0 means "no limit".
        self.max_line = limits.max_line_bytes or MAX_LENGTH
        self.max_head = limits.max_head_bytes or MAX_LENGTH
        self.max_fields = limits.max_fields or MAX_LENGTH
        #: Bytes taken and not yet read: an incomplete line, or what follows while the sink is full.
        self.rest = b""
        #: Where in it the first of them stands.
        self.rest_at = 0
        #: How many of them were searched for a line end.
        self.searched = 0
        self.state = _START_LINE
        self.remaining = 0
        #: The field lines of the head as received, for a subclass that wants to `confirm` it; None in this class.
        self.lines: list[bytes] | None = None
        self._reset()

    # input

    def feed(self, data: bytes, sink: RequestSink) -> None:
        at = 0
        if self.rest:
            if data:
                data = _bytes.cut(self.rest, self.rest_at, len(self.rest)) + data
            else:
                data, at = self.rest, self.rest_at
            self.rest = b""
        while at < len(data):
            if self.state == _LENGTH_BODY or self.state == _CHUNK_DATA:
                at = self._read_body(data, at, sink)
                continue
            if self.state == _START_LINE:
                if sink.is_full:
                    break
                if data[at] == _TLS_HANDSHAKE:
                    raise RemoteProtocolError(400, "this looks like TLS, and this port speaks plain HTTP")
            end = _bytes.find(data, _LF, at + self.searched, len(data))
            if end < 0:
                self._check_incomplete(data, at)
                break
            self.searched = 0
            self._read_line(data, at, end, sink)
            at = end + 1
        self._keep(data, at)

    def take_rest(self) -> bytes:
        rest = _bytes.cut(self.rest, self.rest_at, len(self.rest))
        self.rest = b""
        self.rest_at = 0
        self.searched = 0
        return rest

    # predicates

    def pending_bytes(self) -> int:
        return len(self.rest) - self.rest_at

    def is_between_requests(self) -> bool:
        return self.state == _START_LINE and not self.rest and not self.section_lines

    # internals: lines

    def _keep(self, data: bytes, at: int) -> None:
        """Keep what was not read: further requests with where to go on, and an incomplete line by itself."""
        if at == len(data):
            data, at = b"", 0
        elif at and self.searched:
            data, at = _bytes.cut(data, at, len(data)), 0
        self.rest = data
        self.rest_at = at

    def _read_line(self, data: bytes, start: int, newline: int, sink: RequestSink) -> None:
        """Read one line whose LF stands at `newline`, by state."""
        end = newline - 1
        if end < start or data[end] != _CR:
            self._check_size(data, start, newline)  # a limit that was crossed before is the first fault
            raise RemoteProtocolError(400, "a line ends without CR")
        if self.lines is not None and self.state == _FIELD and end > start:
            self.lines.append(_bytes.cut(data, start, newline + 1))
        if self.state == _FIELD:
            self._count_head(data, start, end)
            if end > start:
                self._read_field(data, start, end)
            else:
                self._end_head(sink)
        elif self.state == _START_LINE:
            self._count_head(data, start, end)
            self._read_start_line(data, start, end)
        elif self.state == _CHUNK_LINE:
            self._read_chunk_line(data, start, end)
        elif self.state == _TRAILER:
            self._read_trailer(data, start, end, sink)
        else:
            if end > start:
                raise RemoteProtocolError(400, "chunk data is longer than its size")
            self.state = _CHUNK_LINE

    def _count_head(self, data: bytes, start: int, end: int) -> None:
        size = end - start
        if size > self.max_line or self.section_bytes + size + 2 > self.max_head:
            self._refuse_size(data, start, end)
        self.section_bytes += size + 2

    def _refuse_size(self, data: bytes, start: int, end: int) -> None:
        """Refuse a line that goes over a limit, for what comes first in it: a bad byte or the limit."""
        allowed = min(self.max_line, self.max_head - self.section_bytes)
        if not _bytes.is_all(data, start, min(end, start + allowed + 1), _FIELD_TEXT):
            raise RemoteProtocolError(400, "a control character in a line")
        if end - start > self.max_line and self.max_line == allowed:
            status = 414 if self.state == _START_LINE else 431
            raise RemoteProtocolError(status, "a line of the request head is too long")
        raise RemoteProtocolError(431, "the request head is too large")

    def _check_incomplete(self, data: bytes, start: int) -> None:
        """Refuse the beginning of a line that can never become a legal one."""
        end = len(data)
        if data[end - 1] == _CR:
            end -= 1  # its LF may be the next byte
        self._check_size(data, start, end)
        if not _bytes.is_all(data, start + self.searched, end, _FIELD_TEXT):
            raise RemoteProtocolError(400, "a control character in a line")
        size = end - start
        self.searched = size
        if self.state == _CHUNK_END and size:
            raise RemoteProtocolError(400, "chunk data is longer than its size")
        if self.state == _CHUNK_LINE and size > _MAX_CHUNK_LINE_BYTES:
            raise RemoteProtocolError(400, "a chunk line is too long")

    def _check_size(self, data: bytes, start: int, end: int) -> None:
        """Refuse the beginning of a line that is over a limit already."""
        size = end - start
        if self.state == _TRAILER and self._is_over_trailers(size):
            self._refuse_trailers(data, start, end)
        if self.state <= _FIELD and (size > self.max_line or self.section_bytes + size > self.max_head):
            self._refuse_size(data, start, end)

    # internals: head

    def _read_start_line(self, data: bytes, start: int, end: int) -> None:
        # RFC 9112 §3: method SP request-target SP HTTP-version
        if start == end:
            self._skip_empty_line()
            return
        first = _bytes.find(data, _SPACE, start, end)
        second = _bytes.find(data, _SPACE, first + 1, end) if first > start else -1
        if second < 0 or second == first + 1 or _bytes.find(data, _SPACE, second + 1, end) >= 0:
            raise RemoteProtocolError(400, "the request line is not a method, a target and a version")
        if not _bytes.is_all(data, start, first, _TOKEN):
            raise RemoteProtocolError(400, "the method is not a token")
        if not _bytes.is_all(data, first, second, _FIELD_TEXT):
            raise RemoteProtocolError(400, "a control character in the request target")
        minor = self._read_version(data, second + 1, end)
        self.start_line = (_bytes.cut(data, start, first), _bytes.cut(data, first + 1, second), minor)
        self.state = _FIELD

    def _skip_empty_line(self) -> None:
        # RFC 9112 §2.2: a server should ignore at least one empty line before the request line.
        self.section_lines += 1
        if self.section_lines > _MAX_EMPTY_LINES:
            raise RemoteProtocolError(400, "too many empty lines before the request line")

    def _read_version(self, data: bytes, start: int, end: int) -> int:
        version = _bytes.cut(data, start, end)
        if version == b"HTTP/1.1":
            return 1
        if version == b"HTTP/1.0":
            return 0
        is_formed = len(version) == _VERSION_BYTES and version[:5] == b"HTTP/" and version[6:7] == b"."
        if not is_formed or version[5] not in _DIGITS or version[7] not in _DIGITS:
            raise RemoteProtocolError(400, "the HTTP version is malformed")
        if version[5:6] != b"1":
            raise RemoteProtocolError(505, "only HTTP/1.0 and HTTP/1.1 are spoken here")
        return 1  # RFC 9110 §2.5: a higher minor version of the same major one is understood as ours

    def _read_field(self, data: bytes, start: int, end: int) -> None:
        self.fields.append(self._split_field(data, start, end))
        if len(self.fields) > self.max_fields:
            raise RemoteProtocolError(431, "the request has too many header fields")

    def _split_field(self, data: bytes, start: int, end: int) -> tuple[bytes, bytes]:
        # RFC 9112 §5: field-name ":" OWS field-value OWS. A blank first byte would be obs-fold (§5.2); a blank
        # before the colon is a MUST to refuse (§5.1), and no byte of a name.
        if data[start] == _SPACE or data[start] == _TAB:
            raise RemoteProtocolError(400, "a header line begins with a blank: folding is obsolete")
        colon = _bytes.find(data, _COLON, start, end)
        if colon < 0:
            raise RemoteProtocolError(400, "a header line has no colon")
        name = _bytes.translated(data, start, colon, _FIELD_NAME)
        if name is None:
            raise RemoteProtocolError(400, "a header name is not a token")
        start = colon + 1
        while start < end and (data[start] == _SPACE or data[start] == _TAB):
            start += 1
        while end > start and (data[end - 1] == _SPACE or data[end - 1] == _TAB):
            end -= 1
        if not _bytes.is_all(data, start, end, _FIELD_TEXT):
            raise RemoteProtocolError(400, "a control character in a header value")
        return name, _bytes.cut(data, start, end)

    def _end_head(self, sink: RequestSink) -> None:
        method, target, minor = self.start_line
        fields = self.fields
        length = sink.on_head(method, target, minor, fields)
        if self.lines is not None:
            self.confirm(target, minor, fields)
            self.lines = []
        self._reset()
        self._start_body(length, sink)

    def confirm(self, target: bytes, minor: int, fields: list[tuple[bytes, bytes]]) -> None:
        """Give a subclass the chance to refuse a head that this class has accepted; its `lines` are at hand.

        Raises:
            RemoteProtocolError: The subclass does not agree.
        """

    def _reset(self) -> None:
        """Forget the head that was read."""
        self.start_line = (b"", b"", 1)
        self.fields: list[tuple[bytes, bytes]] = []
        #: Bytes and lines of the section being read: head, chunk extensions or trailers.
        self.section_bytes = 0
        self.section_lines = 0

    # internals: body

    def _start_body(self, length: int, sink: RequestSink) -> None:
        if length == _CHUNKED:
            self.state = _CHUNK_LINE
        elif length == 0:
            self.state = _START_LINE
            sink.on_end()
        else:
            self.state = _LENGTH_BODY
            self.remaining = length

    def _read_body(self, data: bytes, at: int, sink: RequestSink) -> int:
        """Pass on what `data` holds of a body or chunk from `at`; return where it ends."""
        size = min(len(data) - at, self.remaining)
        if size:
            self.remaining -= size
            sink.on_body(data if size == len(data) else _bytes.cut(data, at, at + size))
        if not self.remaining:
            if self.state == _CHUNK_DATA:
                self.state = _CHUNK_END
            else:
                self.state = _START_LINE
                sink.on_end()
        return at + size

    def _read_chunk_line(self, data: bytes, start: int, end: int) -> None:
        if end - start > _MAX_CHUNK_LINE_BYTES:
            raise RemoteProtocolError(400, "a chunk line is too long")  # as would be a bad byte in it
        line = _bytes.cut(data, start, end)
        if not _bytes.is_all(line, 0, len(line), _FIELD_TEXT):
            raise RemoteProtocolError(400, "a control character in a chunk line")
        self.remaining = parse_chunk_line(line)
        self._count_extension(len(line) - digits_end(line))
        if self.remaining:
            self.state = _CHUNK_DATA
        else:
            self.state = _TRAILER
            self.section_bytes = 0

    def _count_extension(self, size: int) -> None:
        self.section_bytes += size
        limit = self.limits.max_chunk_extension_bytes
        if limit and self.section_bytes > limit:
            raise RemoteProtocolError(400, "the chunk extensions are too long")

    def _read_trailer(self, data: bytes, start: int, end: int, sink: RequestSink) -> None:
        # RFC 9112 §7.1.2: trailers are checked as fields, and dropped: nothing may be merged into the head.
        if end == start:
            self.state = _START_LINE
            self.section_bytes = 0
            self.section_lines = 0
            sink.on_end()
            return
        if self._is_over_trailers(end - start + 2):
            self._refuse_trailers(data, start, end)
        self.section_lines += 1
        self.section_bytes += end - start + 2
        self._split_field(data, start, end)
        if self.section_lines > (self.limits.max_trailers or MAX_LENGTH):
            raise RemoteProtocolError(431, "the request has too many trailers")

    def _refuse_trailers(self, data: bytes, start: int, end: int) -> None:
        allowed = self.limits.max_trailer_bytes - self.section_bytes
        if not _bytes.is_all(data, start, min(end, start + allowed + 1), _FIELD_TEXT):
            raise RemoteProtocolError(400, "a control character in a line")
        raise RemoteProtocolError(431, "the trailer section is too large")

    def _is_over_trailers(self, size: int) -> bool:
        limit = self.limits.max_trailer_bytes
        return bool(limit) and self.section_bytes + size > limit
