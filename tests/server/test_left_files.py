"""The files that a server leaves: whole, refused where another server lives, and removed only if they are ours."""

import errno
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from licorne.config.targets import Bind
from licorne.errors import StartupError
from licorne.server.listening.listeners import open_listeners
from licorne.server.premises.pidfile import LeftFile, address_lines, is_alive, write_pid_file
from tests.server.process import DEADLINE_SECONDS, Client, ServerProcess, racing


@pytest.fixture
def living() -> Iterator[int]:
    """Return the number of a process that lives, and is older than what a test writes."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process.pid
        process.kill()


def dead() -> int:
    """Return the number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def test_the_number_is_written_for_all_to_read_and_removed(tmp_path: Path) -> None:
    path = tmp_path / "app.pid"
    before = os.umask(0o077)
    try:
        file = write_pid_file(str(path))
    finally:
        os.umask(before)
    assert path.read_text() == f"{os.getpid()}\n"
    file.remove()
    assert os.listdir(tmp_path) == []


def test_the_number_of_a_dead_process_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "app.pid"
    path.write_text(f"{dead()}\n")
    write_pid_file(str(path)).remove()
    assert not path.exists()


@pytest.mark.parametrize("content", ["", "\n", " {ours} \n", "99999999999999999999"])
def test_what_names_nobody_or_ourselves_is_replaced(tmp_path: Path, content: str) -> None:
    path = tmp_path / "app.pid"
    path.write_text(content.format(ours=os.getpid()))
    write_pid_file(str(path)).remove()


def test_a_process_that_lives_is_respected(tmp_path: Path, living: int) -> None:
    path = tmp_path / "app.pid"
    path.write_text(f"{living}")
    with pytest.raises(StartupError) as caught:
        write_pid_file(str(path))
    line = str(caught.value)
    assert line.startswith(f"{path} (pid_file) names process {living}")
    assert line.endswith(", which is running; stop it, or remove the file if it is not this server's")
    assert path.read_text() == f"{living}"
    assert os.listdir(tmp_path) == ["app.pid"]
    write_pid_file(str(path), predecessor=living).remove()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells how old a process is")
def test_a_process_that_is_younger_than_the_file_got_its_number_anew(tmp_path: Path, living: int) -> None:
    path = tmp_path / "app.pid"
    path.write_text(f"{living}")
    os.utime(path, (time.time() - 3600,) * 2)
    write_pid_file(str(path)).remove()


def test_a_process_that_nobody_has_buried_is_not_alive() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.read()  # it has ended, or is just about to
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert is_alive(process.pid) == (sys.platform != "linux")
    process.communicate()


@pytest.mark.parametrize("content", ["import licorne\n", "12x", "-5", "\x00"])
def test_a_file_of_another_kind_is_not_touched(tmp_path: Path, content: str) -> None:
    path = tmp_path / "main.py"
    path.write_text(content)
    with pytest.raises(StartupError, match=r"\(pid_file\) is no PID file; remove it or name another one$"):
        write_pid_file(str(path))
    with pytest.raises(StartupError, match=r"\(port_file\) is no file of addresses; remove it or name another one$"):
        LeftFile("port_file", str(path)).check()
    assert path.read_text() == content


@pytest.mark.parametrize("content", ["", "127.0.0.1 8000\n", "::1 80\nunix /run/a b.sock\nfe80::1%eth0 1\n"])
def test_addresses_that_a_dead_server_left_are_replaced(tmp_path: Path, content: str) -> None:
    path = tmp_path / "port"
    path.write_text(content)
    file = LeftFile("port_file", str(path))
    file.check()
    assert path.read_text() == content
    file.write("127.0.0.1 1\n")
    assert path.read_text() == "127.0.0.1 1\n"


def test_a_directory_that_is_not_there_or_a_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "missing", tmp_path / "file"):
        with pytest.raises(StartupError, match=rf"\(pid_file\): there is no directory {folder}$"):
            write_pid_file(str(folder / "app.pid"))


def test_only_regular_files_are_replaced(tmp_path: Path) -> None:
    folder, pipe, sock = tmp_path / "folder", tmp_path / "pipe", tmp_path / "socket"
    folder.mkdir()
    os.mkfifo(pipe)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(sock))
    link = tmp_path / "link"
    link.symlink_to(pipe)
    for path in (folder, pipe, sock, link):
        before = path.lstat()
        with pytest.raises(StartupError, match=r"\(pid_file\) is not a regular file; name another one$"):
            write_pid_file(str(path))
        with pytest.raises(StartupError, match=r"\(port_file\) is not a regular file; name another one$"):
            LeftFile("port_file", str(path)).check()
        assert path.lstat() == before


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    link.symlink_to(target)
    write_pid_file(str(link)).remove()
    target.write_text("1")
    link.symlink_to(target)
    LeftFile("port_file", str(tmp_path / "other")).check()
    link.unlink()
    assert target.read_text() == "1"


