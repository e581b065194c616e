"""Stopping: what becomes of listeners, connections, requests and the application, and how the process ends."""

import signal
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.server.process import Client, ServerProcess, running

# --- how the process ends -----------------------------------------------------------------------------------


def test_sigterm_ends_the_process_by_sigterm(loop: str) -> None:
    with running("echo", loop) as server:
        server.signal(signal.SIGTERM)
        assert server.wait() == -signal.SIGTERM
        assert server.lines[-1].endswith(f"Finished server process [{server.process.pid}]")


def test_sigint_ends_the_process_with_status_0(loop: str) -> None:
    with running("echo", loop) as server:
        server.signal(signal.SIGINT)
        assert server.wait() == 0
        assert "Traceback" not in server.log


def test_the_log_tells_each_stage() -> None:
    with running("echo") as server:
        server.signal(signal.SIGTERM)
        server.wait()
    stages = [
        f"Started server process [{server.process.pid}]",
        "Waiting for application startup.",
        "Application startup complete.",
        "Licorne running on http://127.0.0.1:",
        "Shutting down",
        "Waiting for application shutdown. (CTRL+C to force quit)",
        "app: lifespan shutdown",
        "Application shutdown complete.",
        f"Finished server process [{server.process.pid}]",
    ]
    assert len(server.lines) == len(stages)
    for line, stage in zip(server.lines, stages, strict=True):
        assert stage in line


def test_a_server_without_requests_stops_at_once(loop: str) -> None:
    # It says that it waits when that takes three times as long as it should, as it may on a busy machine.
    assert any("Waiting for connections to close" not in log_of_an_idle_stop(loop) for _ in range(5))


def log_of_an_idle_stop(loop: str) -> str:
    """Stop a server with an idle connection and return its log."""
    with running("hello", loop) as server, Client(server.port) as idle:
        idle.get()
        server.signal(signal.SIGTERM)
        assert idle.read_to_the_end() == b""
        assert server.wait() == -signal.SIGTERM
        return server.log


# --- requests that run --------------------------------------------------------------------------------------


def test_a_running_request_is_answered_and_its_connection_closed(loop: str) -> None:
    with running("echo", loop) as server, Client(server.port) as client:
        client.send_half_a_request()
        server.wait_for("app: began")
        server.signal(signal.SIGTERM)
        server.wait_for(r"Waiting for connections to close\. \(CTRL\+C to force quit\)")
        client.send_the_rest()
        response = client.read_to_the_end()
        assert server.wait() == -signal.SIGTERM
    head, _, body = response.partition(b"\r\n\r\n")
    assert b"connection: close" in head.lower()
    assert body == b"hello"


def test_nobody_is_let_in_while_requests_run() -> None:
    with running("echo") as server, Client(server.port) as client:
        client.send_half_a_request()
        server.wait_for("app: began")
        server.signal(signal.SIGTERM)
        server.wait_for("Waiting for connections to close")
        with pytest.raises(ConnectionRefusedError):
            Client(server.port)
        client.send_the_rest()
        assert client.read_to_the_end().endswith(b"hello")


def test_a_stream_is_told_at_half_of_the_bound_and_may_end_well(loop: str) -> None:
    with running("stream", loop, "--timeout-graceful-shutdown=2s") as server, Client(server.port) as client:
        client.send_request()
        client.read_until(b"first")
        server.signal(signal.SIGTERM)
        assert client.read_to_the_end().endswith(b"4\r\nlast\r\n0\r\n\r\n")
        assert server.wait() == -signal.SIGTERM
        assert "Cancel" not in server.log
        assert server.log.index("app: told") < server.log.index("app: lifespan shutdown")


def test_what_runs_at_the_bound_is_cancelled_before_the_lifespan_ends(loop: str) -> None:
    with running("stubborn", loop, "--timeout-graceful-shutdown=200ms") as server, Client(server.port) as client:
        client.send_request()
        client.read_until(b"first")
        server.signal(signal.SIGTERM)
        assert b"0\r\n\r\n" not in client.read_to_the_end()
        assert server.wait() == -signal.SIGTERM
    assert "Cancel 1 running task(s), timeout graceful shutdown exceeded" in server.log
    assert server.log.index("app: cancelled") < server.log.index("app: lifespan shutdown")
    assert "Traceback" not in server.log


def test_a_client_that_waits_at_the_bound_is_answered_503(loop: str) -> None:
    with running("silent", loop, "--timeout-graceful-shutdown=200ms") as server, Client(server.port) as client:
        client.send_request("/slow?token=secret")
        server.wait_for("app: began")
        server.signal(signal.SIGTERM)
        assert client.read_to_the_end().startswith(b"HTTP/1.1 503 ")
        assert server.wait() == -signal.SIGTERM
    assert "Cancel 1 running task(s), timeout graceful shutdown exceeded: GET /slow" in server.log
    assert '"GET /slow?token=secret HTTP/1.1" 503 ' in server.log
    assert server.log.count("secret") == 1
    assert "Traceback" not in server.log


