"""What becomes of gunicorn's settings and signals."""

import re
import signal
from pathlib import Path

from tests.gunicorn.process import GunicornProcess
from tests.server.process import Client
from tests.support.certificates import Authority, SecureClient


def exit_status(app: str, home: Path, *arguments: str) -> tuple[int, str]:
    """Return how a gunicorn ends that cannot serve, and its log."""
    with GunicornProcess(app, home, *arguments) as server:
        return server.wait(), server.log


def get(port: int) -> bytes:
    """Return a response."""
    with Client(port) as client:
        return client.get()


def test_the_settings_become_options(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    form = "%(h)s %(m)s %(U)s %(s)s %({user-agent}i)s %(p)s"
    settings = ["--keep-alive", "7", "--access-logfile", str(log), "--access-logformat", form]
    settings += ["--max-requests", "3", "--limit-request-line", "100"]
    with GunicornProcess("apps:hello", tmp_path, *settings) as server:
        server.wait_until_ready()
        first = get(server.port)
        assert b"keep-alive: timeout=7" in first.lower()
        with Client(server.port) as client:
            assert client.get("/" + "x" * 200).startswith(b"HTTP/1.1 414")
        get(server.port)
        server.wait_for(r"Maximum request limit of 3 exceeded. Terminating process.")
        server.wait_until_ready(2)
        assert get(server.port).endswith(b"hello")
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
    assert re.fullmatch(r"127\.0\.0\.1 GET / 200 - <\d+>", log.read_text().splitlines()[0])


def test_the_peers_that_are_trusted_are_those_of_the_setting(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    for peers in ("127.0.0.1", "192.0.2.1"):
        settings = ["--access-logfile", str(log), "--access-logformat", "%(h)s %({host}i)s"]
        with GunicornProcess("apps:hello", tmp_path, *settings, "--forwarded-allow-ips", peers) as server:
            server.wait_until_ready()
            with Client(server.port) as client:
                told = "X-Forwarded-For: 198.51.100.7\r\nX-Forwarded-Host: a.example"
                client.sock.sendall(f"GET / HTTP/1.1\r\nHost: here\r\n{told}\r\n\r\n".encode())
                client.read_response()
            server.signal(signal.SIGTERM)
            assert server.wait() == 0
    assert log.read_text().splitlines() == ["198.51.100.7 a.example", "127.0.0.1 here"]


def test_a_proxy_may_say_whose_a_connection_is(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    settings = ["--access-logfile", str(log), "--access-logformat", "%(h)s", "--proxy-protocol"]
    with GunicornProcess("apps:hello", tmp_path, *settings) as server:
        server.wait_until_ready()
        with Client(server.port) as client:
            client.sock.sendall(
                b"PROXY TCP4 198.51.100.7 192.0.2.2 50000 443\r\n" + b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
            )
            assert client.read_response().endswith(b"hello")
        with Client(server.port) as client:
            assert client.get().startswith(b"HTTP/1.1 400")
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
    assert log.read_text().splitlines() == ["198.51.100.7"]


def test_gunicorn_logs_what_licorne_says_and_reopens_its_files(tmp_path: Path) -> None:
    access, moved = tmp_path / "access.log", tmp_path / "moved.log"
    errors = tmp_path / "error.log"
    with GunicornProcess(
        "apps:hello", tmp_path, "--access-logfile", str(access), "--error-logfile", str(errors)
    ) as server:
        while "Started server process" not in (errors.read_text() if errors.exists() else ""):
            assert server.process.poll() is None
        port = int(re.search(r"Listening at: http://127\.0\.0\.1:(\d+)", errors.read_text())[1])  # type: ignore[index]
        get(port)
        access.rename(moved)
        server.signal(signal.SIGUSR1)
        while not access.exists() or not access.read_text():
            get(port)
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
    assert '"GET / HTTP/1.1" 200' in moved.read_text()
    assert re.search(r"^\[[-\d: +]+\] \[\d+\] \[INFO\] Finished server process", errors.read_text(), re.MULTILINE)


def test_there_is_no_access_log_unless_gunicorn_has_one(tmp_path: Path) -> None:
    with GunicornProcess("apps:hello", tmp_path) as server:
        server.wait_until_ready()
        get(server.port)
        server.signal(signal.SIGTERM)
        server.wait()
    assert "GET /" not in server.log


def test_a_format_that_cannot_be_read_is_replaced(tmp_path: Path) -> None:
    with GunicornProcess(
        "apps:hello", tmp_path, "--access-logfile", "-", "--access-logformat", "%(nonsense)s"
    ) as server:
        server.wait_until_ready()
        get(server.port)
        server.wait_for(r"\[WARNING\] licorne: access_log_format: has an unknown atom %\(nonsense\)s")
        server.wait_for(r'^127\.0\.0\.1 - - \[.*\] "GET / HTTP/1\.1" 200 5 "-" "-"$')


def test_a_subclass_sets_options(tmp_path: Path) -> None:
    with GunicornProcess("apps:hello", tmp_path, worker="workers.OwnWorker") as server:
        server.wait_until_ready()
        response = get(server.port).lower()
        assert b"x-own: yes" in response
        assert b"server:" not in response


def test_boot_errors_have_gunicorns_statuses(tmp_path: Path) -> None:
    assert exit_status("apps:failing_start", tmp_path)[0] == 3
    assert exit_status("apps:not_there", tmp_path)[0] == 4
    status, log = exit_status("apps:hello", tmp_path, "--certfile", "x", "--keyfile", "y")
    assert status in (1, 3)
    assert "certfile" in log


def test_its_certificates_are_used(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.sign_apart("localhost")
    arguments = ("--certfile", str(certificate), "--keyfile", str(key))
    with GunicornProcess("apps:hello", tmp_path, *arguments) as server:
        server.wait_until_ready()
        with SecureClient(server.port, authority.context()) as client:
            assert client.get().endswith(b"hello")


def test_hup_replaces_the_workers_after_their_requests(tmp_path: Path) -> None:
    with GunicornProcess("apps:echo", tmp_path) as server:
        server.wait_until_ready()
        with Client(server.port) as client:
            client.send_half_a_request()
            server.wait_for("began")
            server.signal(signal.SIGHUP)
            server.wait_until_ready(2)
            client.send_the_rest()
            assert client.read_response().endswith(b"hello")


def test_quit_ends_at_once_and_calls_the_hook_once(tmp_path: Path) -> None:
    with GunicornProcess("apps:echo", tmp_path) as server:
        server.wait_until_ready()
        with Client(server.port) as client:
            client.send_half_a_request()
            server.wait_for("began")
            server.signal(signal.SIGQUIT)
            assert server.wait() == 0
    assert server.log.count("hook: worker_int") == 1


def test_a_worker_whose_gunicorn_is_gone_ends(tmp_path: Path) -> None:
    with GunicornProcess("apps:hello", tmp_path) as server:
        worker = int(server.wait_for(r"Booting worker with pid: (\d+)")[1])
        server.wait_until_ready()
        server.process.kill()
        server.process.wait()
        server.wait_for(rf"Finished server process \[{worker}\]")
