"""Sockets for several workers: shared or one each, never somebody else's, and UNIX sockets that two servers want."""

import contextlib
import errno
import grp
import os
import pwd
import socket
import stat
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from licorne.config.options import Config
from licorne.config.targets import Bind
from licorne.errors import ConfigError, StartupError
from licorne.server.listening import tcp
from licorne.server.listening.listeners import (
    Listener,
    binds_of,
    clone_for_slot,
    listeners_of,
    open_listeners,
    open_slot_listeners,
)
from licorne.server.listening.unix_socket import Admission
from tests.server.process import racing

IS_LINUX = sys.platform == "linux"


@pytest.fixture
def closing() -> Iterator[ExitStack]:
    """Close at the end what a test opens."""
    with ExitStack() as stack:
        yield stack


def slots_of(closing: ExitStack, slots: int, **options: object) -> list[list[Listener]]:
    """Return the listeners of slots, closed at the end."""
    found = open_slot_listeners(Config("main:app", **options), slots, {})
    for listener in {listener for listeners in found for listener in listeners}:
        closing.callback(listener.close)
    return found


def is_refused(port: int) -> bool:
    """Tell whether another server, which begins as any other does, cannot have a port."""
    try:
        for listener in open_listeners([Bind(host="127.0.0.1", port=port)], is_claimed=True):
            listener.close()
    except StartupError as error:
        return "the address is in use" in str(error)
    return False


def test_workers_share_the_listeners_by_default(closing: ExitStack, tmp_path: Path) -> None:
    first, second = slots_of(closing, 2, bind=["127.0.0.1:0", f"unix:{tmp_path}/app.sock"])
    assert first is not second or first == second
    assert [listener.sock.fileno() for listener in first] == [listener.sock.fileno() for listener in second]
    assert clone_for_slot(first) == first


@pytest.mark.skipif(not IS_LINUX, reason="only Linux spreads connections over sockets")
def test_workers_have_tcp_sockets_of_their_own_on_one_port_and_share_the_rest(
    closing: ExitStack, tmp_path: Path
) -> None:
    slots = slots_of(closing, 3, bind=["127.0.0.1:0", f"unix:{tmp_path}/app.sock"], reuse_port="on")
    assert len({listeners[0].sock.fileno() for listeners in slots}) == 3
    assert len({listeners[0].port for listeners in slots}) == 1
    assert len({listeners[1] for listeners in slots}) == 1
    further = clone_for_slot(slots[0])
    closing.callback(further[0].close)
    assert (further[0].port, further[1]) == (slots[0][0].port, slots[0][1])


@pytest.mark.skipif(not IS_LINUX, reason="only Linux spreads connections over sockets")
def test_connections_are_spread_over_the_sockets_of_one_port(closing: ExitStack) -> None:
    slots = slots_of(closing, 2, port=0, reuse_port="on")
    for [listener] in slots:
        listener.listen(64)
    for _ in range(64):
        closing.enter_context(socket.create_connection(("127.0.0.1", slots[0][0].port)))
    counts = []
    for [listener] in slots:
        accepted = listener.accept_queued()
        counts.append(len(accepted))
        for connection in accepted:
            connection.close()
    assert sum(counts) == 64
    assert min(counts) > 0


@pytest.mark.skipif(not IS_LINUX, reason="the claim is Linux's")
@pytest.mark.parametrize("reuse_port", ["on", "off"])
def test_a_port_is_ours_before_anybody_listens_and_while_only_some_do(closing: ExitStack, reuse_port: str) -> None:
    slots = slots_of(closing, 2, port=0, reuse_port=reuse_port)
    port = slots[0][0].port
    assert is_refused(port)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port)).close()
    for [listener] in reversed(slots):
        listener.listen(16)
        assert is_refused(port)
    slots[0][0].close()
    assert is_refused(port) == (reuse_port == "on")


