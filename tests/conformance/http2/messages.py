"""Cases of RFC 9113 §7 and §8: error codes, well-formed and malformed messages, and push."""

from tests.conformance.http2.cases import (
    POST,
    Case,
    answered,
    closed,
    connection_error,
    headers_came,
    malformed,
    ponged,
    refused,
    stream_error,
)
from tests.support.http2_frames import (
    END_HEADERS,
    PUSH_PROMISE,
    Code,
    block,
    data,
    frame,
    goaway,
    headers,
    literal,
    ping,
    request,
    reset,
)

__all__ = ["MESSAGES"]

Pair = tuple[bytes, bytes]
METHOD, SCHEME, PATH, AUTHORITY = (
    (b":method", b"GET"),
    (b":scheme", b"http"),
    (b":path", b"/"),
    (b":authority", b"localhost"),
)
FRAGMENT = literal(b"x-test", b"ok")
BROKEN = stream_error(1, Code.PROTOCOL_ERROR)


def _bad(section: str, title: str, *fields: Pair) -> Case:
    """Make a case of a block that is malformed."""
    return Case(section, title, (headers(1, block(*fields)), malformed()))


def _with(section: str, title: str, *more: Pair) -> Case:
    """Make a case of a request whose further fields make it malformed."""
    return Case(section, title, (headers(1, request(b"GET", b"/", *more)), malformed()))


def _good(section: str, title: str, *fields: Pair) -> Case:
    """Make a case of a block that is served."""
    return Case(section, title, (headers(1, block(*fields)), answered()))


def _body(title: str, path: bytes, *steps: bytes, lengths: tuple[bytes, ...] = (b"1",)) -> Case:
    """Make a case of a body that does not fit what was announced; of an application that reads, or does not."""
    more = tuple((b"content-length", length) for length in lengths)
    head = headers(1, request(b"POST", path, *more), end=not steps)
    return Case("8.1.1", f"{title} ({path.decode()})", (head, *steps, BROKEN))


