"""Cases of RFC 9113 §5: states, identifiers and number of streams, dependencies, and how errors end a connection."""

from tests.conformance.http2.cases import (
    FAULT,
    GET,
    POST,
    Case,
    Step,
    acknowledged,
    answered,
    closed,
    connection_error,
    headers_came,
    ponged,
    stream_ended,
    stream_error,
)
from tests.support.http2_frames import (
    GOAWAY,
    RST_STREAM,
    Code,
    Setting,
    continuation,
    data,
    dependency,
    frame,
    headers,
    literal,
    ping,
    priority,
    request,
    reset,
    settings,
    window_update,
)
from tests.support.http2_peer import Http2Peer

__all__ = ["STREAMS"]

FRAGMENT = literal(b"x-test", b"ok")
GONE = connection_error(Code.STREAM_CLOSED)
NO_WINDOW = settings((Setting.INITIAL_WINDOW_SIZE, 0))
BROKEN_PING = frame(6, 0, 3, bytes(8))


def stream_closed(stream: int = 1) -> Step:
    """See STREAM_CLOSED, for the stream or for the connection."""
    return stream_error(stream, Code.STREAM_CLOSED)


def stream_closed_or_broken(stream: int = 1) -> Step:
    """See STREAM_CLOSED, or PROTOCOL_ERROR: CONTINUATION that continues nothing is both."""
    return stream_error(stream, Code.STREAM_CLOSED, Code.PROTOCOL_ERROR)


def open_one_more_than_allowed(peer: Http2Peer) -> None:
    """Send so many requests whose answers cannot leave that one is above the limit; see that one refused alone."""
    assert peer.rules.settings is not None
    most = peer.rules.settings[Setting.MAX_CONCURRENT_STREAMS]
    ids = [2 * number + 1 for number in range(most + 1)]
    peer.send(b"".join(headers(number, request()) for number in ids))
    found = peer.wait_for(lambda found: found.kind in (RST_STREAM, GOAWAY))
    assert (found.kind, found.stream) == (RST_STREAM, ids[-1])
    assert found.code in (Code.REFUSED_STREAM, Code.PROTOCOL_ERROR)
    peer.send(settings((Setting.INITIAL_WINDOW_SIZE, 65535)))
    for number in ids[:-1]:
        assert peer.read_answer(number).body == b"Hello, world!"
    peer.send(headers(ids[-1] + 2, request()))
    assert peer.read_answer(ids[-1] + 2).status == 200


def use_many(peer: Http2Peer) -> None:
    """Send more requests than may be open at a time, one after the other."""
    for number in range(1, 601, 2):
        peer.send(headers(number, request()))
        assert peer.read_answer(number).status == 200


def see_last_stream(last: int) -> Step:
    """See GOAWAY name the last stream that was taken."""

    def see(peer: Http2Peer) -> None:
        found = peer.wait_for_goaway()
        assert int.from_bytes(found.payload[:4], "big") == last

    return see


