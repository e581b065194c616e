"""The command serves WSGI and messaging applications: found out or told, over sockets, with workers, to the end."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.server.process import Client, ServerProcess

ROOT = Path(__file__).parent


@contextmanager
def serving(app: str, *arguments: str) -> Iterator[ServerProcess]:
    """Serve one of the applications on a free port."""
    with ServerProcess(f"served:{app}", "--port", "0", *arguments, app_dir=ROOT) as server:
        server.wait_for("Licorne running on ")
        yield server


def body_of(response: bytes) -> bytes:
    """Return the body of a response."""
    return response.partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize(("app", "arguments"), [("wsgi", ()), ("unclear", ("--interface", "wsgi"))])
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_wsgi_application_is_served(app: str, arguments: tuple[str, ...], loop: str) -> None:
    if loop == "uvloop":
        pytest.importorskip("uvloop")
    with serving(app, "--loop", loop, *arguments) as server, Client(server.port) as client:
        assert body_of(client.get("/SERVER_PORT")) == b"%d" % server.port
        assert body_of(client.get("/REMOTE_ADDR")) == b"127.0.0.1"
        client.send_half_a_request()
        client.send_the_rest()
        assert body_of(client.read_response()) == b"hello"
        assert b" 500 " in client.get("/fail")
        server.wait_for("^KeyError: 'oops'")
        server.signal(signal.SIGTERM)
        assert server.wait() == -signal.SIGTERM


def test_environ_is_right_behind_a_trusted_proxy() -> None:
    fields = b"X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Proto: https\r\n"
    with serving("wsgi", "--root-path", "/api") as server, Client(server.port) as client:
        for name, expected in [
            (b"REMOTE_ADDR", b"203.0.113.7"),
            (b"HTTPS", b"on"),
            (b"wsgi.url_scheme", b"https"),
            (b"SCRIPT_NAME", b"/api"),
        ]:
            client.sock.sendall(b"GET /%s HTTP/1.1\r\nHost: a\r\n%s\r\n" % (name, fields))
            assert body_of(client.read_response()) == expected


def test_threads_are_as_many_as_the_option_says() -> None:
    with serving("wsgi", "--wsgi-threads", "1") as server, Client(server.port) as client:
        assert body_of(client.get("/wsgi.multithread")) == b"False"
        assert body_of(client.get("/wsgi.multiprocess")) == b"False"


def test_several_workers_say_that_they_are_several() -> None:
    with serving("wsgi", "--workers", "2") as server, Client(server.port) as client:
        assert body_of(client.get("/wsgi.multiprocess")) == b"True"


def test_what_runs_ends_before_the_server_does() -> None:
    with serving("wsgi") as server, Client(server.port) as client:
        client.send_request("/slow")
        server.wait_for("slow has begun")
        server.signal(signal.SIGTERM)
        assert body_of(client.read_response()) == b"done"
        assert server.wait() == -signal.SIGTERM
        assert "Application shutdown complete." in server.log


def test_a_websocket_is_plain_http_to_a_wsgi_application() -> None:
    upgrade = b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    key = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    with serving("wsgi") as server, Client(server.port) as client:
        client.sock.sendall(b"GET /HTTP_UPGRADE HTTP/1.1\r\nHost: a\r\n" + upgrade + key + b"\r\n")
        assert body_of(client.read_response()) == b"websocket"
        server.wait_for("asked for a WebSocket, which a WSGI application cannot serve")


@pytest.mark.parametrize("arguments", [(), ("--interface", "messaging")])
def test_a_messaging_application_is_served(arguments: tuple[str, ...]) -> None:
    websockets = pytest.importorskip("websockets.sync.client")
    with serving("messaging", *arguments) as server:
        with Client(server.port) as client:
            assert body_of(client.get()) == b"messaging"
        with websockets.connect(f"ws://127.0.0.1:{server.port}/") as socket:
            socket.send("hello")
            assert socket.recv() == "hello"
