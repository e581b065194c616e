"""Signals of all kinds that come at once, before the handler of any has returned."""

import os
import signal
from pathlib import Path

import pytest

from tests.supervisor.fleets import serving, wait_until

#: What a worker takes for nothing, and what a supervisor answers; the last one ends it.
WORKERS_SIGNALS = ("SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGTTIN", "SIGTTOU", "SIGTERM")
SUPERVISORS_SIGNALS = ("SIGUSR1", "SIGTTIN", "SIGTTOU", "SIGWINCH", "SIGHUP", "SIGQUIT", "SIGINT", "SIGCHLD", "SIGTERM")


def send_at_once(pid: int, names: tuple[str, ...]) -> None:
    """Send signals to a process that gets all of them at the same moment."""
    os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T")
    for name in names:
        os.kill(pid, getattr(signal, name))
    os.kill(pid, signal.SIGCONT)


def test_a_worker_drains_at_a_burst_of_signals() -> None:
    # Without a watchdog: its thread would take some of the signals.
    with serving("number", "--timeout-worker-healthcheck", "0", workers=1) as fleet:
        fleet.wait_for("is ready")
        pid = fleet.answer()
        send_at_once(pid, WORKERS_SIGNALS)
        fleet.wait_for(rf"Child process \[{pid}\] ends by itself \(SIGTERM\)")
        fleet.wait_for(rf"Terminated child process \[{pid}\]")
        assert fleet.end() == 0


def test_a_supervisor_stops_at_a_burst_of_signals_though_faulthandler_has_its_stack() -> None:
    with serving("number", workers=1, variables={"PYTHONFAULTHANDLER": "1"}) as fleet:
        fleet.wait_for("is ready")
        send_at_once(fleet.pid, SUPERVISORS_SIGNALS)
        assert fleet.wait() == 0


@pytest.mark.parametrize("name", ["SIGUSR1", "SIGUSR2", "SIGTTIN"])
def test_a_worker_that_is_just_being_started_takes_a_signal_to_everybody_for_nothing(name: str) -> None:
    with serving("number", workers=1) as fleet:
        fleet.wait_for("is ready")
        (old,) = fleet.workers
        os.kill(old, signal.SIGKILL)
        wait_until(lambda: set(fleet.workers) - {old})
        (new,) = set(fleet.workers) - {old}
        os.kill(new, getattr(signal, name))
        fleet.wait_for("is ready", 2)
        assert fleet.answer() == new
        assert fleet.end() == 0
