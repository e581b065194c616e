"""Orphans: when the supervisor is killed, what runs is answered and nobody is left, whatever the workers are doing."""

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from licorne.server.attached.messages import Ready
from tests.server.process import Client
from tests.supervisor.fleets import Fleet, serving, wait_until
from tests.supervisor.workers import WorkerProcess


@pytest.fixture
def clients() -> Iterator[ExitStack]:
    """Close at the end the clients of a test."""
    with ExitStack() as stack:
        yield stack


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; a zombie, which its new parent has not taken note of, does not."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            return "\nState:\tZ" not in file.read()
    except FileNotFoundError:
        return False


def kill(fleet: Fleet) -> None:
    """Kill the supervisor."""
    fleet.signal(signal.SIGKILL)
    fleet.process.wait()


@pytest.mark.parametrize("options", [(), ("--preload",), ("--reuse-port=on",)], ids=" ".join)
def test_requests_that_run_are_answered_and_no_worker_stays(options: tuple[str, ...], clients: ExitStack) -> None:
    with serving("begun", *options, "--drain-delay=1h", workers=2) as fleet:
        workers = fleet.workers
        busy = [clients.enter_context(Client(fleet.port)) for _ in range(20)]
        for client in busy:
            client.send_half_a_request()
        wait_until(lambda: fleet.log.count("began") == len(busy))  # lines of two processes may share one
        kill(fleet)
        fleet.wait_for("The supervisor is gone. Shutting down.", len(workers))
        for client in busy:
            client.send_the_rest()
            assert client.read_to_the_end().startswith(b"HTTP/1.1 200 ")
        wait_until(lambda: not any(map(is_alive, workers)))
        with pytest.raises(ConnectionRefusedError):
            Client(fleet.port)


def test_a_worker_that_still_imports_ends_at_once(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text("import os, time\nos.write(1, b'importing\\n')\ntime.sleep(600)\n")
    with Fleet("slow:app", "--workers=2", "--port=0", app_dir=tmp_path) as fleet:
        fleet.wait_for("importing", 2)
        workers = fleet.workers
        kill(fleet)
        wait_until(lambda: not any(map(is_alive, workers)))


def test_a_worker_that_stands_still_ends_too(clients: ExitStack) -> None:
    with serving("number", "--timeout-worker-healthcheck=2s", workers=1) as fleet:
        (worker,) = fleet.workers
        client = clients.enter_context(Client(fleet.port))
        client.send_request("/hang")
        fleet.wait_for("has stood still|has not answered")
        kill(fleet)
        wait_until(lambda: not is_alive(worker))


def test_programs_that_the_application_starts_hold_nothing_of_the_worker() -> None:
    with WorkerProcess("starting_a_program") as worker, Client(worker.port) as client:
        worker.hear(Ready)
        child = int(client.get().rpartition(b"\r\n")[2])
        try:
            sockets = [
                link for fd in os.listdir(f"/proc/{child}/fd") if (link := link_of(child, fd)).startswith("socket:")
            ]
            assert sockets == []
        finally:
            os.kill(child, signal.SIGKILL)


def link_of(pid: int, fd: str) -> str:
    """Return what a descriptor of a process is, "" if it was closed meanwhile, as those are that a start takes."""
    try:
        return os.readlink(f"/proc/{pid}/fd/{fd}")
    except FileNotFoundError:
        return ""


def test_a_listener_outlives_a_worker_that_is_killed() -> None:
    with WorkerProcess("hello") as worker:
        port = worker.port
        worker.process.kill()
        worker.process.wait()
        with socket.create_connection(("127.0.0.1", port)):
            pass
