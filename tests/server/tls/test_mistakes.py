"""Files, passwords, ciphers and names that cannot be used: one line and an exit status, before anything is bound."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

import pytest

from tests.server.process import APPS, DEADLINE_SECONDS, ServerProcess
from tests.support.certificates import Authority


@pytest.fixture(scope="module")
def files(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with files that are good, and many that are not."""
    folder = tmp_path_factory.mktemp("files")
    certificate, key = authority.sign_apart("localhost")
    (folder / "cert.pem").write_bytes(certificate.read_bytes())
    (folder / "key.pem").write_bytes(key.read_bytes())
    (folder / "other.pem").write_bytes(authority.sign_apart("localhost")[1].read_bytes())
    (folder / "text.pem").write_text("no certificate\n")
    (folder / "cut.pem").write_bytes(certificate.read_bytes()[:400] + b"\n-----END CERTIFICATE-----\n")
    (folder / "bad.pem").write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    (folder / "password").write_text("right\nsecond line\n")
    command = ["openssl", "pkey", "-in", str(key), "-aes128", "-passout", "pass:right", "-out"]
    subprocess.run([*command, str(folder / "locked.pem")], check=True, capture_output=True)
    return folder


MISTAKES = {
    "--ssl-certfile cert.pem": "ssl_certfile: must be a PEM file with a private key in it (set ssl_keyfile)",
    "--ssl-keyfile key.pem": "ssl_keyfile: needs ssl_certfile too, got 'key.pem' (from flag --ssl-keyfile)",
    "--ssl-certfile none.pem": "ssl_certfile: must be a file, but there is none of this name",
    "--ssl-certfile text.pem --ssl-keyfile key.pem": "ssl_certfile: must be a PEM file with a certificate in it",
    "--ssl-certfile cut.pem --ssl-keyfile key.pem": "ssl_certfile: holds a certificate that cannot be read",
    "--ssl-certfile cert.pem --ssl-keyfile cert.pem": "ssl_keyfile: must be a PEM file with a private key in it",
    "--ssl-certfile cert.pem --ssl-keyfile bad.pem": "ssl_keyfile: holds a private key that cannot be read",
    "--ssl-certfile cert.pem --ssl-keyfile other.pem": "ssl_keyfile: is not the key of the certificate in cert.pem",
    "--ssl-certfile cert.pem --ssl-keyfile locked.pem": "ssl_keyfile_password is needed, since the private key is",
    "--ssl-certfile cert.pem --ssl-keyfile locked.pem --ssl-keyfile-password wrong": (
        "ssl_keyfile_password: does not decrypt locked.pem, got '********' (from flag --ssl-keyfile-password)"
    ),
    "--ssl-certfile cert.pem --ssl-keyfile key.pem --ssl-ciphers NONE": "ssl_ciphers: must name ciphers of TLS 1.2",
    "--ssl-certfile cert.pem --ssl-keyfile key.pem --ssl-cert-reqs 2": "ssl_cert_reqs: needs ssl_ca_certs",
    "--ssl-certfile cert.pem --ssl-keyfile key.pem --ssl-ca-certs key.pem": "ssl_ca_certs: must be a PEM file of",
    "--ssl-certfile cert.pem --ssl-keyfile key.pem --ssl-version 5 --ssl-min-version 1.3": "ssl_version: is TLS 1.2",
    "--ssl-certfile cert.pem --ssl-keyfile key.pem --ssl-sni a.org=cert.pem,other.pem": "ssl_sni: is not the key of",
    "--ssl-certfile cert.pem --ssl-keyfile key.pem --ssl-sni a.org=none.pem": "ssl_sni: must name files that are there",
    "--ssl-certfile cert.pem --ssl-keyfile key.pem --ssl-keylog-file none/keys": "ssl_keylog_file: must be a file that",
    "--redirect-http-bind 127.0.0.1:0": "redirect_http_bind: needs ssl_certfile",
}
OF_FACTORIES = {
    "apps:hello": "ssl_context_factory: failed with TypeError",
    "apps:make_nothing": "ssl_context_factory: failed with TypeError",
    "apps:none": "cannot load ssl_context_factory apps:none: there is no",
}


@pytest.mark.parametrize("workers", [(), ("--workers", "2")], ids=["one process", "workers"])
@pytest.mark.parametrize("arguments", MISTAKES)
def test_a_mistake_is_one_line_and_status_2(arguments: str, workers: tuple[str, ...], files: Path) -> None:
    with ServerProcess("apps:hello", "--port", "0", *arguments.split(), *workers, cwd=files) as server:
        assert server.wait() == 2
    lines = [line for line in server.lines if line.startswith("licorne: ")]
    assert len(lines) == 1, server.log
    assert lines[0].startswith("licorne: " + MISTAKES[arguments])
    assert "Traceback" not in server.log
    assert "running on" not in server.log


