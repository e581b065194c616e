"""Requests and answers over HTTP/2 in memory: heads, bodies, trailers, interim heads, ends."""

import gc

import pytest

from licorne.engine.exchange import Exchange
from licorne.engine.limits import Limits
from licorne.errors import ClientDisconnected
from tests.support.http2_frames import (
    DATA,
    END_STREAM,
    HEADERS,
    PREFACE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    Code,
    Setting,
    data,
    headers,
    literal,
    request,
    reset,
    settings,
)
from tests.support.http2_play import Http2Play

POST = headers(1, request(b"POST"), end=False)


def answer(exchange: Exchange, body: bytes = b"hello") -> None:
    exchange.start_response(200, [(b"content-type", b"text/plain")])
    exchange.write(body, True)


def test_the_server_speaks_first() -> None:
    play = Http2Play(is_greeted=False).pump()
    first, second = play.frames()
    assert (first.kind, second.kind, second.stream) == (SETTINGS, WINDOW_UPDATE, 0)
    pairs = {first.payload[at + 1]: int.from_bytes(first.payload[at + 2 : at + 6], "big") for at in range(0, 42, 6)}
    assert pairs[Setting.MAX_CONCURRENT_STREAMS] == 100
    assert pairs[Setting.INITIAL_WINDOW_SIZE] == 256 * 1024
    assert pairs[Setting.ENABLE_CONNECT_PROTOCOL] == 1
    assert pairs[Setting.NO_RFC7540_PRIORITIES] == 1
    assert int.from_bytes(second.payload, "big") == 1024 * 1024 - 65535


def test_websocket_is_not_offered_where_it_is_not_spoken() -> None:
    play = Http2Play(is_greeted=False, takes_websocket=False).pump()
    payload = play.frames()[0].payload
    assert Setting.ENABLE_CONNECT_PROTOCOL not in payload[1::6]


def test_the_preface_may_come_byte_by_byte() -> None:
    play = Http2Play(is_greeted=False)
    for byte in PREFACE + settings() + headers(1, request()):
        play.send(bytes([byte]))
    assert play.exchange.head.method == "GET"


def test_a_head_and_a_short_body_are_two_frames() -> None:
    play = Http2Play().send(headers(1, request(b"GET", b"/a?b=c")))
    head = play.exchange.head
    assert (head.method, head.path, head.query, head.http_version) == ("GET", b"/a", b"b=c", "2")
    answer(play.exchange)
    first, second = play.pump().frames()
    assert (first.kind, first.ends_stream, second.kind, second.ends_stream) == (HEADERS, False, DATA, True)
    assert second.payload == b"hello"


def test_an_answer_that_is_complete_at_once_says_its_length() -> None:
    play = Http2Play().send(headers(1, request()))
    answer(play.exchange)
    (fields,) = play.pump().heads()
    assert fields == [
        (b":status", b"200"),
        (b"server", b"test"),
        (b"content-type", b"text/plain"),
        (b"content-length", b"5"),
    ]


@pytest.mark.parametrize(
    ("method", "status", "length"),
    [(b"HEAD", 200, b"5"), (b"GET", 304, None), (b"GET", 204, None), (b"GET", 205, b"0")],
)
def test_a_response_without_content_is_one_frame(method: bytes, status: int, length: bytes | None) -> None:
    play = Http2Play().send(headers(1, request(method)))
    play.exchange.start_response(status, [])
    play.exchange.write(b"hello", True)
    (frame,) = play.pump().frames()
    assert frame.ends_stream
    fields = dict(play.decoder.decode(frame.payload, raw=True))
    assert fields.get(b"content-length") == length


def test_an_empty_body_ends_with_the_head() -> None:
    play = Http2Play().send(headers(1, request()))
    answer(play.exchange, b"")
    (frame,) = play.pump().frames()
    assert (frame.kind, frame.ends_stream) == (HEADERS, True)


def test_the_head_waits_for_the_first_body_bytes() -> None:
    play = Http2Play().send(headers(1, request()))
    play.exchange.start_response(200, [])
    assert play.pump().frames() == []
    play.exchange.write(b"", False)
    assert play.pump().kinds() == [(HEADERS, 1)]


