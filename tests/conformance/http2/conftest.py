"""Two servers for all the cases of a run: of an application that reads, and of one that answers at once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.process import ServerProcess

APPS = Path(__file__).parent


@pytest.fixture(scope="session", params=[("app", "asyncio"), ("hasty", "uvloop")], ids=lambda param: "-".join(param))
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    """Serve `apps.py` as it comes, but for the access log, and return the port."""
    app, loop = request.param
    with ServerProcess(f"apps:{app}", "--port=0", "--no-access-log", f"--loop={loop}", app_dir=APPS) as server:
        yield server.port
        assert "Traceback" not in server.log, server.log
