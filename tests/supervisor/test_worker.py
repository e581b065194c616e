"""Workers: what one tells its supervisor, what it obeys, and what becomes of it when the supervisor is gone."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
from contextlib import ExitStack
from pathlib import Path

import pytest

from licorne.config.targets import Bind
from licorne.server.attached.messages import Drain, Draining, Ending, Failed, Log, Pace, Ready, Retiring, Stop, Tick
from tests.server.process import Client
from tests.supervisor.workers import WorkerProcess

LOOPS = ["asyncio", "uvloop"]


@pytest.fixture(params=LOOPS)
def loop(request: pytest.FixtureRequest) -> str:
    """Return each event loop."""
    if request.param == "uvloop":
        pytest.importorskip("uvloop")
    return str(request.param)


# --- what it tells ------------------------------------------------------------------------------------------


def test_a_worker_tells_its_life_in_order(loop: str) -> None:
    with WorkerProcess("echo", loop=loop) as worker, Client(worker.port) as client:
        client.get()
        assert worker.hear_that(Tick, lambda tick: tick.served == 1).connections == 1
        client.get()
        worker.hear_that(Tick, lambda tick: tick.served == 2)
        worker.channel.send(Drain("test"))
        kinds = [type(message) for message in worker.hear_all() if not isinstance(message, Tick)]
        assert kinds == [Ready, Draining, Ending]
        assert worker.wait() == 0
    assert worker.hear(Draining).reason == "test"
    assert worker.hear(Tick).rss > 1024 * 1024
    assert f"Started server process [{worker.process.pid}]" in worker.log
    assert "Licorne running on" not in worker.log


def test_a_worker_waits_for_its_start_and_ends_if_none_comes() -> None:
    with WorkerProcess("echo", is_started=False) as worker:
        worker.channel.close()
        assert worker.wait() == 0
        assert worker.lines == []


@pytest.mark.parametrize(
    ("app", "line"),
    [
        ("failing_start", "licorne: Application startup failed. Exiting. (LookupError: no database)"),
        ("exiting_start", "licorne: the application left the process with status 7"),
        ("absent", "licorne: cannot load apps:absent: "),
    ],
)
def test_a_worker_that_cannot_serve_leaves_it_to_the_supervisor_to_say_so(app: str, line: str) -> None:
    with WorkerProcess(app) as worker:
        assert worker.hear(Failed).line.splitlines()[-1].startswith(line)
        assert worker.wait() == 3
    assert "licorne: " not in worker.log


def test_what_a_failed_start_would_log_is_left_to_the_supervisor_too() -> None:
    with WorkerProcess("failing_start") as worker:
        told = worker.hear(Log)
        assert worker.wait() == 3
    assert (told.level, told.line.splitlines()[-1]) == ("ERROR", "LookupError: no database")
    assert "no database" not in worker.log


def test_a_failure_carries_what_the_users_own_code_raised() -> None:
    with WorkerProcess("make_nothing", factory=True) as worker:
        line = worker.hear(Failed).line
        assert worker.wait() == 3
    assert line.startswith("Traceback (most recent call last):\n")
    assert 'raise LookupError("no settings")' in line
    assert line.splitlines()[-1] == (
        "licorne: the factory apps:make_nothing failed: LookupError: no settings (factory from keyword factory)"
    )


# --- what it obeys ------------------------------------------------------------------------------------------


def test_a_drained_worker_answers_what_runs_and_exits_with_0(loop: str) -> None:
    with WorkerProcess("echo", loop=loop) as worker, Client(worker.port) as client:
        client.send_half_a_request()
        worker.wait_for("app: began")
        worker.channel.send(Drain("stop"))
        worker.wait_for("Waiting for connections to close")
        worker.hear(Tick, len(worker.messages) + 1)  # it tells that it lives while it drains
        client.send_the_rest()
        assert client.read_to_the_end().endswith(b"hello")
        assert worker.wait() == 0
    assert "app: lifespan shutdown" in worker.log


def test_a_drain_that_comes_before_or_with_the_start_is_not_missed() -> None:
    with WorkerProcess("slow_start", is_started=False) as worker:
        worker.channel.send(Drain("stop"))  # it was never wanted
        assert worker.wait() == 0
        assert worker.lines == []
    with WorkerProcess("slow_start") as worker:
        worker.channel.send(Drain("stop"))
        assert worker.wait() == 0
    assert "Application startup was interrupted." in worker.log


def test_a_drain_during_the_startup_interrupts_it(loop: str) -> None:
    with WorkerProcess("slow_start", loop=loop) as worker:
        worker.wait_for("app: starting")
        worker.channel.send(Drain("stop"))
        assert worker.wait() == 0
    assert "app: start-up cleaned up" in worker.log
    assert not any(isinstance(message, Ready | Failed) for message in worker.hear_all())


def test_a_stop_waits_for_nothing(loop: str) -> None:
    with WorkerProcess("stubborn", loop=loop) as worker, Client(worker.port) as client:
        client.send_request()
        client.read_until(b"first")
        worker.channel.send(Drain("stop"))
        worker.hear(Draining)
        worker.channel.send(Stop())
        assert worker.wait() == 0
    assert "app: cancelled" in worker.log
    assert "app: lifespan shutdown" not in worker.log


# --- signals ------------------------------------------------------------------------------------------------


def test_a_worker_leaves_the_signals_of_a_terminal_to_the_supervisor(loop: str) -> None:
    names = ["SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGTTIN", "SIGTTOU", "SIGWINCH"]
    with WorkerProcess("echo", loop=loop) as worker, Client(worker.port) as client:
        for name in names:
            worker.signal(getattr(signal, name))
            assert client.get().startswith(b"HTTP/1.1 200 "), name
    assert "Traceback" not in worker.log


def test_programs_that_the_application_starts_do_not_inherit_deaf_ears() -> None:
    program = """
        import signal, subprocess, sys
        from licorne.server.attached.serving import leave_signals_to_supervisor
        leave_signals_to_supervisor()
        code = "import signal; print(signal.getsignal(signal.SIGQUIT) == signal.SIG_DFL)"
        sys.stdout.write(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout)
    """
    run = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True)
    assert run.stdout == "True\n"


def test_sigterm_to_one_worker_drains_it(loop: str) -> None:
    with WorkerProcess("echo", loop=loop) as worker, Client(worker.port) as client:
        client.send_half_a_request()
        worker.wait_for("app: began")
        worker.signal(signal.SIGTERM)
        assert worker.hear(Draining).reason == "SIGTERM"
        worker.signal(signal.SIGTERM)
        client.send_the_rest()
        assert client.read_to_the_end().endswith(b"hello")
        assert worker.wait() == 0


# --- the end of the supervisor ------------------------------------------------------------------------------


def test_a_worker_drains_when_its_supervisor_is_gone(loop: str) -> None:
    with WorkerProcess("echo", loop=loop, drain_delay="1h") as worker, Client(worker.port) as client:
        client.send_half_a_request()
        worker.wait_for("app: began")
        worker.channel.close()
        worker.wait_for("The supervisor is gone. Shutting down.")
        client.send_the_rest()
        assert client.read_to_the_end().endswith(b"hello")
        assert worker.wait() == 0
    assert "app: lifespan shutdown" in worker.log


def test_a_worker_drains_when_its_supervisor_talks_nonsense() -> None:
    with WorkerProcess("hello") as worker:
        worker.hear(Ready)
        with socket.socket(fileno=os.dup(worker.channel.fileno())) as raw:
            raw.send(b"\xff" * 8)
        worker.wait_for("The supervisor is gone .a frame announces")
        assert worker.wait() == 0


# --- being replaced -----------------------------------------------------------------------------------------


def test_a_worker_at_its_request_limit_asks_to_be_replaced_and_serves_on(loop: str) -> None:
    pipelined = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20
    with WorkerProcess("hello", loop=loop, limit_max_requests=7) as worker, Client(worker.port) as client:
        client.sock.sendall(pipelined)
        answers = b""
        while answers.count(b"hello") < 20:
            part = client.sock.recv(65536)
            assert part, answers
            answers += part
        assert worker.hear(Retiring).reason == "the limit of 7 requests is reached"
        assert client.get().endswith(b"hello")
        worker.channel.send(Drain("replaced", Pace.PROMPT))
        assert worker.wait() == 0
        worker.hear_all()
    assert sum(isinstance(message, Retiring) for message in worker.messages) == 1
    assert worker.log.count("Maximum request limit of 7 exceeded. Replacing process.") == 1


def test_a_worker_at_the_end_of_its_lifetime_asks_to_be_replaced_and_serves_on() -> None:
    with WorkerProcess("hello", max_worker_lifetime="500ms") as worker, Client(worker.port) as client:
        assert worker.hear(Retiring).reason == "the lifetime of 0.5 s is over"
        assert client.get().endswith(b"hello")


def test_a_worker_that_has_grown_asks_to_be_replaced() -> None:
    with WorkerProcess("growing", max_worker_rss="80MiB") as worker, Client(worker.port) as client:
        worker.hear(Tick)
        client.get()
        assert "exceeds the limit of 80 MiB" in worker.hear(Retiring).reason


def test_a_limit_that_no_worker_can_keep_has_no_effect() -> None:
    with WorkerProcess("hello", max_worker_rss="1MiB") as worker:
        worker.wait_for("max_worker_rss of 1 MiB is too small")
        worker.hear(Tick, 2)
        assert not any(isinstance(message, Retiring) for message in worker.messages)


# --- several listeners --------------------------------------------------------------------------------------


def test_a_worker_serves_several_listeners(tmp_path: Path, loop: str) -> None:
    path = str(tmp_path / "socket")
    binds = (Bind(host="127.0.0.1", port=0), Bind(host="127.0.0.1", port=0), Bind(path=path))
    with ExitStack() as stack:
        worker = stack.enter_context(WorkerProcess("echo", loop=loop, bind=binds, port=8000))
        worker.hear(Ready)
        clients = [stack.enter_context(Client(listener.port or path)) for listener in worker.listeners]
        for client in clients:
            assert client.get().startswith(b"HTTP/1.1 200 ")
            client.send_half_a_request()
        worker.wait_for("app: began", 2 * len(clients))
        worker.channel.send(Drain("stop"))
        for client in clients:
            client.send_the_rest()
            assert client.read_to_the_end().endswith(b"hello")
        assert worker.wait() == 0
        assert Path(path).exists(), "the path is the supervisor's to remove"