def test_a_head_that_has_not_left_can_be_withdrawn() -> None:
    play = Http2Play().send(headers(1, request()))
    play.exchange.start_response(200, [])
    assert play.exchange.withdraw()
    play.exchange.start_response(500, [])
    play.exchange.write(b"", True)
    assert play.pump().heads()[0][0] == (b":status", b"500")


def test_a_streamed_body_has_no_length_and_an_end_of_its_own() -> None:
    play = Http2Play().send(headers(1, request()))
    play.exchange.start_response(200, [])
    play.exchange.write(b"one", False)
    play.pump()
    play.exchange.write(b"", True)
    assert [(frame.kind, frame.payload) for frame in play.pump().frames()[1:]] == [(DATA, b"one"), (DATA, b"")]


def test_short_pieces_of_one_pump_share_a_frame() -> None:
    play = Http2Play().send(headers(1, request()))
    play.exchange.start_response(200, [])
    for _ in range(50):
        play.exchange.write(b"0123456789", False)
    assert play.pump().bodies() == [(1, 500)]


def test_trailers_end_the_stream() -> None:
    play = Http2Play().send(headers(1, request(b"GET", b"/", (b"te", b"trailers"))))
    play.exchange.start_response(200, [], True)
    play.exchange.write(b"x", True)
    play.exchange.write_trailers([(b"grpc-status", b"0")])
    frames = play.pump().frames()
    assert [(frame.kind, frame.ends_stream) for frame in frames] == [(HEADERS, False), (DATA, False), (HEADERS, True)]
    play.decoder.decode(frames[0].payload)
    assert play.decoder.decode(frames[2].payload, raw=True) == [(b"grpc-status", b"0")]


def test_trailers_that_the_peer_does_not_take_leave_an_empty_end() -> None:
    play = Http2Play().send(headers(1, request()))
    play.exchange.start_response(200, [], True)
    play.exchange.write(b"x", True)
    play.exchange.write_trailers([(b"grpc-status", b"0")])
    assert play.pump().frames()[-1][:3] == (DATA, END_STREAM, 1)


def test_interim_heads_come_first() -> None:
    play = Http2Play().send(headers(1, request()))
    play.exchange.send_informational(103, [(b"link", b"</a.css>; rel=preload")])
    play.exchange.start_response(200, [], True)
    play.exchange.write(b"x", True)
    play.exchange.write_trailers([])
    frames = play.pump().frames()
    statuses = [play.decoder.decode(frame.payload, raw=True)[0][1] for frame in frames if frame.kind == HEADERS]
    assert statuses == [b"103", b"200"]
    assert frames[-1].ends_stream


def test_a_100_is_sent_when_the_body_is_asked_for() -> None:
    play = Http2Play().send(headers(1, request(b"POST", b"/", (b"expect", b"100-continue")), end=False))
    assert play.frames() == []
    play.exchange.send_continue()
    assert play.pump().heads() == [[(b":status", b"100")]]


def test_a_request_body_is_handed_over_as_it_comes() -> None:
    play = Http2Play().send(POST)
    play.send(data(1, b"one"), data(1, b"two", pad=5))
    assert play.exchange.take_body() == b"onetwo"
    play.send(data(1, b"", end=True))
    assert play.exchange.is_body_complete


@pytest.mark.parametrize("status", [200, 204, 304])
def test_an_answer_without_content_has_no_trailers(status: int) -> None:
    method = b"HEAD" if status == 200 else b"GET"
    play = Http2Play().send(headers(1, request(method, b"/", (b"te", b"trailers"))))
    play.exchange.start_response(status, [], trailers=True)
    play.exchange.write(b"hello" if status == 200 else b"", True)
    play.exchange.write_trailers([(b"grpc-status", b"0")])
    frames = play.pump().frames()
    assert [frame.kind for frame in frames if frame.kind == HEADERS] == [HEADERS]
    assert b"".join(frame.payload for frame in frames if frame.kind == DATA) == b""
    assert frames[-1].ends_stream


