"""Workers that hang under gunicorn: the hook is called once, the dump says where, the other worker serves."""

import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.gunicorn.process import GunicornProcess
from tests.server.process import Client, ask_patiently

TIMEOUT = "2"


@contextmanager
def serving(home: Path, app: str = "hanging:app", workers: int = 2) -> Iterator[GunicornProcess]:
    """Serve the application that hangs."""
    with GunicornProcess(app, home, "--workers", str(workers), "--timeout", TIMEOUT) as server:
        server.wait_until_ready(workers)
        yield server
        server.signal(signal.SIGTERM)
        assert server.wait() == 0


@pytest.mark.parametrize("path", ["/sleep/60", "/spin", "/lock", "/hold/60", "/consume"])
def test_a_hang_is_named_and_ended_while_the_other_serves(path: str, tmp_path: Path) -> None:
    function = path.strip("/").partition("/")[0]
    with serving(tmp_path) as server, Client(server.port) as client:
        client.send_request(path)
        others = {ask_patiently(server.port) for _ in range(3)}
        worker = int(server.wait_for(r"WORKER TIMEOUT \(pid:(\d+)\)")[1])
        assert worker not in others
        ended = server.wait_for(rf"Worker \(pid:{worker}\) was sent (\w+)!")[1]
        server.wait_until_ready(3)
        ask_patiently(server.port)
    hooks = server.log.count(f"hook: worker_abort {worker}")
    if path == "/consume":  # no Python code can run
        assert (ended, hooks) == ("SIGKILL", 0)
        assert re.search(rf'Fatal Python error: Aborted\n(.*\n)*.*hanging\.py", line \d+ in {function}\n', server.log)
    else:
        assert (ended, hooks) == ("SIGABRT", 1)
        request = re.escape(path)
        assert re.search(rf"\[CRITICAL\] .* in {function}: .*\(GET {request} from 127\.0\.0\.1:\d+", server.log)


@pytest.mark.parametrize("way", ["raises", "exits", "hangs"])
def test_a_hook_that_fails_keeps_nobody_alive(way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK", way)
    with serving(tmp_path, workers=1) as server, Client(server.port) as client:
        client.send_request("/sleep/60")
        assert server.wait_for(r"Worker \(pid:\d+\) was sent (\w+)!")[1] == "SIGABRT"
        server.wait_until_ready(2)
    assert server.log.count("hook: worker_abort") == 1
    assert ("The hook at SIGABRT has failed" in server.log) == (way != "hangs")


@pytest.mark.parametrize("app", ["slow_import:app", "hanging:slow_start"])
def test_a_worker_that_is_slow_to_start_is_not_killed(app: str, tmp_path: Path) -> None:
    with serving(tmp_path, app, workers=1) as server:
        ask_patiently(server.port)
    assert "WORKER TIMEOUT" not in server.log


def test_a_worker_that_is_long_to_drain_and_to_end_is_not_killed(tmp_path: Path) -> None:
    with serving(tmp_path, "hanging:slow_end") as server, Client(server.port) as client:
        client.send_request("/wait/3")
        ask_patiently(server.port)
        server.signal(signal.SIGTERM)
        assert client.read_response()
    assert "WORKER TIMEOUT" not in server.log
    assert server.log.count("Application shutdown complete.") == 2


def test_a_worker_that_hangs_while_it_drains_is_found_out(tmp_path: Path) -> None:
    with serving(tmp_path, workers=1) as server, Client(server.port) as client:
        client.send_request("/later/60")
        ask_patiently(server.port)
        os.kill(int(server.wait_for(r"Booting worker with pid: (\d+)")[1]), signal.SIGTERM)
        server.wait_for("Shutting down")
        server.wait_for(r"WORKER TIMEOUT")
        server.wait_for(r"was sent SIGABRT!")
        server.wait_until_ready(2)
