"""WebSocketSession rests behind frames that cost its peer nothing, so that other peers have their turn."""

import pytest

from licorne.engine.websocket.codec import CODECS
from tests.support.frames import masked
from tests.support.talk import CountingGate, Talk, closing

TEXT, PING, PONG = 0x81, 0x89, 0x8A
#: How many such frames are read in one turn.
MOST = 64


@pytest.fixture(params=CODECS)
def codec(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def turns(talk: Talk) -> int:
    """Let the session go on as often as it wants; return how often that was."""
    count = 0
    while talk.session.is_resting():
        assert talk.session.is_full()
        talk.session.go_on(talk.now)
        count += 1
    return count


@pytest.mark.parametrize("frame", [masked(PING), masked(PONG, b"pong")])
def test_control_frames_are_read_so_many_in_a_turn(codec: str, frame: bytes) -> None:
    talk = Talk(codec)
    talk.session.receive_data(frame * (10 * MOST - 1) + masked(TEXT, b"behind"), 0.0)
    assert talk.session.is_resting()
    assert turns(talk) == 9
    assert not talk.session.is_full()
    assert talk.taken() == ["behind"]


def test_small_fragments_are_read_so_many_in_a_turn(codec: str) -> None:
    talk = Talk(codec)
    talk.session.receive_data(masked(0x01) + masked(0x00) * (5 * MOST) + masked(0x80, b"end"), 0.0)
    assert turns(talk) == 5
    assert talk.taken() == ["end"]


def test_frames_behind_our_close_are_read_so_many_in_a_turn(codec: str) -> None:
    talk = Talk(codec)
    talk.session.close(1000, "")
    talk.session.receive_data(masked(TEXT, b"x") * (3 * MOST) + closing(1000), 0.0)
    assert not talk.sink.has_ended
    assert turns(talk) == 3
    assert talk.sink.has_ended


def test_messages_let_no_session_rest(codec: str) -> None:
    talk = Talk(codec, max_queue=0)
    talk.session.receive_data(masked(TEXT, b"x") * 1000 + masked(0x82, b"x") * 1000, 0.0)
    assert not talk.session.is_resting()
    assert len(talk.taken()) == 2000


def test_what_comes_while_it_rests_waits(codec: str) -> None:
    talk = Talk(codec)
    talk.session.gate = gate = CountingGate()
    talk.session.receive_data(masked(PONG) * MOST, 0.0)
    talk.session.receive_data(masked(TEXT, b"behind") + closing(4000), 0.0)
    talk.session.receive_eof(0.0)
    assert talk.session.take_message() is None
    assert (talk.session.is_resting(), gate.count) == (True, 0)
    assert turns(talk) == 1
    assert gate.count == 1
    assert talk.taken() == ["behind"]
    assert talk.ending() == (4000, "")


def test_going_on_without_a_rest_changes_nothing() -> None:
    talk = Talk(max_queue=1)
    talk.hear(masked(TEXT, b"a") + masked(TEXT, b"b"))
    talk.session.go_on(0.0)
    assert talk.session.is_full()
    talk.session.lost()
    talk.session.go_on(0.0)
    assert not talk.session.is_resting()


def test_a_rest_is_no_pause_for_the_pong_clock() -> None:
    talk = Talk(ping_interval=20.0, ping_timeout=5.0)
    talk.wait(22.5)
    for _ in range(100):
        talk.hear(masked(PONG) * MOST)
        talk.wait(0.1)
    assert talk.session.close_code == 1011
