"""WebSocketSession's clocks: pings and their pongs, the handshake, idleness. Time moves by `wait` alone."""

import pytest

from tests.support.frames import masked
from tests.support.talk import CountingGate, Talk

NEVER = float("inf")


def pings(talk: Talk) -> list[bytes]:
    """Return the payloads of the pings that were sent, which must be all that was."""
    frames = talk.sent()
    assert all(head == 0x89 for head, _ in frames)
    return [payload for _, payload in frames]


def test_a_ping_is_sent_every_interval_give_or_take_a_tenth() -> None:
    talk = Talk(ping_interval=20.0, ping_timeout=0)
    talk.wait(18.0 - 0.001)
    assert pings(talk) == []
    talk.wait(4.002)
    assert len(pings(talk)) == 1
    talk.wait(200.0)
    assert 9 <= len(pings(talk)) <= 12


def test_no_two_pings_are_alike() -> None:
    talk = Talk(ping_interval=1.0, ping_timeout=0)
    talk.wait(50.0)
    sent = pings(talk)
    assert len(set(sent)) == len(sent) > 40


def test_intervals_differ_between_sessions() -> None:
    deadlines = {Talk(key=b"%022d==" % number).deadline for number in range(20)}
    assert len(deadlines) > 15
    assert min(deadlines) >= 18.0
    assert max(deadlines) <= 22.0


def test_only_the_matching_pong_counts() -> None:
    talk = Talk(ping_interval=20.0, ping_timeout=5.0)
    talk.wait(22.0)
    (payload,) = pings(talk)
    talk.hear(masked(0x8A, b"other"), masked(0x8A))
    assert talk.session.rtt == -1.0
    talk.wait(0.5)
    talk.hear(masked(0x8A, payload) + masked(0x8A, b"other"))
    assert 0.5 <= talk.session.rtt <= 4.5
    talk.wait(10.0)
    assert talk.session.is_open()


def test_a_missing_pong_is_1011() -> None:
    talk = Talk(ping_interval=20.0, ping_timeout=5.0)
    talk.session.gate = gate = CountingGate()
    talk.wait(30.0)
    assert talk.sent()[1:] == [(0x88, (1011).to_bytes(2, "big") + b"keepalive ping timeout")]
    assert talk.ending() == (1011, "keepalive ping timeout")
    assert talk.sink.has_ended
    assert gate.count == 1
    assert talk.deadline == NEVER


def test_other_frames_are_no_pong() -> None:
    talk = Talk(ping_interval=20.0, ping_timeout=5.0)
    for _ in range(30):
        talk.wait(1.0)
        talk.hear(masked(0x81, b"x"))
        talk.taken()
    assert talk.session.close_code == 1011


def test_no_ping_is_sent_while_one_waits_for_its_pong() -> None:
    talk = Talk(ping_interval=1.0, ping_timeout=100.0)
    talk.wait(50.0)
    (payload,) = pings(talk)
    talk.hear(masked(0x8A, payload))
    talk.wait(0.1)
    assert len(pings(talk)) == 1


@pytest.mark.parametrize("interval", [0, 0.0])
def test_without_an_interval_there_are_no_pings(interval: float) -> None:
    talk = Talk(ping_interval=interval)
    assert talk.deadline == NEVER


def test_no_pong_is_missed_while_reading_is_paused() -> None:
    talk = Talk(ping_interval=20.0, ping_timeout=5.0, max_queue=1)
    talk.wait(22.0)
    (payload,) = pings(talk)
    talk.hear(masked(0x81, b"a") + masked(0x81, b"b") + masked(0x8A, payload))
    assert talk.session.is_full()
    talk.wait(1000.0)
    talk.session.expire(talk.now)
    assert talk.session.is_open()
    later = pings(talk)
    assert 40 < len(later) < 60  # writing shows a peer that is gone
    talk.hear(b"".join(masked(0x8A, payload) for payload in later))
    assert talk.taken() == ["a", "b"]
    assert talk.session.rtt > 0
    talk.wait(15.0)
    assert talk.session.is_open()


def test_a_session_that_nobody_takes_from_is_idle_too() -> None:
    talk = Talk(ping_interval=0, idle_timeout=30.0, max_queue=4)
    talk.hear(masked(0x81, b"x") * 5)
    for _ in range(2):  # taking is life
        talk.wait(29.0)
        talk.session.take_message()
        talk.settle()
    talk.hear(masked(0x81, b"x") * 4)
    talk.wait(30.1)
    assert talk.sent() == [(0x88, (1001).to_bytes(2, "big") + b"idle timeout")]
    talk.wait(11.0)
    assert talk.sink.has_ended


