"""Reload: a save is served, the socket stays open, and whatever goes wrong waits for the next save."""

import base64
import logging
import os
import re
import select
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from licorne.config.options import Config
from licorne.supervisor.reload import Reloader, changes_line, watched_of
from tests.server.process import DEADLINE_SECONDS, Client, ServerProcess

APP = """
import asyncio, os, signal, sys, time
{before}

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
    elif scope["type"] == "websocket":
        await receive()
        await send({{"type": "websocket.accept"}})
        await send({{"type": "websocket.send", "text": "{version}"}})
        while (await receive())["type"] != "websocket.disconnect":
            pass
    elif scope["path"] == "/stream":
        await send({{"type": "http.response.start", "status": 200, "headers": []}})
        await send({{"type": "http.response.body", "body": b"first", "more_body": True}})
        await receive()
        while (await receive())["type"] != "http.disconnect":
            pass
        await send({{"type": "http.response.body", "body": b"last"}})
    elif scope["path"] == "/die":
        os._exit(1)
    elif scope["path"] == "/stand-still":
        print("standing still", flush=True)
        time.sleep(600)
    else:
        headers = [(b"content-length", b"{length}")]
        await send({{"type": "http.response.start", "status": 200, "headers": headers}})
        await send({{"type": "http.response.body", "body": b"{version}"}})


async def lifespan(receive, send):
    await receive()
    await send({{"type": "lifespan.startup.complete"}})
    await receive()
    {shutdown}
    await send({{"type": "lifespan.shutdown.complete"}})
"""


_SECOND = 1_700_000_000


class Project:
    """Be a directory with an application, which is saved as editors do."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.save("one")

    def save(self, version: str, before: str = "", shutdown: str = "pass") -> None:
        """Save another version of the application."""
        self.write(APP.format(version=version, length=len(version), before=before, shutdown=shutdown))

    def write(self, text: str) -> None:
        """Put a new file in the place of the old one."""
        new = self.directory / "main.py.new"
        new.write_text(text)
        # Python tells by the second of a change, and the size, whether it has to read a file anew.
        os.utime(new, (_SECOND, _SECOND))
        new.replace(self.directory / "main.py")

    @contextmanager
    def served(self, *arguments: str) -> Iterator[ServerProcess]:
        """Serve it with --reload."""
        options = ("main:app", "--port", "0", "--reload", "--reload-delay", "50ms", "--no-access-log", *arguments)
        variables = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(self.directory / "kept")}
        with ServerProcess(*options, app_dir=self.directory, cwd=self.directory, variables=variables) as server:
            server.wait_for("Application startup complete")
            yield server


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def ask(port: int, path: str = "/") -> bytes:
    """Return the body that a new connection is answered with; a connection that is refused is a failure."""
    with Client(port) as client:
        return client.get(path).partition(b"\r\n\r\n")[2]


def wait_for_answer(port: int, body: bytes) -> None:
    """Ask again and again until this is the answer; each request must be answered."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while (answer := ask(port)) != body:
        assert time.monotonic() < deadline, answer


def test_files_are_written_and_functions_called_at_the_end_of_a_worker(project: Project) -> None:
    left = project.directory / "left.txt"
    opened = f"file = open({str(left)!r}, 'a')\nfile.write('buffered ')\n"
    before = opened + "import atexit\natexit.register(print, 'atexit', flush=True)"
    project.save("one", before=before)
    with project.served() as server:
        project.save("two")
        server.wait_for("atexit")
        wait_for_answer(server.port, b"two")
        assert left.read_text() == "buffered "


def assert_nobody_is_left(server: ServerProcess) -> None:
    """Fail unless every process that could write to the log ends: the supervisor, workers, one in reserve."""
    server._reader.join(DEADLINE_SECONDS)
    assert not server._reader.is_alive()


def test_a_save_is_served_and_every_request_is_answered(project: Project) -> None:
    with project.served() as server:
        port = server.port
        answers: list[bytes] = []
        is_over = threading.Event()

        def keep_asking() -> None:
            while not is_over.is_set():
                answers.append(ask(port))

        asking = threading.Thread(target=keep_asking)
        asking.start()
        try:
            for version in ("two", "three"):
                project.save(version)
                wait_for_answer(port, version.encode())
        finally:
            is_over.set()
            asking.join(DEADLINE_SECONDS)
        assert list(dict.fromkeys(answers)) == [b"one", b"two", b"three"]
        server.wait_for(r"Will watch for changes in these directories: \['" + str(project.directory))
        server.wait_for(r"Started reloader process \[\d+\] using (WatchFiles|StatReload)")
        server.wait_for(r"detected changes in 'main.py'. Reloading\.\.\.")
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
        server.wait_for(rf"Stopping reloader process \[{server.process.pid}\]")
        assert_nobody_is_left(server)


def test_code_that_does_not_load_shows_its_error_and_requests_wait_for_the_next_save(project: Project) -> None:
    with project.served() as server:
        port = server.port
        project.write("def app(:\n")
        server.wait_for("SyntaxError")
        server.wait_for("Waiting for a change")
        with Client(port) as waiting:
            waiting.send_request()
            project.write("import no_such_module\n")
            server.wait_for("no_such_module")
            server.wait_for("Waiting for a change", 2)
            project.save("mended")
            assert waiting.read_response().endswith(b"mended")
        assert server.log.count("cannot load") == 2, "no worker was started but for a save"


def test_the_first_start_may_fail_too(project: Project) -> None:
    project.write("raise RuntimeError('not yet')\n")
    with ServerProcess(
        "main:app", "--port", "0", "--reload", app_dir=project.directory, cwd=project.directory
    ) as server:
        server.wait_for("RuntimeError: not yet")
        project.save("one")
        assert ask(server.port) == b"one"


