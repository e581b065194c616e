"""Workers that are forked from a supervisor which has imported the application."""

import os
import re
import signal
import subprocess
import sys

from tests.server.process import Client
from tests.supervisor.fleets import serving, wait_until


def test_the_application_is_imported_and_made_once() -> None:
    with serving("made", "--factory", "--preload") as fleet:
        fleet.wait_for("is ready", 2)
        assert re.findall(r"(?:imported|made) by (\d+)", fleet.log) == [str(fleet.pid)] * 2
        assert fleet.answer() in fleet.workers
        fleet.signal(signal.SIGHUP)
        fleet.wait_for("Terminated child process", 2)
        assert fleet.log.count("made by") == 1
        assert fleet.end() == 0


def test_hooks_are_called_before_and_after_each_fork() -> None:
    hooks = ("--before-fork", "tests.supervisor.apps:before", "--after-fork", "tests.supervisor.apps:after")
    with serving("number", "--preload", *hooks) as fleet:
        fleet.wait_for("is ready", 2)
        assert sorted(re.findall(r"before_fork (\d) in (\d+)", fleet.log)) == [
            ("0", str(fleet.pid)),
            ("1", str(fleet.pid)),
        ]
        after = {int(pid): index for index, pid in re.findall(r"after_fork (\d) in (\d+)", fleet.log)}
        assert sorted(after) == sorted(fleet.workers)
        assert sorted(after.values()) == ["0", "1"]


def test_a_worker_waits_for_its_threads_and_does_what_was_registered_for_its_end() -> None:
    with serving("number", "--preload", "--after-fork", "tests.supervisor.apps:begin_last_words", workers=1) as fleet:
        fleet.wait_for("is ready")
        assert fleet.end() == 0
    words = re.findall(r"app: the last words of (a thread|the process)", fleet.log)
    assert words == ["a thread", "the process"]


def test_a_hook_that_fails_is_a_failure_to_start() -> None:
    for option in ("--before-fork", "--after-fork"):
        hook = (option, "tests.supervisor.apps:failing_hook")
        with serving("number", "--preload", *hook, workers=0, variables={"WEB_CONCURRENCY": "2"}) as fleet:
            assert fleet.wait() == 3
        name = option[2:].replace("-", "_")
        assert fleet.log.count(f"licorne: {name} has failed: RuntimeError: no anchor") == 1
        assert fleet.log.count("Traceback") == 1
        assert "supervisor/fork.py" not in fleet.log


def test_threads_of_the_import_are_named_since_workers_do_not_have_them() -> None:
    with serving("with_thread", "--factory", "--preload") as fleet:
        fleet.wait_for("started threads, which forked workers do not have: metronome")
        fleet.wait_for("is ready", 2)
        assert "DeprecationWarning" not in fleet.log


def test_an_application_object_can_be_served_by_many() -> None:
    program = (
        "import os, licorne\n"
        "async def app(scope, receive, send):\n"
        "    assert scope['type'] == 'http'\n"
        "    await send({'type': 'http.response.start', 'status': 200})\n"
        "    await send({'type': 'http.response.body', 'body': str(os.getpid()).encode()})\n"
        "licorne.run(app, port=0, workers=2, preload=True)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        line = next(line for line in process.stderr if "running on" in line)
        port = re.search(r":(\d+) ", line)
        assert port
        with Client(int(port[1])) as client:
            assert b" 200 OK\r\n" in client.get()
        process.terminate()
        assert process.wait(20) == 0


def test_a_forked_worker_holds_nothing_of_the_supervisor_and_of_other_workers() -> None:
    with serving("number", "--preload", "--health-bind", "127.0.0.1:0", workers=3) as fleet:
        fleet.wait_for("is ready", 3)
        own = sockets_of(fleet.pid)
        held = [sockets_of(worker) for worker in fleet.workers]
        (listener,) = own & held[0]
        assert all(own & sockets == {listener} for sockets in held)
        assert held[0] & held[1] == held[1] & held[2] == held[0] & held[2] == {listener}
        selectors = [name for worker in fleet.workers for name in descriptors(worker) if "eventpoll" in name]
        assert len(selectors) == 3


def descriptors(pid: int) -> list[str]:
    """Return what a process holds open."""
    return [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]


def sockets_of(pid: int) -> set[str]:
    """Return the sockets that a process holds."""
    return {name for name in descriptors(pid) if name.startswith("socket:")}


def test_fifty_restarts_leave_no_descriptor_and_no_zombie() -> None:
    with serving("number", "--preload", workers=1) as fleet:
        fleet.wait_for("is ready", 1)
        before = fleet.open_files
        for count in range(1, 51):
            fleet.signal(signal.SIGHUP)
            fleet.wait_for("Terminated child process", count)
        wait_until(lambda: fleet.open_files == before)
        assert len(fleet.workers) == 1
        assert fleet.end() == 0


def test_restarts_in_a_burst_end_with_all_workers_serving() -> None:
    with serving("number", "--preload") as fleet:
        fleet.wait_for("is ready", 2)
        old = fleet.workers
        for number in (signal.SIGHUP, signal.SIGTTIN, signal.SIGHUP, signal.SIGTTOU, signal.SIGHUP) * 10:
            fleet.signal(number)
        fleet.signal(signal.SIGUSR1)
        fleet.wait_for("Received SIGUSR1")
        wait_until(lambda: not set(old).intersection(fleet.workers))
        fleet.wait_for_workers(len(fleet.workers))
        assert fleet.answer() > 0
        fleet.signal(signal.SIGHUP)
        assert fleet.end() == 0
