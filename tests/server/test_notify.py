"""sd_notify, against a real socket: what systemd hears, when, and that nothing comes of a socket that is not there."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from licorne.server.premises.notify import Notifier
from tests.server.process import DEADLINE_SECONDS, Client, ServerProcess


@contextmanager
def listening(address: str) -> Iterator[socket.socket]:
    """Be systemd: hear what is told."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind("\0" + address[1:] if address.startswith("@") else address)
        sock.settimeout(DEADLINE_SECONDS)
        yield sock


@pytest.fixture(params=["path", "abstract"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return an address for NOTIFY_SOCKET."""
    return str(tmp_path / "notify") if request.param == "path" else f"@licorne-test-{os.getpid()}-{id(request)}"


def heard(sock: socket.socket) -> list[str]:
    """Return the lines of the next message."""
    return sock.recv(4096).decode().split("\n")


def test_every_state_is_told(address: str) -> None:
    with listening(address) as sock:
        notifier = Notifier.from_environ({"NOTIFY_SOCKET": address})
        notifier.ready("serving http://127.0.0.1:8000")
        assert heard(sock) == ["READY=1", f"MAINPID={os.getpid()}", "STATUS=serving http://127.0.0.1:8000"]
        notifier.reloading()
        first, second, _ = heard(sock)
        assert first == "RELOADING=1"
        assert second.startswith("MONOTONIC_USEC=")
        assert second.partition("=")[2].isdigit()
        notifier.stopping()
        assert heard(sock)[0] == "STOPPING=1"
        notifier.status("one\nline")
        assert heard(sock) == ["STATUS=one line"]
        notifier.hand_over(4242)
        assert heard(sock) == ["MAINPID=4242"]
        notifier.close()


def test_a_state_that_finds_the_queue_full_is_told_later_and_nobody_waits() -> None:
    address = f"@licorne-full-{os.getpid()}"
    with listening(address) as sock:
        notifier = Notifier.from_environ({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "60000000"})
        for now in range(0, 30000, 30):  # more than any queue of datagrams holds by default
            assert notifier.watchdog(float(now)) == now + 30.0
        notifier.ready()
        notifier.stopping()
        assert notifier.watchdog(29971.0) == 29972.0
        sock.setblocking(False)
        told = []
        while not told or told[-1] != "STOPPING=1":
            with suppress(BlockingIOError):
                while True:
                    told.append(heard(sock)[0])
            notifier.watchdog(29972.0)
        assert set(told[:-2]) == {"WATCHDOG=1"}
        assert told[-2:] == ["READY=1", "STOPPING=1"]
        notifier.close()


def test_the_watchdog_hears_twice_in_its_time() -> None:
    address = f"@licorne-watchdog-{os.getpid()}"
    with listening(address) as sock:
        environ = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "3000000", "WATCHDOG_PID": str(os.getpid())}
        notifier = Notifier.from_environ(environ)
        assert notifier.interval == 1.5
        assert [notifier.watchdog(now) for now in (100.0, 100.5, 101.4, 101.5, 102.0)] == [101.5] * 3 + [103.0] * 2
        assert [heard(sock), heard(sock)] == [["WATCHDOG=1"]] * 2
        sock.setblocking(False)
        with pytest.raises(BlockingIOError):
            sock.recv(1)
        notifier.close()


@pytest.mark.parametrize(
    "variables",
    [{}, {"WATCHDOG_USEC": "x"}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"}],
)
def test_no_watchdog_is_fed_that_is_not_ours(variables: dict[str, str]) -> None:
    address = f"@licorne-no-watchdog-{os.getpid()}"
    with listening(address):
        notifier = Notifier.from_environ({"NOTIFY_SOCKET": address, **variables})
        assert (notifier.interval, notifier.watchdog(1.0)) == (0.0, float("inf"))
        notifier.close()


@pytest.mark.parametrize("address", ["", "/nowhere/notify", "@nobody-is-here", "vsock:2:1234", "relative"])
def test_a_socket_that_is_not_there_changes_nothing(address: str) -> None:
    notifier = Notifier.from_environ({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "1000"})
    notifier.ready()
    notifier.reloading()
    notifier.stopping()
    assert notifier.watchdog(1.0) == float("inf")
    notifier.close()


def test_a_socket_that_goes_away_changes_nothing(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with listening(address):
        notifier = Notifier.from_environ({"NOTIFY_SOCKET": address})
    notifier.ready()
    notifier.close()
    notifier.close()


@pytest.mark.parametrize("workers", [(), ("--workers", "2")], ids=["single", "workers"])
def test_systemd_hears_of_a_server_from_its_start_to_its_end(workers: tuple[str, ...], address: str) -> None:
    with listening(address) as sock:
        variables = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "400000"}
        with ServerProcess("apps:hello", "--port", "0", *workers, variables=variables) as server:
            port = server.port
            messages = [heard(sock)]
            while "READY=1" not in messages[-1]:
                messages.append(heard(sock))
            with Client(port) as client:
                assert client.get().endswith(b"hello")
            assert f"MAINPID={server.process.pid}" in messages[-1]
            assert f"STATUS=serving http://127.0.0.1:{port}" in messages[-1]
            for _ in range(3):
                while heard(sock) != ["WATCHDOG=1"]:
                    continue
            server.process.terminate()
            while "STOPPING=1" not in heard(sock):
                continue
            server.wait()


def test_systemd_hears_of_a_rolling_restart() -> None:
    import signal

    address = f"@licorne-reloading-{os.getpid()}"
    with listening(address) as sock:
        variables = {"NOTIFY_SOCKET": address}
        with ServerProcess("apps:hello", "--port", "0", "--workers", "1", variables=variables) as server:
            while "READY=1" not in heard(sock):
                continue
            server.signal(signal.SIGHUP)
            while "RELOADING=1" not in heard(sock):
                continue
            while "READY=1" not in heard(sock):
                continue


@pytest.mark.parametrize(("microseconds", "interval"), [("1", 0.01), ("2000000", 1.0), ("9" * 400, 0.0), ("-1", 0.0)])
def test_whoever_watches_leaves_us_time_for_our_work(address: str, microseconds: str, interval: float) -> None:
    with listening(address):
        notifier = Notifier.from_environ({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": microseconds})
        assert notifier.interval == interval
        notifier.close()
