"""A slow HTTP/1 request parser that reads like RFC 9112: the reference that the three parsers are compared with.

Strategy: all bytes are there at once, nothing is incremental, every rule is one line that names its clause.
It shares no code with the engine on purpose; where the two differ, one of them is wrong.

`judge(data, limits, is_ended)` returns the requests that a strict server sees in these bytes and what then becomes of
the connection: `open` (idle between requests), `waits` (in the middle of one), `close`, or an error status.
"""

import ipaddress
import re
from dataclasses import dataclass, field

from licorne.engine.limits import Limits

__all__ = ["Judged", "Verdict", "judge"]

TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
QUOTED = rb'"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*"'
EXTENSION = re.compile(rb"[ \t]*;[ \t]*%b(?:[ \t]*=[ \t]*(?:%b|%b))?" % (TOKEN, TOKEN, QUOTED))
CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})((?:%b)*)" % EXTENSION.pattern)
CODING = re.compile(rb"%b(?:[ \t]*;.*)?" % TOKEN)
FIELD = re.compile(
    rb"(%b):[ \t]*(|[\x21-\x7e\x80-\xff](?:[\t \x21-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)[ \t]*" % TOKEN
)
REQUEST_LINE = re.compile(rb"(%b) ([^ ]+) HTTP/([0-9])\.([0-9])" % TOKEN)
TARGET = re.compile(rb"[\x21\x24-\x3b\x3d\x3f-\x7e]+")  # VCHAR but for " # < >
ORIGIN_FORM = re.compile(rb"(/(?:[^?%]|%[0-9A-Fa-f]{2})*)(?:\?(.*))?")
ABSOLUTE_FORM = re.compile(rb"(?i:https?)://([^/?]*)((?:/(?:[^?%]|%[0-9A-Fa-f]{2})*)?)(?:\?(.*))?")
REG_NAME = rb"(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+"
IP_FUTURE = rb"[vV][0-9A-Fa-f]+\.[A-Za-z0-9._~!$&'()*+,;=:-]+"
AUTHORITY = re.compile(
    rb"(?:%b|\[(?:%b|(?P<v6>[0-9A-Fa-f:.]+))\])(?P<colon>:(?P<port>[0-9]*))?" % (REG_NAME, IP_FUTURE)
)
CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
MAX_LENGTH = 2**63 - 1
MAX_EXTENSION_LINE = 4096


@dataclass(slots=True)
class Judged:
    """Hold one request as a strict server sees it."""

    method: str
    target: bytes
    version: str
    path: bytes
    query: bytes
    fields: list[tuple[bytes, bytes]]
    body: bytes = b""
    is_complete: bool = False


@dataclass(slots=True)
class Verdict:
    """Hold what is true after all bytes were read."""

    requests: list[Judged] = field(default_factory=list)
    outcome: str = "open"
    status: int = 0


class _WaitsError(Exception):
    """The bytes end in the middle of a message."""


class _RefusedError(Exception):
    """The bytes break a rule; the argument is the status."""


class _Reader:
    def __init__(self, data: bytes, limits: Limits) -> None:
        self.data = data
        self.limits = limits
        self.position = 0

    def line(self, *bounds: tuple[int, int]) -> bytes:
        """Return the next line, which ends with CRLF and holds no other control character but HTAB (RFC 9112 §2.2).

        `bounds` are pairs: where the line must have ended, and the status if it has not. The first bad byte decides,
        so that the verdict does not depend on how the bytes are cut.
        """
        found = CONTROL.search(self.data, self.position)
        end = found.start() if found else len(self.data)
        for last, status in sorted(bounds):
            if end > last:
                raise _RefusedError(status)
        if not found or self.data[end:] == b"\r":
            raise _WaitsError
        if self.data[end : end + 2] != b"\r\n":
            raise _RefusedError(400)
        line, self.position = self.data[self.position : end], end + 2
        return line

    def head_line(self, start: int, status: int) -> bytes:
        """Return the next line of a head that began at `start`; `status` is the answer to a line that is too long."""
        limits = self.limits
        bounds = (
            (self.position + (limits.max_line_bytes or MAX_LENGTH), status),
            (
                start + (limits.max_head_bytes or MAX_LENGTH),
                431,
            ),
        )
        line = self.line(*bounds)
        if limits.max_head_bytes and self.position - start > limits.max_head_bytes:
            raise _RefusedError(431)
        return line

    def trailers(self) -> None:
        """Check the trailer section and drop it (RFC 9112 §7.1.2)."""
        limit, start, count = self.limits.max_trailer_bytes or MAX_LENGTH, self.position, 0
        while line := self.line((start + limit, 431)):
            count += 1
            if self.position - start > limit:
                raise _RefusedError(431)
            _field(line)
            if count > (self.limits.max_trailers or MAX_LENGTH):
                raise _RefusedError(431)


