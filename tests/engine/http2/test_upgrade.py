"""Upgrade: h2c (RFC 7540 §3.2): what counts as an offer, what does not, and what may stand behind one."""

import base64

import pytest

from licorne.engine.connection import Closing, Connection
from licorne.engine.defaults import DefaultHeaders
from licorne.engine.exchange import Exchange
from licorne.engine.http1 import new_connection_factory as new_http1_factory
from licorne.engine.http1.parser import PARSERS
from licorne.engine.http2 import new_connection_factory as new_http2_factory
from licorne.engine.http2 import new_upgrade
from licorne.engine.http2.upgrade import parse_offer
from licorne.engine.limits import Limits
from licorne.engine.negotiate import new_connection_factory
from tests.support.http2_frames import (
    DATA,
    GOAWAY,
    HEADERS,
    PREFACE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    Code,
    Frame,
    Setting,
    data,
    headers,
    request,
    settings,
    settings_ack,
    split_frame,
)

LIMITS = Limits(head_timeout=10.0, h2_max_settings=4)
DEFAULTS = DefaultHeaders([(b"server", b"test")], has_date=False)


def offer(*pairs: tuple[int, int]) -> bytes:
    payload = settings(*pairs)[9:]
    return base64.urlsafe_b64encode(payload).rstrip(b"=")


OFFER = offer((Setting.ENABLE_PUSH, 0), (Setting.INITIAL_WINDOW_SIZE, 3))
FIELDS = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: " + OFFER + b"\r\n"
ASK = b"GET /first?x=1 HTTP/1.1\r\nHost: a\r\n" + FIELDS + b"X-Own: yes\r\nTE: trailers\r\nKeep-Alive: 5\r\n\r\n"
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\n"


class Talk:
    """Be the driver of one connection that begins in clear, and keep what leaves."""

    def __init__(self, parser: str = "native", *, is_on: bool = True) -> None:
        upgrade = new_upgrade(LIMITS, DEFAULTS) if is_on else None
        new_http1 = new_http1_factory(LIMITS, parser, DEFAULTS)
        new_clear_http1 = new_http1_factory(LIMITS, parser, DEFAULTS, upgrade=upgrade)
        new_http2 = new_http2_factory(LIMITS, DEFAULTS)
        new_connection = new_connection_factory(new_http1, new_http2, LIMITS.head_timeout, new_clear_http1)
        self.connection: Connection = new_connection()
        self.exchanges: list[Exchange] = []
        self.out = b""

    def begin(self, protocol: str | None = None, *, is_secure: bool = False) -> "Talk":
        if is_secure:
            self.connection.agree(protocol)
        self._follow()
        self.connection.start(0.0)
        return self

    def send(self, *pieces: bytes) -> "Talk":
        for piece in pieces:
            self.connection.receive_data(piece, 0.0)
            self.pump()
        return self

    def pump(self) -> "Talk":
        self._follow()
        while (exchange := self.connection.next_exchange(0.0)) is not None:
            self.exchanges.append(exchange)
        self.out += b"".join(self.connection.data_to_send())
        return self

    def answer(self, body: bytes = b"hello") -> "Talk":
        self.exchanges[-1].start_response(200, [])
        self.exchanges[-1].write(body, True)
        return self.pump()

    def frames(self) -> list[Frame]:
        head, _, rest = self.out.partition(b"\r\n\r\n")
        assert head.startswith(SWITCHED)
        frames = []
        while (frame := split_frame(rest)) is not None:
            frames.append(frame)
            rest = rest[9 + len(frame.payload) :]
        assert not rest
        return frames

    def _follow(self) -> None:
        while self.connection.successor is not None:
            self.connection = self.connection.successor


def without(line: bytes) -> bytes:
    return ASK.replace(line, b"")


