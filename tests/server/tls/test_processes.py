"""TLS where there is more than one process: workers, their replacement, a new command, a reload, another user."""

import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.server.process import ServerProcess, running
from tests.support.certificates import Authority, SecureClient
from tests.support.load import BackgroundLoad

APP = """
async def app(scope, receive, send):
    assert scope["type"] == "http"
    await send({{"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"3")]}})
    await send({{"type": "http.response.body", "body": b"{version}"}})
"""


class Load(BackgroundLoad):
    """Ask in threads, each time on a new connection and on one that stays."""

    def __init__(self, port: int, authority: Authority) -> None:
        super().__init__([self._ask] * 4)
        self.port = port
        self.context = authority.context()
        self.answers = 0

    def _ask(self) -> None:
        with SecureClient(self.port, self.context) as client:
            for _ in range(3):
                answer = client.get()
                assert answer.startswith(b"HTTP/1.1 200 "), answer
                self.answers += 1
                if b"connection: close" in answer.lower():
                    return


def replace(path: Path, content: bytes) -> None:
    """Put a file in the place of another, as tools for certificates do."""
    fresh = path.with_suffix(".new")
    fresh.write_bytes(content)
    fresh.replace(path)


@contextmanager
def live(authority: Authority, folder: Path) -> Iterator[tuple[Path, Path]]:
    """Yield the files of a certificate and its key, to be replaced."""
    files = folder / "live.pem", folder / "live-key.pem"
    renew(authority, files, "first.example")
    yield files


def renew(authority: Authority, files: tuple[Path, Path], name: str) -> None:
    """Put a new certificate for a name in place, and then its key: in between, they are not of one kind."""
    for source, target in zip(authority.sign_apart("localhost", name), files, strict=True):
        replace(target, source.read_bytes())


