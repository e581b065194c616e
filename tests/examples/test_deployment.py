"""The files in examples/deploy/, with the proxies that they are for."""

import os
import re
import shlex
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from licorne.arguments import parse_arguments
from licorne.config.options import Config
from tests.server.process import DEADLINE_SECONDS, Client, ServerProcess
from tests.support.source import ROOT

DEPLOY = ROOT / "examples" / "deploy"
SOCKET = "/run/licorne/app.sock"
#: Shows the application what the proxy passed on.
SHOW = """\
async def app(scope, receive, send):
    assert scope["type"] == "http"
    headers = dict(scope["headers"])
    names = (b"host", b"x-forwarded-for", b"x-forwarded-proto", b"connection")
    body = b"\\n".join(name + b"=" + headers.get(name, b"none") for name in names)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})
"""


def find(program: str) -> str:
    """Return the path of a proxy; skip the test if there is none."""
    found = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.skip(f"{program} is not installed (Debian's package {program})")
    return found


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def adapted(name: str, directory: Path, listen: str, port: int) -> str:
    """Return a file of examples/deploy/ with a socket in `directory` and the test's own port."""
    text = (DEPLOY / name).read_text(encoding="utf-8")
    assert text.count(SOCKET) == 1
    assert text.count(listen) == 1
    return text.replace(SOCKET, str(directory / "app.sock")).replace(listen, listen.replace("80", f"127.0.0.1:{port}"))


@contextmanager
def proxied(command: list[str], directory: Path, port: int) -> Iterator[ServerProcess]:
    """Run licorne on the socket and the proxy in front of it."""
    (directory / "show.py").write_text(SHOW, encoding="utf-8")
    with ServerProcess("show:app", "--uds", str(directory / "app.sock"), app_dir=directory) as server:
        server.wait_for("Licorne running on ")
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as proxy:
            try:
                wait_for_port(port)
                yield server
            finally:
                proxy.terminate()


def wait_for_port(port: int) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            assert time.monotonic() < deadline, "the proxy does not listen"
            time.sleep(0.02)


def ask(port: int) -> dict[str, str]:
    """Ask through the proxy, claiming to come from elsewhere; return what the application saw."""
    with Client(port) as client:
        client.sock.sendall(b"GET / HTTP/1.1\r\nHost: example.org\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n")
        body = client.read_response().partition(b"\r\n\r\n")[2].decode()
    return dict(line.split("=", 1) for line in body.splitlines())


def test_nginx_passes_on_what_the_page_says(tmp_path: Path) -> None:
    port = free_port()
    part = tmp_path / "licorne.conf"
    part.write_text(adapted("nginx.conf", tmp_path, "listen 80;", port), encoding="utf-8")
    folders = [f"{name}_temp_path {tmp_path / name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")]
    whole = tmp_path / "nginx.conf"
    whole.write_text(
        f"daemon off; master_process off; pid {tmp_path}/pid; error_log {tmp_path}/error.log; events {{}}\n"
        f"http {{ access_log off; {' '.join(folders)} include {part}; }}\n",
        encoding="utf-8",
    )
    with proxied([find("nginx"), "-c", str(whole), "-e", f"{tmp_path}/error.log"], tmp_path, port):
        seen = ask(port)
    assert seen == {
        "host": "example.org",
        "x-forwarded-for": "127.0.0.1",
        "x-forwarded-proto": "http",
        "connection": "none",
    }


def test_haproxy_passes_on_what_the_page_says(tmp_path: Path) -> None:
    port = free_port()
    file = tmp_path / "haproxy.cfg"
    file.write_text(adapted("haproxy.cfg", tmp_path, "bind :80", port).replace("bind :", "bind "), encoding="utf-8")
    with proxied([find("haproxy"), "-db", "-f", str(file)], tmp_path, port):
        seen = ask(port)
    assert seen["host"] == "example.org"
    assert seen["x-forwarded-for"] == "127.0.0.1"
    assert seen["x-forwarded-proto"] == "http"


def test_the_unit_starts_a_command_that_exists_and_waits_longer_than_licorne() -> None:
    unit = (DEPLOY / "licorne.service").read_text(encoding="utf-8")
    line = re.search(r"^ExecStart=(.+)$", unit, re.MULTILINE)
    assert line
    request = parse_arguments(shlex.split(line[1])[1:])
    assert request
    assert {name: value for name, (value, _) in request.flags.items()} == {"app": "main:app", "uds": SOCKET}
    patience = re.search(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)
    assert patience
    assert int(patience[1]) > Config().timeout_graceful_shutdown
