"""Binding: every form of address, several at once, and one clear line for each way to fail."""

import os
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from licorne.config.options import Config
from licorne.config.targets import Bind
from licorne.errors import StartupError
from licorne.server.listening.listeners import Listener, adopt_sockets, binds_of, open_listeners
from tests.server.process import DEADLINE_SECONDS

HAS_IPV6 = socket.has_ipv6 and os.path.exists("/proc/net/if_inet6")


@pytest.fixture
def closing() -> Iterator[ExitStack]:
    """Close at the end what a test opens."""
    with ExitStack() as stack:
        yield stack


def opened(closing: ExitStack, *binds: Bind) -> list[Listener]:
    """Open listeners that are closed at the end."""
    listeners = open_listeners(binds)
    for listener in listeners:
        closing.callback(listener.close)
        listener.listen(16)
    return listeners


def failure_of(*binds: Bind) -> str:
    """Return the one line of an opening that must fail."""
    with pytest.raises(StartupError) as caught:
        open_listeners(binds)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def occupied(closing: ExitStack, host: str = "127.0.0.1") -> int:
    """Return a port that is being listened on."""
    return closing.enter_context(socket.create_server((host, 0))).getsockname()[1]


def kept(closing: ExitStack) -> int:
    """Return a port that the system gives to nobody; whoever asks for this one may listen on it."""
    sock = closing.enter_context(socket.socket())
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", 0))
    return int(sock.getsockname()[1])


def connect(listener: Listener) -> socket.socket:
    """Return a connection to a listener, which is in its queue."""
    peer = socket.socket(listener.sock.family)
    try:
        peer.connect(listener.sock.getsockname())
    except OSError:
        peer.close()
        raise
    return peer


# --- what the configuration asks for ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "binds"),
    [
        (Config(), (Bind(host="127.0.0.1", port=8000),)),
        (Config(host="::1", port=0), (Bind(host="::1", port=0),)),
        (Config(uds="app.sock"), (Bind(path="app.sock"),)),
        (Config(fd=3), (Bind(fd=3),)),
        (Config(bind=["[::]:80", "unix:app.sock"]), (Bind(host="::", port=80), Bind(path="app.sock"))),
    ],
)
def test_host_uds_fd_and_bind_say_where_to_listen(config: Config, binds: tuple[Bind, ...]) -> None:
    assert binds_of(config) == binds


# --- TCP ----------------------------------------------------------------------------------------------------


def test_port_0_takes_a_free_port_and_shows_it(closing: ExitStack) -> None:
    [listener] = opened(closing, Bind(host="127.0.0.1", port=0))
    assert listener.port > 0
    assert listener.url == f"http://127.0.0.1:{listener.port}"


def test_a_bound_address_refuses_until_it_listens(closing: ExitStack) -> None:
    [listener] = open_listeners([Bind(host="127.0.0.1", port=0)])
    closing.callback(listener.close)
    with pytest.raises(ConnectionRefusedError):
        connect(listener)


def test_tcp_and_unix_sockets_listen_at_once(closing: ExitStack, tmp_path: Path) -> None:
    binds = (Bind(host="127.0.0.1", port=0), Bind(path=str(tmp_path / "app.sock")), Bind(host="127.0.0.1", port=0))
    listeners = opened(closing, *binds)
    assert [listener.is_unix for listener in listeners] == [False, True, False]
    for listener in listeners:
        connect(listener).close()


@pytest.mark.skipif(not HAS_IPV6, reason="this machine has no IPv6")
def test_the_wildcards_of_both_families_share_a_port(closing: ExitStack) -> None:
    # In this order: a port that is free for IPv6 may be another test's for IPv4.
    [four] = opened(closing, Bind(host="0.0.0.0", port=0))
    [six] = opened(closing, Bind(host="::", port=four.port))
    assert six.url == f"http://[::]:{four.port}"


@pytest.mark.skipif(not HAS_IPV6, reason="this machine has no IPv6")
def test_an_empty_host_is_every_interface_of_both_families_on_one_port(closing: ExitStack) -> None:
    listeners = opened(closing, Bind(host="", port=0))
    assert {listener.sock.family for listener in listeners} == {socket.AF_INET, socket.AF_INET6}
    assert len({listener.port for listener in listeners}) == 1