@pytest.mark.parametrize("workers", [(), ("--workers", "2")], ids=["one process", "workers"])
def test_no_request_fails_while_files_are_replaced_often(
    workers: tuple[str, ...], authority: Authority, tmp_path: Path
) -> None:
    with live(authority, tmp_path) as files:
        options = ("--ssl-certfile", str(files[0]), "--ssl-keyfile", str(files[1]), "--no-access-log", *workers)
        with running("whoami", *options) as server, Load(server.port, authority) as load:
            wait_until_shown("first.example", server, authority, len(workers) or 1)
            for count in range(20):
                renew(authority, files, f"number-{count}.example")
                if workers and count % 7 == 6:  # the supervisor follows only files that are good, and these are
                    server.signal(signal.SIGHUP)
                    server.wait_for("Terminated child process", 2 * (count // 7 + 1))
            replace(files[1], b"broken\n")
            server.wait_for("The TLS certificates stay as they were: ssl_keyfile")
            renew(authority, files, "last.example")
            wait_until_shown("last.example", server, authority, len(workers) or 1)
    assert load.failures == []
    assert load.answers > 20
    assert "handshake failed" not in server.log
    assert "Traceback" not in server.log


def wait_until_shown(name: str, server: ServerProcess, authority: Authority, count: int) -> None:
    """Return when so many processes have shown a certificate for a name."""
    shown: set[bytes] = set()
    while len(shown) < count:
        with SecureClient(server.port, authority.context()) as client:
            pid = client.get().rpartition(b"\r\n\r\n")[2]
            if name in client.alternative_names():
                shown.add(pid)


def test_one_of_several_workers_says_that_files_have_changed(authority: Authority, tmp_path: Path) -> None:
    with live(authority, tmp_path) as files:
        options = ("--ssl-certfile", str(files[0]), "--ssl-keyfile", str(files[1]), "--workers", "3")
        with running("whoami", *options) as server:
            wait_until_shown("first.example", server, authority, 3)
            renew(authority, files, "second.example")
            wait_until_shown("second.example", server, authority, 3)
            server.wait_for("The TLS certificates were read anew")
            replace(files[0], b"broken\n")
            server.wait_for("The TLS certificates stay as they were")
            renew(authority, files, "third.example")
            wait_until_shown("third.example", server, authority, 3)
            server.wait_for("The TLS certificates were read anew", 2)
            server.signal(signal.SIGTERM)
            assert server.wait() == 0
    assert server.log.count("were read anew") == 2
    assert server.log.count("stay as they were") == 1


def test_a_new_command_that_takes_over_speaks_it_too(authority: Authority, tmp_path: Path) -> None:
    with live(authority, tmp_path) as files:
        options = ("--ssl-certfile", str(files[0]), "--ssl-keyfile", str(files[1]), "--workers", "1")
        redirecting = ("--redirect-http-bind", "127.0.0.1:0")
        with running("whoami", *options, *redirecting) as server, ended(server):
            renew(authority, files, "second.example")
            with Load(server.port, authority) as load:
                server.signal(signal.SIGUSR2)
                server.wait_for(r"Process \[\d+\] has taken over")
                server.wait_for(rf"Stopping parent process \[{server.process.pid}\]")
            with SecureClient(server.port, authority.context()) as client:
                assert "second.example" in client.alternative_names()
    assert load.failures == []


@contextmanager
def ended(server: ServerProcess) -> Iterator[None]:
    """Kill at the end what has taken over."""
    try:
        yield
    finally:
        for pid in re.findall(r"Started process \[(\d+)\] to take over", server.log):
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)


def test_what_is_reloaded_speaks_it_too(authority: Authority, certificate: Path, tmp_path: Path) -> None:
    path = tmp_path / "main.py"
    path.write_text(APP.format(version="old"))
    options = ("--reload", "--ssl-certfile", str(certificate), "--port", "0")
    with ServerProcess("main:app", *options, app_dir=tmp_path, cwd=tmp_path) as server:
        with SecureClient(server.port, authority.context()) as client:
            assert client.get().endswith(b"old")
        fresh = path.with_suffix(".new")
        fresh.write_text(APP.format(version="new"))
        os.utime(fresh, (1, 1))
        fresh.replace(path)
        answer = b"old"
        while answer.endswith(b"old"):
            with suppress(OSError, AssertionError), SecureClient(server.port, authority.context()) as client:
                answer = client.get()
        assert answer.endswith(b"new")


def test_files_that_the_user_to_become_cannot_read_are_refused(authority: Authority, tmp_path: Path) -> None:
    certificate, key = authority.sign_apart("localhost")
    secret = tmp_path / "secret.pem"
    secret.write_bytes(key.read_bytes())
    secret.chmod(0)
    options = ("--ssl-certfile", str(certificate), "--ssl-keyfile", str(secret), "--preload")
    user = ("--user", "nobody") if os.getuid() == 0 else ()
    with ServerProcess("apps:hello", "--port", "0", *options, *user) as server:
        assert server.wait() == 2
    lines = [line for line in server.lines if line.startswith("licorne: ")]
    assert len(lines) == 1, server.log
    assert re.match(
        r"licorne: ssl_(cert|key)file: must be a file that can be read \(\S+: Permission denied\)", lines[0]
    )
    assert "Traceback" not in server.log


@pytest.mark.parametrize("workers", [(), ("--workers", "2")], ids=["one process", "workers"])
def test_a_certificate_that_has_expired_is_warned_of_in_one_line(
    workers: tuple[str, ...], authority: Authority
) -> None:
    expired = authority.sign_expired("localhost")
    with running("hello", "--ssl-certfile", str(expired), *workers) as server:
        line = (
            rf"WARNING: +The TLS certificate in {re.escape(str(expired))} has expired on \d{{4}}-\d\d-\d\d at .* UTC: "
        )
        server.wait_for(line)
        assert server.log.count("has expired on") == 1


@pytest.mark.parametrize(
    "workers", [(), ("--workers", "1"), ("--preload",)], ids=["one process", "worker", "preloaded"]
)
def test_an_application_may_go_to_another_directory(
    workers: tuple[str, ...], authority: Authority, certificate: Path, tmp_path: Path
) -> None:
    (tmp_path / "main.py").write_text("import os\nos.chdir('/')\n" + APP.format(version="app"))
    (tmp_path / "cert.pem").write_bytes(certificate.read_bytes())
    options = ("--ssl-certfile", "cert.pem", "--ssl-sni", "one.example=cert.pem", "--port", "0", *workers)
    with ServerProcess("main:app", *options, app_dir=tmp_path, cwd=tmp_path) as server:
        with SecureClient(server.port, authority.context()) as client:
            assert client.get().endswith(b"app")
        replace(tmp_path / "cert.pem", authority.sign("localhost", "new.example").read_bytes())
        server.wait_for("The TLS certificates were read anew")
        with SecureClient(server.port, authority.context()) as client:
            assert "new.example" in client.alternative_names()


def test_a_hangup_has_a_process_that_is_alone_read_certificates_anew(authority: Authority, tmp_path: Path) -> None:
    with live(authority, tmp_path) as files:
        options = ("--ssl-certfile", str(files[0]), "--ssl-keyfile", str(files[1]), "--port", "0", "--no-access-log")
        # Without a terminal, wherever the tests are run.
        with ServerProcess("apps:whoami", *options, launcher=("setsid",)) as server:
            with Load(server.port, authority) as load:
                for count in (1, 2):
                    server.signal(signal.SIGHUP)
                    server.wait_for("The TLS certificates were read anew", count)
            server.signal(signal.SIGTERM)
            assert server.wait() == -signal.SIGTERM
    assert load.failures == []
    assert load.answers
