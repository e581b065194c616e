"""Starting: where a process listens and says so, and how it ends when it cannot start."""

import os
import socket
import stat
import sys
from pathlib import Path

import pytest

from tests.server.process import APPS, Client, ServerProcess, running


def ended(*arguments: str, app_dir: Path = APPS) -> tuple[int, list[str]]:
    """Run a server that ends by itself; return its exit status and its log."""
    with ServerProcess(*arguments, app_dir=app_dir) as server:
        return server.wait(), server.lines


# --- where it listens ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_several_addresses_are_served_at_once(tmp_path: Path, loop: str) -> None:
    if loop == "uvloop":
        pytest.importorskip("uvloop")
    path = tmp_path / "app.sock"
    binds = [f"--bind={address}" for address in ("127.0.0.1:0", f"unix:{path}", "127.0.0.1:0")]
    with ServerProcess("apps:hello", f"--loop={loop}", *binds) as server:
        ports = [int(server.wait_for(r"running on http://127.0.0.1:(\d+)", count)[1]) for count in (1, 2)]
        server.wait_for(f"Licorne running on unix socket {path} ")
        for address in (*ports, str(path)):
            with Client(address) as client:
                assert client.get().endswith(b"hello")


def test_a_unix_socket_is_open_to_all_and_gone_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "app.sock"
    with ServerProcess("apps:hello", f"--uds={path}") as server:
        server.wait_for(f"Licorne running on unix socket {path} \\(Press CTRL\\+C to quit\\)")
        assert stat.S_IMODE(path.stat().st_mode) == 0o666
        server.process.terminate()
        server.wait()
    assert not path.exists()


def test_a_unix_socket_of_a_killed_server_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "app.sock"
    with ServerProcess("apps:hello", f"--uds={path}") as killed:
        killed.wait_for("Licorne running on ")
        killed.process.kill()
        killed.wait()
    assert path.exists()
    with ServerProcess("apps:hello", f"--uds={path}") as server:
        server.wait_for("Licorne running on ")
        with Client(str(path)) as client:
            assert client.get().endswith(b"hello")


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_UNIX])
def test_a_passed_descriptor_is_served(family: socket.AddressFamily, tmp_path: Path) -> None:
    address = ("127.0.0.1", 0) if family == socket.AF_INET else str(tmp_path / "app.sock")
    with socket.socket(family) as passed:
        passed.bind(address)
        with ServerProcess("apps:hello", f"--fd={passed.fileno()}", pass_fds=(passed.fileno(),)) as server:
            server.wait_for("Licorne running on ")
            name = passed.getsockname()
            with Client(name[1] if family == socket.AF_INET else name) as client:
                assert client.get().endswith(b"hello")
            server.process.terminate()
            server.wait()
        # The path of a socket that somebody else made is not ours to remove.
        assert family == socket.AF_INET or os.path.exists(name)


# --- how it fails -------------------------------------------------------------------------------------------


def test_an_address_in_use_is_one_line_and_status_3_before_the_application_starts() -> None:
    with running("echo") as first:
        status, lines = ended("apps:echo", f"--port={first.port}")
    assert status == 3
    assert len(lines) == 1
    assert lines[-1].startswith(f"licorne: cannot listen on 127.0.0.1:{first.port}: the address is in use")
    assert sys.platform != "linux" or f" by process {first.process.pid} (" in lines[-1]


def test_a_module_that_does_not_exist_is_one_line_and_status_3() -> None:
    status, lines = ended("appz:hello")
    assert status == 3
    assert len(lines) == 1
    assert lines[0].endswith('; did you mean "apps"?')


