"""Channels: groups over a channel layer, in one process and between two."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from websockets.sync.client import connect

from tests.frameworks.rows.conftest import Start
from tests.frameworks.rows.table import Row
from tests.server.process import DEADLINE_SECONDS, ServerProcess

ROW = "channels-redis"


@contextmanager
def joined(server: ServerProcess, room: str) -> Iterator[Any]:
    """Be in a room."""
    url = f"ws://127.0.0.1:{server.port}/room/{room}"
    with connect(url, proxy=None, open_timeout=DEADLINE_SECONDS) as peer:
        yield peer


def said_to(peer: Any) -> Any:
    """Return the next thing that one is told."""
    return json.loads(peer.recv(DEADLINE_SECONDS))


@pytest.mark.column("websocket")
def test_a_group_spans_processes_by_redis(row: Row, server: ServerProcess, start: Start) -> None:
    other = start(row)
    with joined(server, "kitchen") as ann, joined(other, "kitchen") as bob, joined(other, "cellar") as cat:
        ann.send('{"n": 1}')
        assert said_to(ann) == said_to(bob) == {"n": 1}
        bob.send('{"n": 2}')
        assert said_to(ann) == said_to(bob) == {"n": 2}
        cat.send('"alone"')
        assert said_to(cat) == "alone"
    server.wait_for("app: left the room")
    other.wait_for("app: left the room", 2)
