"""Applications that fork, and applications that leave: what becomes of their children, and of the server."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.server.process import DEADLINE_SECONDS, Client
from tests.supervisor.fleets import APPS, Fleet, serving, wait_until

KINDS = [
    ("--workers", "1"),
    ("--workers", "1", "--preload"),
    ("--workers", "1", "--loop", "asyncio"),
    (),
    ("--loop", "asyncio"),
]


@contextmanager
def ended(pid: int) -> Iterator[None]:
    """Kill a process at the end that nobody else would end."""
    try:
        yield
    finally:
        os.kill(pid, signal.SIGKILL)


def stopped(fleet: Fleet) -> int:
    """Stop a fleet, of whose log a child may hold the other end; return the exit status."""
    fleet.signal(signal.SIGTERM)
    return fleet.process.wait(DEADLINE_SECONDS)


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that has ended may not have been waited for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("options", KINDS)
def test_a_child_that_lives_on_keeps_neither_the_address_nor_a_connection(options: tuple[str, ...]) -> None:
    with serving("forking", *options, workers=0) as fleet, Client(fleet.port) as client:
        child = int(client.get().rpartition(b"\r\n")[2])
        with ended(child):
            assert stopped(fleet) in (0, -signal.SIGTERM)
            assert is_alive(child)
            assert client.read_to_the_end() == b""
            with pytest.raises(ConnectionRefusedError):
                Client(fleet.port)


def test_the_death_of_a_worker_is_seen_though_its_child_lives_on() -> None:
    with serving("forking", workers=1) as fleet:
        child = fleet.answer()
        with ended(child):
            (worker,) = fleet.workers
            os.kill(worker, signal.SIGKILL)
            fleet.wait_for(rf"Child process \[{worker}\] died \(SIGKILL\)")
            other = fleet.answer()
            assert is_alive(child)
            os.kill(other, signal.SIGKILL)
            assert stopped(fleet) == 0


@pytest.mark.parametrize("options", [(), ("--preload",)])
def test_a_process_forked_by_the_import_does_not_keep_the_address(options: tuple[str, ...]) -> None:
    with serving("with_child", "--factory", *options, workers=1) as fleet:
        port = fleet.port
        child = int(fleet.wait_for(r"app: forked (\d+)")[1])
        with ended(child):
            assert stopped(fleet) == 0
            assert is_alive(child)
            with pytest.raises(ConnectionRefusedError):
                Client(port)


@pytest.mark.parametrize("options", [("--workers", "1"), ("--workers", "1", "--preload"), ()])
def test_a_child_of_the_application_ends_at_sigterm(options: tuple[str, ...]) -> None:
    with serving("forking", *options, workers=0) as fleet:
        child = fleet.answer()
        with ended(child):  # it is there until its parent has waited for it
            os.kill(child, signal.SIGTERM)
            wait_until(lambda: not is_alive(child))
        other = fleet.answer()  # the server has not ended
        os.kill(other, signal.SIGKILL)
        assert fleet.end() in (0, -signal.SIGTERM)


@pytest.mark.parametrize("options", [(), ("--preload",)])
def test_an_application_that_leaves_at_once_has_failed_to_start(options: tuple[str, ...]) -> None:
    arguments = ("tests.supervisor.apps:leaving", "--factory", "--port", "0", "--workers", "1", *options)
    with Fleet(*arguments, app_dir=APPS) as fleet:
        assert fleet.wait() == 3
        assert "licorne: the application left the process with status 0" in fleet.lines
