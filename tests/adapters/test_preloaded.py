"""A WSGI application that the supervisor imported runs in the threads of each worker that it forks."""

import sys

import pytest

from tests.adapters.test_served import body_of, serving
from tests.server.process import Client

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no fork on Windows")


def test_workers_that_were_forked_have_threads_of_their_own() -> None:
    with serving("wsgi", "--workers", "2", "--preload") as server:
        for _ in range(8):
            with Client(server.port) as client:
                assert body_of(client.get("/wsgi.multiprocess")) == b"True"
