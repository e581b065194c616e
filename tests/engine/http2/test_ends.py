"""How a connection goes: drained, retired, idle, slow, left, lost (RFC 9113 §6.8, §9.1)."""

import pytest

from licorne.engine.connection import NEVER, Closing
from licorne.engine.limits import Limits
from licorne.errors import RemoteProtocolError
from tests.support.http2_frames import (
    DATA,
    GOAWAY,
    PING,
    PREFACE,
    RST_STREAM,
    Code,
    Setting,
    continuation,
    data,
    goaway,
    headers,
    literal,
    ping,
    request,
    settings,
    window_update,
)
from tests.support.http2_play import Http2Play

POST = headers(1, request(b"POST"), end=False)
LAST = 2**31 - 1


def finish(play: Http2Play, number: int = -1) -> Http2Play:
    play.exchanges[number].start_response(200, [])
    play.exchanges[number].write(b"hello", True)
    return play.pump()


def shut(play: Http2Play) -> Http2Play:
    play.connection.shutdown(play.now)
    return play.pump()


# --- drains --------------------------------------------------------------------------------------------------


def test_a_drain_warns_first_and_names_the_last_stream_then() -> None:
    play = shut(Http2Play().send(headers(1, request())))
    warning, question = play.frames()
    assert (warning.kind, warning.payload[:4], question.kind) == (GOAWAY, LAST.to_bytes(4, "big"), PING)
    play.send(headers(3, request()))
    play.send(ping(question.payload, is_ack=True))
    assert play.goaways() == [(3, Code.NO_ERROR)]
    assert play.connection.closing == Closing.OPEN
    play.send(headers(5, request()))
    assert len(play.exchanges) == 2
    finish(play, 0)
    assert play.connection.closing == Closing.OPEN
    finish(play, 1)
    assert play.connection.closing == Closing.LINGER


def test_a_drain_does_not_wait_for_ever_for_the_peer_to_hear_of_it() -> None:
    play = shut(Http2Play())
    assert play.goaways() == [(LAST, Code.NO_ERROR)]
    play.wait(0.9)
    assert play.frames() == []
    play.wait(0.2)
    assert play.goaways() == [(0, Code.NO_ERROR)]
    assert play.connection.closing == Closing.LINGER


def test_a_peer_that_hears_nothing_of_a_drain_does_not_hold_it_up() -> None:
    play = shut(Http2Play(Limits(discard_timeout=1.0)))
    play.wait(1.1)
    assert play.connection.closing == Closing.LINGER
    play.wait(1.0)
    assert play.connection.closing == Closing.FLUSH


def test_any_other_pong_is_not_the_answer_to_the_warning() -> None:
    play = shut(Http2Play())
    play.frames()
    assert play.send(ping(is_ack=True)).frames() == []


def test_data_of_a_stream_behind_the_last_is_ignored() -> None:
    play = shut(Http2Play().send(POST)).wait(1.5)
    assert play.goaways() == [(LAST, Code.NO_ERROR), (1, Code.NO_ERROR)]
    play.send(headers(3, request(b"POST"), end=False), data(3, b"x", end=True))
    assert play.frames() == []
    assert play.connection.closing == Closing.OPEN
    play.send(data(1, b"x", end=True))
    assert play.exchange.take_body() == b"x"
    assert play.exchange.is_body_complete


def test_a_later_goaway_names_no_later_stream() -> None:
    # RFC 9113 §6.8: the peer may have sent the later ones again elsewhere.
    play = shut(Http2Play().send(POST)).wait(1.5)
    assert play.goaways() == [(LAST, Code.NO_ERROR), (1, Code.NO_ERROR)]
    play.send(headers(3, request()), data(5, b"x"))
    assert play.goaways() == [(1, Code.PROTOCOL_ERROR)]


def test_a_drain_is_begun_once() -> None:
    play = shut(shut(Http2Play().send(headers(1, request()))))
    assert play.goaways() == [(LAST, Code.NO_ERROR)]


def test_a_new_connection_may_make_a_request_while_the_server_drains() -> None:
    play = Http2Play(is_greeted=False)
    shut(play)
    play.send(PREFACE, settings(), headers(1, request()))
    assert len(play.exchanges) == 1
    finish(play).wait(1.1)
    assert play.connection.closing


