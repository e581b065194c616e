"""Upgrade: SIGUSR2 starts the command anew, which takes over the sockets; the old process serves on if that fails."""

import os
import re
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from licorne.supervisor.upgrade import remember_beginning
from tests.server.process import DEADLINE_SECONDS, Client, ServerProcess
from tests.support.load import BackgroundLoad

APP = """
import asyncio, os, sys, time
{before}

async def app(scope, receive, send):
    assert scope["type"] == "http"
    if scope["path"] == "/slow":
        await receive()
        await asyncio.sleep(0.3)
    await send({{"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"{length}")]}})
    await send({{"type": "http.response.body", "body": b"{version}"}})
"""


_FIRST_SECOND = 1_700_000_000


class Project:
    """Be a directory with an application, and whatever was started to serve it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._saves = 0
        self.save("old")

    def save(self, version: str, before: str = "") -> None:
        """Write another version of the application, a second after the last: Python would not see it otherwise."""
        path = self.directory / "main.py"
        path.write_text(APP.format(version=version, length=len(version), before=before))
        self._saves += 1
        os.utime(path, (_FIRST_SECOND + self._saves,) * 2)

    @contextmanager
    def served(self, *arguments: str) -> Iterator[ServerProcess]:
        """Serve it with two workers; end what it started in its turn too."""
        options = ("main:app", "--workers", "2", "--no-access-log", "--log-level", "debug", *arguments)
        with ServerProcess(*options, app_dir=self.directory, cwd=self.directory) as server:
            try:
                server.wait_for("is ready", 2)  # a test may break what the second imports
                yield server
            finally:
                for pid in started_pids(server):
                    end(pid)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def started_pids(server: ServerProcess) -> list[int]:
    """Return the processes that were started to take over."""
    return [int(pid) for pid in re.findall(r"Started process \[(\d+)\] to take over", server.log)]


def end(pid: int) -> None:
    """Kill a process that may be gone."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def upgrade(server: ServerProcess, count: int = 1) -> int:
    """Have a new process take over; return its number."""
    return int(server.wait_for(r"Process \[(\d+)\] has taken over", count)[1])


def wait_until_gone(server: ServerProcess, pid: int) -> None:
    """Return when a process that is no child of this one has said its last word."""
    server.wait_for(rf"Stopping parent process \[{pid}\]")


