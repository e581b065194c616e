"""Several processes, and reloading: what the parent says and does, and that children are configured like it."""

import os
import re
import signal
from pathlib import Path

import pytest

from tests.dropin.process import HERE, UvicornProcess, ask, environment, wait_until

pytestmark = pytest.mark.processes


def workers_of(server: UvicornProcess, count: int) -> set[int]:
    """Return the numbers of the processes that answer, when there are so many."""
    found: set[int] = set()

    def has_all() -> bool:
        found.add(ask(server.port)["pid"])
        return len(found) >= count

    wait_until(has_all)
    return found


def started(server: UvicornProcess, count: int) -> None:
    server.wait_for("Application startup complete.", count)


def test_workers_serve_and_end_with_0() -> None:
    with UvicornProcess(
        "apps:app", "--port", "0", "--workers", "2", "--root-path", "/api", "--header", "X-A:b"
    ) as server:
        started(server, 2)
        told = ask(server.port)
        assert told["root_path"] == "/api"
        assert ("x-a", "b") in [(name.lower(), value) for name, value in told["headers"]]
        assert ("server", "uvicorn") in [(name.lower(), value) for name, value in told["headers"]]
        server.wait_for(r'INFO: +127\.0\.0\.1:\d+ - "GET / HTTP/1\.1" 200 OK')
        parent = server.process.pid
        server.wait_for(rf"INFO: +Started parent process \[{parent}\]")
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
    children = re.findall(r"Started server process \[(\d+)\]", server.log)
    assert len(children) == 2
    server.wait_for("INFO: +Received SIGTERM, exiting.")
    for child in children:
        server.wait_for(rf"Terminated child process \[{child}\]")
        server.wait_for(rf"Waiting for child process \[{child}\]$")
    server.wait_for(rf"Stopping parent process \[{parent}\]")
    assert server.log.count("Uvicorn running on") == 1
    assert "icorne" not in server.log


def test_a_child_that_dies_is_replaced() -> None:
    with UvicornProcess("apps:app", "--port", "0", "--workers", "2") as server:
        started(server, 2)
        victim = ask(server.port)["pid"]
        os.kill(victim, signal.SIGKILL)
        server.wait_for(rf"ERROR: +Child process \[{victim}\] died$")
        started(server, 3)


def test_children_that_do_not_start_end_the_parent_with_3() -> None:
    with UvicornProcess("apps:refusing", "--port", "0", "--workers", "2") as server:
        assert server.wait() == 3
    server.wait_for("there is no database")
    server.wait_for(r"ERROR: +Child process \[\d+\] failed to start, stopping the parent process\.")


def test_an_application_that_children_cannot_import_is_said() -> None:
    with UvicornProcess("no_such:app", "--port", "0", "--workers", "2") as server:
        assert server.wait() == 3
    server.wait_for('ERROR: +Error loading ASGI app. Could not import module "no_such".')


def test_hup_restarts_all_children() -> None:
    with UvicornProcess("apps:app", "--port", "0", "--workers", "2") as server:
        started(server, 2)
        before = set(re.findall(r"Started server process \[(\d+)\]", server.log))
        server.signal(signal.SIGHUP)
        server.wait_for("INFO: +Received SIGHUP, restarting processes.")
        started(server, 4)
        for child in before:
            server.wait_for(rf"Terminated child process \[{child}\]")
        assert ask(server.port)["pid"] not in {int(child) for child in before}


def test_ttin_and_ttou_change_the_number() -> None:
    with UvicornProcess("apps:app", "--port", "0", "--workers", "2") as server:
        started(server, 2)
        server.signal(signal.SIGTTIN)
        server.wait_for("INFO: +Received SIGTTIN, increasing the number of processes.")
        started(server, 3)
        server.signal(signal.SIGTTOU)
        server.wait_for("INFO: +Received SIGTTOU, decreasing the number of processes.")
        server.wait_for("Finished server process")
        assert ask(server.port)["path"] == "/"


def test_asgi_2_factories_and_wsgi_are_served_by_children() -> None:
    for app, *flags in (["apps:Second"], ["apps:new_app", "--factory"], ["apps:wsgi", "--interface", "wsgi"]):
        with UvicornProcess(app, "--port", "0", "--workers", "2", *flags) as server:
            server.wait_for("Started server process", 2)
            assert ask(server.port)["path"] == "/"


def test_a_change_starts_the_application_anew(tmp_path: Path) -> None:
    path = tmp_path / "changing.py"
    path.write_text("from apps import app\n")
    flags = ("--port", "0", "--reload", "--reload-dir", str(tmp_path), "--app-dir", str(tmp_path))
    variables = {"PYTHONPATH": os.pathsep.join([str(HERE), environment()["PYTHONPATH"]])}
    with UvicornProcess("changing:app", *flags, cwd=tmp_path, variables=variables) as server:
        started(server, 1)
        before = ask(server.port)["pid"]
        path.write_text("from apps import app  # again\n")
        server.wait_for(r"WARNING: +\w+ detected changes in 'changing\.py'\. Reloading\.\.\.")
        started(server, 2)
        assert ask(server.port)["pid"] != before
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
    parent = server.process.pid
    server.wait_for(rf"INFO: +Started reloader process \[{parent}\] using (WatchFiles|StatReload)")
    server.wait_for(rf"INFO: +Stopping reloader process \[{parent}\]")
    server.wait_for(re.escape(f"Will watch for changes in these directories: ['{tmp_path.resolve()}']"))
    assert server.log.count("Will watch for changes") == 1
    assert server.log.count("Uvicorn running on") == 1
