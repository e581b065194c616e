"""One server for all the clients of a run."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.process import ServerProcess

APPS = Path(__file__).parent


@pytest.fixture(scope="session")
def port() -> Iterator[int]:
    """Serve `apps.py` as it comes, but for the access log, and return the port."""
    with ServerProcess("apps:app", "--port=0", "--no-access-log", app_dir=APPS) as server:
        yield server.port
