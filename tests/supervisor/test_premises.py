"""What surrounds a server, where the parts meet: probes of a real supervisor, and mistakes that end a start."""

import json
import signal
import socket
import time
from pathlib import Path

import pytest

from licorne.config.options import Config
from licorne.errors import ConfigError
from licorne.supervisor.premises import SupervisorPremises
from tests.server.process import DEADLINE_SECONDS, Client, ServerProcess


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def ask(address: int | str, path: str) -> tuple[int, dict[str, object]]:
    """Return the status and the body of a probe."""
    with Client(address) as client:
        client.send_request(path)
        head, _, body = client.read_to_the_end().partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body) if body else {}


def ask_until(address: int | str, path: str, status: int) -> dict[str, object]:
    """Probe until a status comes; return its body."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        found, body = ask(address, path)
        if found == status:
            return body
        time.sleep(0.02)
    raise AssertionError(f"{path} is never answered with {status}")


def slow_app(folder: Path) -> None:
    """Write an application that starts when a file is there, and blocks its loop when it is asked to."""
    (folder / "slow.py").write_text(
        "import asyncio, os, time\n"
        "async def app(scope, receive, send):\n"
        "    if scope['type'] == 'lifespan':\n"
        "        await receive()\n"
        "        while not os.path.exists('go'):\n            await asyncio.sleep(0.01)\n"
        "        await send({'type': 'lifespan.startup.complete'})\n"
        "        await receive()\n"
        "        await send({'type': 'lifespan.shutdown.complete'})\n"
        "        return\n"
        "    if scope['path'] == '/block':\n"
        "        open('blocked', 'w').close()\n"
        "        while not os.path.exists('release'):\n            time.sleep(0.01)\n"
        "    await send({'type': 'http.response.start', 'status': 200, 'headers': [(b'content-length', b'0')]})\n"
        "    await send({'type': 'http.response.body'})\n"
    )


def test_probes_follow_a_server_from_its_start_to_its_end(tmp_path: Path) -> None:
    slow_app(tmp_path)
    probe = str(tmp_path / "health.sock")
    arguments = ("slow:app", "--port", "0", "--workers", "2", "--health-bind", f"unix:{probe}", "--drain-delay", "60s")
    with ServerProcess(*arguments, app_dir=tmp_path, cwd=tmp_path) as server:
        server.wait_for("Started parent process")
        assert ask_until(probe, "/livez", 200) == {"status": "live", "ready": 0, "wanted": 2}
        assert ask(probe, "/startupz")[0] == 503
        assert ask(probe, "/readyz") == (503, {"status": "not ready", "ready": 0, "wanted": 2})
        (tmp_path / "go").touch()
        assert ask_until(probe, "/startupz", 200)["ready"] == 2
        assert ask(probe, "/readyz")[0] == 200
        server.signal(signal.SIGTERM)
        assert ask_until(probe, "/readyz", 503)["status"] == "stopping"
        assert ask(probe, "/livez")[0] == 200
        with Client(server.port) as client:
            assert client.get().startswith(b"HTTP/1.1 200")  # within the delay everybody is served
        server.signal(signal.SIGINT)
        server.wait()
    assert not Path(probe).exists()


def test_a_blocked_worker_cannot_fail_the_probes(tmp_path: Path) -> None:
    slow_app(tmp_path)
    (tmp_path / "go").touch()
    port = free_port()
    arguments = ("slow:app", "--port", "0", "--health-bind", f"127.0.0.1:{port}")
    with ServerProcess(*arguments, app_dir=tmp_path, cwd=tmp_path) as server, Client(server.port) as client:
        client.send_request("/block")
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not (tmp_path / "blocked").exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        try:
            assert ask(port, "/livez") == (200, {"status": "live", "ready": 1, "wanted": 1})
        finally:
            (tmp_path / "release").touch()


def test_an_address_for_probes_that_is_taken_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with ServerProcess("apps:hello", "--port", "0", "--health-bind", address) as server:
            assert server.wait() == 3
            assert server.lines[-1].startswith(f"licorne: cannot listen on {address}: the address is in use")


@pytest.mark.parametrize(
    ("arguments", "status", "line"),
    [
        (("--user", "no-such-user"), 2, "licorne: user: must be a user of this system, got 'no-such-user' (from flag"),
        (("--workers", "2", "--pid-file", "/no/where"), 3, "licorne: cannot write /no/where (pid_file): there is no d"),
        (("--port-file", "/no/where"), 3, "licorne: cannot write /no/where (port_file): there is no directory /no"),
        (("--uds", "/no/where.sock"), 3, "licorne: cannot listen on unix:/no/where.sock: there is no directory /no"),
        (("--health-bind", "fd://systemd"), 2, "licorne: health_bind: cannot be a socket of systemd, got 'fd://sys"),
        (("--bind", "fd://systemd"), 3, "licorne: cannot listen on fd://systemd: systemd has passed no socket to"),
    ],
)
def test_a_mistake_is_one_line_and_its_status(arguments: tuple[str, ...], status: int, line: str) -> None:
    with ServerProcess("apps:hello", *arguments) as server:
        assert server.wait() == status
        assert server.lines[-1].startswith(line)
        assert "Traceback" not in server.log


def test_probes_cannot_have_a_socket_of_systemd() -> None:
    with pytest.raises(ConfigError, match="health_bind: cannot be a socket of systemd"):
        SupervisorPremises(Config("main:app", health_bind="fd://systemd:health"), {})


def test_a_live_unix_socket_is_not_taken_by_a_second_server(tmp_path: Path) -> None:
    path = str(tmp_path / "app.sock")
    with ServerProcess("apps:hello", "--uds", path, "--workers", "1", "--uds-mode", "600") as server:
        server.wait_for("Licorne running on unix socket")
        with ServerProcess("apps:hello", "--uds", path, "--workers", "1") as second:
            assert second.wait() == 3
            assert f"cannot listen on unix:{path}: the socket is in use by process " in second.lines[-1]
        with Client(path) as client:
            assert client.get().endswith(b"hello")
        assert Path(path).stat().st_mode & 0o777 == 0o600
