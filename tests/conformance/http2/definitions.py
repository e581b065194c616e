"""Cases of RFC 9113 §6: each kind of frame, but for what `flow` has."""

from tests.conformance.http2.cases import (
    FAULT,
    GET,
    POST,
    Case,
    answered,
    closed,
    connection_error,
    headers_came,
    ponged,
    stream_error,
)
from tests.support.http2_frames import (
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    PADDED,
    PING,
    PRIORITY,
    PUSH_PROMISE,
    RST_STREAM,
    Code,
    continuation,
    data,
    frame,
    goaway,
    headers,
    literal,
    ping,
    priority,
    request,
    reset,
)

__all__ = ["DEFINITIONS"]

OPEN = headers(1, request(b"POST", b"/now"), end=False)
HALF = headers(1, request(), is_whole=False)
HALF_POST = headers(1, request(b"POST"), end=False, is_whole=False)
FRAGMENT = literal(b"x-test", b"ok")
WRONG_SIZE = connection_error(Code.FRAME_SIZE_ERROR)
MOST = (1 << 31) - 1


def _padded(kind: int, flags: int, pad: int, payload: bytes) -> bytes:
    return frame(kind, flags | PADDED, 1, bytes([pad]) + payload)


_DATA = (
    Case("6.1", "DATA on stream 0 is a connection error", (data(0, b"test", end=True), FAULT)),
    Case(
        "6.1",
        "DATA on a stream that is not open is an error",
        (
            headers(1, request(b"POST")),
            data(1, b"test", end=True),
            stream_error(1, Code.STREAM_CLOSED),
        ),
    ),
    Case(
        "6.1",
        "DATA with more padding than bytes is a connection error",
        (
            headers(1, request(b"POST", b"/", (b"content-length", b"4")), end=False),
            _padded(DATA, END_STREAM, 6, b"Test"),
            FAULT,
        ),
    ),
    Case(
        "6.1",
        "DATA with as much padding as bytes is a connection error",
        (POST, _padded(DATA, END_STREAM, 5, b"Test"), FAULT),
    ),
    Case(
        "6.1",
        "DATA that has no byte for its padding is a connection error",
        (POST, frame(DATA, PADDED, 1), connection_error(Code.PROTOCOL_ERROR, Code.FRAME_SIZE_ERROR)),
    ),
    Case(
        "6.1",
        "DATA whose padding is broken is a connection error behind the answer too",
        (OPEN, headers_came(), _padded(DATA, 0, 9, b""), FAULT),
    ),
)
_HEADERS = (
    Case(
        "6.2",
        "PRIORITY behind HEADERS without END_HEADERS is a connection error",
        (HALF, priority(1), continuation(1, FRAGMENT), FAULT),
    ),
    Case(
        "6.2",
        "HEADERS of another stream behind HEADERS without END_HEADERS are a connection error",
        (
            HALF,
            headers(3, request()),
            continuation(1, FRAGMENT),
            FAULT,
        ),
    ),
    Case("6.2", "HEADERS on stream 0 are a connection error", (headers(0, request()), FAULT)),
    Case(
        "6.2",
        "HEADERS with more padding than bytes are an error",
        (
            _padded(HEADERS, END_HEADERS | END_STREAM, len(request()) + 2, request()),
            stream_error(1, Code.PROTOCOL_ERROR),
        ),
    ),
    Case(
        "6.2",
        "HEADERS that have no room for their priority are a connection error",
        (
            frame(HEADERS, END_HEADERS | END_STREAM | 0x20, 1, b"\0\0\0"),
            connection_error(Code.FRAME_SIZE_ERROR, Code.PROTOCOL_ERROR),
        ),
    ),
    Case("6.2", "HEADERS without a block are malformed", (headers(1, b""), stream_error(1, Code.PROTOCOL_ERROR))),
)
_PRIORITY = (
    Case("6.3", "PRIORITY on stream 0 is a connection error", (priority(0), FAULT)),
    Case(
        "6.3",
        "PRIORITY of another length than 5 is an error",
        (
            GET,
            frame(PRIORITY, 0, 1, b"\x80\0\0\x01"),
            stream_error(1, Code.FRAME_SIZE_ERROR),
        ),
    ),
    Case("6.3", "PRIORITY for an idle stream leaves lower ones to be opened", (priority(3), GET, answered())),
)
_RESET = (
    Case("6.4", "RST_STREAM on stream 0 is a connection error", (reset(0), FAULT)),
    Case("6.4", "RST_STREAM on an idle stream is a connection error", (reset(1), FAULT)),
    Case(
        "6.4",
        "RST_STREAM of another length than 4 is a connection error",
        (GET, frame(RST_STREAM, 0, 1, bytes(3)), WRONG_SIZE),
    ),
    Case(
        "6.4",
        "RST_STREAM that is too long is a connection error",
        (POST, frame(RST_STREAM, 0, 1, bytes(5)), WRONG_SIZE),
    ),
)
_PUSH = (
    Case(
        "6.6",
        "PUSH_PROMISE on an open stream is a connection error",
        (
            POST,
            frame(PUSH_PROMISE, END_HEADERS, 1, b"\0\0\0\x02" + request()),
            FAULT,
        ),
    ),
    Case(
        "6.6",
        "PUSH_PROMISE on stream 0 is a connection error",
        (frame(PUSH_PROMISE, END_HEADERS, 0, b"\0\0\0\x02"), FAULT),
    ),
)
_PING = (
    Case(
        "6.7",
        "PING is answered with its payload",
        (ping(b"\x00\xff\x01\xfe\x02\xfd\x03\xfc"), ponged(b"\x00\xff\x01\xfe\x02\xfd\x03\xfc")),
    ),
    Case("6.7", "PING that acknowledges is not answered", (ping(b"not this", is_ack=True), ping(), ponged())),
    Case("6.7", "PING on a stream is a connection error", (frame(PING, 0, 1, bytes(8)), FAULT)),
    Case("6.7", "PING of another length than 8 is a connection error", (frame(PING, 0, 0, bytes(6)), WRONG_SIZE)),
    Case(
        "6.7",
        "PING that acknowledges with another length than 8 is a connection error",
        (frame(PING, 1, 0, bytes(9)), WRONG_SIZE),
    ),
)
_GOAWAY = (
    Case("6.8", "GOAWAY on a stream is a connection error", (frame(7, 0, 1, bytes(8)), FAULT)),
    Case("6.8", "GOAWAY of less than 8 bytes is a connection error", (frame(7, 0, 0, bytes(7)), WRONG_SIZE)),
    Case("6.8", "GOAWAY twice is accepted", (POST, goaway(MOST), goaway(0), data(1, end=True), answered(), closed)),
)
_CONTINUATION = (
    Case(
        "6.10",
        "several CONTINUATION behind HEADERS are accepted",
        (
            HALF,
            continuation(1, FRAGMENT, is_last=False),
            continuation(1, FRAGMENT),
            answered(),
        ),
    ),
    Case(
        "6.10",
        "another frame behind CONTINUATION is a connection error",
        (
            HALF_POST,
            continuation(1, FRAGMENT, is_last=False),
            data(1, b"test", end=True),
            FAULT,
        ),
    ),
    Case("6.10", "CONTINUATION on stream 0 is a connection error", (HALF, continuation(0, FRAGMENT), FAULT)),
    Case(
        "6.10",
        "CONTINUATION behind HEADERS with END_HEADERS is a connection error",
        (GET, continuation(1, FRAGMENT), FAULT),
    ),
    Case(
        "6.10",
        "CONTINUATION behind CONTINUATION with END_HEADERS is a connection error",
        (
            HALF,
            continuation(1, FRAGMENT),
            continuation(1, FRAGMENT),
            FAULT,
        ),
    ),
    Case(
        "6.10",
        "CONTINUATION behind DATA is a connection error",
        (
            HALF_POST,
            data(1, b"test", end=True),
            continuation(1, FRAGMENT, is_last=False),
            continuation(0, FRAGMENT),
            FAULT,
        ),
    ),
)

DEFINITIONS = (
    *_DATA,
    *_HEADERS,
    *_PRIORITY,
    *_RESET,
    *_PUSH,
    *_PING,
    *_GOAWAY,
    *_CONTINUATION,
)