def test_a_save_during_a_restart_starts_another(project: Project) -> None:
    with project.served() as server:
        port = server.port
        stuck = "print('stuck', flush=True)\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(600)"
        project.save("two", before=stuck)
        server.wait_for("stuck")
        project.save("three")
        assert ask(port) == b"three"


def test_a_shutdown_that_hangs_is_ended_at_the_bound(project: Project) -> None:
    project.save("one", shutdown="print('hangs', flush=True); await asyncio.sleep(600)")
    with project.served("--timeout-graceful-shutdown", "500ms") as server:
        port = server.port
        project.save("two", shutdown="print('hangs', flush=True); time.sleep(600)")
        server.wait_for("hangs")
        wait_for_answer(port, b"two")
        project.save("three")
        server.wait_for("hangs", 2)
        wait_for_answer(port, b"three")


def test_streams_and_websockets_are_told_and_find_the_new_code(project: Project) -> None:
    with project.served() as server:
        port = server.port
        with Client(port) as stream, Client(port) as websocket, Client(port), Client(port) as idle:
            assert idle.get().endswith(b"one")
            stream.send_request("/stream")
            stream.read_until(b"first")
            open_websocket(websocket, "one")
            project.save("two")
            assert b"last" in stream.read_to_the_end()
            close = websocket.read_to_the_end()
            assert (close[:1], close[2:4]) == (b"\x88", (1012).to_bytes(2, "big"))
            wait_for_answer(port, b"two")
            assert not re.search("is killed|shutdown exceeded", server.log), "nothing was waited for to its bound"
            with Client(port) as again:
                open_websocket(again, "two")


def open_websocket(client: Client, greeting: str) -> None:
    """Open a WebSocket and read the first message."""
    key = base64.b64encode(os.urandom(16)).decode()
    client.sock.sendall(
        "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
    )
    client.read_until(greeting.encode())


def test_a_worker_that_dies_waits_for_the_next_save(project: Project) -> None:
    with project.served() as server:
        port = server.port
        with Client(port) as client:
            client.send_request("/die")
            assert client.read_to_the_end() == b""
        server.wait_for("Waiting for a change")
        with Client(port) as waiting:
            waiting.send_request()
            project.save("two")
            assert waiting.read_response().endswith(b"two")


def test_a_stop_during_a_reload_leaves_nobody(project: Project) -> None:
    with project.served() as server:
        project.save("two", before="print('stuck', flush=True)\ntime.sleep(600)")
        server.wait_for("stuck")
        server.signal(signal.SIGINT)
        assert server.wait() == 0
        assert_nobody_is_left(server)
        assert "KeyboardInterrupt" not in server.log


def test_a_supervisor_that_is_killed_leaves_nobody(project: Project) -> None:
    with project.served() as server, Client(server.port) as client:
        client.send_request("/stand-still")
        server.wait_for("standing still")
        server.signal(signal.SIGKILL)
        server.wait()
        assert_nobody_is_left(server)


def test_a_source_that_fails_is_replaced_by_looking_at_every_file(
    project: Project, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Failing:
        name = "WatchFiles"

        def wait(self, stop: threading.Event) -> set[str]:
            raise OSError("the limit of watches is reached")

    monkeypatch.setattr("licorne.supervisor.reload.choose_source", lambda watched, delay: Failing())
    changes: list[str] = []
    directory = str(project.directory)
    config = Config("main:app", reload=True, reload_dirs=[directory], app_dir=directory, reload_delay=0.05)
    reloader = Reloader(config, lambda changed: changes.extend(changed))
    with caplog.at_level(logging.INFO):
        reloader.start()
        try:
            while "goes on" not in caplog.text:
                time.sleep(0.01)
            project.save("two")
            assert select.select([reloader], [], [], DEADLINE_SECONDS)[0]
            reloader.on_readable()
        finally:
            reloader.close()
    assert changes == [str(project.directory / "main.py")]
    assert "WatchFiles cannot watch (the limit of watches is reached); StatReload goes on" in caplog.text
    assert "StatReload detected changes in" in caplog.text


# --- what the options say ------------------------------------------------------------------------------------


def test_many_changes_are_one_short_line() -> None:
    paths = [f"/srv/shop/module_{number}.py" for number in range(1000)]
    line = changes_line("WatchFiles", [*paths, "/elsewhere/other.py"], "/srv/shop")
    assert line.startswith("WatchFiles detected changes in '/elsewhere/other.py', 'module_0.py', ")
    assert line.endswith(" and 996 more. Reloading...")


def test_patterns_that_name_directories_are_directories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("app", "tests", "templates", "elsewhere"):
        (tmp_path / "project" / name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "project")
    (tmp_path / "other").mkdir()
    config = Config(
        "main:app", reload=True, reload_includes=["../other", "*.html"], reload_excludes=["tes*", "elsewhere"]
    )
    watched = watched_of(config)
    assert watched.directories == (str(tmp_path / "other"), str(tmp_path / "project"))
    assert watched.is_wanted(str(tmp_path / "project" / "templates" / "index.html"))
    assert not watched.is_entered(str(tmp_path / "project" / "tests"))
    assert not watched.is_entered(str(tmp_path / "project" / "elsewhere"))


def test_a_directory_that_is_not_there_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    with caplog.at_level(logging.WARNING):
        watched = watched_of(Config("main:app", reload=True, reload_dirs=["nowhere"]))
    assert watched.directories == (str(tmp_path),)
    assert [record.getMessage() for record in caplog.records] == [
        f"The directory to watch is not there: {tmp_path / 'nowhere'}",
        f"No directory to watch is there, so the current one is watched: {tmp_path}",
    ]