def test_a_retired_connection_goes_when_something_was_answered() -> None:
    play = Http2Play()
    play.connection.retire()
    play.pump().wait(1.0)
    assert play.frames() == []
    play.send(headers(1, request()))
    finish(play)
    assert play.goaways() == [(LAST, Code.NO_ERROR)]
    play.wait(1.0)
    assert play.goaways() == [(1, Code.NO_ERROR)]
    assert play.connection.closing == Closing.LINGER


def test_a_connection_has_only_so_many_requests() -> None:
    play = Http2Play(Limits(max_requests=2))
    for stream in (1, 3):
        play.send(headers(stream, request()))
        finish(play)
    assert play.goaways() == [(LAST, Code.NO_ERROR)]


def test_the_peer_may_say_that_it_leaves() -> None:
    play = Http2Play().send(headers(1, request()), goaway())
    assert play.connection.closing == Closing.OPEN
    finish(play)
    assert play.goaways() == [(1, Code.NO_ERROR)]
    assert play.connection.closing == Closing.LINGER


# --- clocks --------------------------------------------------------------------------------------------------


def test_an_idle_connection_is_closed() -> None:
    play = Http2Play()
    assert play.connection.is_idle()
    play.wait(74.0)
    assert play.connection.closing == Closing.OPEN
    play.wait(1.5)
    assert play.goaways() == [(0, Code.NO_ERROR)]
    assert play.connection.closing == Closing.LINGER
    play.wait(1.0)
    assert play.connection.closing == Closing.FLUSH


def test_a_connection_is_idle_again_behind_its_last_answer() -> None:
    play = Http2Play().send(headers(1, request()))
    assert not play.connection.is_idle()
    play.wait(50.0)
    finish(play)
    assert play.connection.is_idle()
    assert play.connection.idle_since == 50.0
    play.wait(74.0)
    assert play.connection.closing == Closing.OPEN
    play.wait(2.0)
    assert play.connection.closing


def test_an_application_may_take_its_time() -> None:
    play = Http2Play().send(headers(1, request())).wait(10_000.0)
    assert play.connection.closing == Closing.OPEN
    assert play.connection.deadline == NEVER


@pytest.mark.parametrize("said", [b"", PREFACE[:10], PREFACE, PREFACE + settings()[:5]])
def test_a_greeting_must_come_in_time(said: bytes) -> None:
    play = Http2Play(is_greeted=False).send(said) if said else Http2Play(is_greeted=False).pump()
    play.wait(9.9)
    assert play.connection.closing == Closing.OPEN
    play.wait(0.2)
    assert play.connection.closing == Closing.LINGER
    refusal = play.connection.refusal
    assert refusal is not None
    assert refusal.status == 408


@pytest.mark.parametrize(
    "half", [headers(1, request(), is_whole=False), headers(1, request())[:-3], headers(1, request())[:4]]
)
def test_a_head_must_come_in_time(half: bytes) -> None:
    play = Http2Play().send(half)
    play.wait(5.0)
    play.send(b"")
    play.wait(4.9)
    assert play.connection.closing == Closing.OPEN
    play.wait(0.2)
    assert play.connection.closing == Closing.LINGER


def test_a_body_must_come_in_time() -> None:
    play = Http2Play().send(POST).wait(29.0)
    play.send(data(1, b"x"))
    play.wait(29.0)
    assert play.frames() == []
    play.wait(2.0)
    assert play.heads()[0][0] == (b":status", b"408")
    assert play.exchange.is_disconnected
    assert play.connection.closing == Closing.OPEN


def test_a_body_must_not_come_too_slowly() -> None:
    play = Http2Play().send(POST)
    for _ in range(70):
        play.send(data(1, b"x" * 100)).wait(1.0)
    assert play.heads()[0][0] == (b":status", b"408")


def test_a_body_may_wait_for_its_application() -> None:
    play = Http2Play().send(POST, *[data(1, b"x" * 16384)] * 16).wait(1000.0)
    assert not play.exchange.is_disconnected
    assert len(play.exchange.take_body()) == 256 * 1024
    play.pump().wait(29.0)
    assert not play.exchange.is_disconnected
    play.wait(2.0)
    assert play.exchange.is_disconnected


def test_a_talk_may_have_long_pauses() -> None:
    play = Http2Play().send(POST)
    play.exchange.start_response(200, [])
    play.exchange.write(b"go on", False)
    play.pump().wait(1000.0)
    assert not play.exchange.is_disconnected