_CODES = (
    Case("7", "GOAWAY with an unknown code is one like any other", (goaway(0, 0xFF), closed)),
    Case("7", "RST_STREAM with an unknown code is one like any other", (POST, reset(1, 0xFF), ping(), ponged())),
)
_EXCHANGES = (
    Case(
        "8.1",
        "a second HEADERS without END_STREAM is malformed",
        (POST, data(1, b"test"), headers(1, FRAGMENT, end=False), BROKEN),
    ),
    Case(
        "8.1",
        "a second HEADERS without END_STREAM is malformed behind the answer too",
        (
            headers(1, request(b"POST", b"/now"), end=False),
            data(1, b"test"),
            headers(1, FRAGMENT, end=False),
            BROKEN,
        ),
    ),
    Case("8.1", "trailers without DATA before them are accepted", (POST, headers(1, FRAGMENT), answered())),
    Case(
        "8.1",
        "pseudo-header fields in trailers are malformed",
        (POST, data(1, b"test"), headers(1, block(METHOD)), BROKEN),
    ),
    Case(
        "8.1",
        "upper case in trailers is malformed",
        (POST, data(1, b"test"), headers(1, literal(b"X-Test", b"ok")), BROKEN),
    ),
    Case(
        "8.1",
        "fields of the connection in trailers are malformed",
        (
            POST,
            data(1, b"test"),
            headers(1, literal(b"transfer-encoding", b"chunked")),
            BROKEN,
        ),
    ),
    Case(
        "8.1",
        "an early answer does not cut a request that ends soon",
        (
            headers(1, request(b"POST", b"/now"), end=False),
            headers_came(),
            data(1, bytes(1000)),
            data(1, bytes(1000), end=True),
            answered(),
            headers(3, request()),
            answered(3),
        ),
    ),
)
_LENGTHS = (
    _body("more DATA than content-length is malformed", b"/", data(1, b"test", end=True)),
    _body("more DATA than content-length is malformed behind the answer", b"/now", data(1, b"test", end=True)),
    _body(
        "more DATA in several frames than content-length is malformed",
        b"/",
        data(1, b"test"),
        data(1, b"test", end=True),
    ),
    _body(
        "more DATA in several frames than content-length is malformed behind the answer",
        b"/now",
        data(1, b"test"),
        data(1, b"test", end=True),
    ),
    _body("less DATA than content-length is malformed", b"/", data(1, b"", end=True)),
    _body("no DATA for a content-length is malformed", b"/"),
    _body("trailers before content-length is reached are malformed", b"/", headers(1, FRAGMENT)),
    _body("content-length that is no number is malformed", b"/", data(1, b"x", end=True), lengths=(b"+1",)),
    _body("content-length twice is malformed", b"/", data(1, b"x", end=True), lengths=(b"1", b"2")),
    Case(
        "8.1.1",
        "content-length without padding is what counts",
        (
            headers(1, request(b"POST", b"/", (b"content-length", b"4")), end=False),
            data(1, b"test", end=True, pad=100),
            answered(),
        ),
    ),
)
_FIELDS = (
    _with("8.2.1", "a name in upper case is malformed", (b"X-TEST", b"ok")),
    _with("8.2.1", "a name with one letter in upper case is malformed", (b"x-tesT", b"ok")),
    _with("8.2.1", "an empty name is malformed", (b"", b"ok")),
    _with("8.2.1", "a space in a name is malformed", (b"x test", b"ok")),
    _with("8.2.1", "a colon in a name is malformed", (b"x:test", b"ok")),
    _with("8.2.1", "a byte above 0x7F in a name is malformed", (b"x-t\xe9st", b"ok")),
    _with("8.2.1", "a control character in a name is malformed", (b"x\x00", b"ok")),
    _with("8.2.1", "NUL in a value is malformed", (b"x-test", b"o\x00k")),
    _with("8.2.1", "CR in a value is malformed", (b"x-test", b"o\rk")),
    _with("8.2.1", "LF in a value is malformed", (b"x-test", b"ok\nhost: other")),
    _with("8.2.1", "a space before a value is malformed", (b"x-test", b" ok")),
    _with("8.2.1", "a tab behind a value is malformed", (b"x-test", b"ok\t")),
    _good("8.2.1", "an empty value is accepted", METHOD, SCHEME, PATH, AUTHORITY, (b"x-test", b"")),
    _good(
        "8.2.1", "bytes above 0x7F in a value are accepted", METHOD, SCHEME, PATH, AUTHORITY, (b"x-test", b"\xc3\xa9")
    ),
    _with("8.2.2", "connection is malformed", (b"connection", b"keep-alive")),
    _with("8.2.2", "keep-alive is malformed", (b"keep-alive", b"timeout=5")),
    _with("8.2.2", "proxy-connection is malformed", (b"proxy-connection", b"keep-alive")),
    _with("8.2.2", "transfer-encoding is malformed", (b"transfer-encoding", b"chunked")),
    _with("8.2.2", "upgrade is malformed", (b"upgrade", b"websocket")),
    _with("8.2.2", "te with more than trailers is malformed", (b"trailers", b"test"), (b"te", b"trailers, deflate")),
    _good("8.2.2", "te with trailers is accepted", METHOD, SCHEME, PATH, AUTHORITY, (b"te", b"trailers")),
    _good(
        "8.2.3",
        "cookie in crumbs is accepted",
        METHOD,
        SCHEME,
        PATH,
        AUTHORITY,
        (b"cookie", b"a=1"),
        (b"cookie", b"b=2"),
    ),
)
_PSEUDO = (
    _with("8.3", "an unknown pseudo-header field is malformed", (b":test", b"ok")),
    _bad(
        "8.3",
        "an unknown pseudo-header field among the others is malformed",
        METHOD,
        SCHEME,
        (b":test", b"ok"),
        PATH,
        AUTHORITY,
    ),
    _with("8.3", "a pseudo-header field of answers is malformed", (b":status", b"200")),
    _bad(
        "8.3",
        "a pseudo-header field behind another field is malformed",
        (b"x-test", b"ok"),
        METHOD,
        SCHEME,
        PATH,
        AUTHORITY,
    ),
    _bad(
        "8.3",
        "the last pseudo-header field behind another field is malformed",
        METHOD,
        SCHEME,
        PATH,
        (b"x-test", b"ok"),
        AUTHORITY,
    ),
    _bad("8.3.1", "an empty :path is malformed", METHOD, SCHEME, (b":path", b""), AUTHORITY),
    _bad("8.3.1", ":path that does not begin with a slash is malformed", METHOD, SCHEME, (b":path", b"x"), AUTHORITY),
    _bad("8.3.1", ":path of an asterisk without OPTIONS is malformed", METHOD, SCHEME, (b":path", b"*"), AUTHORITY),
    _bad("8.3.1", ":path with a space is malformed", METHOD, SCHEME, (b":path", b"/a b"), AUTHORITY),
    _bad("8.3.1", ":path with a line end is malformed", METHOD, SCHEME, (b":path", b"/ HTTP/1.1\r\nx: y"), AUTHORITY),
    _bad("8.3.1", "a missing :method is malformed", SCHEME, PATH, AUTHORITY),
    _bad("8.3.1", "a missing :scheme is malformed", METHOD, PATH, AUTHORITY),
    _bad("8.3.1", "a missing :path is malformed", METHOD, SCHEME, AUTHORITY),
    _bad("8.3.1", "nothing but :path is malformed", PATH),
    _bad("8.3.1", "a second :method is malformed", METHOD, SCHEME, PATH, AUTHORITY, METHOD),
    _bad("8.3.1", "a second :scheme is malformed", METHOD, SCHEME, PATH, AUTHORITY, SCHEME),
    _bad("8.3.1", "a second :path is malformed", METHOD, SCHEME, PATH, AUTHORITY, PATH),
    _bad("8.3.1", "a second :authority is malformed", METHOD, SCHEME, PATH, AUTHORITY, AUTHORITY),
    _bad("8.3.1", "a method that is no token is malformed", (b":method", b"GE T"), SCHEME, PATH, AUTHORITY),
    _bad("8.3.1", "an empty method is malformed", (b":method", b""), SCHEME, PATH, AUTHORITY),
    _bad("8.3.1", "userinfo in :authority is malformed", METHOD, SCHEME, PATH, (b":authority", b"me@localhost")),
    _bad("8.3.1", "an :authority that is no host is malformed", METHOD, SCHEME, PATH, (b":authority", b"a/b")),
    _bad(
        "8.3.1", "another host than :authority is malformed", METHOD, SCHEME, PATH, AUTHORITY, (b"host", b"example.org")
    ),
    _bad("8.3.1", "two hosts are malformed", METHOD, SCHEME, PATH, (b"host", b"localhost"), (b"host", b"example.org")),
    _good("8.3.1", "the same host as :authority is accepted", METHOD, SCHEME, PATH, AUTHORITY, (b"host", b"localhost")),
    _good("8.3.1", "host in place of :authority is accepted", METHOD, SCHEME, PATH, (b"host", b"localhost")),
    _good("8.3.1", "pseudo-header fields in any order are accepted", PATH, AUTHORITY, METHOD, SCHEME),
    _good("8.3.1", "OPTIONS of an asterisk is accepted", (b":method", b"OPTIONS"), SCHEME, (b":path", b"*"), AUTHORITY),
)
_CONNECT = (
    _bad("8.5", "CONNECT with :path is malformed", (b":method", b"CONNECT"), SCHEME, PATH, AUTHORITY),
    _bad("8.5", "CONNECT without :authority is malformed", (b":method", b"CONNECT")),
    Case(
        "8.5",
        "CONNECT is not served",
        (headers(1, block((b":method", b"CONNECT"), (b":authority", b"localhost:80")), end=False), refused(501)),
    ),
    _bad(
        "8.5",
        ":protocol without CONNECT is malformed (RFC 8441 §4)",
        METHOD,
        SCHEME,
        PATH,
        AUTHORITY,
        (b":protocol", b"websocket"),
    ),
)
_PUSH = (
    Case(
        "8.4",
        "PUSH_PROMISE is a connection error",
        (
            frame(PUSH_PROMISE, END_HEADERS, 1, b"\0\0\0\x03" + request()),
            connection_error(Code.PROTOCOL_ERROR),
        ),
    ),
)

MESSAGES = (*_CODES, *_EXCHANGES, *_LENGTHS, *_FIELDS, *_PSEUDO, *_CONNECT, *_PUSH)