# --- what is taken up ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("parser", PARSERS)
def test_the_request_becomes_the_first_stream_and_is_answered_over_http2(parser: str) -> None:
    talk = Talk(parser).begin().send(ASK)
    head = talk.exchanges[0].head
    assert (head.method, head.path, head.query, head.http_version) == ("GET", b"/first", b"x=1", "2")
    assert head.headers == [(b"host", b"a"), (b"x-own", b"yes")]
    assert talk.exchanges[0].is_body_complete
    talk.answer(b"abc").send(PREFACE + settings() + settings_ack())
    frames = talk.frames()
    assert [frame.kind for frame in frames][:2] == [SETTINGS, WINDOW_UPDATE]
    assert [(frame.kind, frame.stream) for frame in frames if frame.stream] == [(HEADERS, 1), (DATA, 1)]
    assert [frame.payload for frame in frames if frame.kind == DATA] == [b"abc"]


def test_the_settings_of_the_offer_hold() -> None:
    talk = Talk().begin().send(ASK).answer(b"abcdef")
    assert [len(frame.payload) for frame in talk.frames() if frame.kind == DATA] == [3]


@pytest.mark.parametrize("parser", PARSERS)
def test_it_may_come_byte_by_byte(parser: str) -> None:
    talk = Talk(parser).begin().send(*[bytes([byte]) for byte in ASK + PREFACE + settings() + headers(3, request())])
    assert [exchange.head.path for exchange in talk.exchanges] == [b"/first", b"/"]


def test_further_requests_have_further_streams() -> None:
    talk = Talk().begin().send(ASK).answer(b"1").send(PREFACE + settings() + headers(3, request())).answer(b"2")
    assert [frame.stream for frame in talk.frames() if frame.kind == HEADERS] == [1, 3]


@pytest.mark.parametrize("late", [headers(1, request()), data(1, b"x")], ids=["HEADERS", "DATA"])
def test_the_first_stream_has_ended_for_the_client(late: bytes) -> None:
    talk = Talk().begin().send(ASK).send(PREFACE + settings() + late)
    codes = [frame.code for frame in talk.frames() if frame.kind in (RST_STREAM, GOAWAY)]
    assert codes == [Code.STREAM_CLOSED]


def test_the_preface_must_come_in_time() -> None:
    talk = Talk().begin().send(ASK).answer(b"abc")
    talk.connection.expire(10.0)
    assert [frame.code for frame in talk.pump().frames() if frame.kind == GOAWAY] == [Code.NO_ERROR]
    assert talk.connection.closing != Closing.OPEN


# --- what stands behind it -----------------------------------------------------------------------------------


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("is_apart", [False, True], ids=["one read", "two reads"])
def test_a_request_that_does_not_wait_for_the_answer_is_never_seen(parser: str, is_apart: bool) -> None:
    hidden = b"GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n"
    talk = Talk(parser).begin().send(*([ASK, hidden] if is_apart else [ASK + hidden]))
    assert b"/hidden" not in [exchange.head.path for exchange in talk.exchanges]
    assert [frame.code for frame in talk.frames() if frame.kind == GOAWAY] == [Code.PROTOCOL_ERROR]
    assert talk.connection.closing != Closing.OPEN


def test_the_preface_may_come_at_once() -> None:
    talk = Talk().begin().send(ASK + PREFACE + settings() + headers(3, request()))
    assert [exchange.head.path for exchange in talk.exchanges] == [b"/first", b"/"]


# --- what is not -----------------------------------------------------------------------------------------------

