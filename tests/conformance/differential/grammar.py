"""Hypothesis strategies for HTTP/1 requests, by the grammars of RFC 9110, 9112 and 3986.

`requests()` makes valid requests together with what they mean; `streams()` puts several on one connection;
`mutated()` breaks streams. A serialiser chooses among the ways to say the same thing: case of names, optional
whitespace, sizes and extensions of chunks, trailers.
"""

from dataclasses import dataclass

from hypothesis import strategies as st

from tests.support.corpus import load

__all__ = ["Stream", "mutated", "streams"]

TOKEN = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
PCHAR = "ABCabcXYZxyz0189-._~!$&'()*+,;=:@"
REG_NAME = "abcxyzABCXYZ0189-._~!$&'()*+,;="
OWS = st.text(" \t", max_size=3)
#: Names that would change the framing, the routing or the end of the connection.
OWNED = {"host", "content-length", "transfer-encoding", "connection", "expect", "upgrade", "te", "proxy-connection"}
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "PROPFIND", "M-SEARCH", "BREW", "X-1")
#: Bytes that parsers have tripped over.
SPICE = (
    *(bytes([byte]) for byte in b'\r\n\t \x00\x0b\x7f\x85\xa0\xff:;,="\\/?#%*@[]0159aAfFgxX+-_'),
    *(
        b"\r\n",
        b"\r\n\r\n",
        b"\n\n",
        b"\r\r\n",
        b"\r\n ",
        b"0\r\n\r\n",
        b"\r\n0\r\n\r\n",
        b" HTTP/1.1\r\n",
        b"HTTP/1.0",
    ),
    *(b"Content-Length: 1\r\n", b"Transfer-Encoding: chunked\r\n", b"Host: b\r\n", b"Expect: 100-continue\r\n"),
    *(b"Connection: close\r\n", b"Upgrade: h2c\r\n", b"chunked", b"gzip, ", b"GET / HTTP/1.1\r\nHost: c\r\n\r\n"),
)


@dataclass(frozen=True, slots=True)
class Expected:
    """Hold what the application must see of one generated request."""

    method: str
    target: bytes
    version: str
    path: bytes
    query: bytes
    fields: list[tuple[bytes, bytes]]
    body: bytes


@dataclass(frozen=True, slots=True)
class Stream:
    """Hold requests as bytes and as what they mean; `closes` tells that the last one ends the connection."""

    data: bytes
    expected: tuple[Expected, ...]
    closes: bool


escapes = st.builds("%{:02X}".format, st.integers(0, 255)) | st.builds("%{:02x}".format, st.integers(0, 255))
segments = st.lists(st.text(PCHAR, max_size=6) | escapes, max_size=4).map("".join)
paths = st.lists(segments, min_size=1, max_size=4).map(lambda parts: "/" + "/".join(parts))
queries = st.lists(st.text(PCHAR + "/?[]{}|^`\\%", max_size=8), max_size=3).map("&".join)
ports = st.just("") | st.just(":") | st.integers(0, 65535).map(":{}".format)
names_of_hosts = st.lists(st.text(REG_NAME, min_size=1, max_size=8) | escapes, min_size=1, max_size=3).map(".".join)
literals = st.ip_addresses(v=6).map("[{}]".format) | st.just("[v1.a:b]")
authorities = st.builds("{}{}".format, names_of_hosts | st.ip_addresses(v=4) | literals, ports)

field_names = st.text(TOKEN, min_size=1, max_size=12).filter(lambda name: name.lower() not in OWNED)
value_bytes = st.sampled_from([*range(0x21, 0x7F), *range(0x80, 0x100), 0x20, 0x20, 0x09])
field_values = st.lists(value_bytes, max_size=20).map(lambda value: bytes(value).strip(b" \t"))
quoted = st.lists(st.sampled_from([*range(0x20, 0x7F), 0x09, 0x80, 0xFF]), max_size=8).map(
    lambda text: b'"%b"' % bytes(text).replace(b"\\", b"\\\\").replace(b'"', b'\\"')
)
tokens = st.text(TOKEN, min_size=1, max_size=6).map(str.encode)
extension_values = (tokens | quoted).map(lambda value: b"=" + value)
extensions = st.lists(
    st.builds(lambda name, value: b";" + name + value, tokens, st.just(b"") | extension_values), max_size=2
)
field_lines = st.tuples(field_names, OWS, field_values, OWS)