STREAMS = (
    # --- idle
    Case("5.1", "idle: DATA is a connection error", (data(1, b"test", end=True), FAULT)),
    Case("5.1", "idle: RST_STREAM is a connection error", (reset(1), FAULT)),
    Case("5.1", "idle: WINDOW_UPDATE is a connection error", (window_update(1, 100), FAULT)),
    Case("5.1", "idle: CONTINUATION is a connection error", (continuation(1, request()), FAULT)),
    Case("5.1", "idle: DATA on a stream of the server is a connection error", (data(2, b"test"), FAULT)),
    # --- half-closed (remote)
    Case("5.1", "half-closed (remote): DATA is an error", (GET, data(1, b"test", end=True), stream_closed())),
    Case("5.1", "half-closed (remote): HEADERS are an error", (GET, GET, stream_closed())),
    Case(
        "5.1",
        "half-closed (remote): CONTINUATION is an error",
        (GET, continuation(1, request()), stream_closed_or_broken()),
    ),
    Case(
        "5.1",
        "half-closed (remote), and kept so: DATA is an error",
        (
            NO_WINDOW,
            acknowledged,
            GET,
            headers_came(),
            data(1, b"test", end=True),
            stream_closed(),
        ),
    ),
    Case(
        "5.1",
        "half-closed (remote), and kept so: HEADERS are an error",
        (NO_WINDOW, acknowledged, GET, headers_came(), GET, stream_closed()),
    ),
    Case(
        "5.1",
        "half-closed (remote), and kept so: trailers are an error",
        (
            NO_WINDOW,
            acknowledged,
            GET,
            headers_came(),
            headers(1, FRAGMENT),
            stream_closed(),
        ),
    ),
    # --- closed by the client's RST_STREAM
    Case(
        "5.1",
        "closed: DATA behind RST_STREAM is an error",
        (POST, reset(1), data(1, b"test", end=True), stream_closed()),
    ),
    Case("5.1", "closed: HEADERS behind RST_STREAM are an error", (POST, reset(1), GET, stream_closed())),
    Case(
        "5.1",
        "closed: CONTINUATION behind RST_STREAM is an error",
        (POST, reset(1), continuation(1, FRAGMENT), stream_closed_or_broken()),
    ),
    Case("5.1", "closed: PRIORITY behind RST_STREAM is accepted", (POST, reset(1), priority(1), ping(), ponged())),
    # --- closed by END_STREAM of both
    Case("5.1", "closed: DATA is a connection error", (GET, stream_ended(), data(1, b"test", end=True), GONE)),
    Case("5.1", "closed: HEADERS are a connection error", (GET, stream_ended(), GET, GONE)),
    Case(
        "5.1",
        "closed: CONTINUATION is a connection error",
        (
            GET,
            stream_ended(),
            continuation(1, FRAGMENT),
            connection_error(Code.STREAM_CLOSED, Code.PROTOCOL_ERROR),
        ),
    ),
    Case(
        "5.1",
        "closed: WINDOW_UPDATE that crossed the end is accepted",
        (GET, stream_ended(), window_update(1, 5), ping(), ponged()),
    ),
    Case(
        "5.1", "closed: RST_STREAM that crossed the end is accepted", (GET, stream_ended(), reset(1), ping(), ponged())
    ),
    # --- identifiers
    Case("5.1.1", "an even identifier is a connection error", (headers(2, request()), FAULT)),
    Case(
        "5.1.1",
        "a smaller identifier than the last is a connection error",
        (headers(5, request()), headers(3, request()), FAULT),
    ),
    Case(
        "5.1.1",
        "HEADERS on a stream that is half-closed (remote) are an error",
        (
            headers(5, request()),
            headers(5, request()),
            stream_closed(5),
        ),
    ),
    Case("5.1.1", "streams that were skipped are closed", (headers(5, request()), answered(5), data(1, b"x"), GONE)),
    Case(
        "5.1.1",
        "WINDOW_UPDATE of a stream that was skipped is no error",
        (headers(5, request()), window_update(3, 1), answered(5)),
    ),
    Case("5.1.1", "the highest identifier is served", (headers((1 << 31) - 1, request()), answered((1 << 31) - 1))),
    # --- number
    Case("5.1.2", "a stream above the limit is refused", (NO_WINDOW, acknowledged, open_one_more_than_allowed)),
    Case("5.1.2", "streams that have ended do not count", (use_many,)),
    # --- dependencies
    Case(
        "5.3.1",
        "HEADERS that depend on themselves are an error",
        (
            headers(1, request(), lead=dependency(1)),
            stream_error(1, Code.PROTOCOL_ERROR),
        ),
    ),
    Case(
        "5.3.1", "PRIORITY that depends on itself is an error", (priority(1, 1), stream_error(1, Code.PROTOCOL_ERROR))
    ),
    Case(
        "5.3.1",
        "PRIORITY of an open stream that depends on itself is an error",
        (POST, priority(1, 1), stream_error(1, Code.PROTOCOL_ERROR)),
    ),
    # --- errors
    Case("5.4.1", "an error of the connection closes it", (BROKEN_PING, closed)),
    Case("5.4.1", "an error of the connection is told by GOAWAY", (BROKEN_PING, FAULT)),
    Case("5.4.1", "GOAWAY names the last stream that was taken", (GET, answered(), BROKEN_PING, see_last_stream(1))),
    Case(
        "5.4.2",
        "a stream that was reset takes what was under way",
        (
            headers(1, request(b"POST", b"/", (b"connection", b"close")), end=False),
            data(1, b"x"),
            data(1, b"x"),
            headers(1, FRAGMENT),
            stream_error(1, Code.PROTOCOL_ERROR),
            headers(3, request()),
            answered(3),
        ),
    ),
    Case(
        "5.4.2",
        "RST_STREAM is not answered with RST_STREAM",
        (
            POST,
            reset(1),
            ping(),
            ponged(),
            lambda peer: _expect_none(peer, RST_STREAM),
        ),
    ),
)


def _expect_none(peer: Http2Peer, kind: int) -> None:
    assert not peer.count(kind)
