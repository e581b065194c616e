"""A log that nobody reads stops neither the supervisor nor what it watches over."""

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

from licorne.supervisor.unread import has_room, never_wait
from tests.server.process import DEADLINE_SECONDS, Client
from tests.supervisor.fleets import wait_until


def fill(fd: int) -> None:
    """Write into a pipe until nothing more goes in; its other writers still wait for room then."""
    os.set_blocking(fd, False)
    try:
        while True:
            os.write(fd, b"x" * 65536)
    except BlockingIOError:
        pass
    try:
        while True:
            os.write(fd, b"x")
    except BlockingIOError:
        os.set_blocking(fd, True)


def test_a_killed_worker_is_replaced_although_nobody_reads_the_log(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    file, health_file = tmp_path / "ports", tmp_path / "health"
    options = ("--workers", "2", "--preload", "--port", "0", "--log-level", "error", "--no-access-log")
    places = ("--port-file", str(file), "--health-bind", f"unix:{health_file}")
    command = [sys.executable, "-m", "licorne", "tests.supervisor.apps:identity", *options, *places]
    process = subprocess.Popen(command, stdout=writer, stderr=writer, cwd=Path(__file__).parents[2])
    try:
        wait_until(file.exists)  # it is written when all are ready, and later than probes are answered
        (first, _) = children(process.pid)
        fill(writer)
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: first not in children(process.pid) and ready_of(str(health_file)) == 2)
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE_SECONDS) == 0
    finally:
        process.kill()
        process.wait()
        os.close(reader)
        os.close(writer)


def children(pid: int) -> list[int]:
    """Return the children of a process."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def ready_of(path: str) -> int:
    """Return how many workers are ready."""
    with Client(path) as client:
        return int(json.loads(client.get("/readyz").rpartition(b"\r\n\r\n")[2])["ready"])


def drain(fd: int) -> None:
    """Read all that is in a pipe."""
    os.set_blocking(fd, False)
    with contextlib.suppress(BlockingIOError):
        while os.read(fd, 65536):
            pass


def test_lost_lines_are_counted_and_said_when_there_is_room_again() -> None:
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as stream:
        logger = logging.getLogger("licorne.error")
        handler = logging.StreamHandler(stream)
        logger.addHandler(handler)
        try:
            never_wait()
            fill(writer)
            logger.error("first")
            logger.error("second")
            assert not has_room(stream)
            drain(reader)
            logger.error("third")
            said = os.read(reader, 65536).decode()
        finally:
            logger.removeHandler(handler)
    os.close(reader)
    assert said == "2 line(s) of this log were lost: nobody read them\nthird\n"


def test_what_has_no_descriptor_always_has_room() -> None:
    assert has_room(object())
    assert has_room(None)
