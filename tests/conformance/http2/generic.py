"""Generic cases: what any server takes, section by section as HTTP/2 is used (G1 to G5)."""

from tests.conformance.http2.cases import (
    GET,
    POST,
    Case,
    acknowledged,
    answered,
    closed,
    data_of,
    headers_came,
    ponged,
    stream_ended,
)
from tests.support.http2_frames import (
    Code,
    Setting,
    continuation,
    data,
    dependency,
    frame,
    goaway,
    headers,
    literal,
    ping,
    priority,
    request,
    reset,
    settings,
    window_update,
)

__all__ = ["GENERIC"]

NO_WINDOW = settings((Setting.INITIAL_WINDOW_SIZE, 0))
#: "user-agent", "x-test" and "clever" as strings (RFC 7541 §5.2), plain and in Huffman's code.
PLAIN_AGENT = b"\x0auser-agent\x06clever"
CODED_AGENT = bytes.fromhex("87b505b161cc5a93") + bytes.fromhex("852505ee5b3f")
PLAIN_NAME = b"\x06x-test\x06clever"
CODED_NAME = bytes.fromhex("85f2b24a84ff") + bytes.fromhex("852505ee5b3f")
PADDED_GET = frame(0x1, 0x4 | 0x1 | 0x8, 1, b"\x08" + request() + bytes(8))


def _field(title: str, written: bytes, *, is_first: bool = False) -> Case:
    fragment = written + request() if is_first else request() + written
    return Case("G5", f"{title} is accepted", (headers(1, fragment), answered()))