@st.composite
def targets(draw: st.DrawFn) -> tuple[str, str, str, str]:
    """Make a request-target and what it means: target, authority (empty in origin-form), path, query."""
    path, query = draw(paths), draw(st.none() | queries)
    tail = path if query is None else f"{path}?{query}"
    if draw(st.integers(0, 5)):
        return tail, "", path, query or ""
    authority = draw(authorities)
    return f"{draw(st.sampled_from(('http', 'HTTPS', 'Http')))}://{authority}{tail}", authority, path, query or ""


@st.composite
def chunked(draw: st.DrawFn, body: bytes) -> bytes:
    """Write a body in chunks, with extensions and trailers."""
    out, position = [], 0
    while position < len(body):
        size = draw(st.integers(1, len(body) - position))
        digits = draw(st.sampled_from((f"{size:x}", f"{size:X}", f"0{size:x}", f"{size:016x}"))).encode()
        out.append(digits + b"".join(draw(extensions)) + b"\r\n" + body[position : position + size] + b"\r\n")
        position += size
    out.append(draw(st.sampled_from((b"0", b"000"))) + b"".join(draw(extensions)) + b"\r\n")
    out += [_line(line) for line in draw(st.lists(field_lines, max_size=2))]
    return b"".join([*out, b"\r\n"])


@st.composite
def requests(draw: st.DrawFn, closes: bool) -> tuple[bytes, Expected]:
    """Make a valid request: its bytes and what it means."""
    version = draw(st.sampled_from(("1.1", "1.1", "1.1", "1.0")))
    method = draw(st.sampled_from(METHODS))
    target, authority, path, query = draw(targets())
    lines = draw(st.lists(field_lines, max_size=4))
    host = draw(authorities)
    lines.insert(draw(st.integers(0, len(lines))), (_cased(draw, "Host"), draw(OWS), host.encode(), draw(OWS)))
    if closes or version == "1.0":
        option = b"close" if closes else b"keep-alive"
        lines.append((_cased(draw, "Connection"), " ", option, ""))
    body = draw(st.binary(max_size=40))
    if body and version == "1.1" and draw(st.booleans()):
        lines.append((_cased(draw, "Transfer-Encoding"), " ", b"chunked", ""))
        content = draw(chunked(body))
    else:
        content = body
        if body or draw(st.booleans()):
            lines.append((_cased(draw, "Content-Length"), draw(OWS), b"%d" % len(body), draw(OWS)))
    head = f"{method} {target} HTTP/{version}\r\n".encode()
    fields = [(name.lower().encode(), value) for name, _, value, _ in lines]
    if authority:
        fields = [(b"host", authority.encode()), *[field for field in fields if field[0] != b"host"]]
    expected = Expected(method, target.encode(), version, path.encode(), query.encode(), fields, body)
    return b"".join([head, *map(_line, lines), b"\r\n", content]), expected


@st.composite
def streams(draw: st.DrawFn) -> Stream:
    """Make one to three requests on one connection."""
    closes, count = draw(st.booleans()), draw(st.integers(1, 3))
    made = [draw(requests(closes=closes and number == count)) for number in range(1, count + 1)]
    blanks = [b"\r\n" * draw(st.sampled_from((0, 0, 0, 1, 2))) for _ in made]
    data = b"".join(blank + request for blank, (request, _) in zip(blanks, made, strict=True))
    return Stream(data, tuple(expected for _, expected in made), closes)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """Take a valid stream, or the bytes of a case of the corpus, and change a few bytes of it."""
    data = draw(streams().map(lambda stream: stream.data) | st.sampled_from(_SEEDS))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(data)))
        length = draw(st.sampled_from((0, 0, 1, 1, 2, 5, 20)))
        kept = draw(st.sampled_from((b"", data[at : at + length], data[at : at + length].swapcase())))
        data = data[:at] + kept + draw(st.sampled_from((b"", *SPICE))) + data[at + length :]
    return data


def _line(parts: tuple[str, str, bytes, str]) -> bytes:
    name, before, value, after = parts
    return b"%b:%b%b%b\r\n" % (name.encode(), before.encode(), value, after.encode())


def _cased(draw: st.DrawFn, name: str) -> str:
    return draw(st.sampled_from((name, name.lower(), name.upper())))


_SEEDS = [case.data for case in load("http1") if len(case.data) < 1000 and not case.limits]