class Load(BackgroundLoad):
    """Ask in threads, on connections that stay and on new ones, and count whatever is not answered well."""

    def __init__(self, address: int | str, connections: int = 4) -> None:
        super().__init__([self._ask_anew, self._ask_again] * (connections // 2))
        self.address = address
        self.answers: list[bytes] = []

    def wait_for(self, body: bytes) -> None:
        """Return when something answers so."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while body not in self.answers[-20:]:
            assert time.monotonic() < deadline, self.failures
            time.sleep(0.01)

    def _ask_anew(self) -> None:
        with Client(self.address) as client:
            self._take(client.get("/slow"))

    def _ask_again(self) -> None:
        with Client(self.address) as client:
            for _ in range(50):
                if self.is_over.is_set() or b"connection: close" in self._take(client.get()).lower():
                    return

    def _take(self, response: bytes) -> bytes:
        head, _, body = response.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 "), head
        self.answers.append(body)
        return head


def test_a_new_process_takes_over_under_load_and_can_be_replaced_itself(project: Project) -> None:
    with project.served("--port", "0") as server, Load(server.port) as load:
        load.wait_for(b"old")
        project.save("new")
        server.signal(signal.SIGUSR2)
        first = upgrade(server)
        load.wait_for(b"new")
        assert server.process.wait(DEADLINE_SECONDS) == 0, server.log
        project.save("newest")
        os.kill(first, signal.SIGUSR2)
        second = upgrade(server, 2)
        load.wait_for(b"newest")
        wait_until_gone(server, first)
        load.__exit__()
        assert not load.failures
        assert {b"old", b"new", b"newest"} == set(load.answers)
        os.kill(second, signal.SIGTERM)
        server._reader.join(DEADLINE_SECONDS)
        assert not server._reader.is_alive(), "no process is left"


@pytest.fixture
def news(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.setblocking(False)
        yield sock


def received(sock: socket.socket) -> str:
    """Return all that has been told."""
    told = ""
    while True:
        try:
            told += sock.recv(65536).decode() + "\n"
        except BlockingIOError:
            return told


@contextmanager
def watched_probes(server: ServerProcess, address: str) -> Iterator[None]:
    """Ask whether the server is ready all the while; it must be."""
    answers: set[bytes] = set()
    is_over = threading.Event()

    def ask() -> None:
        while not is_over.is_set():
            with Client(address) as client:
                answers.add(client.get("/readyz").partition(b" ")[2][:3])

    asking = threading.Thread(target=ask)
    asking.start()
    yield
    is_over.set()
    asking.join(DEADLINE_SECONDS)
    assert answers == {b"200"}


def test_a_new_process_that_does_not_start_changes_nothing(project: Project, tmp_path: Path) -> None:
    pid_file = tmp_path / "licorne.pid"
    path = tmp_path / "licorne.sock"
    probes = f"{path}.probes"
    options = ("--uds", str(path), "--pid-file", str(pid_file), "--health-bind", f"unix:{probes}")
    with project.served(*options) as server, Load(str(path)) as load:
        load.wait_for(b"old")
        (project.directory / "main.py").write_text("def app(:\n")
        server.signal(signal.SIGUSR2)
        server.wait_for(
            rf"Not upgraded: process \[\d+\] did not start \(exit status 3\); process \[{server.process.pid}\]"
        )
        (project.directory / "main.py").unlink()
        server.signal(signal.SIGUSR2)
        server.wait_for("Not upgraded", 2)
        assert pid_file.read_text().strip() == str(server.process.pid)
        project.save("mended")
        server.signal(signal.SIGUSR2)
        with watched_probes(server, probes):
            new = upgrade(server)
            load.wait_for(b"mended")
        assert server.process.wait(DEADLINE_SECONDS) == 0, server.log
        assert pid_file.read_text().strip() == str(new)
        load.__exit__()
        assert not load.failures
        with Client(str(path)) as client:
            assert client.get().endswith(b"mended"), "the path survives the end of the old process"
        os.kill(new, signal.SIGTERM)
        wait_until_gone(server, new)
        server._reader.join(DEADLINE_SECONDS)
        assert not path.exists()
        assert not pid_file.exists()


def test_one_process_at_a_time_and_a_stop_ends_both(project: Project) -> None:
    with project.served("--port", "0") as server:
        project.save("new", before="print('stuck', flush=True)\ntime.sleep(600)")
        server.signal(signal.SIGUSR2)
        server.wait_for("stuck")
        server.signal(signal.SIGUSR2)
        server.wait_for(r"Not upgraded: process \[\d+\] is about to take over already")
        assert len(started_pids(server)) == 1
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
        assert not server._reader.is_alive(), "no process is left"


def test_a_new_process_goes_on_when_the_old_one_is_killed(project: Project, tmp_path: Path) -> None:
    with project.served("--port", "0", "--health-bind", "127.0.0.1:0") as server:
        port = server.port
        gate = tmp_path / "gate"
        project.save(
            "new", before=f"print('stuck', flush=True)\nwhile not os.path.exists({str(gate)!r}): time.sleep(0.05)"
        )
        server.signal(signal.SIGUSR2)
        server.wait_for("stuck")
        server.signal(signal.SIGKILL)
        server.process.wait(DEADLINE_SECONDS)
        with Client(port) as client:
            client.send_request()
            gate.touch()
            assert client.read_response().endswith((b"new", b"old"))
        server.wait_for("Licorne running on", 2)
        with Client(port) as client:
            assert client.get().endswith(b"new")


def test_a_link_to_another_release_is_followed_and_systemd_is_told(tmp_path: Path, news: socket.socket) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        Project(tmp_path / name).save(name)
    current = tmp_path / "current"
    current.symlink_to(tmp_path / "one")
    options = ("main:app", "--workers", "1", "--port", "0")
    variables = {"PWD": str(current), "NOTIFY_SOCKET": news.getsockname()}
    with ServerProcess(*options, app_dir=Path("."), cwd=current, variables=variables) as server:
        try:
            with Client(server.port) as client:
                assert client.get().endswith(b"one")
            current.unlink()
            current.symlink_to(tmp_path / "two")
            (tmp_path / "two" / "main.py").rename(tmp_path / "two" / "other.py")
            server.signal(signal.SIGUSR2)
            server.wait_for("Not upgraded")
            (tmp_path / "two" / "other.py").rename(tmp_path / "two" / "main.py")
            server.signal(signal.SIGUSR2)
            new = upgrade(server)
            assert server.process.wait(DEADLINE_SECONDS) == 0, server.log
            with Client(server.port) as client:
                assert client.get().endswith(b"two")
            told = received(news)
            assert f"MAINPID={new}" in told
            assert "STOPPING" not in told, "neither the one that failed nor the old one is the service"
        finally:
            for pid in started_pids(server):
                end(pid)


def test_the_beginning_keeps_the_name_of_the_directory_if_it_is_true(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    monkeypatch.chdir(tmp_path)
    for name, expected in ((str(tmp_path / "link"), str(tmp_path / "link")), ("/", str(tmp_path)), ("", str(tmp_path))):
        monkeypatch.setenv("PWD", name)
        assert remember_beginning().directory == expected
