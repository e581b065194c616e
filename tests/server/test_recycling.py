"""Recycling: when a worker has grown too old or too large, decided without a clock."""

import pytest

from licorne.server.memory import resident_bytes
from licorne.server.recycling import Age, Girth
from tests.server.process import running

MIB = 1024 * 1024


@pytest.mark.parametrize(("drawn", "end"), [(0.0, 1100.0), (0.5, 1095.0), (1.0, 1090.0)])
def test_a_life_ends_up_to_a_tenth_earlier_and_never_later(drawn: float, end: float) -> None:
    age = Age(100.0, 1000.0, lambda: drawn)
    assert age.reason(end - 0.001) == ""
    assert age.reason(end) == "the lifetime of 100 s is over"


def test_workers_that_start_together_do_not_end_together() -> None:
    ends = {next(now for now in range(2000) if Age(1000.0, 0.0).reason(now)) for _ in range(50)}
    assert len(ends) > 10
    assert min(ends) >= 900
    assert max(ends) <= 1000


def test_memory_over_the_limit_is_a_reason() -> None:
    girth = Girth(100 * MIB, 40 * MIB)
    assert girth.reason(100 * MIB) == ""
    assert girth.reason(101 * MIB) == "its memory of 101 MiB exceeds the limit of 100 MiB"


def test_a_limit_below_the_memory_of_a_new_worker_is_hopeless() -> None:
    girth = Girth(100 * MIB, 101 * MIB)
    assert girth.is_hopeless
    assert girth.reason(500 * MIB) == ""


def test_the_memory_of_this_process_is_told() -> None:
    before = resident_bytes()
    ballast = b"\1" * (64 * MIB)
    assert resident_bytes() - before > 48 * MIB
    assert len(ballast) == 64 * MIB


def test_without_a_supervisor_it_is_said_that_nobody_is_replaced() -> None:
    with running("hello", "--max-worker-rss=1MiB", "--max-worker-lifetime=1h") as server:
        for name in ("max_worker_rss", "max_worker_lifetime"):
            assert f"{name} has no effect without a supervisor; add --workers 1." in server.log