GENERIC = (
    Case("G1", "the client's preface is answered", ()),
    # --- streams
    Case("G2", "PRIORITY on an idle stream is accepted", (priority(1), ping(), ponged())),
    Case(
        "G2",
        "WINDOW_UPDATE on a half-closed (remote) stream is accepted",
        (NO_WINDOW, acknowledged, GET, headers_came(), window_update(1, 1), data_of(1)),
    ),
    Case(
        "G2",
        "PRIORITY on a half-closed (remote) stream is accepted",
        (NO_WINDOW, acknowledged, GET, priority(1), window_update(1, 1), data_of(1)),
    ),
    Case("G2", "RST_STREAM on a half-closed (remote) stream is accepted", (GET, reset(1), ping(), ponged())),
    Case("G2", "PRIORITY on a closed stream is accepted", (GET, stream_ended(), priority(1), ping(), ponged())),
    # --- frames
    Case("G3.1", "DATA is accepted", (POST, data(1, b"test", end=True), answered())),
    Case(
        "G3.1",
        "several DATA are accepted",
        (POST, data(1, b"test"), data(1, b""), data(1, b"test", end=True), answered()),
    ),
    Case("G3.1", "DATA with padding is accepted", (POST, data(1, b"test", end=True, pad=6), answered())),
    Case("G3.1", "DATA of padding alone is accepted", (POST, data(1, b"", end=True, pad=0), answered())),
    Case("G3.2", "HEADERS are accepted", (GET, answered())),
    Case("G3.2", "HEADERS with padding are accepted", (PADDED_GET, answered())),
    Case("G3.2", "HEADERS with a priority are accepted", (headers(1, request(), lead=dependency()), answered())),
    Case("G3.3", "PRIORITY of weight 1 is accepted", (priority(1, weight=0), GET, answered())),
    Case("G3.3", "PRIORITY of weight 256 is accepted", (priority(1, weight=255), GET, answered())),
    Case("G3.3", "PRIORITY that depends on another stream is accepted", (priority(1, 7), GET, answered())),
    Case("G3.3", "PRIORITY that is exclusive is accepted", (priority(1, 7, is_exclusive=True), GET, answered())),
    Case("G3.3", "PRIORITY does not use up lower stream identifiers", (priority(9), GET, answered())),
    Case("G3.4", "RST_STREAM is accepted", (GET, reset(1), headers(3, request()), answered(3))),
    Case("G3.5", "SETTINGS are acknowledged", (settings((Setting.ENABLE_PUSH, 0)), acknowledged)),
    Case("G3.5", "empty SETTINGS are acknowledged", (settings(), acknowledged)),
    Case("G3.7", "PING is answered", (ping(), ponged())),
    Case("G3.8", "GOAWAY is accepted: the connection ends when nothing is open", (goaway(0, 0, b"bye"), closed)),
    Case(
        "G3.8", "GOAWAY leaves an open stream its answer", (POST, goaway(), data(1, b"x", end=True), answered(), closed)
    ),
    Case("G3.9", "WINDOW_UPDATE on stream 0 is accepted", (window_update(0, 1), ping(), ponged())),
    Case("G3.9", "WINDOW_UPDATE on stream 1 is accepted", (POST, window_update(1, 1), data(1, end=True), answered())),
    Case(
        "G3.10",
        "CONTINUATION is accepted",
        (headers(1, request(), is_whole=False), continuation(1, literal(b"x-test", b"ok")), answered()),
    ),
    Case(
        "G3.10",
        "several CONTINUATION are accepted, cut anywhere",
        (
            headers(1, request()[:5], is_whole=False),
            continuation(1, request()[5:31], is_last=False),
            continuation(1, b"", is_last=False),
            continuation(1, request()[31:]),
            answered(),
        ),
    ),
    # --- messages
    Case("G4", "GET is answered", (GET, answered())),
    Case("G4", "HEAD is answered, without content", (headers(1, request(b"HEAD")), answered(body=b""))),
    Case("G4", "POST is answered", (POST, data(1, b"test", end=True), answered())),
    Case(
        "G4",
        "POST with trailers is answered",
        (
            headers(1, request(b"POST", b"/", (b"trailer", b"x-test")), end=False),
            data(1, b"test"),
            headers(1, literal(b"x-test", b"ok")),
            answered(),
        ),
    ),
    Case(
        "G4",
        "an answer above the first window waits for more",
        (
            headers(1, request(b"GET", b"/large")),
            lambda peer: peer.read_until(lambda: len(peer.answer().body) == 65535),
            window_update(0, 1 << 20),
            window_update(1, 1 << 20),
            answered(body=None),
        ),
    ),
    # --- fields
    _field("an indexed field", b"\xba"),
    _field("a literal with indexing, indexed name", b"\x7a\x06clever"),
    _field("a literal with indexing, indexed name in Huffman's code", b"\x7a\x85\x25\x05\xee\x5b\x3f"),
    _field("a literal with indexing, new name", b"\x40" + PLAIN_NAME),
    _field("a literal with indexing, new name in Huffman's code", b"\x40" + CODED_NAME),
    _field("a literal with indexing, a name of the static table spelt out", b"\x40" + PLAIN_AGENT),
    _field("a literal without indexing, indexed name", b"\x0f\x2b\x06clever"),
    _field("a literal without indexing, indexed name in Huffman's code", b"\x0f\x2b\x85\x25\x05\xee\x5b\x3f"),
    _field("a literal without indexing, new name", b"\x00" + PLAIN_NAME),
    _field("a literal without indexing, new name in Huffman's code", b"\x00" + CODED_NAME),
    _field("a literal without indexing, a name of the static table in Huffman's code", b"\x00" + CODED_AGENT),
    _field("a literal never indexed, indexed name", b"\x1f\x2b\x06clever"),
    _field("a literal never indexed, indexed name in Huffman's code", b"\x1f\x2b\x85\x25\x05\xee\x5b\x3f"),
    _field("a literal never indexed, new name", b"\x10" + PLAIN_NAME),
    _field("a literal never indexed, new name in Huffman's code", b"\x10" + CODED_NAME),
    _field("a size update", b"\x20", is_first=True),
    _field("several size updates", b"\x20\x3f\xe1\x1f", is_first=True),
    Case(
        "G5",
        "what was indexed is found again",
        (
            headers(1, request() + b"\x40" + PLAIN_NAME),
            headers(3, request() + b"\xbe"),
            answered(1),
            answered(3),
        ),
    ),
    Case(
        "G5",
        "what was not indexed is not found again",
        (
            headers(1, request() + b"\x00" + PLAIN_NAME),
            headers(3, request() + b"\xbe"),
            lambda peer: _expect_code(peer.wait_for_goaway().code),
            closed,
        ),
    ),
)


def _expect_code(code: int) -> None:
    assert code == Code.COMPRESSION_ERROR
