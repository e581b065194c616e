"""Flow control both ways (RFC 9113 §5.2, §6.9), and what waits for it."""

from licorne.engine.connection import Closing
from licorne.engine.exchange import Exchange
from licorne.engine.http2.windows import ReceiveWindow
from licorne.engine.limits import Limits
from licorne.link import Gate
from tests.support.http2_frames import (
    DATA,
    HEADERS,
    PREFACE,
    Code,
    Setting,
    data,
    headers,
    request,
    reset,
    settings,
    settings_ack,
    window_update,
)
from tests.support.http2_play import Http2Play

POST = headers(1, request(b"POST"), end=False)
PART = b"x" * 16384
WINDOW = 256 * 1024


class Door(Gate):
    """Be a gate that says whether it was opened."""

    def __init__(self) -> None:
        self.is_open = False

    def open(self) -> None:
        self.is_open = True


def stream_out(exchange: Exchange, count: int) -> None:
    exchange.start_response(200, [])
    exchange.write(b"x" * count, True)


# --- receiving -----------------------------------------------------------------------------------------------


def test_a_window_gives_back_half_of_it_or_a_quarter_when_all_is_taken() -> None:
    window = ReceiveWindow(100)
    assert window.spend(50)
    assert window.take_credit(1) == 0
    assert window.take_credit(0) == 50
    window.spend(24)
    assert window.take_credit(0) == 0
    window.spend(1)
    assert window.take_credit(0) == 25
    window.spend(80)
    assert window.take_credit(30) == 50
    assert window.left == 70
    assert not window.spend(71)


def test_what_is_not_taken_is_not_given_back() -> None:
    play = Http2Play().send(POST, *[data(1, PART)] * 16)
    assert play.credits() == []
    play.wait(20.0)
    assert play.credits() == []


def test_what_is_taken_is_given_back() -> None:
    play = Http2Play().send(POST, *[data(1, PART)] * 16)
    assert len(play.exchange.take_body()) == WINDOW
    assert play.pump().credits() == [(1, WINDOW), (0, WINDOW)]


def test_a_full_body_makes_its_reader_pump() -> None:
    play = Http2Play().send(POST, *[data(1, PART)] * 16)
    assert play.exchange.body.size() >= play.exchange.body.high_water


def test_an_upload_much_larger_than_the_window_comes_through() -> None:
    play = Http2Play().send(POST)
    left, taken, window, connection = 50 * len(PART), 0, WINDOW, 1024 * 1024
    while left:
        assert min(window, connection) >= len(PART), "the peer may not go on"
        play.send(data(1, PART, end=left == len(PART)))
        left, window, connection = left - len(PART), window - len(PART), connection - len(PART)
        is_full = play.exchange.body.size() >= play.exchange.body.high_water
        if is_full or not left:
            taken += len(play.exchange.take_body())
            play.pump()
        for stream, credit in play.credits():
            window, connection = (window + credit, connection) if stream else (window, connection + credit)
    assert taken == 50 * len(PART)


def test_data_beyond_the_window_of_a_stream_is_its_error() -> None:
    play = Http2Play(Limits(h2_window=65535)).send(POST).send(*[data(1, PART)] * 4)
    assert play.resets() == [(1, Code.FLOW_CONTROL_ERROR)]
    assert play.exchange.is_disconnected


def test_data_beyond_the_window_of_the_connection_ends_it() -> None:
    play = Http2Play(Limits(h2_connection_window=65535))
    play.send(headers(1, request(b"POST"), end=False), headers(3, request(b"POST"), end=False))
    play.send(*[data(1, PART)] * 2, *[data(3, PART)] * 2)
    assert play.goaways() == [(3, Code.FLOW_CONTROL_ERROR)]
    assert play.connection.closing == Closing.LINGER


def test_a_small_window_holds_once_the_peer_knows_of_it() -> None:
    play = Http2Play(Limits(h2_window=1000), is_greeted=False)
    play.send(PREFACE, settings(), POST, data(1, b"x" * 16000))
    assert play.resets() == []
    play.send(settings_ack(), data(1, b"x" * 100))
    assert play.resets() == [(1, Code.FLOW_CONTROL_ERROR)]


def test_padding_counts_and_is_given_back() -> None:
    play = Http2Play(Limits(h2_window=65535))
    play.send(POST)
    for _ in range(7):  # reads
        play.send(*[data(1, b"", pad=255)] * 10)
    assert sum(credit for stream, credit in play.credits() if stream == 1) >= 65 * 256


def test_data_on_a_stream_that_was_reset_is_given_back_to_the_connection() -> None:
    play = Http2Play().send(POST)
    play.exchange.abort()
    play.pump().frames()
    play.send(*[data(1, PART)] * 32)
    assert sum(credit for stream, credit in play.credits() if not stream) >= 256 * 1024
    assert play.connection.closing == Closing.OPEN