def test_an_exception_in_the_module_is_the_user_s_own_traceback_and_status_3(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("raise ValueError('boom')\n", encoding="utf-8")
    status, lines = ended("broken:app", app_dir=tmp_path)
    assert status == 3
    assert lines == [
        "Traceback (most recent call last):",
        f'  File "{tmp_path / "broken.py"}", line 1, in <module>',
        "    raise ValueError('boom')",
        "ValueError: boom",
        "licorne: cannot load broken:app: ValueError: boom",
    ]


@pytest.mark.parametrize("lifespan", ["auto", "on"])
def test_a_failed_startup_shows_its_traceback_and_status_3(lifespan: str) -> None:
    status, lines = ended("apps:failing_start", "--port=0", f"--lifespan={lifespan}")
    assert status == 3
    assert "LookupError: no database" in lines
    assert lines[-1] == "licorne: Application startup failed. Exiting. (LookupError: no database)"
    assert not [line for line in lines if "Licorne running on" in line]


def test_lifespan_on_fails_without_lifespan_and_auto_goes_on() -> None:
    assert ended("apps:hello", "--port=0", "--lifespan=on")[0] == 3
    with running("hello") as server, Client(server.port) as client:
        assert "ASGI 'lifespan' protocol appears unsupported." in server.log
        assert client.get().endswith(b"hello")


def test_sys_exit_during_the_startup_is_obeyed() -> None:
    status, lines = ended("apps:exiting_start", "--port=0")
    assert status == 7
    assert not [line for line in lines if "Traceback" in line]


@pytest.mark.parametrize(
    ("flag", "line"),
    [
        ("--loop=no_such_module:new", "licorne: cannot load the event loop no_such_module:new: there is no module"),
        ("--loop=apps:hello", "licorne: the event loop apps:hello failed: TypeError: "),
    ],
)
def test_a_loop_that_cannot_be_had_is_one_line_and_status_3(flag: str, line: str) -> None:
    status, lines = ended("apps:hello", "--port=0", flag)
    assert status == 3
    assert len(lines) == 1
    assert lines[0].startswith(line)


@pytest.mark.parametrize(
    ("flag", "status", "line"),
    [
        ("--access-log-format={statsu}", 2, "licorne: access_log_format: "),
        ("--http=httptools", 3, "licorne: the HTTP parser httptools cannot be imported "),
    ],
)
@pytest.mark.parametrize("command", [[], ["check"]])
def test_what_is_needed_later_is_missed_before_the_application_is_imported(
    command: list[str], flag: str, status: int, line: str, tmp_path: Path
) -> None:
    (tmp_path / "loud.py").write_text("print('imported')\nasync def app(scope, receive, send): ...\n", encoding="utf-8")
    (tmp_path / "httptools.py").write_text("raise ImportError('not here')\n", encoding="utf-8")
    found, lines = ended(*command, "loud:app", flag, app_dir=tmp_path)
    assert found == status
    assert len(lines) == 1
    assert lines[0].startswith(line)


@pytest.mark.parametrize("command", [[], ["check"]])
def test_a_logging_configuration_may_name_what_is_beside_the_application(command: list[str], tmp_path: Path) -> None:
    (tmp_path / "ours.py").write_text("import logging\nclass Ours(logging.Formatter): ...\n", encoding="utf-8")
    config = tmp_path / "logging.json"
    config.write_text('{"version": 1, "formatters": {"ours": {"()": "ours.Ours"}}}', encoding="utf-8")
    # `nothing:here` is not found: what matters is that the configuration was.
    status, lines = ended(*command, "nothing:here", f"--log-config={config}", app_dir=tmp_path)
    assert status == 3
    assert lines[-1].startswith("licorne: cannot load nothing:here: ")


# --- check --------------------------------------------------------------------------------------------------


def test_check_says_what_was_loaded_and_serves_nothing() -> None:
    with ServerProcess("check", "apps:hello") as server:
        assert server.wait() == 0
        assert server.lines == ["OK: apps:hello (asgi3) and its configuration can be served"]


def test_check_of_what_cannot_be_loaded_is_status_3() -> None:
    with ServerProcess("check", "apps:nothing") as server:
        assert server.wait() == 3
        assert len(server.lines) == 1
