"""The files in examples/deploy/, with the proxies that they are for."""

import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from licorne.arguments import parse_arguments
from licorne.config.options import Config
from tests.examples.deploying import DEPLOY, SOCKET, deployed, socket_in
from tests.server.process import Client, ServerProcess

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


@contextmanager
def proxied(name: str, directory: Path) -> Iterator[int]:
    """Run licorne on the socket and a proxy in front of it; give the proxy's port."""
    (directory / "show.py").write_text(SHOW, encoding="utf-8")
    with ServerProcess("show:app", "--uds", str(socket_in(directory)), app_dir=directory) as server:
        server.wait_for("Licorne running on ")
        with deployed(name, directory) as port:
            yield port


def ask(port: int) -> dict[str, str]:
    """Ask through the proxy, claiming to come from elsewhere; return what the application saw."""
    with Client(port) as client:
        client.sock.sendall(b"GET / HTTP/1.1\r\nHost: example.org\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n")
        body = client.read_response().partition(b"\r\n\r\n")[2].decode()
    return dict(line.split("=", 1) for line in body.splitlines())


def test_nginx_passes_on_what_the_page_says(tmp_path: Path) -> None:
    with proxied("nginx", tmp_path) as port:
        seen = ask(port)
    assert seen == {
        "host": "example.org",
        "x-forwarded-for": "127.0.0.1",
        "x-forwarded-proto": "http",
        "connection": "none",
    }


def test_haproxy_passes_on_what_the_page_says(tmp_path: Path) -> None:
    with proxied("haproxy", tmp_path) as port:
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