def test_body_that_nobody_wants_is_given_back_to_the_connection() -> None:
    play = Http2Play()
    for stream in range(1, 41, 2):
        play.send(headers(stream, request(b"POST"), end=False), *[data(stream, PART)] * 3)
        stream_out(play.exchange, 1)
        play.pump()
        play.send(data(stream, b"", end=True))
    assert play.connection.closing == Closing.OPEN
    assert sum(credit for stream, credit in play.credits() if not stream) >= 500_000


# --- sending -------------------------------------------------------------------------------------------------


def test_a_body_leaves_as_far_as_the_window_of_its_stream_goes() -> None:
    play = Http2Play().send(window_update(0, 1_000_000), headers(1, request()))
    stream_out(play.exchange, 100_000)
    assert sum(size for _, size in play.pump().bodies()) == 65535
    assert play.connection.pending_bytes() == 0
    play.send(window_update(1, 1000))
    assert play.bodies() == [(1, 1000)]
    play.send(window_update(1, 1_000_000))
    assert sum(size for _, size in play.bodies()) == 100_000 - 66535


def test_frames_are_not_larger_than_the_peer_takes() -> None:
    play = Http2Play().send(headers(1, request()), headers(3, request()))
    for exchange in play.exchanges:
        stream_out(exchange, 30_000)
    assert max(size for _, size in play.pump().bodies()) <= 16384


def test_frames_of_a_long_body_leave_room_for_their_heads_in_records_of_16_kib() -> None:
    play = Http2Play(None, (Setting.INITIAL_WINDOW_SIZE, 1 << 20)).send(
        window_update(0, 1 << 20), headers(1, request())
    )
    stream_out(play.exchange, 4 * 16384 + 1 + 16375)
    assert [size for _, size in play.pump().bodies()] == [16375, 16375, *[16384] * 3, 10]


def test_a_pull_ends_with_the_frame_that_makes_it_64_kib() -> None:
    play = Http2Play(None, (Setting.INITIAL_WINDOW_SIZE, 1 << 20)).send(
        window_update(0, 1 << 20), headers(1, request())
    )
    play.pump().frames()
    stream_out(play.exchange, 200_000)
    sizes: list[int] = []
    while play.connection.pending_bytes():
        sizes.append(sum(map(len, play.connection.data_to_send())))
    assert max(sizes) < 5 * 16384 + 100
    assert sum(sizes) > 200_000


def test_a_message_of_64_kib_leaves_in_one_pull_and_four_frames() -> None:
    play = Http2Play(None, (Setting.INITIAL_WINDOW_SIZE, 1 << 20)).send(
        window_update(0, 1 << 20), headers(1, request())
    )
    stream_out(play.exchange, 64 * 1024)
    play.received += b"".join(play.connection.data_to_send())
    assert not play.connection.pending_bytes()
    assert play.bodies() == [(1, 16384)] * 4


def test_a_stream_alone_may_use_larger_frames() -> None:
    play = Http2Play(None, (Setting.MAX_FRAME_SIZE, 1 << 20)).send(headers(1, request()))
    stream_out(play.exchange, 60_000)
    assert play.pump().bodies() == [(1, 60_000)]


def test_the_window_of_the_connection_holds_all_back_and_heads_go() -> None:
    play = Http2Play().send(headers(1, request()), headers(3, request()))
    stream_out(play.exchanges[0], 65535)
    play.pump().frames()
    stream_out(play.exchanges[1], 10)
    assert play.pump().kinds() == [(HEADERS, 3)]
    assert play.connection.pending_bytes() == 0
    play.send(window_update(0, 4))
    assert play.bodies() == [(3, 4)]
    play.send(window_update(0, 100))
    assert play.bodies() == [(3, 6)]


def test_an_empty_end_needs_no_window() -> None:
    play = Http2Play(None, (Setting.INITIAL_WINDOW_SIZE, 0)).send(headers(1, request()))
    play.exchange.start_response(200, [])
    play.exchange.write(b"", False)
    play.pump().frames()
    play.exchange.write(b"", True)
    assert play.pump().kinds() == [(DATA, 1)]


def test_a_smaller_initial_window_makes_a_debt() -> None:
    play = Http2Play(None, (Setting.INITIAL_WINDOW_SIZE, 100)).send(headers(1, request()))
    stream_out(play.exchange, 300)
    assert play.pump().bodies() == [(1, 100)]
    play.send(settings((Setting.INITIAL_WINDOW_SIZE, 40)), window_update(1, 60))
    assert play.bodies() == []
    play.send(window_update(1, 1))
    assert play.bodies() == [(1, 1)]
    play.send(settings((Setting.INITIAL_WINDOW_SIZE, 1000)))
    assert play.bodies() == [(1, 199)]