NO_OFFERS = {
    "without Connection": without(b"Connection: Upgrade, HTTP2-Settings\r\n"),
    "Connection without HTTP2-Settings": without(b", HTTP2-Settings"),
    "Connection without Upgrade": without(b"Upgrade, "),
    "Connection that closes": ASK.replace(b"Connection: ", b"Connection: close, "),
    "without Upgrade": without(b"Upgrade: h2c\r\n"),
    "another protocol": ASK.replace(b"Upgrade: h2c", b"Upgrade: h2c-14, h2"),
    "over TLS, in clear": ASK.replace(b"Upgrade: h2c", b"Upgrade: h2"),
    "without HTTP2-Settings": without(b"HTTP2-Settings: " + OFFER + b"\r\n"),
    "two HTTP2-Settings": ASK.replace(FIELDS, FIELDS + b"HTTP2-Settings: " + OFFER + b"\r\n"),
    "two in one line": ASK.replace(OFFER, OFFER + b"," + OFFER),
    "empty settings": ASK.replace(OFFER, b""),
    "padded settings": ASK.replace(OFFER, base64.urlsafe_b64encode(b"\0\2\0\0\0\0\0")),
    "another base64": ASK.replace(OFFER, b"AAAAAA+/"),
    "no base64": ASK.replace(OFFER, b"AAIAAAA!"),
    "part of a setting": ASK.replace(OFFER, OFFER[:-1]),
    "a setting that is not allowed": ASK.replace(OFFER, offer((Setting.ENABLE_PUSH, 2))),
    "a window that is too large": ASK.replace(OFFER, offer((Setting.INITIAL_WINDOW_SIZE, 1 << 31))),
    "too many settings": ASK.replace(OFFER, offer((9, 0)) * 5),
    "a body": ASK.replace(b"GET", b"POST").replace(b"\r\n\r\n", b"\r\nContent-Length: 3\r\n\r\nabc"),
    "chunks": ASK.replace(b"GET", b"POST").replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "HTTP/1.0": ASK.replace(b"HTTP/1.1", b"HTTP/1.0"),
}


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("asked", NO_OFFERS.values(), ids=NO_OFFERS)
def test_what_leaves_a_doubt_is_answered_in_http1(asked: bytes, parser: str) -> None:
    talk = Talk(parser).begin().send(asked).answer()
    assert talk.out.startswith(b"HTTP/1.1 200 OK\r\n")
    assert talk.exchanges[0].head.http_version in ("1.1", "1.0")
    assert b"101" not in talk.out


def test_a_websocket_goes_before_it() -> None:
    key = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    talk = Talk().begin().send(ASK.replace(b"Upgrade: h2c\r\n", b"Upgrade: h2c, websocket\r\n" + key))
    assert talk.exchanges[0].is_websocket()


def test_only_the_first_request_of_a_connection_may_offer_it() -> None:
    plain = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    talk = Talk().begin().send(plain).answer().send(ASK).answer()
    assert talk.out.count(b"HTTP/1.1 200 OK\r\n") == 2
    talk = Talk().begin().send(plain + ASK).answer().answer()
    assert talk.out.count(b"HTTP/1.1 200 OK\r\n") == 2


def test_a_server_that_drains_goes_on_in_http1() -> None:
    talk = Talk().begin()
    talk.connection.shutdown(0.0)
    talk.send(ASK).answer()
    assert talk.out.startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize("protocol", [None, "http/1.1"])
def test_it_is_ignored_behind_tls(protocol: str | None) -> None:
    talk = Talk().begin(protocol, is_secure=True).send(ASK).answer()
    assert talk.out.startswith(b"HTTP/1.1 200 OK\r\n")


def test_it_is_ignored_where_it_is_off() -> None:
    talk = Talk(is_on=False).begin().send(ASK).answer()
    assert talk.out.startswith(b"HTTP/1.1 200 OK\r\n")
    assert (b"upgrade", b"h2c") in talk.exchanges[0].head.headers


def test_a_field_that_connection_names_is_not_dropped_for_that() -> None:
    talk = Talk().begin().send(ASK.replace(b"Connection: ", b"Connection: Host, X-Own, "))
    assert talk.exchanges[0].head.headers == [(b"host", b"a"), (b"x-own", b"yes")]


def test_an_offer_is_read_as_the_payload_of_settings() -> None:
    assert parse_offer(OFFER, 0) == [(Setting.ENABLE_PUSH, 0), (Setting.INITIAL_WINDOW_SIZE, 3)]
    assert parse_offer(OFFER, 1) is None
