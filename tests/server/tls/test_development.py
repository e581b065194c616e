"""`licorne cert`: an authority of one's own, and certificates for development that clients accept."""

import os
import ssl
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.server.process import ServerProcess
from tests.support.certificates import SecureClient


def run(folder: Path, *hosts: str) -> "subprocess.CompletedProcess[str]":
    """Run the command in a folder, with settings in a folder of their own beside it."""
    variables = {**os.environ, "XDG_CONFIG_HOME": str(folder / "settings")}
    command = [sys.executable, "-m", "licorne", "cert", *hosts]
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, timeout=60)


def authority_of(folder: Path) -> Path:
    """Return where the authority is."""
    return folder / "settings" / "licorne" / "authority.pem"


def test_https_at_home_is_one_command(tmp_path: Path) -> None:
    made = run(tmp_path)
    assert made.returncode == 0, made.stderr
    assert "licorne main:app --ssl-certfile localhost.pem --ssl-keyfile localhost-key.pem" in made.stdout
    arguments = ("--ssl-certfile", "localhost.pem", "--ssl-keyfile", "localhost-key.pem")
    with ServerProcess("apps:hello", "--port", "0", *arguments, cwd=tmp_path) as server:
        context = ssl.create_default_context(cafile=str(authority_of(tmp_path)))
        context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
        for name in ("localhost", "127.0.0.1"):
            with SecureClient(server.port, context, name) as client:
                assert client.get().endswith(b"hello")


def test_the_authority_is_made_once_and_its_key_is_the_owner_s_alone(tmp_path: Path) -> None:
    assert run(tmp_path).returncode == 0
    authority = authority_of(tmp_path)
    before = authority.read_bytes()
    assert run(tmp_path, "dev.example", "*.dev.example", "::1").returncode == 0
    assert authority.read_bytes() == before
    for key in (authority.with_name("authority-key.pem"), tmp_path / "localhost-key.pem"):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert (tmp_path / "dev.example.pem").exists()


@pytest.mark.parametrize("host", ["a b", "", "a/../../b", "a\nb"])
def test_what_is_no_host_is_refused_in_one_line(host: str, tmp_path: Path) -> None:
    made = run(tmp_path, host)
    assert made.returncode == 3
    assert made.stderr.startswith("licorne: cannot make a certificate for ")
    assert made.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_authority_is_named(tmp_path: Path) -> None:
    run(tmp_path)
    authority_of(tmp_path).with_name("authority-key.pem").write_text("nothing")
    made = run(tmp_path)
    assert made.returncode == 3
    assert made.stderr.startswith("licorne: cannot use the authority in ")
    assert made.stderr.count("\n") == 1
