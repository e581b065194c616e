"""A loop that stands still: what is said of it, by a server that nobody watches."""

import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.server.process import Client, ServerProcess

#: What watches the loop is never compiled.
pytestmark = pytest.mark.processes


@contextmanager
def watched(*arguments: str) -> Iterator[ServerProcess]:
    """Serve the application that hangs."""
    with ServerProcess("hanging:app", "--port", "0", *arguments) as server:
        server.wait_for("Licorne running on ")
        yield server


def hang(server: ServerProcess, path: str) -> Client:
    """Send a request that hangs."""
    client = Client(server.port)
    client.send_request(path)
    return client


# --- what is said -------------------------------------------------------------------------------------------


def test_a_stall_is_warned_of_with_line_and_request_and_its_length(loop: str) -> None:
    with watched("--warn-blocked", "0.3", loop) as server, hang(server, "/sleep/1") as client:
        assert client.read_response().endswith(b"%d" % server.process.pid)
        over = server.wait_for(r"The event loop turns again after ([\d.]+) s at (.*)")
    warned = server.wait_for(r"WARNING: +The event loop has stood still for ([\d.]+) s at (.*)")
    assert 0.3 <= float(warned[1]) < 1.0
    assert 0.8 <= float(over[1]) <= 1.5
    place = r"hanging\.py:\d+ in sleep: time\.sleep\(seconds\) \(GET /sleep/1 from 127\.0\.0\.1:\d+\)"
    assert re.search(place, warned[2])
    assert over[2] == warned[2]


def test_a_request_that_was_begun_before_has_an_age(loop: str) -> None:
    with watched("--warn-blocked", "0.2", loop) as server, hang(server, "/later/1") as client:
        client.read_response()
        assert server.wait_for(r"in sleep_later: .*\(GET /later/1 from 127\.0\.0\.1:\d+, for \d\.\d s\)")


def test_the_dump_shows_threads_requests_and_tasks(loop: str) -> None:
    with watched("--timeout-worker-healthcheck", "1", loop) as server, hang(server, "/wait/30"):
        # It has been seen by the census when the stall begins.
        with hang(server, "/wait/1") as other:
            other.read_response()
        with hang(server, "/thread/2?token=secret") as client:
            client.read_response()
        server.wait_for(r"turns again")
    log = server.log
    assert re.search(r"CRITICAL: The event loop has stood still for .* in thread: .*\(GET /thread/2 from", log)
    assert re.search(r"Thread of the event loop, most recent call last:\n(  .*\n)+ +time\.sleep\(seconds\)", log)
    assert re.search(r"Other threads:\n  the-pool:\n    File ", log)
    assert re.search(r"Requests that wait:\n  GET /wait/30 from 127\.0\.0\.1:\d+, for \d+\.\d s\n", log)
    assert re.search(r"Tasks:\n(  .*\n)*  app waits at \S*hanging\.py:\d+ in wait\n", log)
    assert re.search(r"\n  app runs\n", log)
    assert "secret" not in log.replace("GET /thread/2?token=secret HTTP", "")
    assert "licorne-watchdog" not in log


def test_many_stalls_are_not_many_lines() -> None:
    with watched("--warn-blocked", "0.1") as server, hang(server, "/often/10") as client:
        client.read_response()
        with hang(server, "/") as other:
            other.read_response()
        server.signal(signal.SIGTERM)
        server.wait()
    assert 1 <= server.log.count("has stood still") <= 5
    assert server.log.count("turns again") <= 5


def test_a_loop_that_is_busy_but_turns_is_no_stall(loop: str) -> None:
    with watched("--warn-blocked", "0.5", loop) as server, hang(server, "/busy/1.5") as client:
        client.read_response()
    assert "stood still" not in server.log


def test_a_process_that_was_suspended_is_no_stall(loop: str) -> None:
    with watched("--warn-blocked", "0.5", "--timeout-worker-healthcheck", "5", loop) as server:
        with hang(server, "/") as client:
            client.read_response()
        server.signal(signal.SIGSTOP)
        os.waitpid(server.process.pid, os.WUNTRACED)
        time.sleep(2.0)  # what is tested is the passing of time
        server.signal(signal.SIGCONT)
        server.wait_for(r"INFO: +No Python code could run for \d\.\d s: the process was suspended, or ")
        with hang(server, "/") as client:
            client.read_response()
    assert "stood still" not in server.log


def test_c_code_that_holds_the_lock_is_told_from_a_stall() -> None:
    with watched("--warn-blocked", "0.5") as server, hang(server, "/hold/2") as client:
        client.read_response()
        server.wait_for(r"No Python code could run for [12]\.\d s: the process was suspended, or C code held the GIL")
    assert "stood still" not in server.log


def test_c_code_that_never_ends_is_shown_by_itself() -> None:
    with watched("--timeout-worker-healthcheck", "2") as server, hang(server, "/consume"):
        server.wait_for(r"Timeout \(0:00:02\)!")
        server.wait_for(r"File \S+hanging\.py\", line \d+ in consume")


def test_nothing_is_said_when_nothing_is_asked() -> None:
    with watched("--timeout-worker-healthcheck", "0") as server, hang(server, "/sleep/1") as client:
        client.read_response()
        server.signal(signal.SIGTERM)
        server.wait()
    assert "stood still" not in server.log


def test_a_start_and_an_end_that_block_are_no_stall() -> None:
    for app in ("slow_start", "slow_end"):
        with ServerProcess(f"hanging:{app}", "--port", "0", "--timeout-worker-healthcheck", "1") as server:
            with Client(server.port) as client:
                client.get("/")
            server.signal(signal.SIGTERM)
            assert server.wait() == -signal.SIGTERM
        assert "stood still" not in server.log
        assert "Application shutdown complete." in server.log


# --- SIGABRT ------------------------------------------------------------------------------------------------


def test_sigabrt_says_what_the_process_does_and_kills_it(loop: str) -> None:
    with watched(loop) as server, hang(server, "/sleep/30"):
        wait_for_stall(server)
        server.signal(signal.SIGABRT)
        assert server.wait() == -signal.SIGABRT
    assert re.search(r"CRITICAL: SIGABRT at \S*hanging\.py:\d+ in sleep: .*\(GET /sleep/30 from ", server.log)
    assert "Fatal Python error: Aborted" in server.log


def wait_for_stall(server: ServerProcess) -> None:
    """Wait until the main thread sleeps in the application: it makes no progress on a third connection."""
    deadline = time.monotonic() + 20.0
    status = f"/proc/{server.process.pid}/syscall"
    while time.monotonic() < deadline:
        with open(status) as file:
            if file.read().split()[0] in ("230", "35", "115", "101"):  # clock_nanosleep, nanosleep
                return
        time.sleep(0.01)
    raise AssertionError("the server does not sleep")


def test_sigabrt_leaves_no_image_behind_unless_asked(loop: str) -> None:
    with watched(loop) as server:
        server.signal(signal.SIGABRT)
        _, status = os.waitpid(server.process.pid, 0)
        server.process.returncode = -signal.SIGABRT
    assert os.WTERMSIG(status) == signal.SIGABRT
    assert not os.WCOREDUMP(status)


def test_a_forked_child_of_the_application_dies_of_sigabrt_in_silence() -> None:
    with watched() as server, hang(server, "/fork") as client:
        client.read_response()
        server.wait_for("app: the child died of 6")
        with hang(server, "/") as other:
            other.read_response()
    assert "CRITICAL" not in server.log
