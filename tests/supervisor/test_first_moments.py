"""First moments: what signals do to a process that has only begun to start."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.supervisor.fleets import APPS, Fleet, wait_until

#: Runs the command, and sends it signals while it reads its options.
_IMPATIENT = """
import os, signal, sys
import licorne.cli

def load(*arguments, **keywords):
    for name in ("SIGHUP", "SIGUSR1", "SIGTTIN"):
        os.kill(os.getpid(), getattr(signal, name))
    return true_load(*arguments, **keywords)

true_load, licorne.cli.load = licorne.cli.load, load
sys.exit(licorne.cli.main(sys.argv[4:]))
"""


@contextmanager
def slow(tmp_path: Path, *options: str) -> Iterator[tuple[Fleet, Path, Path]]:
    """Begin to import an application that takes as long as a file is there, which is yielded with the PID file."""
    brake, pid_file = tmp_path / "brake", tmp_path / "licorne.pid"
    brake.touch()
    arguments = ("tests.supervisor.apps:slow_while_there", "--factory", "--port", "0", "--pid-file", str(pid_file))
    with Fleet(*arguments, *options, app_dir=APPS, variables={"BRAKE": str(brake)}) as fleet:
        wait_until(lambda: pid_file.exists() and pid_file.read_text())
        yield fleet, brake, pid_file


def test_what_comes_while_options_are_read_is_answered_later() -> None:
    launcher = (sys.executable, "-c", _IMPATIENT)
    with Fleet(
        "tests.supervisor.apps:number", "--port", "0", "--workers", "1", app_dir=APPS, launcher=launcher
    ) as fleet:
        fleet.wait_for("Received SIGHUP, restarting processes")
        fleet.wait_for("Received SIGUSR1")
        fleet.wait_for("Received SIGTTIN")
        assert fleet.answer()
        assert fleet.end() == 0


@pytest.mark.parametrize("options", [(), ("--workers", "1"), ("--workers", "1", "--preload")])
def test_sigterm_ends_a_start_and_leaves_nothing(tmp_path: Path, options: tuple[str, ...]) -> None:
    with slow(tmp_path, *options) as (fleet, _, pid_file):
        # A supervisor whose workers import the application serves already.
        assert fleet.end() in ((-signal.SIGTERM,) if options != ("--workers", "1") else (0, -signal.SIGTERM))
        assert not pid_file.exists()
        assert "Traceback" not in fleet.log


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT])
def test_an_interrupt_ends_a_start_and_leaves_nothing(tmp_path: Path, number: int) -> None:
    with slow(tmp_path, "--workers", "1", "--preload") as (fleet, _, pid_file):
        assert fleet.end(number) == 3
        assert not pid_file.exists()
        assert "Traceback" not in fleet.log


@pytest.mark.parametrize("options", [(), ("--workers", "1", "--preload")])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_asks_for_the_end_where_python_cannot_raise_ends_a_start(options: tuple[str, ...], number: int) -> None:
    arguments = ("tests.supervisor.apps:signalled_in_a_callback", "--factory", "--port", "0", *options)
    with Fleet(*arguments, app_dir=APPS, variables={"NUMBER": str(int(number))}) as fleet:
        assert fleet.wait() == (-signal.SIGTERM if number == signal.SIGTERM else 3)
        assert "Exception ignored" not in fleet.log


def test_what_comes_while_the_application_is_imported_is_answered_later(tmp_path: Path) -> None:
    with slow(tmp_path, "--workers", "1", "--preload") as (fleet, brake, _):
        for number in (signal.SIGHUP, signal.SIGUSR1):
            os.kill(fleet.pid, number)
        brake.unlink()
        fleet.wait_for("Received SIGHUP, restarting processes")
        fleet.wait_for("Received SIGUSR1")
        assert fleet.answer()
        assert fleet.end() == 0