@pytest.mark.parametrize(
    ("number", "reason"),
    [(errno.EACCES, "permission denied; .* must be writable by this user"), (errno.EROFS, "Read-only file system")],
)
def test_a_directory_that_cannot_be_written_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, reason: str
) -> None:
    open_before = os.open

    def refuse(path: str, flags: int, *rest: int) -> int:
        if flags & os.O_CREAT:
            raise OSError(number, os.strerror(number))
        return open_before(path, flags, *rest)

    monkeypatch.setattr(os, "open", refuse)
    for attempt in (LeftFile("port_file", str(tmp_path / "port")).check, lambda: write_pid_file(str(tmp_path / "pid"))):
        with pytest.raises(StartupError, match=rf"^cannot write {tmp_path}/p.* \(.*\): {reason}$"):
            attempt()


def test_a_file_that_another_server_has_replaced_stays(tmp_path: Path) -> None:
    path = tmp_path / "app.pid"
    file = write_pid_file(str(path))
    other = tmp_path / "other"
    other.write_text("1")
    other.replace(path)
    file.remove()
    assert path.read_text() == "1"


def test_a_child_does_not_remove_the_file_of_its_parent(tmp_path: Path) -> None:
    path = tmp_path / "app.pid"
    file = write_pid_file(str(path))
    pid = os.fork()
    if pid == 0:
        file.remove()
        os._exit(0)
    os.waitpid(pid, 0)
    assert path.exists()


def test_of_servers_that_start_at_once_one_gets_the_file(tmp_path: Path) -> None:
    path = tmp_path / "app.pid"
    path.write_text(f"{dead()}")
    source = (
        "import sys; from licorne.server.premises.pidfile import write_pid_file\nsys.stdin.readline()\n"
        "try:\n    write_pid_file(sys.argv[1]); print('mine')\nexcept Exception as error:\n    print(error)\n"
        "sys.stdout.flush(); sys.stdin.readline()\n"
    )
    with racing(source, str(path), 3) as (servers, answers):
        winner = servers[answers.index("mine")]
        assert path.read_text() == f"{winner.pid}\n"
        assert answers.count("mine") == 1, answers


def test_a_reader_never_sees_half_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "port"
    texts = {"a" * 5000, "b" * 5000}
    seen: set[str] = set()
    is_over = threading.Event()

    def read() -> None:
        while not is_over.is_set():
            if path.exists():
                seen.add(path.read_text())

    reader = threading.Thread(target=read)
    reader.start()
    file = LeftFile("port_file", str(path))
    for _ in range(100):
        for text in texts:
            file.write(text)
    is_over.set()
    reader.join()
    assert seen <= texts


def test_every_address_is_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with ExitStack() as closing:
        listeners = open_listeners([Bind(host="127.0.0.1", port=0), Bind(path="app.sock")])
        for listener in listeners:
            closing.callback(listener.close)
        port = listeners[0].port
        assert address_lines([*listeners, listeners[0]]) == f"127.0.0.1 {port}\nunix {tmp_path}/app.sock\n"


@pytest.mark.parametrize("workers", [(), ("--workers", "2")], ids=["single", "workers"])
def test_a_server_leaves_its_number_and_its_addresses_and_takes_them_away(
    tmp_path: Path, workers: tuple[str, ...]
) -> None:
    pid_file, port_file = tmp_path / "app.pid", tmp_path / "app.port"
    files = ("--pid-file", str(pid_file), "--port-file", str(port_file))
    with ServerProcess("apps:hello", "--port", "0", *workers, *files) as server:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not port_file.exists():
            assert time.monotonic() < deadline, server.log
            time.sleep(0.01)
        host, port = port_file.read_text().split()
        with Client((host, int(port))) as client:
            assert client.get().endswith(b"hello")
        assert pid_file.read_text() == f"{server.process.pid}\n"
        with ServerProcess("apps:hello", "--port", "0", *workers, *files) as second:
            assert second.wait() == 3
            assert second.lines[-1].startswith(f"licorne: {pid_file} (pid_file) names process {server.process.pid} (")
        assert port_file.exists()
        server.process.terminate()
        server.wait()
    assert os.listdir(tmp_path) == []


def test_a_server_that_does_not_start_leaves_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        files = ("--pid-file", str(tmp_path / "pid"), "--port-file", str(tmp_path / "port"))
        for workers in ((), ("--workers", "1")):
            with ServerProcess("apps:hello", "--port", str(taken.getsockname()[1]), *workers, *files) as server:
                assert server.wait() == 3
    assert os.listdir(tmp_path) == []
