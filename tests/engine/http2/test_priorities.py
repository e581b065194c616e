"""Who writes next (RFC 9218), by the frames that come out."""

import pytest

from licorne.engine.http2.scheduler import Scheduled, Scheduler, parse_priority
from tests.support.http2_frames import PRIORITY_UPDATE, Code, Setting, frame, headers, request, window_update
from tests.support.http2_play import Http2Play

LARGE = (Setting.INITIAL_WINDOW_SIZE, 2**31 - 1)
SIZE = 40_000


def update(stream: int, value: bytes) -> bytes:
    return frame(PRIORITY_UPDATE, 0, 0, stream.to_bytes(4, "big") + value)


def ask(stream: int, priority: bytes = b"") -> bytes:
    fields = ((b"priority", priority),) if priority else ()
    return headers(stream, request(b"GET", b"/%d" % stream, *fields))


def order(play: Http2Play) -> list[int]:
    """Return the streams in the order of their DATA frames, each run once."""
    runs: list[int] = []
    for stream, _ in play.bodies():
        if not runs or runs[-1] != stream:
            runs.append(stream)
    return runs


def answer_all(play: Http2Play, size: int = SIZE) -> Http2Play:
    """Answer every request, the last one first."""
    for exchange in reversed(play.exchanges):
        exchange.start_response(200, [])
        exchange.write(b"x" * size, True)
    return play.pump()


def begun(*asked: bytes) -> Http2Play:
    return Http2Play(None, LARGE).send(window_update(0, 2**30), *asked)


@pytest.mark.parametrize(
    ("value", "urgency", "is_incremental"),
    [
        (b"", 3, False),
        (b"u=0", 0, False),
        (b"u=7, i", 7, True),
        (b"i,u=1", 1, True),
        (b"i=?0", 3, False),
        (b"i=?1;x=1", 3, True),
        (b"i;x", 3, True),
        (b"u=8", 3, False),
        (b"u=-1", 3, False),
        (b"u=2.5", 3, False),
        (b'u="1"', 3, False),
        (b"u=5;a=b", 5, False),
        (b"x=1, u=2 , y", 2, False),
        (b"\xff\xff,,=,", 3, False),
        (b"u=1, u=6", 6, False),
    ],
)
def test_a_priority_is_read_and_what_is_odd_is_ignored(value: bytes, urgency: int, is_incremental: bool) -> None:
    assert parse_priority(value) == urgency * 2 + is_incremental


def test_without_priorities_streams_go_in_the_order_of_their_identifiers() -> None:
    assert order(answer_all(begun(ask(1), ask(3), ask(5)))) == [1, 3, 5]


def test_the_more_urgent_goes_first() -> None:
    assert order(answer_all(begun(ask(1, b"u=5"), ask(3), ask(5, b"u=0")))) == [5, 3, 1]


def test_incremental_streams_take_turns() -> None:
    assert order(answer_all(begun(ask(1, b"i"), ask(3, b"i")))) == [3, 1, 3, 1, 3, 1]


def test_the_first_of_the_sequence_takes_turns_with_the_incremental() -> None:
    play = answer_all(begun(ask(1), ask(3, b"i"), ask(5)))
    assert order(play) == [1, 3, 1, 3, 1, 3, 5]


def test_an_update_changes_what_waits() -> None:
    play = begun(ask(1), ask(3), ask(5))
    play.is_held = True
    answer_all(play)
    play.send(update(5, b"u=0"), update(1, b"u=7"))
    play.is_held = False
    assert order(play.pump()) == [5, 3, 1]


def test_an_update_may_come_before_its_stream() -> None:
    assert order(answer_all(begun(update(3, b"u=1"), ask(1), ask(3)))) == [3, 1]


def test_an_update_weighs_more_than_the_field() -> None:
    assert order(answer_all(begun(update(3, b"u=1"), ask(1), ask(3, b"u=6")))) == [3, 1]


@pytest.mark.parametrize("bad", [frame(PRIORITY_UPDATE, 0, 1, b"\0\0\0\1u=1"), update(0, b"u=1"), update(2, b"u=1")])
def test_an_update_of_nothing_ends_the_connection(bad: bytes) -> None:
    assert begun(bad).goaways() == [(0, Code.PROTOCOL_ERROR)]


def test_updates_for_streams_that_never_come_are_bounded() -> None:
    play = begun(*[update(stream, b"u=1") for stream in range(1, 2001, 2)], ask(2001))
    assert play.exchange.head.path == b"/2001"


def test_a_stream_without_a_window_does_not_hold_back_the_others() -> None:
    play = Http2Play(None, (Setting.INITIAL_WINDOW_SIZE, 0)).send(ask(1, b"u=0"), ask(3, b"u=0, i"), ask(5, b"u=7"))
    answer_all(play, 100).frames()
    play.send(window_update(5, 100))
    assert play.bodies() == [(5, 100)]


def test_what_becomes_urgent_overtakes_what_has_not_left() -> None:
    play = begun(ask(1))
    play.is_held = True
    play.exchange.start_response(200, [])
    play.exchange.write(b"x" * 1_000_000, True)
    play.received += b"".join(play.connection.data_to_send())
    play.send(ask(3, b"u=0"))
    play.exchange.start_response(200, [])
    play.exchange.write(b"y" * 10, True)
    play.is_held = False
    assert order(play.pump()) == [1, 3, 1]


def new_stream(scheduler: Scheduler, stream_id: int, priority: int) -> Scheduled:
    stream = Scheduled.__new__(Scheduled)
    stream.begin_scheduled(stream_id)
    stream.priority = priority
    scheduler.grow(stream, 10)
    scheduler.add(stream)
    return stream


def test_a_stream_that_is_removed_is_not_waited_for() -> None:
    scheduler = Scheduler()
    streams = [new_stream(scheduler, number, priority) for number, priority in ((5, 6), (1, 6), (3, 7), (7, 0))]
    assert (scheduler.count, scheduler.bytes) == (4, 40)
    for stream in streams[1:]:
        scheduler.remove(stream)
    assert (scheduler.count, scheduler.bytes) == (1, 10)
    assert scheduler.next() is streams[0]
    assert (scheduler.count, scheduler.bytes) == (0, 0)


def test_streams_are_sorted_when_they_come_in_another_order() -> None:
    scheduler = Scheduler()
    for number in (9, 3, 7, 1, 5):
        new_stream(scheduler, number, 6)
    assert [scheduler.next().id for _ in range(5)] == [1, 3, 5, 7, 9]


def test_several_fields_are_one_list() -> None:
    fields = ((b"priority", b"u=1"), (b"accept", b"*/*"), (b"priority", b"i"))
    play = begun(
        headers(1, request()), headers(3, request(b"GET", b"/", *fields)), headers(5, request(b"GET", b"/", *fields))
    )
    assert order(answer_all(play))[:4] == [5, 3, 5, 3]