def several(*addresses: str) -> object:
    """Return a `getaddrinfo` that resolves every name to these addresses."""

    def getaddrinfo(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        families = [socket.AF_INET6 if ":" in address else socket.AF_INET for address in addresses]
        tails = [(0, 0) if ":" in address else () for address in addresses]
        return [
            (family, socket.SOCK_STREAM, 6, "", (address, port, *tail))
            for family, address, tail in zip(families, addresses, tails, strict=True)
        ]

    return getaddrinfo


def test_a_name_is_bound_at_each_of_its_addresses_on_one_port(
    closing: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", several("127.0.0.1", "127.0.0.2", "127.0.0.1"))
    listeners = opened(closing, Bind(host="app.example", port=0))
    assert [listener.sock.getsockname()[0] for listener in listeners] == ["127.0.0.1", "127.0.0.2"]
    assert len({listener.port for listener in listeners}) == 1


def test_an_address_of_a_name_that_the_machine_lacks_is_left_out(
    closing: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", several("192.0.2.1", "127.0.0.1"))
    [listener] = opened(closing, Bind(host="app.example", port=0))
    assert listener.url.startswith("http://127.0.0.1:")


def test_a_name_in_use_at_one_of_its_addresses_is_in_use(closing: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    port = kept(closing)
    closing.enter_context(socket.create_server(("127.0.0.2", port)))
    monkeypatch.setattr(socket, "getaddrinfo", several("127.0.0.1", "127.0.0.2"))
    assert "the address is in use" in failure_of(Bind(host="app.example", port=port))
    monkeypatch.undo()
    opened(closing, Bind(host="127.0.0.1", port=port))


def test_a_port_in_use_names_the_process_that_holds_it() -> None:
    source = (
        "import socket, sys; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1]); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-u", "-c", source], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        port = int(other.stdout.readline())
        line = failure_of(Bind(host="127.0.0.1", port=port))
        other.stdin.write("\n")
    assert line.startswith(f"cannot listen on 127.0.0.1:{port}: the address is in use")
    assert line.endswith("stop it or choose another port")
    if sys.platform == "linux":
        assert f"by process {other.pid} (" in line


def test_a_port_in_use_by_ourselves_says_so(closing: ExitStack) -> None:
    line = failure_of(Bind(host="127.0.0.1", port=occupied(closing)))
    assert sys.platform != "linux" or " by this process; " in line


def test_a_port_that_another_took_between_bind_and_listen_is_in_use(closing: ExitStack) -> None:
    [listener] = open_listeners([Bind(host="127.0.0.1", port=0)])
    closing.callback(listener.close)
    opened(closing, Bind(host="127.0.0.1", port=listener.port))
    with pytest.raises(StartupError, match="the address is in use"):
        listener.listen(16)


def test_an_unknown_host_is_named() -> None:
    assert failure_of(Bind(host="no-such-host.invalid", port=0)).startswith("cannot listen on no-such-host.invalid:0: ")
    assert "there is no such host" in failure_of(Bind(host="." * 70, port=0))


def test_an_address_of_another_machine_is_named() -> None:
    expected = "cannot listen on 192.0.2.1:0: no network interface of this machine has this address"
    assert failure_of(Bind(host="192.0.2.1", port=0)) == expected


def test_a_privileged_port_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    class Unprivileged(socket.socket):
        def bind(self, address: object) -> None:
            raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket, "socket", Unprivileged)
    line = failure_of(Bind(host="127.0.0.1", port=80))
    assert "permission denied: ports below 1024 are for privileged users; choose a port from 1024 on" in line


def test_what_was_bound_before_a_failure_is_let_go(closing: ExitStack, tmp_path: Path) -> None:
    path = tmp_path / "app.sock"
    failure_of(Bind(path=str(path)), Bind(host="127.0.0.1", port=occupied(closing)))
    assert not path.exists()


# --- file descriptors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_UNIX])
def test_the_family_of_a_descriptor_is_found_out(closing: ExitStack, family: socket.AddressFamily) -> None:
    passed = socket.socket(family)
    if family == socket.AF_INET:
        passed.bind(("127.0.0.1", 0))
    else:
        passed.bind("")  # Linux gives it an abstract name
    [listener] = opened(closing, Bind(fd=passed.detach()))
    assert listener.sock.family == family
    connect(listener).close()


def test_a_descriptor_that_is_not_open_is_named() -> None:
    line = failure_of(Bind(fd=987))
    assert line == "cannot listen on fd://987: no such file descriptor was passed to this process"


def test_a_descriptor_that_is_no_socket_is_named(tmp_path: Path) -> None:
    with open(tmp_path / "file", "w", encoding="utf-8") as file:
        assert "is not a socket" in failure_of(Bind(fd=file.fileno()))


def test_a_datagram_socket_is_refused() -> None:
    passed = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with passed, pytest.raises(StartupError, match="no TCP or UNIX stream socket"):
        adopt_sockets([passed])


# --- UNIX sockets -------------------------------------------------------------------------------------------


def left_behind(path: Path, mode: int) -> None:
    """Leave the path of a server that has died."""
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    path.chmod(mode)


def test_a_new_path_is_open_to_all_and_removed_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "app.sock"
    [listener] = open_listeners([Bind(path=str(path))])
    assert stat.S_IMODE(path.stat().st_mode) == 0o666
    assert listener.url == f"unix socket {path}"
    listener.close()
    assert not path.exists()


def test_a_stale_path_is_reclaimed_and_keeps_its_mode(closing: ExitStack, tmp_path: Path) -> None:
    path = tmp_path / "app.sock"
    left_behind(path, 0o660)
    [listener] = opened(closing, Bind(path=str(path)))
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    connect(listener).close()


def test_a_stale_path_that_cannot_be_removed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "app.sock"
    left_behind(path, 0o660)

    def refuse(removed: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "unlink", refuse)
    line = failure_of(Bind(path=str(path)))
    assert line.startswith(f"cannot remove the stale socket unix:{path}: permission denied; {tmp_path} and the path")


def test_a_live_path_is_refused(closing: ExitStack, tmp_path: Path) -> None:
    path = str(tmp_path / "app.sock")
    opened(closing, Bind(path=path))
    line = failure_of(Bind(path=path))
    assert line.startswith(f"cannot listen on unix:{path}: the socket is in use")
    assert sys.platform != "linux" or " by this process; " in line
    assert os.path.exists(path)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who has bound a path")
def test_a_path_whose_server_is_still_starting_is_refused(closing: ExitStack, tmp_path: Path) -> None:
    path = str(tmp_path / "app.sock")
    [listener] = open_listeners([Bind(path=path)])
    closing.callback(listener.close)
    assert "the socket is in use" in failure_of(Bind(path=path))


def test_a_path_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "app.sock"
    path.write_text("precious", encoding="utf-8")
    assert "the path exists and is not a socket" in failure_of(Bind(path=str(path)))
    assert path.read_text(encoding="utf-8") == "precious"


def test_a_link_that_leads_nowhere_is_named(tmp_path: Path) -> None:
    path, target = tmp_path / "app.sock", tmp_path / "gone.sock"
    path.symlink_to(target)
    line = failure_of(Bind(path=str(path)))
    assert line == f"cannot listen on unix:{path}: the path is a link to {target}, which is not there; remove the link"
    assert path.is_symlink()


def test_a_path_in_no_directory_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "missing"
    assert failure_of(Bind(path=str(folder / "app.sock"))).endswith(f"there is no directory {folder}")


def test_a_path_that_is_too_long_is_one_line(tmp_path: Path) -> None:
    path = str(tmp_path / ("long" * 40))
    limit = 107 if sys.platform == "linux" else 103
    assert f"the path has {len(path)} bytes, and that of a UNIX socket at most {limit}" in failure_of(Bind(path=path))


def test_a_path_that_another_server_took_over_is_not_removed(closing: ExitStack, tmp_path: Path) -> None:
    path = tmp_path / "app.sock"
    [first] = open_listeners([Bind(path=str(path))])
    path.unlink()
    [second] = opened(closing, Bind(path=str(path)))
    first.close()
    connect(second).close()


# --- the queue ----------------------------------------------------------------------------------------------


def test_connections_in_the_queue_are_accepted_without_waiting(closing: ExitStack) -> None:
    [listener] = opened(closing, Bind(host="127.0.0.1", port=0))
    peers = [closing.enter_context(connect(listener)) for _ in range(3)]
    accepted: list[socket.socket] = []
    deadline = time.monotonic() + DEADLINE_SECONDS
    while len(accepted) < len(peers) and time.monotonic() < deadline:  # the system may queue them after connect()
        accepted += [closing.enter_context(connection) for connection in listener.accept_queued()]
    assert {connection.getpeername() for connection in accepted} == {peer.getsockname() for peer in peers}
    assert listener.accept_queued() == []