@pytest.mark.parametrize("reuse_port", ["on", "off"] if IS_LINUX else ["off"])
def test_every_interface_of_both_families_is_one_port(closing: ExitStack, reuse_port: str) -> None:
    slots = slots_of(closing, 2, bind=":0", reuse_port=reuse_port)
    port = slots[0][0].port
    listeners = {listener for listeners in slots for listener in listeners}
    assert {listener.port for listener in listeners} == {port}
    for listener in listeners:
        listener.listen(16)
    for host in {listener.sock.getsockname()[0] for listener in listeners}:
        socket.create_connection(("::1" if host == "::" else "127.0.0.1", port)).close()


@pytest.mark.skipif(not IS_LINUX, reason="the claim is Linux's")
def test_of_servers_that_start_at_once_on_one_port_one_gets_it(closing: ExitStack) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    found: list[list[Listener]] = []
    barrier = threading.Barrier(8)

    def start() -> None:
        barrier.wait()
        with contextlib.suppress(StartupError):
            found.append(open_listeners([Bind(host="127.0.0.1", port=port)], is_claimed=True))

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for [listener] in found:
        closing.callback(listener.close)
    assert len(found) <= 1


@pytest.mark.skipif(not IS_LINUX, reason="the claim is Linux's")
def test_a_port_of_a_program_that_would_share_it_is_refused(closing: ExitStack) -> None:
    other = closing.enter_context(socket.socket())
    other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    other.bind(("127.0.0.1", 0))
    other.listen()
    for reuse_port in ("on", "off"):
        with pytest.raises(StartupError, match="the address is in use"):
            slots_of(closing, 2, port=other.getsockname()[1], reuse_port=reuse_port)


def test_a_port_with_connections_that_linger_is_had_again(closing: ExitStack) -> None:
    for reuse_port in ("on", "off") if IS_LINUX else ("off",):
        [[first]] = slots_of(closing, 1, port=0, reuse_port=reuse_port)
        first.listen(16)
        port = first.port
        client = socket.create_connection(("127.0.0.1", port))
        [accepted] = first.accept_queued()
        accepted.close()  # whoever closes first keeps the port for a minute
        client.close()
        first.close()
        slots = slots_of(closing, 2, port=port, reuse_port=reuse_port)
        for listener in {listener for [listener] in slots}:
            listener.listen(16)
            listener.close()


def test_sockets_of_their_own_need_a_system_that_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp, "_IS_LINUX", False)
    with pytest.raises(ConfigError, match="reuse_port: cannot be had on this system"):
        open_slot_listeners(Config("main:app", port=0, reuse_port="on"), 2, {})


def test_what_was_bound_before_a_failure_is_let_go(closing: ExitStack, tmp_path: Path) -> None:
    path = tmp_path / "app.sock"
    taken = closing.enter_context(socket.create_server(("127.0.0.1", 0)))
    with pytest.raises(StartupError):
        slots_of(closing, 2, bind=[f"unix:{path}", f"127.0.0.1:{taken.getsockname()[1]}"])
    assert not path.exists()


# --- UNIX sockets -------------------------------------------------------------------------------------------


def test_a_unix_socket_gets_the_mode_of_the_options(closing: ExitStack, tmp_path: Path) -> None:
    path = tmp_path / "app.sock"
    for mode in ("600", "660"):
        [listener] = listeners_of(Config(uds=str(path), uds_mode=mode), {})
        assert stat.S_IMODE(path.stat().st_mode) == int(mode, 8)
        listener.sock.close()  # the path is left behind, and its mode does not count
    listener.close()
    assert not path.exists()


def test_nobody_may_connect_to_a_unix_socket_before_its_mode_is_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "app.sock"
    before: list[int] = []
    chmod = os.chmod

    def look_first(changed: str, mode: int) -> None:
        before.append(stat.S_IMODE(os.stat(changed).st_mode))
        chmod(changed, mode)

    monkeypatch.setattr(os, "chmod", look_first)
    for listener in open_listeners([Bind(path=str(path))], Admission(0o600)):
        listener.close()
    assert before == ([0] if IS_LINUX else before)