def test_a_peer_that_waits_for_the_100_owes_nothing() -> None:
    play = Http2Play().send(headers(1, request(b"POST", b"/", (b"expect", b"100-continue")), end=False)).wait(100.0)
    assert not play.exchange.is_disconnected
    play.exchange.send_continue()
    play.pump().wait(29.0)
    assert not play.exchange.is_disconnected
    play.wait(2.0)
    assert play.exchange.is_disconnected


def test_a_response_that_the_peer_does_not_let_out_is_given_up() -> None:
    play = Http2Play(None, (Setting.INITIAL_WINDOW_SIZE, 0)).send(headers(1, request()), headers(3, request()))
    play.exchanges[0].start_response(200, [])
    play.exchanges[0].write(b"x", False)
    play.pump().wait(59.0)
    assert play.resets() == []
    play.wait(2.0)
    assert play.resets() == [(1, Code.CANCEL)]
    assert play.exchanges[0].is_disconnected
    assert not play.exchanges[1].is_disconnected


def test_a_response_that_leaves_in_drops_is_given_up() -> None:
    play = Http2Play(None, (Setting.INITIAL_WINDOW_SIZE, 0)).send(headers(1, request()))
    play.exchange.start_response(200, [])
    play.exchange.write(b"x" * 10_000, True)
    for _ in range(62):
        play.send(window_update(1, 1)).wait(1.0)
    assert play.resets() == [(1, Code.CANCEL)]


def test_a_response_that_leaves_slowly_is_not() -> None:
    play = Http2Play(None, (Setting.INITIAL_WINDOW_SIZE, 0)).send(headers(1, request()))
    play.exchange.start_response(200, [])
    play.exchange.write(b"x" * 200_000, True)
    for _ in range(150):
        play.send(window_update(1, 100)).wait(1.0)
    assert play.resets() == []


def test_the_window_of_the_connection_stalls_too() -> None:
    play = Http2Play().send(headers(1, request()))
    play.exchange.start_response(200, [])
    play.exchange.write(b"x" * 100_000, True)
    play.pump().send(window_update(1, 100_000))
    play.wait(61.0)
    assert play.resets() == [(1, Code.CANCEL)]


# --- ends ----------------------------------------------------------------------------------------------------


def test_a_lost_connection_disconnects_every_exchange() -> None:
    play = Http2Play().send(headers(1, request()), headers(3, request()))
    play.connection.lost()
    assert all(exchange.is_disconnected for exchange in play.exchanges)
    assert play.connection.closing == Closing.ABORT
    assert play.connection.deadline == NEVER


def test_a_peer_that_closes_its_side_still_gets_its_answer() -> None:
    play = Http2Play().send(headers(1, request()))
    play.connection.receive_eof(play.now)
    play.pump()
    assert play.exchange.is_leaving
    assert play.connection.closing == Closing.OPEN
    finish(play)
    assert play.connection.closing == Closing.FLUSH


def test_a_peer_that_closes_its_side_within_a_body_leaves_the_exchange() -> None:
    play = Http2Play().send(POST)
    play.connection.receive_eof(play.now)
    play.pump()
    assert play.exchange.is_disconnected
    assert play.connection.closing == Closing.FLUSH


def test_a_peer_that_closes_its_side_and_has_nothing_open_is_closed() -> None:
    play = Http2Play()
    play.connection.receive_eof(play.now)
    assert play.pump().connection.closing == Closing.FLUSH


def leave(play: Http2Play) -> Http2Play:
    """Let the peer close its side."""
    play.connection.receive_eof(play.now)
    return play.pump()


def test_a_peer_that_closes_its_side_opens_no_window_of_a_stream_any_more() -> None:
    play = Http2Play(None, (Setting.INITIAL_WINDOW_SIZE, 0)).send(headers(1, request()), headers(3, request()))
    finish(play, 0)
    leave(play)
    assert play.resets() == [(1, Code.CANCEL)]
    assert not play.exchanges[1].is_disconnected
    assert play.connection.closing == Closing.OPEN
    finish(play, 1)
    assert play.exchanges[1].is_complete()
    assert play.resets() == [(3, Code.CANCEL)]
    assert play.connection.closing == Closing.FLUSH


def test_a_peer_that_closes_its_side_opens_no_window_of_the_connection_any_more() -> None:
    play = Http2Play(None, (Setting.INITIAL_WINDOW_SIZE, 2**20)).send(headers(1, request()), headers(3, request()))
    for exchange in play.exchanges:
        exchange.start_response(200, [])
        exchange.write(b"x" * 100_000, False)
    leave(play)
    assert play.resets() == [(1, Code.CANCEL), (3, Code.CANCEL)]
    assert all(exchange.is_disconnected for exchange in play.exchanges)
    assert play.connection.has_departed
    assert play.connection.closing == Closing.FLUSH


