"""Cases of RFC 9113 §3 and §4: the preface, the format and size of frames, and header blocks as a whole."""

from tests.conformance.http2.cases import (
    FAULT,
    GET,
    POST,
    Case,
    Step,
    answered,
    closed,
    compression_error,
    connection_error,
    headers_came,
    ponged,
    stream_error,
)
from tests.support.http2_frames import (
    DATA,
    HEADERS,
    PREFACE,
    PRIORITY_UPDATE,
    SETTINGS,
    Code,
    continuation,
    data,
    frame,
    headers,
    literal,
    ping,
    priority,
    request,
    settings,
    settings_ack,
    window_update,
)
from tests.support.http2_peer import Http2Peer

__all__ = ["FRAMES"]

HALF = headers(1, request(), end=False, is_whole=False)
REST = continuation(1, literal(b"x-test", b"ok"))
UNKNOWN = frame(0x16, 0, 0, bytes(8))
TOO_LONG = connection_error(Code.FRAME_SIZE_ERROR)
LARGEST = 16384


def settings_came(peer: Http2Peer) -> None:
    """See the server's SETTINGS, which the rules want to be its first frame."""
    peer.wait_for(lambda found: found.kind == SETTINGS)


def block_of(size: int) -> bytes:
    """Return a block of so many bytes."""
    rest = size - len(request())
    # A literal of such a length has nine bytes around its value.
    return request() + literal(b"x-fill", b"x" * (rest - 11))


assert len(block_of(LARGEST)) == LARGEST


def _bare(title: str, *steps: Step) -> Case:
    return Case("3.4", title, steps, is_greeted=False)


FRAMES = (
    _bare("the server's SETTINGS are its first frame", PREFACE + settings(), settings_came),
    _bare("SETTINGS may come with the first requests", PREFACE + settings() + GET, answered()),
    _bare("another beginning than the preface ends the connection", b"INVALID CONNECTION PREFACE\r\n\r\n", closed),
    _bare("a preface that is wrong at its end ends the connection", PREFACE[:-4] + b"\r\n\n\n" + settings(), closed),
    _bare("a preface that is wrong behind PRI ends the connection", b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", closed),
    _bare("another first frame than SETTINGS is an error", PREFACE + ping(), FAULT),
    _bare("a first frame that acknowledges is an error", PREFACE + settings_ack(), FAULT),
    _bare("HEADERS before SETTINGS are an error", PREFACE + GET, FAULT),
    # --- frames
    Case("4.1", "a frame of unknown type is ignored", (UNKNOWN, ping(), ponged())),
    Case(
        "4.1",
        "a frame of unknown type on a stream is ignored",
        (POST, frame(0xEE, 0xFF, 1, b"?"), data(1, end=True), answered()),
    ),
    Case("4.1", "flags that are not defined are ignored", (frame(6, 0x16, 0, b"conforms"), ponged())),
    Case("4.1", "the reserved bit is ignored", (frame(6, 0x16, 1 << 31, b"conforms"), ponged())),
    Case(
        "4.1",
        "the reserved bit of a stream's frame is ignored",
        (frame(HEADERS, 5, 1 << 31 | 1, request()), answered()),
    ),
    # --- sizes
    Case("4.2", "DATA of 2^14 bytes is accepted", (POST, data(1, bytes(LARGEST), end=True), answered())),
    Case("4.2", "HEADERS of 2^14 bytes are accepted", (headers(1, block_of(LARGEST)), answered())),
    Case(
        "4.2",
        "DATA above SETTINGS_MAX_FRAME_SIZE is an error",
        (
            POST,
            data(1, bytes(LARGEST + 1), end=True),
            stream_error(1, Code.FRAME_SIZE_ERROR),
        ),
    ),
    Case(
        "4.2",
        "HEADERS above SETTINGS_MAX_FRAME_SIZE are a connection error",
        (headers(1, block_of(LARGEST + 1)), TOO_LONG),
    ),
    Case(
        "4.2",
        "SETTINGS above SETTINGS_MAX_FRAME_SIZE are a connection error",
        (frame(SETTINGS, 0, 0, bytes(6 * 2731)), TOO_LONG),
    ),
    Case(
        "4.2", "a frame that is too long is known by its head", (frame(DATA, 0, 1, b"", size=(1 << 24) - 1), TOO_LONG)
    ),
    Case(
        "4.2",
        "an unknown frame above SETTINGS_MAX_FRAME_SIZE is an error",
        (frame(0x16, 0, 0, bytes(LARGEST + 1)), TOO_LONG),
    ),
    # --- header blocks
    Case(
        "4.3",
        "a block that cannot be decoded is a connection error",
        (frame(HEADERS, 5, 1, b"\x40"), compression_error),
    ),
    Case(
        "4.3",
        "a block that ends inside of a string is a connection error",
        (headers(1, request()[:-3]), compression_error),
    ),
    Case(
        "4.3",
        "a block that cannot be decoded is so in trailers too",
        (
            POST,
            data(1, b"x"),
            headers(1, b"\x40"),
            compression_error,
        ),
    ),
    Case(
        "4.3",
        "a block of a request that is refused is decoded all the same",
        (
            headers(1, request() + literal(b"X-Test", b"ok", 0x40) + literal(b"x-test", b"ok", 0x40)),
            stream_error(1, Code.PROTOCOL_ERROR),
            headers(3, request() + b"\xbe"),
            answered(3),
        ),
    ),
    Case("4.3", "PRIORITY inside of a block is a connection error", (HALF, priority(1), REST, FAULT)),
    Case(
        "4.3",
        "HEADERS of another stream inside of a block are a connection error",
        (HALF, headers(3, request()), REST, FAULT),
    ),
    Case("4.3", "DATA inside of a block is a connection error", (HALF, data(1, b"x"), FAULT)),
    Case("4.3", "PING inside of a block is a connection error", (HALF, ping(), FAULT)),
    Case("4.3", "SETTINGS inside of a block are a connection error", (HALF, settings(), FAULT)),
    Case("4.3", "WINDOW_UPDATE inside of a block is a connection error", (HALF, window_update(0, 1), FAULT)),
    Case("4.3", "CONTINUATION of another stream is a connection error", (HALF, continuation(3, b""), FAULT)),
    # --- RFC 9113 §5.5
    Case("5.5", "an extension's frame is ignored", (UNKNOWN, GET, answered())),
    Case("5.5", "an extension's frame inside of a block is a connection error", (HALF, UNKNOWN, FAULT)),
    Case(
        "5.5",
        "PRIORITY_UPDATE inside of a block is a connection error",
        (HALF, frame(PRIORITY_UPDATE, 0, 0, bytes([0, 0, 0, 1])), FAULT),
    ),
    Case(
        "5.5",
        "PRIORITY_UPDATE changes nothing for a client",
        (frame(PRIORITY_UPDATE, 0, 0, b"\0\0\0\x01u=1, i"), GET, headers_came(), answered()),
    ),
    Case(
        "5.5",
        "PRIORITY_UPDATE on a stream is a connection error (RFC 9218 §7.1)",
        (frame(PRIORITY_UPDATE, 0, 1, b"\0\0\0\x01u=1"), FAULT),
    ),
    Case(
        "5.5",
        "PRIORITY_UPDATE of stream 0 is a connection error (RFC 9218 §7.1)",
        (frame(PRIORITY_UPDATE, 0, 0, b"\0\0\0\0u=1"), FAULT),
    ),
)