def test_a_setting_holds_back_what_was_ready() -> None:
    play = Http2Play(None, (Setting.INITIAL_WINDOW_SIZE, 100)).send(headers(1, request()))
    play.exchange.start_response(200, [])
    play.exchange.write(b"x", False)
    play.pump().frames()
    play.is_held = True
    play.exchange.write(b"y" * 10, False)
    play.send(settings((Setting.INITIAL_WINDOW_SIZE, 1)))
    play.is_held = False
    assert play.pump().bodies() == []
    assert play.connection.pending_bytes() == 0
    play.send(settings((Setting.INITIAL_WINDOW_SIZE, 100)))
    assert play.bodies() == [(1, 10)]


def test_an_initial_window_that_makes_one_too_large_ends_the_connection() -> None:
    play = Http2Play().send(headers(1, request()), window_update(1, 2**31 - 1 - 65535))
    assert play.goaways() == []
    play.send(settings((Setting.INITIAL_WINDOW_SIZE, 65536)))
    assert play.goaways() == [(1, Code.FLOW_CONTROL_ERROR)]


# --- applications that must wait ---------------------------------------------------------------------------


def test_a_stream_is_full_while_its_peer_lets_nothing_out() -> None:
    play = Http2Play(Limits(h2_send_buffer=1000), (Setting.INITIAL_WINDOW_SIZE, 0)).send(headers(1, request()))
    exchange = play.exchange
    exchange.start_response(200, [])
    exchange.write(b"x" * 999, False)
    assert not exchange.is_full()
    exchange.write(b"x", False)
    assert exchange.is_full()
    door = exchange.write_gate = Door()
    play.send(window_update(1, 499))
    assert not door.is_open
    play.send(window_update(1, 1))
    assert door.is_open
    assert not exchange.is_full()


def test_a_send_buffer_of_0_is_no_limit() -> None:
    play = Http2Play(Limits(h2_send_buffer=0), (Setting.INITIAL_WINDOW_SIZE, 0)).send(headers(1, request()))
    play.exchange.start_response(200, [])
    play.exchange.write(b"x" * 1_000_000, False)
    assert not play.exchange.is_full()


def test_a_reset_opens_the_gate_of_who_waits() -> None:
    play = Http2Play(Limits(h2_send_buffer=10), (Setting.INITIAL_WINDOW_SIZE, 0)).send(headers(1, request()))
    exchange = play.exchange
    exchange.start_response(200, [])
    exchange.write(b"x" * 10, False)
    door = exchange.write_gate = Door()
    play.send(reset(1))
    assert door.is_open


def test_streams_are_full_sooner_when_all_of_them_hold_much() -> None:
    play = Http2Play(None, (Setting.INITIAL_WINDOW_SIZE, 0))
    play.send(*[headers(stream, request()) for stream in range(1, 15, 2)])
    for exchange in play.exchanges:
        exchange.start_response(200, [])
    for exchange in play.exchanges[:6]:
        exchange.write(b"x" * 200_000, False)
    last = play.exchanges[6]
    last.write(b"x" * 20_000, False)
    assert last.is_full()
    door = last.write_gate = Door()
    play.send(*[reset(stream) for stream in range(1, 9, 2)])
    assert door.is_open
    assert not last.is_full()


def test_further_requests_wait_while_much_is_queued() -> None:
    play = Http2Play(None, (Setting.INITIAL_WINDOW_SIZE, 0))
    play.answer = lambda exchange: stream_out(exchange, 300_000)
    play.send(*[headers(stream, request()) for stream in range(1, 21, 2)])
    assert len(play.exchanges) == 4
    play.send(*[reset(stream) for stream in (1, 3)])
    assert len(play.exchanges) == 6
    assert not play.connection.is_resting()


def test_who_waits_for_room_is_started_when_there_is_some() -> None:
    play = Http2Play(None, (Setting.INITIAL_WINDOW_SIZE, 2**31 - 1)).send(window_update(0, 2**30))
    play.goes_on = False
    play.answer = lambda exchange: stream_out(exchange, 1_200_000)
    play.send(headers(1, request()), headers(3, request()))
    assert play.connection.is_resting()
    play.connection.go_on(play.now)
    play.pump()
    assert len(play.exchanges) == 2
    assert not play.connection.is_resting()
    assert play.connection.wants_data()


def test_a_lost_connection_rests_no_more() -> None:
    play = Http2Play(None, (Setting.INITIAL_WINDOW_SIZE, 0))
    play.answer = lambda exchange: stream_out(exchange, 1_200_000)
    play.send(headers(1, request()), headers(3, request()))
    play.connection.lost()
    assert not play.connection.is_resting()
    assert play.connection.pending_bytes() == 0


def test_a_pull_is_bounded() -> None:
    play = Http2Play(None, (Setting.INITIAL_WINDOW_SIZE, 2**31 - 1)).send(
        window_update(0, 2**30), headers(1, request())
    )
    play.is_held = True
    stream_out(play.exchange, 1_000_000)
    assert sum(len(piece) for piece in play.connection.data_to_send()) < 400_000
    assert play.connection.pending_bytes() >= 600_000