def test_what_the_windows_let_out_leaves_before_the_end() -> None:
    play = leave(Http2Play(None, (Setting.INITIAL_WINDOW_SIZE, 10)).send(headers(1, request())))
    finish(play)
    assert b"".join(frame.payload for frame in play.frames() if frame.kind == DATA) == b"hello"
    play = leave(Http2Play(None, (Setting.INITIAL_WINDOW_SIZE, 3)).send(headers(1, request())))
    finish(play)
    kinds = [(frame.kind, frame.payload) for frame in play.frames() if frame.kind in (DATA, RST_STREAM)]
    assert kinds == [(DATA, b"hel"), (RST_STREAM, int(Code.CANCEL).to_bytes(4, "big"))]


def test_a_request_that_is_answered_and_goes_on_does_not_outlast_its_peer() -> None:
    play = Http2Play().send(POST)
    finish(play)
    assert play.connection.closing == Closing.OPEN
    assert leave(play).connection.closing == Closing.FLUSH


def test_a_request_that_is_refused_and_goes_on_does_not_outlast_its_peer() -> None:
    play = Http2Play().send(headers(1, request(b"POST") + literal(b"te", b"gzip"), end=False))
    assert leave(play).connection.closing == Closing.FLUSH


def test_a_connection_error_names_the_last_stream_and_why() -> None:
    play = Http2Play().send(headers(1, request()), ping(b"short"))
    (frame,) = [frame for frame in play.frames() if frame.kind == GOAWAY]
    assert int.from_bytes(frame.payload[:4], "big") == 1
    assert frame.code == Code.FRAME_SIZE_ERROR
    assert b"PING" in frame.payload
    assert play.connection.closing == Closing.LINGER
    play.wait(6.0)
    assert play.connection.closing == Closing.FLUSH


def test_a_refused_peer_is_told_that_nothing_was_begun() -> None:
    play = Http2Play(is_greeted=False)
    play.connection.refuse(RemoteProtocolError(503, "too many connections"), play.now)
    (frame,) = [frame for frame in play.pump().frames() if frame.kind == GOAWAY]
    assert (frame.payload[:8], frame.payload[8:]) == (bytes(8), b"too many connections")


def test_an_idle_connection_that_is_closed_says_so() -> None:
    play = Http2Play()
    play.connection.close()
    assert play.pump().goaways() == [(0, Code.NO_ERROR)]
    assert play.connection.closing == Closing.FLUSH


def test_a_flood_behind_the_last_word_ends_the_lingering() -> None:
    play = Http2Play().send(data(0, b"x"))
    for _ in range(100):
        play.send(b"x" * 100_000)
    assert play.connection.closing == Closing.FLUSH


def test_a_field_block_in_parts_puts_off_no_stalled_response() -> None:
    play = Http2Play(Limits(h2_stall_timeout=9.0, head_timeout=5.0), (Setting.INITIAL_WINDOW_SIZE, 0))
    finish(play.send(headers(1, request())))
    play.wait(1.0).send(headers(3, request(), is_whole=False))
    play.send(continuation(3, b""))
    play.wait(8.5)
    assert (1, Code.CANCEL) in play.resets()


def test_a_request_that_is_answered_at_once_and_never_ends_is_reset() -> None:
    play = Http2Play(Limits(discard_timeout=2.0))
    play.answer = lambda exchange: (exchange.start_response(200, []), exchange.write(b"hello", True))[0]
    play.send(POST)
    play.wait(1.9)
    assert play.resets() == []
    play.wait(0.2)
    assert play.resets() == [(1, Code.NO_ERROR)]


def test_the_clock_of_a_body_rests_while_others_hold_the_window_of_the_connection() -> None:
    play = Http2Play(Limits(h2_window=65535, h2_connection_window=65535, body_timeout=10.0))
    play.send(POST, headers(3, request(b"POST"), end=False))
    play.wait(1.0).send(*[data(3, b"x" * 16383)] * 4, data(3, b"xxx"))
    play.wait(30.0)
    assert not play.exchanges[0].is_disconnected
    play.exchange.take_body()
    play.pump().wait(9.0)
    assert not play.exchanges[0].is_disconnected
    play.wait(2.0)
    assert play.exchanges[0].is_disconnected
