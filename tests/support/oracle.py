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
FIELD = re.compile(
    rb"(%b):[ \t]*(|[\x21-\x7e\x80-\xff](?:[\t \x21-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)[ \t]*" % TOKEN
)
REQUEST_LINE = re.compile(rb'(%b) ((?![ -~]*["<>#])[\x21-\x7e]+) HTTP/([0-9])\.([0-9])' % TOKEN)
ORIGIN_FORM = re.compile(rb"(/(?:[^?%]|%[0-9A-Fa-f]{2})*)(?:\?(.*))?")
ABSOLUTE_FORM = re.compile(rb"(?i:https?)://([^/?]*)((?:/(?:[^?%]|%[0-9A-Fa-f]{2})*)?)(?:\?(.*))?")
REG_NAME = rb"(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+"
IP_FUTURE = rb"[vV][0-9A-Fa-f]+\.[A-Za-z0-9._~!$&'()*+,;=:-]+"
AUTHORITY = re.compile(
    rb"(?:%b|\[(?:%b|(?P<v6>[0-9A-Fa-f:.]+))\])(?P<colon>:(?P<port>[0-9]*))?" % (REG_NAME, IP_FUTURE)
)
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

    def line(self, limit: int = 0, status: int = 400) -> bytes:
        """Return the next line, which ends with CRLF and nothing else (RFC 9112 §2.2, without its leniency)."""
        found = re.compile(rb"[\r\n]").search(self.data, self.position)
        end = found.start() if found else len(self.data)
        if limit and end - self.position > limit:
            raise _RefusedError(status)
        if not found or self.data[end:] == b"\r":
            raise _WaitsError
        if self.data[end : end + 2] != b"\r\n":
            raise _RefusedError(400)
        line, self.position = self.data[self.position : end], end + 2
        return line

    def fields(self, limit: int, count: int, used: int) -> list[tuple[bytes, bytes]]:
        """Return the fields up to the empty line; `used` bytes of `limit` are spent already."""
        fields: list[tuple[bytes, bytes]] = []
        start = self.position - used
        while True:
            try:
                line = self.line(self.limits.max_line_bytes, 431)
            except _WaitsError:
                if limit and len(self.data) - start > limit:
                    raise _RefusedError(431) from None
                raise
            if limit and self.position - start > limit:
                raise _RefusedError(431)
            if not line:
                return fields
            if not (match := FIELD.fullmatch(line)):
                raise _RefusedError(400)
            fields.append((match[1].lower(), match[2]))
            if count and len(fields) > count:
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
    line, blank = b"", 0
    while not line:
        start = reader.position
        line = reader.line(reader.limits.max_line_bytes, 414)
        blank += not line
        if blank > 2:
            raise _RefusedError(400)
    if not (match := REQUEST_LINE.fullmatch(line)):
        raise _RefusedError(400)
    method, target, major, minor = match.groups()
    if major != b"1":
        raise _RefusedError(505)
    version = "1.0" if minor == b"0" else "1.1"
    if method != method.upper():
        raise _RefusedError(501)
    authority, path, query = _target(method, target)
    fields = reader.fields(reader.limits.max_head_bytes, reader.limits.max_fields, reader.position - start)
    _check_host(fields, version)
    if authority:
        fields = [(name, authority if name == b"host" else value) for name, value in fields]
    _check_expect(fields, version)
    return Judged(method.decode(), target, version, path, query, fields), _framing(fields, version, reader.limits)


def _target(method: bytes, target: bytes) -> tuple[bytes, bytes, bytes]:
    """Return authority, path and query of the request-target (RFC 9112 §3.2)."""
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
    if len(hosts) > 1 or (version == "1.1" and not hosts) or not all(map(_is_authority, hosts)):
        raise _RefusedError(400)  # RFC 9112 §3.2


def _check_expect(fields: list[tuple[bytes, bytes]], version: str) -> None:
    if version == "1.1" and any(value.lower() != b"100-continue" for value in _values(fields, b"expect")):
        raise _RefusedError(417)  # RFC 9110 §10.1.1


def _framing(fields: list[tuple[bytes, bytes]], version: str, limits: Limits) -> int:
    lengths, codings = _values(fields, b"content-length"), _values(fields, b"transfer-encoding")
    if codings:
        if lengths or len(codings) > 1 or version == "1.0":
            raise _RefusedError(400)  # RFC 9112 §6.1
        return _coding([item.strip(b" \t").lower() for item in codings[0].split(b",")])
    if not lengths:
        return 0  # RFC 9112 §6.3, rule 7
    if len(lengths) > 1 or not re.fullmatch(rb"[0-9]+", lengths[0]):
        raise _RefusedError(400)
    length = int(lengths[0])
    if len(lengths[0]) > 19 or length > MAX_LENGTH or (limits.max_body_bytes and length > limits.max_body_bytes):
        raise _RefusedError(413)
    return length


def _coding(codings: list[bytes]) -> int:
    """Return -1 for `chunked`; refuse all else (RFC 9112 §6.1, §7)."""
    if codings == [b"chunked"]:
        return -1
    if codings[-1] != b"chunked" or codings.count(b"chunked") > 1 or not all(codings):
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
        start = reader.position
        line = reader.line(MAX_EXTENSION_LINE + 16)
        if not (match := CHUNK_LINE.fullmatch(line)):
            raise _RefusedError(400)
        extensions += len(match[2])
        size = int(match[1], 16)
        if len(match[2]) > MAX_EXTENSION_LINE or extensions > limits.max_chunk_extension_bytes:
            raise _RefusedError(400)
        if size > MAX_LENGTH or (limits.max_body_bytes and len(request.body) + size > limits.max_body_bytes):
            raise _RefusedError(413)
        if size:
            start = reader.position
            request.body += reader.data[start : start + size]
            reader.position = min(start + size, len(reader.data))
            if len(reader.data) < start + size:
                raise _WaitsError
            if reader.line(1) != b"":
                raise _RefusedError(400)
    reader.fields(limits.max_trailer_bytes, limits.max_trailers, 0)


def _persists(request: Judged) -> bool:
    options = [
        item.strip(b" \t").lower() for value in _values(request.fields, b"connection") for item in value.split(b",")
    ]
    if b"close" in options:
        return False
    return request.version == "1.1" or b"keep-alive" in options  # RFC 9112 §9.3


def _values(fields: list[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    return [value for found, value in fields if found == name]