def test_trailers_of_a_request_end_its_body() -> None:
    play = Http2Play().send(POST, data(1, b"one"), headers(1, literal(b"x-sum", b"1")))
    assert play.exchange.take_body() == b"one"
    assert play.exchange.is_body_complete


def test_exchanges_are_handed_over_once_and_in_order() -> None:
    play = Http2Play().send(*[headers(number, request(b"GET", b"/%d" % number)) for number in (1, 3, 5)])
    assert [exchange.head.path for exchange in play.exchanges] == [b"/1", b"/3", b"/5"]


def test_answers_may_come_in_any_order() -> None:
    play = Http2Play().send(headers(1, request()), headers(3, request()))
    answer(play.exchanges[1])
    assert {stream for _, stream in play.pump().kinds()} == {3}
    answer(play.exchanges[0])
    assert {stream for _, stream in play.pump().kinds()} == {1}


def test_a_reset_of_the_peer_disconnects_that_exchange_alone() -> None:
    play = Http2Play().send(headers(1, request()), headers(3, request()))
    first, second = play.exchanges
    play.send(reset(3))
    assert second.is_disconnected
    assert not first.is_disconnected
    assert play.connection.has_departed
    with pytest.raises(ClientDisconnected):
        second.start_response(200, [])
    assert play.frames() == []


def test_a_request_that_is_reset_at_once_is_not_handed_over() -> None:
    play = Http2Play().send(headers(1, request()), headers(3, request(b"GET", b"/3")), reset(1))
    assert [exchange.head.path for exchange in play.exchanges] == [b"/3"]
    assert not play.connection.has_departed


def test_an_application_that_fails_resets_its_stream() -> None:
    play = Http2Play().send(headers(1, request()), headers(3, request()))
    play.exchanges[0].start_response(200, [])
    play.exchanges[0].write(b"half", False)
    play.pump()
    play.exchanges[0].abort()
    answer(play.exchanges[1])
    frames = play.pump().frames()
    assert (RST_STREAM, 1) in [(frame.kind, frame.stream) for frame in frames]
    assert [frame.code for frame in frames if frame.kind == RST_STREAM] == [Code.INTERNAL_ERROR]
    assert frames[-1].ends_stream


def test_what_was_sent_of_a_failed_response_leaves_before_the_reset() -> None:
    play = Http2Play().send(headers(1, request()))
    play.exchange.start_response(200, [])
    play.exchange.write(b"half", False)
    play.exchange.abort()
    assert play.pump().kinds() == [(HEADERS, 1), (DATA, 1), (RST_STREAM, 1)]


def test_a_failed_response_does_not_wait_for_a_window() -> None:
    play = Http2Play(None, (Setting.INITIAL_WINDOW_SIZE, 3)).send(headers(1, request()))
    play.exchange.start_response(200, [])
    play.exchange.write(b"half", False)
    play.pump()
    play.exchange.abort()
    assert play.pump().kinds() == [(HEADERS, 1), (DATA, 1), (RST_STREAM, 1)]
    assert play.connection.is_idle()


def test_a_failure_before_the_answer_is_a_reset_alone() -> None:
    play = Http2Play().send(headers(1, request()))
    play.exchange.start_response(200, [])
    play.exchange.abort()
    assert play.pump().resets() == [(1, Code.INTERNAL_ERROR)]


def test_a_failure_behind_the_answer_of_a_stream_that_is_no_more_says_nothing() -> None:
    play = Http2Play().send(headers(1, request()))
    exchange = play.exchange
    play.send(reset(1))
    exchange.abort()
    assert play.pump().frames() == []


def _streams_and_exchanges() -> list[object]:
    """Return those that live in this process, also what other tests have left."""
    return [found for found in gc.get_objects() if type(found).__name__ in ("Http2Stream", "Exchange")]


