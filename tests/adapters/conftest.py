"""Tests of the adapters that are coroutines run on a stage: in memory, and over sockets on both loops."""

import pytest

from tests.support.stage import HTTP2, KINDS, Stage, pytest_pyfunc_call

__all__ = ["pytest_pyfunc_call"]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Choose the kinds of stage for a test."""
    chosen = [mark for mark in metafunc.definition.iter_markers("parametrize") if mark.args[0] == "stage"]
    if "stage" in metafunc.fixturenames and not chosen:
        has_more = metafunc.definition.get_closest_marker("http1") is None
        metafunc.parametrize("stage", [*KINDS, HTTP2] if has_more else KINDS, indirect=True)


@pytest.fixture
def stage(request: pytest.FixtureRequest) -> Stage:
    """Return a stage of each kind."""
    return Stage(request.param)
