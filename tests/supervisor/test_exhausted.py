"""A supervisor for which the system has nothing left, or whose worker says what nobody understands."""

import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.server.process import Client
from tests.supervisor.fleets import APPS, Fleet, serving, wait_until


@contextmanager
def without_descriptors(fleet: Fleet) -> Iterator[None]:
    """Let the supervisor open no more files meanwhile."""
    limits = resource.prlimit(fleet.pid, resource.RLIMIT_NOFILE)
    highest = max(int(name) for name in os.listdir(f"/proc/{fleet.pid}/fd"))
    resource.prlimit(fleet.pid, resource.RLIMIT_NOFILE, (highest + 1, limits[1]))
    try:
        yield
    finally:
        resource.prlimit(fleet.pid, resource.RLIMIT_NOFILE, limits)


@pytest.mark.parametrize("options", [(), ("--preload",)], ids=["spawned", "forked"])
def test_without_descriptors_nothing_is_started_until_there_are_some(options: tuple[str, ...]) -> None:
    with serving("number", *options) as fleet:
        fleet.wait_for("is ready", 2)
        with without_descriptors(fleet):
            fleet.signal(signal.SIGUSR2)
            fleet.wait_for("Not upgraded: Too many open files")
            os.kill(fleet.workers[0], signal.SIGKILL)
            fleet.wait_for("licorne: cannot start a worker process: Too many open files")
            fleet.wait_for("Worker 1 has failed to start 2 times in a row")
            assert fleet.answer() in fleet.workers
        fleet.wait_for("is ready", 3)
        assert fleet.end() == 0


def test_a_start_without_descriptors_fails_in_one_line() -> None:
    launcher = ("sh", "-c", 'ulimit -n 8; exec "$@"', "sh")
    with Fleet("tests.supervisor.apps:number", "--port", "0", "--workers", "1", launcher=launcher) as fleet:
        assert fleet.wait() == 3
        assert fleet.lines[-1] == "licorne: cannot start: Too many open files; see ulimit -n and -u"
        assert "Traceback" not in fleet.log


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_a_worker_without_descriptors_says_so_in_one_line_and_is_tried_again(tmp_path: Path, loop: str) -> None:
    arguments = ("tests.supervisor.apps:hungry", "--factory", "--port", "0", "--workers", "2", "--loop", loop)
    with Fleet(*arguments, app_dir=APPS, variables={"CLAIM": str(tmp_path / "claim")}) as fleet:
        fleet.wait_for("Worker [12] has failed to start 2 times in a row")
        fleet.wait_for("licorne: cannot start: Too many open files; see ulimit -n$")
        assert fleet.answer()
        assert "Traceback" not in fleet.log
        assert fleet.end() == 3


@pytest.mark.parametrize("options", [("--workers", "1"), ("--reload",), ("--workers", "1", "--preload")])
def test_closed_standard_descriptors_are_no_sockets(options: tuple[str, ...], tmp_path: Path) -> None:
    ports = tmp_path / "ports"
    arguments = ("tests.supervisor.apps:number", "--port", "0", "--port-file", str(ports), *options)
    launcher = ("sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh")
    with Fleet(*arguments, app_dir=APPS, launcher=launcher) as fleet:
        wait_until(ports.exists)
        with Client(int(ports.read_text().split()[1])) as client:
            pid = int(client.get().rpartition(b"\r\n")[2])
        for process in (fleet.pid, pid):
            assert {os.readlink(f"/proc/{process}/fd/{fd}") for fd in range(3)} == {os.devnull}
        assert fleet.end() == 0


def test_a_worker_that_talks_nonsense_is_replaced() -> None:
    replies = {
        "/noise": "is told to end: a frame announces 4294967295 bytes",
        "/no-json": "is told to end: a frame holds no JSON",
        "/no-message": "is told to end: a frame holds no message",
        "/wrong-type": "is told to end: a frame holds no message: connections of tick is of type str",
        "/half": r"is killed: it has not answered for 1\.\d s",
        "/draining": "ends by itself",
    }
    options = ("--timeout-graceful-shutdown", "0", "--timeout-worker-healthcheck", "1")
    with serving("babbling", *options) as fleet:
        fleet.wait_for("is ready", 2)
        for count, (path, reply) in enumerate(replies.items(), 3):
            pid = fleet.answer(path)
            fleet.wait_for(rf"Child process \[{pid}\] {reply}")
            fleet.wait_for("is ready", count)
            wait_until(lambda pid=pid: pid not in fleet.workers and len(fleet.workers) == 2)
        assert fleet.end() == 0
        assert "has failed" not in fleet.log


def test_what_a_worker_has_no_reason_to_say_is_passed_over() -> None:
    with serving("babbling", "--timeout-worker-healthcheck", "1", workers=1) as fleet:
        pid = fleet.answer("/unknown")
        assert fleet.answer("/out-of-place") == pid
        os.kill(pid, signal.SIGSTOP)  # "ending" has not excused it from ticking
        fleet.wait_for(rf"Child process \[{pid}\] is killed: it has not answered")
        assert fleet.answer() != pid
        assert fleet.end() == 0


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "pid"
    arguments = ("tests.supervisor.apps:number", "--port", "0", "--workers", "1", "--pid-file", str(path))
    with Fleet(*arguments, app_dir=APPS, launcher=("sh", "-c", 'ulimit -f 0; exec "$@"', "sh")) as fleet:
        assert fleet.wait() == 3
        assert fleet.lines[-1] == f"licorne: cannot write {path} (pid_file): File too large"
    assert os.listdir(tmp_path) == []
