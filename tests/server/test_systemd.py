"""Sockets that systemd passes: taken when nothing else says where to listen, each once, and refused in one line."""

import os
import socket
import sys
from pathlib import Path

import pytest

from licorne.config.options import Config
from licorne.errors import StartupError
from licorne.server.listening.listeners import listeners_of
from licorne.server.listening.systemd import PassedSocket, choose_passed, take_passed
from tests.server.process import Client, ServerProcess


def variables(count: object, names: str = "") -> dict[str, str]:
    """Return what systemd tells this process."""
    return {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(count), "LISTEN_FDNAMES": names, "PATH": "/bin"}


def test_what_was_passed_is_taken_once() -> None:
    environ = variables(0)
    assert take_passed(environ) == []
    assert environ == {"PATH": "/bin"}


def test_what_was_passed_to_another_process_is_not_taken() -> None:
    environ = variables(1) | {"LISTEN_PID": str(os.getppid())}
    assert take_passed(environ) == []
    assert environ == {"PATH": "/bin"}


@pytest.mark.parametrize("count", ["many", "-1", "2²"])
def test_a_count_that_is_none_is_one_line(count: str) -> None:
    with pytest.raises(StartupError, match=r"^variable LISTEN_FDS must be a number of descriptors, got "):
        take_passed(variables(count))


def test_a_descriptor_that_was_not_passed_is_one_line() -> None:
    with pytest.raises(StartupError, match=r"^cannot listen on fd://\d+: LISTEN_FDS tells of it, but no such"):
        take_passed(variables(4000))


def test_sockets_are_chosen_by_name() -> None:
    passed = [PassedSocket(3, "web"), PassedSocket(4, "admin"), PassedSocket(5, "web")]
    assert choose_passed(passed, "") == [3, 4, 5]
    assert choose_passed(passed, "web") == [3, 5]
    with pytest.raises(StartupError, match=r"systemd has passed no socket of this name, but admin, web$"):
        choose_passed(passed, "api")
    with pytest.raises(StartupError, match=r"systemd has passed no socket to this process$"):
        choose_passed([], "")


LAUNCHER = """
import os, sys
fds = [int(fd) for fd in sys.argv[1].split(",")]
for index, fd in enumerate(fds):
    os.dup2(fd, 200 + index)
for index in range(len(fds)):
    os.dup2(200 + index, 3 + index)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(fds)), LISTEN_FDNAMES=sys.argv[2])
os.execv(sys.argv[3], sys.argv[3:])
"""


def activated(*arguments: str, passed: list[int], names: str = "") -> ServerProcess:
    """Start a server as systemd does: the sockets are descriptors 3, 4, …, and variables name its process."""
    launcher = [sys.executable, "-c", LAUNCHER, ",".join(map(str, passed)), names]
    return ServerProcess(*arguments, pass_fds=passed, launcher=launcher)


@pytest.mark.parametrize("workers", [(), ("--workers", "1")], ids=["single", "workers"])
def test_sockets_of_systemd_are_served_when_no_address_is_named(workers: tuple[str, ...], tmp_path: Path) -> None:
    path = str(tmp_path / "app.sock")
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as unix:
        unix.bind(path)
        unix.listen()
        with activated("apps:hello", *workers, passed=[tcp.fileno(), unix.fileno()]) as server:
            server.wait_for("running on unix socket")
            for address in (tcp.getsockname()[1], path):
                with Client(address) as client:
                    assert client.get().endswith(b"hello")
            server.process.terminate()
            server.wait()
    assert os.path.exists(path)  # it is systemd's


def test_a_socket_of_systemd_is_chosen_by_its_name() -> None:
    with socket.create_server(("127.0.0.1", 0)) as first, socket.create_server(("127.0.0.1", 0)) as second:
        passed = [first.fileno(), second.fileno()]
        with activated("apps:hello", "--bind", "fd://systemd:web", passed=passed, names="admin:web") as server:
            assert server.port == second.getsockname()[1]


def test_an_address_that_is_named_is_served_and_the_sockets_of_systemd_are_told_of() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as sock,
        activated("apps:hello", "--port", "0", passed=[sock.fileno()]) as server,
    ):
        assert server.port != sock.getsockname()[1]
        assert "The socket(s) that systemd has passed are not used, since port (from flag --port) is set." in server.log


def test_a_descriptor_of_systemd_that_is_no_socket_is_one_line() -> None:
    with open(os.devnull, encoding="utf-8") as file, activated("apps:hello", passed=[file.fileno()]) as server:
        assert server.wait() == 3
        assert server.lines[-1] == "licorne: cannot listen on fd://3: the file descriptor is not a socket"


def test_sockets_of_systemd_that_did_not_come_are_one_line() -> None:
    with pytest.raises(StartupError, match=r"systemd has passed no socket to this process"):
        listeners_of(Config(bind="fd://systemd"), {})


@pytest.mark.parametrize("count", ["99999999999999999999", "9" * 5000])
def test_a_count_of_descriptors_that_cannot_be_is_refused_in_one_line(count: str) -> None:
    with pytest.raises(StartupError, match=r"LISTEN_FDS must be a number of descriptors, got .{1,60}$"):
        take_passed(variables(count))


def test_descriptors_that_were_not_passed_are_not_counted_to_the_end() -> None:
    with pytest.raises(StartupError, match="no such file descriptor was passed"):
        take_passed(variables(999_999_999))