def test_what_a_ping_holds_cannot_be_told_from_those_before_it() -> None:
    def payloads(secret: bytes, key: bytes = b"%022d==" % 1) -> list[bytes]:
        talk = Talk(key=key, secret=secret, ping_interval=1.0, ping_timeout=0)
        talk.wait(20.0)
        return pings(talk)

    seen = [*payloads(b"one"), *payloads(b"two"), *payloads(b"one", b"%022d==" % 2)]
    assert len(set(seen)) == len(seen) > 50
    assert {len(payload) for payload in seen} == {4}
    assert payloads(b"one") == seen[: len(payloads(b"one"))]


def test_the_pong_has_its_time_again_once_reading_goes_on() -> None:
    talk = Talk(ping_interval=20.0, ping_timeout=5.0, max_queue=1)
    talk.wait(22.0)
    talk.hear(masked(0x81, b"a"))
    talk.wait(1000.0)
    talk.taken()
    talk.wait(4.9)
    assert talk.session.is_open()
    talk.wait(0.2)
    assert talk.session.close_code == 1011


# --- the handshake ------------------------------------------------------------------------------------------


def test_an_application_that_does_not_answer_is_answered_for() -> None:
    talk = Talk(accepts=False, handshake_timeout=10.0)
    talk.session.gate = gate = CountingGate()
    talk.wait(9.9)
    assert talk.sink.status == 0
    talk.wait(0.2)
    assert (talk.sink.status, talk.sink.has_ended) == (503, True)
    assert talk.ending() == (1006, "")
    assert gate.count == 1
    assert talk.deadline == NEVER


def test_the_handshake_may_be_given_all_the_time_in_the_world() -> None:
    assert Talk(accepts=False, handshake_timeout=0).deadline == NEVER


def test_an_answer_stops_the_clock_of_the_handshake() -> None:
    talk = Talk(accepts=False, handshake_timeout=10.0)
    talk.exchange.start_response(403, [])
    talk.wait(100.0)
    assert (talk.sink.status, talk.deadline) == (403, NEVER)
    talk = Talk(handshake_timeout=1.0, ping_interval=0)
    assert talk.deadline == NEVER


# --- the end ------------------------------------------------------------------------------------------------


def test_the_close_handshake_has_its_own_time_after_a_long_life() -> None:
    talk = Talk(ping_interval=0, handshake_timeout=1.0, close_timeout=5.0)
    talk.wait(1000.0)
    talk.session.close(1000, "")
    talk.wait(4.9)
    assert not talk.sink.has_ended
    talk.wait(0.2)
    assert talk.sink.has_ended


def test_without_a_close_timeout_the_peers_answer_is_waited_for() -> None:
    talk = Talk(close_timeout=0)
    talk.session.close(1000, "")
    talk.settle()
    assert talk.deadline == NEVER


def test_a_session_without_messages_is_1001_after_its_time() -> None:
    talk = Talk(ping_interval=0, idle_timeout=30.0)
    talk.wait(29.0)
    talk.hear(masked(0x81, b"x"))
    talk.taken()
    talk.wait(29.0)
    talk.session.send_text("x")
    talk.sent()
    talk.wait(29.0)
    talk.hear(masked(0x89, b"ping"), masked(0x8A, b"pong"))
    assert [head for head, _ in talk.sent()] == [0x8A]
    talk.wait(1.1)
    assert talk.ending() == (1001, "idle timeout")
    assert talk.sent() == [(0x88, (1001).to_bytes(2, "big") + b"idle timeout")]
    assert not talk.sink.has_ended
    talk.wait(11.0)
    assert talk.sink.has_ended


def test_expiring_too_early_changes_nothing() -> None:
    talk = Talk(idle_timeout=30.0)
    before = talk.deadline
    talk.session.expire(1.0)
    assert talk.session.settle(1.0) == before
    assert talk.sent() == []
    talk.session.close(1000, "")
    talk.session.settle(1.0)
    talk.session.expire(2.0)
    assert not talk.sink.has_ended
    offered = Talk(accepts=False)
    offered.session.expire(1.0)
    assert offered.sink.status == 0


def test_the_round_trip_is_from_the_ping_to_its_pong() -> None:
    talk = Talk(ping_interval=20.0, ping_timeout=50.0)
    talk.wait(25.0)
    sent_at = talk.session.settle(talk.now) - 50.0
    ((_, payload),) = talk.sent()
    talk.session.settle(talk.now + 30.0)  # a driver's time may run ahead where it need not be exact
    talk.hear(masked(0x8A, payload))
    assert talk.session.rtt == pytest.approx(25.0 - sent_at)