def test_nothing_is_kept_of_a_stream_that_has_ended() -> None:
    play = Http2Play()
    gc.collect()
    gc.disable()
    before = {id(found) for found in _streams_and_exchanges()}
    try:
        for stream, last in ((1, b""), (3, b""), (5, data(5, b"x", end=True)), (7, data(7, b"x" * 9))):
            play.send(headers(stream, request(b"POST", b"/"), end=stream < 5))
            if stream == 3:
                play.exchange.abort()
            else:
                answer(play.exchange)
            play.pump().send(last)
        play.wait(10.0)
        play.exchanges.clear()
        kept = [found for found in _streams_and_exchanges() if id(found) not in before]
    finally:
        gc.enable()
    assert kept == []


# --- bodies that do not fit --------------------------------------------------------------------------------


def test_a_body_over_the_limit_is_refused() -> None:
    play = Http2Play(Limits(max_body_bytes=10)).send(POST)
    play.send(data(1, b"x" * 11))
    assert play.exchange.is_disconnected
    assert play.heads()[0][0] == (b":status", b"413")


def test_an_announced_body_over_the_limit_makes_no_exchange() -> None:
    play = Http2Play(Limits(max_body_bytes=10))
    play.send(headers(1, request(b"POST", b"/", (b"content-length", b"11")), end=False))
    assert not play.exchanges
    assert play.heads()[0][0] == (b":status", b"413")


@pytest.mark.parametrize("body", [b"x" * 4, b"x" * 6])
def test_a_length_that_is_wrong_is_a_stream_error(body: bytes) -> None:
    play = Http2Play().send(headers(1, request(b"POST", b"/", (b"content-length", b"5")), end=False))
    play.send(data(1, body, end=True))
    frames = play.frames()
    assert frames[0].kind == HEADERS
    assert play.decoder.decode(frames[0].payload, raw=True)[0] == (b":status", b"400")
    assert (frames[-1].kind, frames[-1].code) == (RST_STREAM, Code.PROTOCOL_ERROR)
    assert play.exchange.is_disconnected


def test_a_malformed_request_is_told_why_and_reset() -> None:
    play = Http2Play().send(headers(1, request(b"GET", b"/", (b"connection", b"close"))))
    frames = play.frames()
    assert [frame.kind for frame in frames] == [HEADERS, DATA, RST_STREAM]
    assert frames[-1].code == Code.PROTOCOL_ERROR
    assert not play.exchanges
    play.send(headers(3, request()))
    assert len(play.exchanges) == 1


def test_a_malformed_head_request_is_answered_without_content() -> None:
    play = Http2Play().send(headers(1, request(b"HEAD", b"/", (b"connection", b"close"))))
    assert [frame.kind for frame in play.frames()] == [HEADERS, RST_STREAM]


def test_a_header_list_over_the_limit_is_answered_431() -> None:
    play = Http2Play(Limits(h2_max_header_list=1000))
    play.send(headers(1, request(b"GET", b"/", (b"x-long", b"y" * 1000))))
    assert play.heads()[0][0] == (b":status", b"431")
    play.send(headers(3, request()))
    assert len(play.exchanges) == 1


# --- behind the answer ---------------------------------------------------------------------------------------


def test_a_request_may_end_behind_its_answer() -> None:
    play = Http2Play().send(POST)
    answer(play.exchange)
    assert play.pump().resets() == []
    play.send(data(1, b"late", end=True))
    assert play.frames() == []
    play.wait(3.0)
    assert play.frames() == []


def test_a_request_that_goes_on_behind_its_answer_is_reset_without_an_error() -> None:
    play = Http2Play().send(POST)
    answer(play.exchange)
    play.pump().wait(2.0)
    assert play.resets() == [(1, Code.NO_ERROR)]


def test_much_that_comes_behind_an_answer_is_reset_at_the_next_look_at_the_clock() -> None:
    play = Http2Play().send(POST)
    answer(play.exchange)
    play.pump().frames()
    play.send(*[data(1, b"x" * 16384)] * 4).wait(0.0)
    assert play.resets() == []
    play.send(data(1, b"x"))
    assert play.resets() == []
    play.wait(0.0)
    assert play.resets() == [(1, Code.NO_ERROR)]
    assert play.send(data(1, b"x" * 16384)).resets() == []