def judge(data: bytes, limits: Limits, is_ended: bool = False) -> Verdict:
    """Return what a strict server makes of these bytes when the application answers every request at once.

    `is_ended` says that the stream ends after them.
    """
    reader, verdict = _Reader(data, limits), Verdict()
    try:
        while reader.position < len(data):
            request, framing = _head(reader)
            verdict.requests.append(request)
            _body(reader, request, framing)
            request.is_complete = True
            if not _persists(request) or len(verdict.requests) == limits.max_requests:
                verdict.outcome = "close"
                break
    except _WaitsError:
        verdict.outcome = "waits"
    except _RefusedError as refusal:
        verdict.outcome, verdict.status = "error", refusal.args[0]
    if is_ended and verdict.outcome in ("open", "waits"):
        # RFC 9112 §8: half a head is no request; half a body is a broken one.
        is_cut = bool(verdict.requests) and not verdict.requests[-1].is_complete
        verdict.outcome, verdict.status = ("error", 400) if is_cut else ("close", 0)
    return verdict


def _head(reader: _Reader) -> tuple[Judged, int]:
    """Return the next request and the length of its body, -1 when it is chunked."""
    line, blank, start = b"", 0, reader.position
    while not line:
        line = reader.head_line(start, 414)
        blank += not line
        if blank > 2:
            raise _RefusedError(400)
    if not (match := REQUEST_LINE.fullmatch(line)):
        raise _RefusedError(400)
    method, target, major, minor = match.groups()
    if major != b"1":
        raise _RefusedError(505)
    version = "1.0" if minor == b"0" else "1.1"
    fields: list[tuple[bytes, bytes]] = []
    while line := reader.head_line(start, 431):
        fields.append(_field(line))
        if len(fields) > (reader.limits.max_fields or MAX_LENGTH):
            raise _RefusedError(431)
    if any(len(_values(fields, name)) > 1 for name in (b"host", b"content-length", b"transfer-encoding")):
        raise _RefusedError(400)
    if method != method.upper():
        raise _RefusedError(501)
    _check_host(fields, version)
    authority, path, query = _target(method, target)
    if authority:
        fields = [(b"host", authority), *[field for field in fields if field[0] != b"host"]]
    length = _framing(fields, version, reader.limits)
    _check_expect(fields, version)
    request = Judged(method.decode(), target, version, path, query, fields)
    if length and _asks_for_websocket(request):
        raise _RefusedError(400)
    return request, length


def _field(line: bytes) -> tuple[bytes, bytes]:
    if not (match := FIELD.fullmatch(line)):
        raise _RefusedError(400)
    return match[1].lower(), match[2]


def _target(method: bytes, target: bytes) -> tuple[bytes, bytes, bytes]:
    """Return authority, path and query of the request-target (RFC 9112 §3.2)."""
    if not TARGET.fullmatch(target):
        raise _RefusedError(400)
    if method == b"CONNECT":
        raise _RefusedError(501 if _is_authority(target) and re.search(rb":[0-9]+$", target) else 400)
    if target == b"*":
        if method != b"OPTIONS":
            raise _RefusedError(400)
        return b"", target, b""
    if match := ORIGIN_FORM.fullmatch(target):
        return b"", match[1], match[2] or b""
    match = ABSOLUTE_FORM.fullmatch(target)
    if not match or not _is_authority(match[1]):
        raise _RefusedError(400)
    return match[1], match[2] or b"/", match[3] or b""


def _is_authority(value: bytes) -> bool:
    """Tell whether this is uri-host [ ":" port ] (RFC 3986 §3.2.2, §3.2.3; RFC 9110 §7.2)."""
    match = AUTHORITY.fullmatch(value)
    if not match or int(match["port"] or b"0") > 65535:
        return False
    if match["v6"]:
        try:
            ipaddress.IPv6Address(match["v6"].decode())
        except ValueError:
            return False
    return True