# It waits for six seconds that the server counts.
@pytest.mark.parametrize("loop", ["asyncio", pytest.param("uvloop", marks=pytest.mark.exhaustive)], indirect=True)
def test_a_client_of_a_thread_is_answered_503_and_the_thread_is_waited_for_aloud(loop: str, tmp_path: Path) -> None:
    bound = "--timeout-graceful-shutdown=200ms"
    with running("threaded", loop, bound, cwd=tmp_path) as server, Client(server.port) as client:
        client.send_request("/slow")
        server.wait_for("app: began")
        server.signal(signal.SIGINT)
        assert client.read_to_the_end().startswith(b"HTTP/1.1 503 ")
        server.wait_for(r"1 running task\(s\) do not end although they were cancelled")
        server.wait_for(r"Waiting for 1 thread\(s\) of the application\. \(CTRL\+C to force quit\)")
        (tmp_path / "go").touch()
        assert server.wait() == 0
    assert '"GET /slow HTTP/1.1" 503 ' in server.log
    assert server.log.count("app: cancelled") == 1 + 1  # by the server, and by the end of the event loop


def test_a_connection_without_a_task_at_the_bound_is_called_one(loop: str) -> None:
    with running("echo", loop, "--timeout-graceful-shutdown=200ms") as server, Client(server.port) as client:
        client.get()
        client.sock.sendall(b"GET / HTTP/1.1\r\nHost")
        server.wait_for("app: answered")
        server.signal(signal.SIGTERM)
        assert server.wait() == -signal.SIGTERM
    assert "Drop 1 open connection(s), timeout graceful shutdown exceeded" in server.log
    assert "running task(s)" not in server.log


# --- being told twice ---------------------------------------------------------------------------------------


def test_a_second_sigint_forces(loop: str) -> None:
    with running("stubborn", loop) as server, Client(server.port) as client:
        client.send_request()
        client.read_until(b"first")
        server.signal(signal.SIGINT)
        server.wait_for("Waiting for connections to close")
        server.signal(signal.SIGINT)
        assert server.wait() == 0
    assert "app: cancelled" in server.log
    assert "app: lifespan shutdown" not in server.log
    assert "Forced quit: lifespan.shutdown was skipped." in server.log
    assert "Traceback" not in server.log


def test_a_second_sigterm_changes_nothing() -> None:
    with running("echo") as server, Client(server.port) as client:
        client.send_half_a_request()
        server.wait_for("app: began")
        server.signal(signal.SIGTERM)
        server.wait_for("Waiting for connections to close")
        server.signal(signal.SIGTERM)
        client.send_the_rest()
        assert client.read_to_the_end().endswith(b"hello")
        assert server.wait() == -signal.SIGTERM
    assert "app: lifespan shutdown" in server.log


def test_a_second_sigint_ends_a_shutdown_that_is_stuck() -> None:
    with running("stuck_end") as server:
        server.signal(signal.SIGINT)
        server.wait_for("app: stuck")
        server.signal(signal.SIGINT)
        assert server.wait() == 0


# --- what stood in the queue --------------------------------------------------------------------------------


def test_connections_that_the_system_had_accepted_are_served(loop: str, tmp_path: Path, clients: ExitStack) -> None:
    with running("blocking", loop, cwd=tmp_path) as server:
        blocker = clients.enter_context(Client(server.port))
        blocker.send_request("/block")
        server.wait_for("app: blocking")
        queued = [clients.enter_context(Client(server.port)) for _ in range(20)]
        for client in queued:
            client.send_request()
        server.signal(signal.SIGTERM)
        (tmp_path / "go").touch()
        for client in [blocker, *queued]:
            assert client.read_to_the_end().endswith(b"hello")
        assert server.wait() == -signal.SIGTERM


def test_requests_that_had_arrived_on_idle_connections_are_served(
    loop: str, tmp_path: Path, clients: ExitStack
) -> None:
    with running("blocking", loop, cwd=tmp_path) as server:
        idle = [clients.enter_context(Client(server.port)) for _ in range(20)]
        for client in idle:
            client.get()
        blocker = clients.enter_context(Client(server.port))
        blocker.send_request("/block")
        server.wait_for("app: blocking")
        for client in idle:
            client.send_request()
        server.signal(signal.SIGTERM)
        (tmp_path / "go").touch()
        for client in [blocker, *idle]:
            assert client.read_to_the_end().endswith(b"hello")


# --- the request limit --------------------------------------------------------------------------------------


def test_the_request_limit_ends_the_process_with_status_0(loop: str) -> None:
    with running("hello", loop, "--limit-max-requests=3") as server:
        with Client(server.port) as client:
            responses = [client.get() for _ in range(3)]
        assert server.wait() == 0
    assert all(response.endswith(b"hello") for response in responses)
    assert "Maximum request limit of 3 exceeded. Terminating process." in server.log


# --- during the start-up ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, -signal.SIGTERM), (signal.SIGINT, 3)])
def test_a_signal_interrupts_the_startup(number: int, status: int, loop: str) -> None:
    with ServerProcess("apps:slow_start", "--port=0", loop) as server:
        server.wait_for("app: starting")
        server.signal(number)
        assert server.wait() == status
    assert "app: start-up cleaned up" in server.log
    assert "Application startup was interrupted." in server.log
    assert "Licorne running on" not in server.log
