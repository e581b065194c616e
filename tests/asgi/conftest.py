"""Tests of the ASGI layer that are coroutines run on a stage: in memory, and over sockets on both loops."""

import pytest

from tests.support.stage import KINDS, Stage, pytest_pyfunc_call

__all__ = ["pytest_pyfunc_call"]


@pytest.fixture(params=KINDS)
def stage(request: pytest.FixtureRequest) -> Stage:
    """Return a stage of each kind."""
    return Stage(request.param)