def _check_host(fields: list[tuple[bytes, bytes]], version: str) -> None:
    hosts = _values(fields, b"host")
    if (version == "1.1" and not hosts) or not all(map(_is_authority, hosts)):
        raise _RefusedError(400)  # RFC 9112 §3.2


def _check_expect(fields: list[tuple[bytes, bytes]], version: str) -> None:
    if version == "1.1" and any(value.lower() != b"100-continue" for value in _values(fields, b"expect")):
        raise _RefusedError(417)  # RFC 9110 §10.1.1


def _framing(fields: list[tuple[bytes, bytes]], version: str, limits: Limits) -> int:
    lengths, codings = _values(fields, b"content-length"), _values(fields, b"transfer-encoding")
    if codings:
        if lengths or version == "1.0":
            raise _RefusedError(400)  # RFC 9112 §6.1
        return _coding([item.strip(b" \t").lower() for item in codings[0].split(b",")])
    if not lengths:
        return 0  # RFC 9112 §6.3, rule 7
    if not re.fullmatch(rb"[0-9]+", lengths[0]):
        raise _RefusedError(400)
    length = int(lengths[0])
    if len(lengths[0]) > 19 or length > MAX_LENGTH or (limits.max_body_bytes and length > limits.max_body_bytes):
        raise _RefusedError(413)
    return length


def _coding(codings: list[bytes]) -> int:
    """Return -1 for `chunked`; refuse all else (RFC 9112 §6.1, §7)."""
    if codings == [b"chunked"]:
        return -1
    named = [coding for coding in codings if coding]  # RFC 9110 §5.6.1: empty members may be there
    if not named or not all(CODING.fullmatch(coding) for coding in named):
        raise _RefusedError(400)
    if named[-1] != b"chunked" or named.count(b"chunked") > 1 or named == [b"chunked"]:
        raise _RefusedError(400)
    raise _RefusedError(501)


def _body(reader: _Reader, request: Judged, length: int) -> None:
    if length < 0:
        return _chunked(reader, request)
    request.body = reader.data[reader.position : reader.position + length]
    reader.position += len(request.body)
    if len(request.body) < length:
        raise _WaitsError
    return None


def _chunked(reader: _Reader, request: Judged) -> None:
    """Read chunks, then the trailer section, which is checked and dropped (RFC 9112 §7.1)."""
    limits, extensions, size = reader.limits, 0, -1
    while size:
        line = reader.line((reader.position + MAX_EXTENSION_LINE + 16, 400))
        if not (match := CHUNK_LINE.fullmatch(line)):
            raise _RefusedError(400)
        extensions += len(match[2])
        size = int(match[1], 16)
        if len(match[2]) > MAX_EXTENSION_LINE or extensions > limits.max_chunk_extension_bytes:
            raise _RefusedError(400)
        if size > MAX_LENGTH:
            raise _RefusedError(413)
        if size:
            start = reader.position
            request.body += reader.data[start : start + size]
            reader.position = min(start + size, len(reader.data))
            if limits.max_body_bytes and len(request.body) > limits.max_body_bytes:
                request.body = request.body[: limits.max_body_bytes]
                raise _RefusedError(413)
            if len(reader.data) < start + size:
                raise _WaitsError
            reader.line((reader.position, 400))
    reader.trailers()


def _persists(request: Judged) -> bool:
    options = _members(request.fields, b"connection")
    if b"close" in options or _asks_for_websocket(request):
        return False
    return request.version == "1.1" or b"keep-alive" in options  # RFC 9112 §9.3


def _asks_for_websocket(request: Judged) -> bool:
    """Tell whether the connection is over with this request, since an application that answers it refuses it."""
    if (request.method, request.version) != ("GET", "1.1"):
        return False
    return b"websocket" in _members(request.fields, b"upgrade") and b"upgrade" in _members(
        request.fields, b"connection"
    )


def _members(fields: list[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    return [item.strip(b" \t").lower() for value in _values(fields, name) for item in value.split(b",")]


def _values(fields: list[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    return [value for found, value in fields if found == name]
