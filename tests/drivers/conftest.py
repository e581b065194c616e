"""Tests of the drivers that are coroutines run on a stage with sockets, on both loops."""

import pytest

from tests.support.stage import LOOPS, Stage, pytest_pyfunc_call

__all__ = ["pytest_pyfunc_call"]


@pytest.fixture(params=LOOPS)
def stage(request: pytest.FixtureRequest) -> Stage:
    """Return a stage of each kind that has sockets."""
    return Stage(request.param)