def test_a_unix_socket_is_given_to_its_owner(closing: ExitStack, tmp_path: Path) -> None:
    path = tmp_path / "app.sock"
    user, group = pwd.getpwuid(os.getuid()), grp.getgrgid(os.getgid())
    for owner in (user.pw_name, f"{user.pw_uid}:{group.gr_name}", f":{group.gr_gid}"):
        [listener] = listeners_of(Config(uds=str(path), uds_owner=owner), {})
        assert (path.stat().st_uid, path.stat().st_gid) == (user.pw_uid, group.gr_gid)
        listener.close()


@pytest.mark.parametrize("owner", ["no-such-user", ":no-such-group"])
def test_an_unknown_owner_is_one_line(tmp_path: Path, owner: str) -> None:
    with pytest.raises(ConfigError, match=r"^uds_owner: must be a (user|group) of this system, got 'no-such-"):
        listeners_of(Config(uds=str(tmp_path / "app.sock"), uds_owner=owner), {})


def test_a_socket_that_cannot_be_given_away_is_not_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str, user: int, group: int) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "chown", refuse)
    path = tmp_path / "app.sock"
    with pytest.raises(StartupError, match=r"cannot give unix:.* to another owner \(uds_owner\): Operation not"):
        open_listeners([Bind(path=str(path))], Admission(user=1))
    assert not path.exists()


@pytest.mark.skipif(not IS_LINUX, reason="only Linux tells of sockets that do not listen yet")
def test_of_servers_that_start_at_once_on_one_stale_path_one_gets_it(tmp_path: Path) -> None:
    path = tmp_path / "app.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    source = (
        "import sys; from licorne.config.targets import Bind\n"
        "from licorne.server.listening.listeners import open_listeners\n"
        "sys.stdin.readline()\n"
        "try:\n    kept = open_listeners([Bind(path=sys.argv[1])]); kept[0].listen(1); print('mine')\n"
        "except Exception as error:\n    print(error)\n"
        "sys.stdout.flush(); sys.stdin.readline()\n"
    )
    with racing(source, str(path), 4) as (_, answers):
        pass
    assert answers.count("mine") == 1, answers
    assert all("the socket is in use" in answer for answer in answers if answer != "mine"), answers


def test_a_directory_that_is_locked_by_another_program_keeps_nobody_from_starting(
    closing: ExitStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    from licorne.server import locking

    monkeypatch.setattr(locking, "_LOCK_SECONDS", 0.05)
    fd = os.open(tmp_path, os.O_RDONLY)
    closing.callback(os.close, fd)
    fcntl.flock(fd, fcntl.LOCK_EX)
    for listener in open_listeners([Bind(path=str(tmp_path / "app.sock"))]):
        listener.close()


def test_a_path_that_was_replaced_before_it_listens_is_one_line(closing: ExitStack, tmp_path: Path) -> None:
    path = tmp_path / "app.sock"
    [listener] = open_listeners([Bind(path=str(path))])
    closing.callback(listener.close)
    path.unlink()
    with pytest.raises(StartupError, match="the socket was removed or replaced meanwhile"):
        listener.listen(1)


def test_a_path_is_removed_also_when_the_directory_has_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    [listener] = open_listeners([Bind(path="app.sock")])
    (tmp_path / "inner").mkdir()
    monkeypatch.chdir(tmp_path / "inner")
    listener.listen(1)
    listener.close()
    assert not (tmp_path / "app.sock").exists()


def test_the_path_of_a_listener_can_be_left_to_another_process(tmp_path: Path) -> None:
    path = tmp_path / "app.sock"
    [listener] = open_listeners([Bind(path=str(path))])
    listener.give_up_path()
    heir = Listener(listener.sock.dup(), is_shared=True)
    listener.close()
    heir.own_path(str(path))
    heir.listen(1)
    assert path.exists()
    heir.close()
    assert not path.exists()


def test_an_empty_path_is_no_unix_socket() -> None:
    with pytest.raises(ConfigError, match="uds: must be the path of a UNIX socket"):
        binds_of(Config("main:app", uds=""))
