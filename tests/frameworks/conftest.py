"""A server for each application, and a client of it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from tests.server.process import ServerProcess

APPS = Path(__file__).parent
Serve = Callable[..., ServerProcess]


@contextmanager
def calling(server: ServerProcess) -> Iterator[httpx.Client]:
    """Be a client of a server."""
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", trust_env=False, timeout=60.0) as client:
        yield client


@pytest.fixture(scope="module")
def serve() -> Iterator[Serve]:
    """Return what serves an application of this folder until the module's tests are over."""
    with ExitStack() as stack:

        def serve_one(app: str, *options: str) -> ServerProcess:
            server = stack.enter_context(ServerProcess(app, "--port=0", *options, app_dir=APPS))
            server.wait_for("Licorne running on ")
            return server

        yield serve_one
