"""What the worker does with each sweep: a part of it that fails stops no other."""

import logging

import pytest

from licorne.server.ticks import Ticks


def test_a_part_that_fails_is_logged_and_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    times: list[float] = []

    def fail(now: float) -> None:
        raise ValueError(now)

    ticks = Ticks(logging.getLogger("ticks"), times.append, fail, times.append)
    ticks(1.0)
    ticks(2.0)
    assert times == [1.0, 1.0, 2.0, 2.0]
    assert [record.levelno for record in caplog.records] == [logging.ERROR] * 2
    assert "ValueError: 1.0" in caplog.text
