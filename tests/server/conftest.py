"""What the tests of the server share."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest


@pytest.fixture(params=["asyncio", "uvloop"])
def loop(request: pytest.FixtureRequest) -> str:
    """Return the flag for each event loop."""
    if request.param == "uvloop":
        pytest.importorskip("uvloop")
    return f"--loop={request.param}"


@pytest.fixture
def clients() -> Iterator[ExitStack]:
    """Close at the end the clients of a test."""
    with ExitStack() as stack:
        yield stack
