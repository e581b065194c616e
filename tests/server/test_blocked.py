"""When a loop that stands still is worth a word, decided without a clock."""

from licorne.server.watching.blocked import Ration, Stage, Stalls


def followed(stalls: Stalls, seconds: float, beats: list[float], late: float = 0.0) -> list[tuple[float, Stage]]:
    """Look every interval for so long; return what was said and when. `beats` are the times of the loop's beats."""
    said = []
    now = 0.0
    while now <= seconds:
        stage = stalls.look(sum(beat <= now for beat in beats), now)
        if stage is not None:
            said.append((round(now, 3), stage))
        now += stalls.interval + late
    return said


def regular(stalls: Stalls, start: float, end: float) -> list[float]:
    """Return the times at which a loop beats that turns all the time."""
    return [start + i * stalls.interval for i in range(int((end - start) / stalls.interval) + 1)]


def test_a_loop_that_turns_is_not_spoken_of() -> None:
    stalls = Stalls(0.5, 30.0)
    assert followed(stalls, 20.0, regular(stalls, 0.0, 20.0)) == []


def test_a_stall_is_warned_of_twice_then_dumped_then_over() -> None:
    stalls = Stalls(0.5, 30.0)
    said = followed(stalls, 40.0, [0.0, 28.0, *regular(stalls, 28.1, 40.0)])
    assert [stage for _, stage in said] == [Stage.WARN, Stage.WARN, Stage.DUMP, Stage.OVER]
    times = [time for time, _ in said]
    assert 0.5 <= times[0] <= 0.8
    assert 6.0 <= times[1] <= 6.3
    assert 24.0 <= times[2] <= 24.3
    assert 28.0 <= times[3] <= 28.2


def test_a_stall_that_ends_just_before_the_limit_is_not_spoken_of() -> None:
    stalls = Stalls(0.5, 0.0)
    assert followed(stalls, 3.0, [0.0, 0.49, *regular(stalls, 0.99, 3.0)]) == []


def test_a_limit_alone_warns_at_its_fifth() -> None:
    stalls = Stalls(0.0, 10.0)
    said = followed(stalls, 11.0, [0.0])
    assert [stage for _, stage in said] == [Stage.WARN, Stage.DUMP]
    assert 2.0 <= said[0][0] <= 3.0
    assert 8.0 <= said[1][0] <= 9.0


def test_a_warning_that_would_come_after_that_of_the_limit_does_not_come() -> None:
    assert [stage for _, stage in followed(Stalls(5.0, 10.0), 11.0, [0.0])] == [Stage.WARN, Stage.DUMP]


def test_nothing_is_watched_without_a_limit() -> None:
    stalls = Stalls(0.0, 0.0)
    assert stalls.is_idle
    assert followed(stalls, 100.0, [0.0]) == []


def test_a_process_that_was_suspended_is_no_stall() -> None:
    stalls = Stalls(0.5, 30.0)
    assert stalls.look(1, 0.0) is None
    assert stalls.look(2, 0.1) is None
    assert stalls.look(2, 60.1) is Stage.FROZEN
    assert stalls.frozen == 60.0 - stalls.interval
    assert stalls.look(2, 60.2) is None
    assert stalls.look(3, 60.3) is None


def test_an_observer_that_is_a_little_late_each_time_sees_a_stall_later() -> None:
    prompt = followed(Stalls(0.5, 0.0), 3.0, [0.0])
    late = followed(Stalls(0.5, 0.0), 3.0, [0.0], late=0.2)
    assert [stage for _, stage in late] == [Stage.WARN]
    assert late[0][0] > prompt[0][0]


def test_a_clock_that_goes_back_does_no_harm() -> None:
    stalls = Stalls(0.5, 0.0)
    stalls.look(1, 100.0)
    assert stalls.look(1, 50.0) is None
    assert stalls.quiet <= 0.0


def test_each_stall_is_spoken_of_anew() -> None:
    stalls = Stalls(0.5, 0.0)
    said = followed(stalls, 4.0, [0.0, 1.0, 1.1, 2.5, *regular(stalls, 2.6, 4.0)])
    assert [stage for _, stage in said] == [Stage.WARN, Stage.OVER, Stage.WARN, Stage.OVER]


def test_a_ration_withholds_and_counts() -> None:
    ration = Ration(2, 60.0)
    assert [ration.allows(float(second)) for second in range(5)] == [True, True, False, False, False]
    assert ration.allows(60.5)
    assert ration.take_withheld() == 3
    assert ration.take_withheld() == 0