@pytest.mark.parametrize(("workers", "status"), [((), 2), (("--workers", "2"), 3)], ids=["one process", "workers"])
@pytest.mark.parametrize("factory", OF_FACTORIES)
def test_a_factory_is_called_where_the_application_is(factory: str, workers: tuple[str, ...], status: int) -> None:
    with ServerProcess("apps:hello", "--port", "0", "--ssl-context-factory", factory, *workers) as server:
        assert server.wait() == status
    lines = [line for line in server.lines if line.startswith("licorne: ")]
    assert len(lines) == 1, server.log
    assert lines[0].startswith("licorne: " + OF_FACTORIES[factory])


@pytest.mark.parametrize("password", ["right", "@password"])
def test_a_password_may_stand_in_a_file(password: str, files: Path) -> None:
    arguments = ("--ssl-certfile", "cert.pem", "--ssl-keyfile", "locked.pem", "--ssl-keyfile-password", password)
    with ServerProcess("apps:hello", "--port", "0", *arguments, cwd=files) as server:
        server.wait_for("running on https://")


def test_a_password_may_stand_in_a_variable(files: Path) -> None:
    arguments = ("--ssl-certfile", "cert.pem", "--ssl-keyfile", "locked.pem")
    variables = {"LICORNE_SSL_KEYFILE_PASSWORD": "right"}
    with ServerProcess("apps:hello", "--port", "0", *arguments, cwd=files, variables=variables) as server:
        server.wait_for("running on https://")


ANSWERS = {
    "right": ("right\n", r"running on .*https://"),
    "wrong": (
        "wrong\n",
        r"licorne: ssl_keyfile_password: does not decrypt locked\.pem, got '\*+' \(from the terminal\)",
    ),
    "nothing": ("\n", r"licorne: ssl_keyfile_password: does not decrypt locked\.pem"),
    "the end": ("\x04", r"licorne: ssl_keyfile_password is needed, since the private key is encrypted \(locked\.pem\)"),
}


@pytest.mark.parametrize("workers", [(), ("--workers", "2")], ids=["one process", "workers"])
@pytest.mark.parametrize("answer", ANSWERS)
def test_a_password_is_asked_for_once_at_a_terminal(answer: str, workers: tuple[str, ...], files: Path) -> None:
    typed, said = ANSWERS[answer]
    with Terminal("--ssl-certfile", "cert.pem", "--ssl-keyfile", "locked.pem", *workers, cwd=files) as terminal:
        terminal.wait_for(r"Password of the private key in locked\.pem: ")
        terminal.type(typed)
        terminal.wait_for(said)
        if answer == "right":
            terminal.type("\x03")
        assert terminal.wait() == (0 if answer == "right" else 2)
        assert terminal.shown.count("Password of the private key") == 1
        assert typed.strip() not in ("right", "wrong") or typed.strip() not in terminal.shown
        assert "Traceback" not in terminal.shown


def test_ctrl_c_instead_of_a_password_ends_it_quietly(files: Path) -> None:
    with Terminal("--ssl-certfile", "cert.pem", "--ssl-keyfile", "locked.pem", cwd=files) as terminal:
        terminal.wait_for("Password of the private key")
        terminal.type("\x03")
        # Python does not see a signal that comes between its prompt and its reading: whoever waits presses again.
        assert terminal.wait(meanwhile="\x03") != 0
        assert "Traceback" not in terminal.shown


class Terminal:
    """Run `licorne` at a terminal of its own."""

    def __init__(self, *arguments: str, cwd: Path) -> None:
        options = ("--port", "0", "--app-dir", str(APPS), *arguments)
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            os.chdir(cwd)
            os.execv(sys.executable, [sys.executable, "-m", "licorne", "apps:hello", *options])
        self.shown = ""
        self._status: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self._terminal)

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self._terminal, text.encode())

    def wait_for(self, pattern: str) -> None:
        """Return when something is shown; fail if it is not."""
        while not re.search(pattern, self.shown):
            assert self._read(), f"{pattern!r} is not shown, but:\n{self.shown}"

    def wait(self, meanwhile: str = "") -> int:
        """Return the exit status, when all is read; as long as nothing comes, press these keys each second."""
        while self._read(meanwhile):
            pass
        _, status = os.waitpid(self.pid, 0)
        self._status = os.waitstatus_to_exitcode(status)
        return self._status

    def _read(self, meanwhile: str = "") -> bool:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not select.select([self._terminal], [], [], 1.0)[0]:
            assert time.monotonic() < deadline, f"nothing comes any more behind:\n{self.shown}"
            self.type(meanwhile)
        try:
            data = os.read(self._terminal, 65536)
        except OSError:  # the other side is closed
            return False
        self.shown += data.decode(errors="replace")
        return bool(data)


def test_a_password_is_shown_to_nobody(files: Path) -> None:
    variables = {"LICORNE_SSL_KEYFILE_PASSWORD": "right"}
    with ServerProcess("apps:hello", "--show-config", cwd=files, variables=variables) as server:
        assert server.wait() == 0
    assert 'ssl-keyfile-password = "********"' in server.log
    assert "right" not in server.log


def test_options_without_a_certificate_have_no_effect_and_that_is_said(files: Path) -> None:
    with ServerProcess("apps:hello", "--port", "0", "--ssl-min-version", "1.3", cwd=files) as server:
        server.wait_for("ssl_min_version has no effect without ssl_certfile")
        server.wait_for("running on http://")
