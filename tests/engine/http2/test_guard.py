"""What a peer makes us do for nothing, counted (RFC 9113 §10.5)."""

from collections.abc import Callable

import pytest

from licorne.engine.connection import Closing
from licorne.engine.http2.guard import TokenBucket
from licorne.engine.limits import Limits
from tests.support.http2_frames import (
    END_STREAM,
    GOAWAY,
    HEADERS,
    PING,
    Code,
    Setting,
    continuation,
    data,
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
from tests.support.http2_play import Http2Play

CALM = Code.ENHANCE_YOUR_CALM
POST = headers(1, request(b"POST"), end=False)


def test_a_bucket_lets_a_burst_and_a_rate_through() -> None:
    bucket = TokenBucket(3, 2.0)
    assert [bucket.spend(10.0) for _ in range(4)] == [True, True, True, False]
    assert bucket.spend(10.5)
    assert not bucket.spend(10.5)
    assert [bucket.spend(1000.0) for _ in range(4)] == [True, True, True, False]
    assert not bucket.spend(999.0)


def test_a_bucket_without_a_burst_has_no_limit() -> None:
    bucket = TokenBucket(0, 0.0)
    assert all(bucket.spend(0.0) for _ in range(10_000))


def test_rapid_resets_end_the_connection() -> None:
    play = Http2Play()
    for stream in range(1, 2001, 2):
        play.send(headers(stream, request()), reset(stream))
    assert play.goaways() == []
    play.send(headers(2001, request()), reset(2001))
    assert play.goaways() == [(2001, CALM)]
    assert play.connection.closing == Closing.LINGER
    refusal = play.connection.refusal
    assert refusal is not None
    assert "reset" in refusal.reason


def test_resets_that_come_slowly_do_not() -> None:
    play = Http2Play(Limits(h2_reset_burst=10, h2_reset_rate=10.0))
    for stream in range(1, 401, 2):
        play.send(headers(stream, request()), reset(stream))
        for exchange in play.exchanges:
            exchange.release()
        play.wait(0.1)
    assert play.goaways() == []


@pytest.mark.parametrize(
    "fault",
    [
        lambda stream: window_update(stream, 0),
        lambda stream: window_update(stream, 2**31 - 1),
        lambda stream: data(stream, b"x" * 6),
        lambda stream: headers(stream, request(), end=False),
        lambda stream: headers(stream, literal(b"Upper", b"x")),
        lambda stream: priority(stream, stream),
        lambda stream: frame(2, 0, stream, b"1234"),
    ],
)
def test_resets_that_a_peer_has_us_make_count_too(fault: object) -> None:
    play = Http2Play(Limits(h2_reset_burst=20, h2_reset_rate=0.0))
    for stream in range(1, 41, 2):
        play.send(headers(stream, request(b"POST", b"/", (b"content-length", b"5")), end=False))
        play.send(fault(stream))  # type: ignore[operator]
    assert play.goaways() == []
    play.send(headers(41, request(b"POST", b"/", (b"content-length", b"5")), end=False))
    play.send(fault(41))  # type: ignore[operator]
    assert play.goaways() == [(41, CALM)]


def test_applications_that_run_behind_a_reset_count_as_streams() -> None:
    play = Http2Play(Limits(h2_max_streams=10))
    for stream in range(1, 21, 2):
        play.send(headers(stream, request()))
        play.send(reset(stream))
    assert len(play.exchanges) == 10
    play.send(headers(21, request()))
    assert play.resets() == [(21, Code.REFUSED_STREAM)]
    assert len(play.exchanges) == 10
    play.exchanges[3].release()
    play.send(headers(23, request()))
    assert len(play.exchanges) == 11


def test_more_streams_than_allowed_are_refused() -> None:
    play = Http2Play(Limits(h2_max_streams=2)).send(*[headers(stream, request()) for stream in (1, 3, 5)])
    assert play.resets() == [(5, Code.REFUSED_STREAM)]
    assert len(play.exchanges) == 2
    for exchange in play.exchanges:
        exchange.start_response(200, [])
        exchange.write(b"", True)
    play.pump()
    play.send(headers(7, request()))
    assert len(play.exchanges) == 3


@pytest.mark.parametrize(
    "glitch",
    [
        ping(),
        settings(),
        settings((Setting.INITIAL_WINDOW_SIZE, 65535)),
        priority(1),
        data(1),
        window_update(0, 1),
        window_update(1, 1),
        frame(0x55, 0, 0, b"odd"),
        frame(16, 0, 0, b"\0\0\0\1u=1"),
        ping(is_ack=True),
        reset(3),
    ],
)
def test_frames_that_carry_nothing_are_counted(glitch: bytes) -> None:
    play = Http2Play(Limits(h2_glitch_burst=100, h2_glitch_rate=0.0, h2_max_queued_replies=0))
    play.send(POST, headers(3, request()))
    play.exchange.start_response(200, [])
    play.exchange.write(b"", True)
    play.pump()
    play.send(glitch * 90)
    assert play.goaways() == []
    play.send(glitch * 20)
    assert play.goaways() == [(3, CALM)]


def test_frames_that_carry_something_are_not() -> None:
    play = Http2Play(Limits(h2_glitch_burst=10, h2_glitch_rate=0.0)).send(POST)
    for _ in range(100):
        play.send(data(1, b"x"), window_update(1, 1000))
    assert play.goaways() == []


def test_small_credits_pass_where_large_ones_go_with_them() -> None:
    play = Http2Play(Limits(h2_glitch_burst=10, h2_glitch_rate=0.0)).send(POST)
    for _ in range(100):
        play.send(*[window_update(stream, credit) for credit in (16_320, 64) for stream in (1, 0)])
    assert play.goaways() == []


def test_a_large_credit_does_not_pay_for_any_number_of_small_ones() -> None:
    play = Http2Play(Limits(h2_glitch_burst=10, h2_glitch_rate=0.0)).send(POST, window_update(1, 2**30))
    play.send(window_update(1, 1) * 256)
    assert play.goaways() == []
    play.send(window_update(1, 1) * 256)
    assert play.goaways() == [(1, CALM)]


def test_answers_that_the_peer_does_not_take_are_bounded() -> None:
    play = Http2Play()
    play.is_held = True
    play.send(ping() * 1000)
    assert play.connection.closing == Closing.OPEN
    play.send(ping())
    assert play.connection.closing == Closing.LINGER
    play.is_held = False
    assert play.pump().goaways() == [(0, CALM)]


def test_answers_that_are_taken_are_not() -> None:
    play = Http2Play()
    for _ in range(5):
        play.send(ping() * 999)
    assert play.goaways() == []


def test_a_settings_frame_has_only_so_many_values() -> None:
    pairs = [(Setting.INITIAL_WINDOW_SIZE, 1000)] * 32
    assert Http2Play().send(settings(*pairs)).goaways() == []
    assert Http2Play().send(settings(*pairs, pairs[0])).goaways() == [(0, CALM)]


def test_a_field_block_goes_on_only_so_often() -> None:
    first = headers(1, request(), is_whole=False)
    play = Http2Play().send(first, continuation(1, b"", is_last=False) * 8)
    assert play.goaways() == []
    play.send(continuation(1, b"", is_last=False))
    assert play.goaways() == [(0, CALM)]


def test_a_field_block_grows_only_so_large() -> None:
    limits = Limits(h2_max_header_list=1000)
    first = headers(1, request(), is_whole=False)
    play = Http2Play(limits).send(first, continuation(1, b"x" * 4001, is_last=False))
    assert play.goaways() == [(0, CALM)]


def test_a_list_far_over_its_limit_ends_the_connection() -> None:
    # An entry of the table that is named again and again costs a byte each time.
    entry = literal(b"x-bomb", b"y" * 3000, 0x40)
    block = request() + entry + b"\xbe" * 1000
    assert Http2Play().send(frame(HEADERS, END_STREAM | 4, 1, block)).goaways() == [(0, CALM)]


def test_what_comes_behind_the_last_word_is_not_read() -> None:
    play = Http2Play().send(data(0, b"x"))
    assert [kind for kind, _ in play.kinds()] == [GOAWAY]
    play.send(headers(1, request()), ping())
    assert not play.exchanges
    assert play.frames() == []


def test_many_resets_of_one_moment_do_not_take_long_to_forget() -> None:
    play = Http2Play(Limits(h2_max_streams=0, h2_reset_burst=0))
    streams = range(1, 8001, 2)
    play.send(*[headers(stream, request()) for stream in streams])
    assert len(play.exchanges) == 4000
    play.send(*[reset(stream) for stream in streams])
    assert all(exchange.is_disconnected for exchange in play.exchanges)


# --- turns ---------------------------------------------------------------------------------------------------


def paused(limits: Limits | None = None) -> Http2Play:
    play = Http2Play(limits)
    play.goes_on = False
    return play


def test_frames_that_carry_nothing_are_read_in_turns() -> None:
    play = paused().send(ping() * 1000)
    turns = [len(play.frames())]
    while play.connection.is_resting():
        assert not play.connection.wants_data()
        assert not play.connection.is_idle()
        turns.append(len(play.go_on().frames()))
    assert sum(turns) == 1000
    assert max(turns) < 150
    assert play.connection.wants_data()
    assert play.connection.is_idle()


@pytest.mark.parametrize(
    "write",
    [
        lambda stream: headers(stream, request()) + reset(stream),
        lambda stream: headers(stream, request()) + window_update(stream, 0),
        lambda stream: headers(stream, request() + literal(b"upgrade", b"x")),
        lambda stream: headers(stream + 1000, request()),
    ],
    ids=["reset", "provoked", "malformed", "refused"],
)
def test_streams_that_end_before_their_time_are_read_in_turns(write: Callable[[int], bytes]) -> None:
    play = paused(Limits(h2_max_streams=10)).send(*[headers(stream, request()) for stream in range(1, 21, 2)])
    play.send(*[write(stream) for stream in range(21, 421, 2)])
    turns = 1
    while play.connection.is_resting():
        play.go_on()
        turns += 1
    assert 10 <= turns <= 40
    assert play.connection.closing == Closing.OPEN
    assert play.send(ping()).kinds()[-1] == (PING, 0)


def test_requests_of_a_read_that_rests_are_begun_behind_it() -> None:
    play = paused().send(headers(1, request()), headers(3, request()), ping() * 500, reset(1))
    assert play.connection.is_resting()
    assert not play.exchanges
    while play.connection.is_resting():
        play.go_on()
    assert len(play.exchanges) == 1
    play = paused(Limits(h2_glitch_burst=400, h2_glitch_rate=0.0)).send(headers(1, request()), ping() * 500)
    while play.connection.is_resting():
        play.go_on()
    assert not play.exchanges
    assert play.connection.closing == Closing.LINGER


@pytest.mark.parametrize(("more", "at_most"), [(b"", 60), (literal(b"x", b"y" * 4000), 8)], ids=["small", "large"])
def test_requests_are_read_in_turns_by_their_number_and_size(more: bytes, at_most: int) -> None:
    play = paused(Limits(h2_max_streams=0)).send(*[headers(stream, request() + more) for stream in range(1, 401, 2)])
    turns = 1
    while play.connection.is_resting():
        play.go_on()
        turns += 1
    assert turns >= 200 / at_most
    assert len(play.exchanges) == 200


def test_the_requests_that_a_page_needs_are_read_in_one_turn() -> None:
    play = paused().send(*[headers(stream, request()) for stream in range(1, 81, 2)], ping())
    assert not play.connection.is_resting()
    assert len(play.exchanges) == 40


def test_many_small_frames_of_a_body_are_read_in_turns() -> None:
    play = paused().send(POST)
    play.send(data(1, b"x") * 5000)
    while play.connection.is_resting():
        play.go_on()
    assert play.exchange.take_body() == b"x" * 5000


def test_what_comes_while_others_have_their_turn_is_read_behind_it() -> None:
    play = paused().send(POST)
    play.send(ping() * 300)
    for number in range(20):
        play.send(data(1, b"%d " % number)[:-1])
        play.send(data(1, b"%d " % number)[-1:])
    assert play.exchange.take_body() == b""
    while play.connection.is_resting():
        play.go_on()
    assert play.exchange.take_body() == b"".join(b"%d " % number for number in range(20))


def test_a_connection_that_has_ended_rests_no_more() -> None:
    play = paused().send(ping() * 1000)
    play.connection.lost()
    assert not play.connection.is_resting()
    play = paused().send(ping() * 1000)
    play.connection.close()
    assert not play.connection.is_resting()
    play = paused(Limits(h2_glitch_burst=50, h2_glitch_rate=0.0)).send(ping() * 1000)
    assert not play.connection.is_resting()
    assert [frame.code for frame in play.frames() if frame.kind == GOAWAY] == [CALM]


def test_what_came_before_the_end_of_the_peer_is_read_before_it() -> None:
    play = paused().send(ping() * 500, headers(1, request()))
    assert not play.exchanges
    play.connection.receive_eof(play.now)
    play.pump()
    assert len(play.exchanges) == 1
    assert play.exchange.is_leaving
