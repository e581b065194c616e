"""The sweep at given times: who is judged, when, and that a late sweep is fair without letting anybody off for ever."""

from typing import Any

import pytest

from licorne.drivers.base import DriverOptions, Runtime, shortest_tick
from licorne.drivers.link import DriverLink
from licorne.drivers.sweep import sweep
from licorne.engine.limits import Limits
from licorne.link import Service
from tests.support.http1 import new_factory

TICK = 0.25
LIMITS = Limits(head_timeout=2.0, discard_timeout=0, linger_timeout=0)
OPTIONS = DriverOptions(disconnect_timeout=0, write_stall_timeout=0)


class StillLink(DriverLink):
    """Be a link whose transport does nothing but remember."""

    def __init__(self, runtime: Runtime) -> None:
        super().__init__(runtime)
        self.closings: list[int] = []

    def write(self, data: bytes) -> None:
        """Drop it."""

    def set_reading(self, is_reading: bool) -> None:
        """Do nothing."""

    def unsent_bytes(self) -> int:
        return 0

    def close_transport(self, closing: int) -> None:
        self.closings.append(closing)


class SlowLink(StillLink):
    """Be a link whose peer takes so many of the bytes that it is sent between two looks."""

    def __init__(self, runtime: Runtime, taken: int) -> None:
        super().__init__(runtime)
        self.pace = taken
        self.unsent = 1000
        self.written = 1000
        self.is_write_paused = True
        self.is_reset = False

    def unsent_bytes(self) -> int:
        # What is sent in between is ours: pings, and answers to pings.
        self.written += 10
        self.unsent += 10 - self.pace
        return self.unsent

    def reset(self) -> None:
        self.is_reset = True


def serve(start: float) -> tuple[Runtime, StillLink]:
    """Return a runtime that was swept at `start`, and a link that was opened right after."""
    runtime = Runtime(LIMITS, OPTIONS, new_factory("native", LIMITS), Service())
    assert runtime.tick == TICK
    runtime.now = start + TICK
    link = StillLink(runtime)
    link.open()
    return runtime, link


def sweep_until(runtime: Runtime, start: float, end: float) -> None:
    """Sweep at every tick after `start` up to and with `end`."""
    for number in range(1, round((end - start) / TICK) + 1):
        sweep(runtime, start + number * TICK)


def test_deadline_is_kept_within_two_ticks_and_never_early() -> None:
    runtime, link = serve(100.0)
    sweep_until(runtime, 100.0, 102.0)
    assert not link.closings
    sweep_until(runtime, 102.0, 102.5)
    assert link.closings


def test_late_sweep_puts_deadlines_off() -> None:
    runtime, link = serve(100.0)
    sweep(runtime, 100.25)
    left = link.connection.deadline - 100.25
    sweep(runtime, 150.0)  # the machine slept: what the peers sent meanwhile is not read yet
    assert not link.closings
    assert link.connection.deadline - 150.0 == pytest.approx(left - TICK)
    for number in range(1, 12):
        sweep(runtime, 150.0 + number * TICK)
    assert link.closings


def test_sweeps_that_are_always_late_let_nobody_off() -> None:
    runtime, link = serve(100.0)
    for number in range(1, 12):
        sweep(runtime, 100.0 + number * 4 * TICK)  # applications block the loop, turn by turn
    assert link.closings


def test_time_moves_on_even_when_nobody_is_judged() -> None:
    runtime, _ = serve(100.0)
    times: list[float] = []
    runtime.on_tick.append(times.append)
    sweep(runtime, 150.0)
    assert runtime.now == 150.0 + TICK
    assert times == [150.0]


def test_tick_follows_the_shortest_clock_within_bounds() -> None:
    none: dict[str, Any] = dict.fromkeys(
        ("head_timeout", "body_timeout", "keep_alive_timeout", "discard_timeout", "linger_timeout"), 0.0
    )
    assert shortest_tick(Limits(**{**none, "body_timeout": 0.8}), OPTIONS) == 0.1
    assert shortest_tick(Limits(**{**none, "body_timeout": 0.001}), OPTIONS) == 0.02
    assert shortest_tick(Limits(**{**none, "body_timeout": 1000.0}), OPTIONS) == 1.0


@pytest.mark.parametrize(("taken", "is_reset"), [(0, True), (1, False), (10, False), (11, False)])
def test_what_we_add_is_no_progress_of_a_peer_that_takes_nothing(taken: int, is_reset: bool) -> None:
    options = DriverOptions(disconnect_timeout=0, write_stall_timeout=2.0)
    runtime = Runtime(
        Limits(head_timeout=0, discard_timeout=0, linger_timeout=0), options, serve(0.0)[0].new_connection, Service()
    )
    link = SlowLink(runtime, taken)
    runtime.now = link.progress_at = 100.0
    runtime.links.add(link)
    for number in range(1, 20):
        sweep(runtime, 100.0 + number * runtime.tick)
    assert link.is_reset == is_reset
