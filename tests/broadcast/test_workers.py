"""Broadcasts between the workers of one supervisor: who hears them, and what a flood of them does not do."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from websockets.sync.client import ClientConnection, connect

from tests.server.process import DEADLINE_SECONDS
from tests.supervisor.fleets import APPS, Fleet

pytestmark = pytest.mark.processes

WORKERS = 4


@contextmanager
def serving(*arguments: str) -> Iterator[Fleet]:
    """Serve rooms with workers that are all ready."""
    options = ("tests.broadcast.apps:rooms", "--port", "0", "--workers", str(WORKERS), *arguments)
    with Fleet(*options, app_dir=APPS) as fleet:
        fleet.wait_for("Started server process", WORKERS)
        yield fleet


@contextmanager
def peers_at_each(fleet: Fleet) -> Iterator[list[ClientConnection]]:
    """Connect until there is a peer at each worker; give one for each."""
    with ExitStack() as opened:
        found: dict[str | bytes, ClientConnection] = {}
        while len(found) < WORKERS:
            peer = opened.enter_context(connect(f"ws://127.0.0.1:{fleet.port}/room", proxy=None))
            found.setdefault(peer.recv(DEADLINE_SECONDS), peer)
        yield list(found.values())


@pytest.mark.parametrize("options", [("--loop", "asyncio"), ("--preload",)], ids=["spawned", "forked"])
def test_what_is_published_in_one_worker_is_heard_in_all(options: tuple[str, ...]) -> None:
    with serving(*options) as fleet:
        with peers_at_each(fleet) as peers:
            for number, speaker in enumerate(peers):
                for message in (f"hello {number}", b"\0" + bytes([number])):
                    speaker.send(message)
                    assert [peer.recv(DEADLINE_SECONDS) for peer in peers] == [message] * WORKERS
        assert fleet.end() == 0
        assert "Traceback" not in fleet.log


def test_a_flood_makes_no_worker_look_ill() -> None:
    with serving("--timeout-worker-healthcheck", "10s") as fleet:
        workers = fleet.workers
        with peers_at_each(fleet) as peers:
            for peer in peers:
                peer.send("!5000")
            for peer in peers:
                assert peer.recv(DEADLINE_SECONDS) == "flooded"
            peers[0].send("afterwards")
            assert [peer.recv(DEADLINE_SECONDS) for peer in peers] == ["afterwards"] * WORKERS
        assert fleet.workers == workers
        assert fleet.end() == 0
