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
