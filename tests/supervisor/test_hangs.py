"""Workers that hang under the supervisor: found in the time set, named, replaced, while the other one serves."""

import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from licorne.server.attached.messages import Draining, Ending, Ready, Tick
from licorne.supervisor.actions import Signal
from licorne.supervisor.fleet import Fleet, FleetOptions
from tests.server.process import Client, ServerProcess, ask_patiently

LIMIT = 2.0
#: What a busy machine may add to it.
SLACK = 30.0


@contextmanager
def supervised(app: str = "hanging:app", *arguments: str) -> Iterator[ServerProcess]:
    """Serve the application that hangs, by two workers."""
    limit = ["--timeout-worker-healthcheck", f"{LIMIT:g}"]
    with ServerProcess(app, "--port", "0", "--workers", "2", *limit, *arguments) as server:
        server.wait_for("Application startup complete", 2)
        yield server
        server.signal(signal.SIGTERM)
        assert server.wait() == 0


def ask(port: int) -> int:
    """Return the number of the process that answers."""
    with Client(port) as client:
        return int(client.get().rpartition(b"\r\n\r\n")[2])


@pytest.mark.parametrize(
    ("path", "function", "signal_name"),
    [
        ("/sleep/60", "sleep", "SIGABRT"),
        ("/spin", "spin", "SIGABRT"),
        ("/lock", "lock", "SIGABRT"),
        ("/hold/60", "hold", "SIGABRT"),
        ("/consume", "consume", "SIGKILL"),
    ],
)
def test_a_hang_is_found_named_and_ended_while_the_other_serves(path: str, function: str, signal_name: str) -> None:
    with supervised() as server:
        with Client(server.port) as client:
            client.send_request(path)
            began = time.monotonic()
            others = {ask_patiently(server.port) for _ in range(3)}
            killed = server.wait_for(r"CRITICAL: Child process \[(\d+)\] is killed")
            took = time.monotonic() - began
            worker = int(killed[1])
            assert len(others) == 1
            assert worker not in others
            server.wait_for(rf"Child process \[{worker}\] died \({signal_name}\)")
            assert client.sock.recv(1) == b""
        server.wait_for("Application startup complete", 3)
    assert LIMIT * 0.8 <= took <= LIMIT + SLACK
    if signal_name == "SIGABRT":
        request = re.escape(path)
        assert re.search(rf"CRITICAL: .* in {function}: .*\(GET {request} from 127\.0\.0\.1:\d+", server.log)
    else:
        assert re.search(rf'Fatal Python error: Aborted\n(.*\n)*.*hanging\.py", line \d+ in {function}\n', server.log)


@pytest.mark.parametrize("app", ["slow_import:app", "hanging:slow_start"])
def test_a_worker_that_is_slow_to_start_is_not_killed(app: str) -> None:
    with supervised(app) as server:
        ask(server.port)
    assert "killed" not in server.log


def test_a_worker_that_is_long_to_drain_is_not_killed() -> None:
    with supervised() as server, Client(server.port) as client:
        client.send_request("/wait/4")
        ask(server.port)
        server.signal(signal.SIGTERM)
        assert client.read_response()
        assert server.wait() == 0
    assert "killed" not in server.log


def test_an_end_of_the_application_that_blocks_is_not_killed() -> None:
    with supervised("hanging:slow_end") as server:
        ask(server.port)
    assert "is killed" not in server.log
    assert server.log.count("Application shutdown complete.") == 2


def test_a_stall_that_ends_before_the_limit_costs_nobody_his_worker() -> None:
    with supervised() as server, Client(server.port) as client:
        client.send_request("/sleep/1")
        worker = int(client.read_response().rpartition(b"\r\n\r\n")[2])
        server.wait_for(rf"Child process \[{worker}\] answers again")
        server.wait_for(r"The event loop turns again after ")
    assert "killed" not in server.log


def test_processes_that_were_suspended_together_are_not_killed() -> None:
    with supervised() as server:
        ask(server.port)
        workers = [int(found) for found in re.findall(r"Started server process \[(\d+)\]", server.log)]
        everybody = [server.process.pid, *workers]
        for pid in everybody:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(LIMIT * 1.5)  # what is tested is the passing of time
        for pid in everybody:
            os.kill(pid, signal.SIGCONT)
        began = time.monotonic()
        while time.monotonic() - began < LIMIT:
            assert ask(server.port) in workers
    assert "killed" not in server.log
    assert "stood still" not in server.log


def test_nothing_is_waited_for_from_a_worker_that_says_it_ends() -> None:
    fleet = Fleet(FleetOptions(workers=1, healthcheck=10.0), 0.0)
    fleet.take_actions()
    fleet.started(1, 100)
    fleet.message(1, Ready(), 1.0)
    fleet.stop(2.0)
    fleet.message(1, Draining("stop"), 2.0)
    fleet.message(1, Ending(), 3.0)
    fleet.message(1, Tick(0, 0, 0, 0), 3.5)
    fleet.take_actions()
    fleet.tick(30.0)
    assert not [action for action in fleet.take_actions() if isinstance(action, Signal)]
