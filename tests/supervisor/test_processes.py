"""A supervisor and its workers: real processes, real signals."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.server.process import Client
from tests.supervisor.fleets import Fleet, serving, wait_until


def ready(fleet: Fleet, count: int) -> None:
    """Wait until so many workers have been ready in all."""
    fleet.wait_for(r"Child process \[\d+\] is ready", count)


# --- dying ---------------------------------------------------------------------------------------------------


def test_a_killed_worker_is_named_and_replaced_and_no_zombie_stays() -> None:
    with serving("number") as fleet:
        ready(fleet, 2)
        first, second = fleet.workers
        os.kill(first, signal.SIGKILL)
        fleet.wait_for(rf"Child process \[{first}\] died \(SIGKILL\)")
        ready(fleet, 3)
        assert second in fleet.wait_for_workers(2)
        assert first not in fleet.workers
        assert fleet.answer() in fleet.workers
        assert fleet.end() == 0


def test_a_worker_that_exits_by_itself_is_replaced() -> None:
    with serving("number", workers=1) as fleet:
        with Client(fleet.port) as client:
            client.send_request("/exit")
            assert client.read_to_the_end() == b""
        fleet.wait_for(r"died \(exit status 7\)")
        ready(fleet, 2)
        assert fleet.answer() in fleet.workers


def test_a_worker_that_is_told_to_end_drains_and_is_replaced_meanwhile() -> None:
    with serving("begun", workers=1) as fleet, Client(fleet.port) as client:
        client.send_half_a_request()
        fleet.wait_for("began")
        (old,) = fleet.workers
        os.kill(old, signal.SIGTERM)
        ready(fleet, 2)
        client.send_the_rest()
        assert client.read_response().endswith(b"%d" % old)
        fleet.wait_for(rf"Terminated child process \[{old}\]")


def test_workers_that_die_again_and_again_are_named_and_started_more_slowly() -> None:
    with serving("number", workers=1) as fleet:
        for count in range(1, 4):
            ready(fleet, count)
            (worker,) = fleet.wait_for_workers(1)
            os.kill(worker, signal.SIGSEGV)
        fleet.wait_for(r"Worker 1 has ended within 5 s of its start 3 times in a row; it is started again in 1 s")
        assert fleet.end() == 0


def test_when_the_supervisor_is_killed_the_workers_end() -> None:
    with serving("number") as fleet:
        ready(fleet, 2)
        workers = fleet.workers
        fleet.process.kill()
        fleet.process.wait()
        wait_until(lambda: not any(os.path.exists(f"/proc/{worker}") for worker in workers))


# --- starting ------------------------------------------------------------------------------------------------


def test_an_application_that_cannot_be_loaded_is_said_once_and_the_status_is_3() -> None:
    with serving("broken", "--factory", workers=0, variables={"LICORNE_WORKERS": "3"}) as fleet:
        assert fleet.wait() == 3
    assert fleet.log.count("Traceback") == 1
    assert len(re.findall(r"^licorne: the factory .* failed", fleet.log, re.MULTILINE)) == 1
    assert "running on" not in fleet.log


def test_a_worker_that_cannot_start_leaves_the_other_serving_and_the_status_says_so(tmp_path: Path) -> None:
    variables = {"CLAIM": str(tmp_path / "claim"), "WEB_CONCURRENCY": "2"}
    with serving("one_only", "--factory", workers=0, variables=variables) as fleet:
        fleet.wait_for("failed to start 2 times in a row; it is started again in 1 s")
        assert fleet.answer() in fleet.workers
        assert fleet.log.count("FileExistsError") == 2  # in the traceback and in the line
        assert fleet.end() == 3


def test_start_up_that_fails_in_lifespan_is_said_and_the_status_is_3(tmp_path: Path) -> None:
    (tmp_path / "brake").touch()
    with serving("failing_start", workers=2, variables={"BRAKE": str(tmp_path / "brake")}) as fleet:
        assert fleet.wait() == 3
    assert fleet.log.count("the tide is out") == 3  # in the traceback twice, and in the line
    with serving("failing_start", workers=0, variables={"BRAKE": str(tmp_path / "brake")}) as single:
        assert single.wait() == 3
    said = single.lines[single.lines.index("ERROR:    Exception in 'lifespan' protocol") :]
    assert said[-1].startswith("licorne: Application startup failed")
    # The other worker may have said in between that it starts.
    told = [line for line in fleet.lines if not line.startswith(("INFO:", "app:"))]
    assert "\n".join(said) in "\n".join(told), "it reads as it does without workers"


def test_a_worker_killed_while_it_starts_is_a_failure_to_start(tmp_path: Path) -> None:
    brake = tmp_path / "brake"
    brake.touch()
    with serving(
        "slow_while_there", "--factory", workers=0, variables={"BRAKE": str(brake), "WEB_CONCURRENCY": "2"}
    ) as fleet:
        fleet.wait_for("imported by", 2)
        os.kill(fleet.workers[0], signal.SIGKILL)
        fleet.wait_for(r"failed to start \(SIGKILL\)")
        fleet.wait_for("imported by", 3)
        brake.unlink()
        ready(fleet, 2)
        assert fleet.end() == 0


def test_a_stop_while_the_workers_start_ends_them(tmp_path: Path) -> None:
    (tmp_path / "brake").touch()
    with serving(
        "slow_while_there", "--factory", workers=0, variables={"BRAKE": str(tmp_path / "brake"), "WEB_CONCURRENCY": "2"}
    ) as fleet:
        fleet.wait_for("imported by", 2)
        assert fleet.end() == 0


def test_workers_and_an_application_object_need_preload() -> None:
    program = "import licorne\nlicorne.run(lambda scope, receive, send: None, port=0, workers=2)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 3
    assert run.stderr == (
        "licorne: You must pass the application as an import string to enable 'reload' or 'workers'.\n"
    )


def test_an_address_in_use_is_one_line_and_3() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with Fleet("tests.supervisor.apps:number", "--workers", "2", "--port", port) as fleet:
            assert fleet.wait() == 3
    assert "is in use" in fleet.log
    assert "imported by" not in fleet.log


# --- signals -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_a_stop_answers_what_runs_and_ends_with_0(number: int) -> None:
    with serving("begun") as fleet, Client(fleet.port) as client:
        client.send_half_a_request()
        fleet.wait_for("began")
        fleet.signal(number)
        fleet.wait_for(f"Received {signal.Signals(number).name}, exiting")
        fleet.wait_for("Waiting for connections to close")
        client.send_the_rest()
        assert b" 200 OK\r\n" in client.read_response()
        assert fleet.wait() == 0
        assert fleet.lines[-1].endswith(f"Stopping parent process [{fleet.pid}]")


def test_ctrl_c_reaches_the_whole_group_and_is_the_supervisors_to_follow() -> None:
    with serving("begun", workers=1) as fleet, Client(fleet.port) as client:
        client.send_half_a_request()
        fleet.wait_for("began")
        for pid in (*fleet.workers, fleet.pid):
            os.kill(pid, signal.SIGINT)
        fleet.wait_for("Waiting for connections to close")
        for pid in (*fleet.workers, fleet.pid):
            os.kill(pid, signal.SIGINT)
        assert fleet.wait() == 0


def test_a_stop_that_is_sent_to_the_whole_group_starts_nobody_anew() -> None:
    for _ in range(3):
        with serving("number") as fleet:
            ready(fleet, 2)
            for pid in (*fleet.workers, fleet.pid):
                os.kill(pid, signal.SIGTERM)
            assert fleet.wait() == 0
        assert "Traceback" not in fleet.log


def test_one_more_and_one_fewer() -> None:
    with serving("number", workers=1) as fleet:
        ready(fleet, 1)
        fleet.signal(signal.SIGTTIN)
        ready(fleet, 2)
        assert len(fleet.workers) == 2
        fleet.signal(signal.SIGTTOU)
        fleet.wait_for("Terminated child process")
        fleet.signal(signal.SIGTTOU)
        fleet.wait_for("Received SIGTTOU", 2)
        assert fleet.answer() in fleet.wait_for_workers(1)


def test_a_restart_replaces_all_workers() -> None:
    with serving("number") as fleet:
        ready(fleet, 2)
        old = fleet.workers
        fleet.signal(signal.SIGHUP)
        fleet.wait_for("Terminated child process", 2)
        assert not set(old).intersection(fleet.wait_for_workers(2))
        assert fleet.end() == 0


def test_workers_that_were_all_ended_come_back_and_requests_wait_for_them() -> None:
    with serving("number") as fleet:
        ready(fleet, 2)
        fleet.signal(signal.SIGWINCH)
        fleet.wait_for("Terminated child process", 2)
        assert fleet.workers == []
        with Client(fleet.port) as client:
            client.send_request()
            fleet.signal(signal.SIGHUP)
            assert b" 200 OK\r\n" in client.read_response()
        assert fleet.end() == 0


def test_log_files_are_opened_anew_by_all(tmp_path: Path) -> None:
    log = tmp_path / "licorne.log"
    config = tmp_path / "log.ini"
    config.write_text(
        "[loggers]\nkeys=root\n[handlers]\nkeys=file\n[formatters]\nkeys=\n"
        f"[logger_root]\nlevel=INFO\nhandlers=file\n[handler_file]\nclass=FileHandler\nargs=({str(log)!r},)\n"
    )
    with serving("number", "--log-config", str(config), workers=0, variables={"LICORNE_WORKERS": "1"}) as fleet:
        wait_until(lambda: log.exists() and "running on" in log.read_text())
        log.rename(tmp_path / "old.log")
        fleet.signal(signal.SIGUSR1)
        wait_until(lambda: log.exists())
        fleet.signal(signal.SIGTERM)
        assert fleet.wait() == 0
    assert "Finished server process" in log.read_text()
    assert "Stopping parent process" in log.read_text()


def test_a_restart_reads_the_configuration_anew_and_keeps_it_if_it_is_bad(tmp_path: Path) -> None:
    file = tmp_path / "licorne.toml"
    file.write_text("[processes]\nworkers = 1\n")
    with serving("number", workers=0, cwd=tmp_path) as fleet:
        ready(fleet, 1)
        file.write_text("[processes]\nworkers = 2\n")
        fleet.signal(signal.SIGHUP)
        ready(fleet, 3)
        fleet.wait_for("Terminated child process")
        fleet.wait_for_workers(2)
        file.write_text("[processes]\nworkers = many\n")
        fleet.signal(signal.SIGHUP)
        fleet.wait_for("The configuration stays as it was: licorne.toml: not a valid TOML file")
        fleet.wait_for("Terminated child process", 3)
        assert len(fleet.wait_for_workers(2)) == 2
        file.write_text("[server]\nport = 1\n[processes]\nworkers = 2\n")


def test_a_restart_whose_workers_do_not_start_is_given_up(tmp_path: Path) -> None:
    brake = tmp_path / "brake"
    with serving("failing_start", variables={"BRAKE": str(brake)}) as fleet:
        ready(fleet, 2)
        old = fleet.workers
        brake.touch()
        fleet.signal(signal.SIGHUP)
        fleet.wait_for("The restart is given up")
        assert fleet.workers == old
        assert fleet.answer() in old
        brake.unlink()
        fleet.signal(signal.SIGHUP)
        fleet.wait_for("Terminated child process", 2)
        assert fleet.end() == 0


# --- hanging -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["stopped", "blocked"])
def test_a_worker_that_does_not_answer_is_replaced_while_the_other_serves(kind: str) -> None:
    with serving("number", "--timeout-worker-healthcheck", "2.5") as fleet:
        ready(fleet, 2)
        with Client(fleet.port) as client:
            if kind == "stopped":
                hung = fleet.workers[0]
                os.kill(hung, signal.SIGSTOP)
            else:
                hung = fleet.answer()
                while int(client.get().rpartition(b"\r\n")[2]) != hung:
                    client.sock.close()
                    client.__init__(fleet.port)  # type: ignore[misc]
                client.send_request("/hang")
            fleet.wait_for(rf"Child process \[{hung}\] has not answered for")
            fleet.wait_for(rf"Child process \[{hung}\] is killed: it has not answered for 2.5 s")
            fleet.wait_for(rf"Child process \[{hung}\] died \(SIG(KILL|ABRT)\)")
            ready(fleet, 3)
            assert hung not in fleet.workers
            assert fleet.answer() in fleet.workers
        assert fleet.end() == 0
    if kind == "blocked":
        assert "hang_here" in fleet.log


def test_a_program_that_runs_itself_in_each_worker_ends_with_a_line_that_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "unguarded.py").write_text(
        "import licorne\nasync def app(scope, receive, send): ...\nlicorne.run('unguarded:app', port=0, workers=2)\n"
    )
    command = [sys.executable, "unguarded.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 3
    line = (
        "licorne: cannot load unguarded:app: RuntimeError: run() was called while a worker imports the application; "
        "put the call under: if __name__ == '__main__'\n"
    )
    assert done.stderr.count(line) == 1
    assert "launch.py" not in done.stderr
