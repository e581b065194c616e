"""The files in examples/deploy/, with the proxies that they are for."""

import json
import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from licorne.arguments import parse_arguments
from licorne.config.options import Config
from licorne.supervisor.health import answer_of
from licorne.supervisor.modes import FleetStatus
from tests.examples.deploying import DEPLOY, SOCKET, deployed, socket_in
from tests.server.process import Client, ServerProcess

#: Shows the application what the proxy passed on.
SHOW = """\
async def app(scope, receive, send):
    assert scope["type"] == "http"
    headers = dict(scope["headers"])
    names = (b"host", b"x-forwarded-for", b"x-forwarded-proto", b"connection", b"x-request-id")
    body = b"client=" + scope["client"][0].encode() + b"\\nscheme=" + scope["scheme"].encode() + b"\\n"
    body += b"\\n".join(name + b"=" + headers.get(name, b"none") for name in names)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})
"""

SPOOFS = b"".join(
    name + b": " + value + b"\r\n"
    for name, value in {
        b"X-Forwarded-For": b"6.6.6.6",
        b"X-Forwarded-Proto": b"https",
        b"X-Forwarded-Host": b"evil.example",
        b"X-Forwarded-Port": b"1",
        b"X-Forwarded-Prefix": b"/evil",
        b"X-Real-IP": b"6.6.6.6",
        b"X-Request-ID": b"chosen",
        b"Forwarded": b"for=6.6.6.6;host=evil.example",
    }.items()
)


@contextmanager
def proxied(name: str, directory: Path) -> Iterator[int]:
    """Run licorne on the socket and a proxy in front of it; give the proxy's port."""
    (directory / "show.py").write_text(SHOW, encoding="utf-8")
    options = ["--uds", str(socket_in(directory)), "--forwarded-allow-ips", "unix"]
    with ServerProcess("show:app", *options, app_dir=directory) as server:
        server.wait_for("Licorne running on ")
        with deployed(name, directory) as port:
            yield port


def ask(port: int) -> dict[str, str]:
    """Ask through the proxy, claiming to be somebody else; return what the application saw."""
    with Client(port) as client:
        client.sock.sendall(b"GET / HTTP/1.1\r\nHost: example.org\r\n" + SPOOFS + b"\r\n")
        body = client.read_response().partition(b"\r\n\r\n")[2].decode()
    return dict(line.split("=", 1) for line in body.splitlines())


def test_nginx_passes_on_what_the_page_says(tmp_path: Path) -> None:
    with proxied("nginx", tmp_path) as port:
        seen = ask(port)
    assert re.fullmatch("[0-9a-f]{32}", seen.pop("x-request-id"))
    assert seen == {
        "host": "example.org",
        "x-forwarded-for": "127.0.0.1",
        "x-forwarded-proto": "http",
        "connection": "none",
        "client": "127.0.0.1",
        "scheme": "http",
    }


def test_haproxy_passes_on_what_the_page_says(tmp_path: Path) -> None:
    with proxied("haproxy", tmp_path) as port:
        seen = ask(port)
    assert seen["host"] == "example.org"
    assert seen["x-forwarded-for"] == "127.0.0.1"
    assert seen["x-forwarded-proto"] == "http"
    assert re.fullmatch("[0-9a-f-]{36}", seen["x-request-id"])
    assert (seen["client"], seen["scheme"]) == ("127.0.0.1", "http")


def test_the_unit_starts_a_command_that_exists_and_waits_longer_than_licorne() -> None:
    unit = (DEPLOY / "licorne.service").read_text(encoding="utf-8")
    line = re.search(r"^ExecStart=(.+)$", unit, re.MULTILINE)
    assert line
    request = parse_arguments(shlex.split(line[1])[1:])
    assert request
    assert {name: value for name, (value, _) in request.flags.items()} == {
        "app": "main:app",
        "uds": SOCKET,
        "workers": "auto",
        "forwarded_allow_ips": ("unix",),
    }
    patience = re.search(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)
    assert patience
    assert int(patience[1]) > Config().timeout_graceful_shutdown


def config_of(arguments: list[str]) -> Config:
    """Return the configuration that a command line asks for."""
    request = parse_arguments(arguments)
    assert request
    return Config(**{name: value for name, (value, _) in request.flags.items()})


def test_the_socket_unit_opens_the_socket_of_the_page() -> None:
    assert f"ListenStream={SOCKET}\n" in (DEPLOY / "licorne.socket").read_text(encoding="utf-8")


def test_the_image_starts_a_command_that_exists_and_gets_its_signals() -> None:
    image = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    command = re.search(r"^CMD (\[.+\])$", image, re.MULTILINE)
    assert command
    program, *arguments = json.loads(command[1])
    config = config_of(arguments)
    assert (program, config.host) == ("licorne", "0.0.0.0")
    assert f"EXPOSE {config.port}\n" in image


def test_the_pod_is_probed_where_licorne_answers_and_waits_longer_than_licorne() -> None:
    deployment, service = yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text(encoding="utf-8"))
    pod = deployment["spec"]["template"]["spec"]
    [container] = pod["containers"]
    assert container["command"] == ["licorne"]
    config = config_of(container["args"])
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"http": config.port, "health": config.health_bind[0].port}
    assert service["spec"]["ports"][0]["targetPort"] in ports
    probes = {name: container[f"{name}Probe"]["httpGet"] for name in ("startup", "readiness", "liveness")}
    assert {name: probe["port"] for name, probe in probes.items()} == dict.fromkeys(probes, "health")
    status = FleetStatus(ready=1, wanted=1, is_stopping=False, is_started=True)
    assert [answer_of(probe["path"].encode(), status)[0] for probe in probes.values()] == [200, 200, 200]
    assert pod["terminationGracePeriodSeconds"] > config.drain_delay + config.timeout_graceful_shutdown
