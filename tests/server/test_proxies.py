"""The options about proxies, and the PROXY protocol, of a server in a process of its own."""

import re
import signal
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.server.process import Client, ServerProcess, running
from tests.support.certificates import Authority

HEADER = b"PROXY TCP4 198.51.100.7 192.0.2.2 50000 443\r\n"
V2 = b"\r\n\r\n\x00\r\nQUIT\n\x21\x11" + struct.pack("!H", 12) + bytes([198, 51, 100, 7, 192, 0, 2, 2])
V2 += struct.pack("!HH", 50000, 443)
GET = b"GET / HTTP/1.1\r\nHost: here.example\r\n\r\n"
SPOOF = b"X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: a.example\r\n"
FORMAT = ("--access-log-format", "seen {client_host} {scheme} {host} {request_id}")
LOOPS = ("asyncio", "uvloop")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Return an authority of certificates."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def certificate(authority: Authority) -> Path:
    """Return a file with a certificate for this machine, and its key."""
    return authority.sign("localhost", "127.0.0.1")


def ask(address: int | str, request: bytes = GET) -> bytes:
    """Return the response to a request."""
    with Client(address) as client:
        client.sock.sendall(request)
        return client.read_response()


def request(fields: bytes, host: bytes = b"here.example") -> bytes:
    """Write a request."""
    return b"GET / HTTP/1.1\r\nHost: " + host + b"\r\n" + fields + b"\r\n"


# --- header fields ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "variables", "seen"),
    [
        pytest.param([], {}, "203.0.113.9 https here.example", id="as-uvicorn"),
        pytest.param(["--no-proxy-headers"], {}, "127.0.0.1 http here.example", id="off"),
        pytest.param(["--forwarded-allow-ips", "auto"], {}, "203.0.113.9 https here.example", id="auto"),
        pytest.param(["--forwarded-allow-ips", "127.0.0.0/8"], {}, "203.0.113.9 https a.example", id="named"),
        pytest.param(["--forwarded-allow-ips", "10.0.0.1, 127.0.0.1"], {}, "203.0.113.9 https a.example", id="list"),
        pytest.param(["--forwarded-allow-ips", "192.0.2.1"], {}, "127.0.0.1 http here.example", id="others"),
        pytest.param(["--forwarded-allow-ips", ""], {}, "127.0.0.1 http here.example", id="nobody"),
        pytest.param(["--forwarded-allow-ips", "unix"], {}, "127.0.0.1 http here.example", id="unix"),
        pytest.param(["--forwarded-headers", "forwarded"], {}, "127.0.0.1 http here.example", id="other-family"),
        pytest.param(["--forwarded-headers", "x-forwarded"], {}, "203.0.113.9 https a.example", id="this-family"),
        pytest.param([], {"FORWARDED_ALLOW_IPS": "192.0.2.1"}, "127.0.0.1 http here.example", id="variable"),
        pytest.param([], {"FORWARDED_ALLOW_IPS": "*"}, "203.0.113.9 https a.example", id="variable-of-everybody"),
    ],
)
def test_the_options_say_who_is_believed(options: list[str], variables: dict[str, str], seen: str) -> None:
    with ServerProcess("apps:hello", "--port=0", *FORMAT, *options, variables=variables) as server:
        ask(server.port, request(SPOOF))
        assert server.wait_for(r"seen (.+) -$")[1] == seen


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(
    ("options", "lead"), [((), b""), (("--proxy-protocol",), b"PROXY TCP4 203.0.113.9 192.0.2.2 1 2\r\n")]
)
def test_a_peer_that_resets_its_connection_is_not_taken_for_one_on_a_unix_socket(
    loop: str, options: tuple[str, ...], lead: bytes, tmp_path: Path
) -> None:
    arguments = (f"unix:{tmp_path / 's'}", *options, *FORMAT, "--forwarded-allow-ips", "unix", "--loop", loop)
    with ServerProcess("apps:hello", "--bind=127.0.0.1:0", "--bind", *arguments) as server:
        for _ in range(50):
            with Client(server.port) as client:
                client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.sock.sendall(lead + request(SPOOF))
        ask(str(tmp_path / "s"), lead.replace(b"203.0.113.9", b"192.0.2.8") + request(b"", b"last.example"))
        server.wait_for("last.example")
        assert "203.0.113.9" not in server.log


@pytest.mark.parametrize(
    ("trusted", "seen"), [("unix", "203.0.113.9 https"), ("127.0.0.1", "- http"), ("*", "203.0.113.9 https")]
)
def test_a_peer_on_a_unix_socket_is_believed_when_it_is_named(tmp_path: Path, trusted: str, seen: str) -> None:
    path = tmp_path / "s"
    with ServerProcess("apps:hello", "--uds", str(path), *FORMAT, "--forwarded-allow-ips", trusted) as server:
        server.wait_for("Licorne running on ")
        ask(str(path), request(SPOOF))
        assert server.wait_for(r"seen (\S+ \S+) ")[1] == seen


def test_each_of_several_workers_believes(tmp_path: Path) -> None:
    options = ["--workers=2", "--forwarded-allow-ips=127.0.0.1", *FORMAT]
    with ServerProcess("apps:hello", "--port=0", *options) as server:
        for _ in range(20):
            ask(server.port, request(SPOOF))
        server.wait_for("seen 203.0.113.9 https a.example", count=20)


def test_the_default_line_of_the_log_names_the_client() -> None:
    with running("hello") as server:
        ask(server.port, request(SPOOF))
        server.wait_for(r'203\.0\.113\.9:0 - "GET / HTTP/1\.1" 200')


def test_a_host_that_is_not_allowed_is_one_line() -> None:
    with running("hello", "--allowed-hosts", "here.example,*.here.example") as server:
        assert ask(server.port, request(b"", host=b"b.here.example:80")).startswith(b"HTTP/1.1 200")
        refused = ask(server.port, request(b"", host=b"evil.example"))
        assert refused.startswith(b"HTTP/1.1 400")
        assert refused.endswith(b'the host "evil.example" is not allowed')
        server.wait_for(r'received\. \(400, the host "evil\.example" is not allowed, from 127\.0\.0\.1:\d+\)')


def test_request_ids_are_in_the_log_and_in_the_answer() -> None:
    with running("hello", "--request-id-header", "X-Trace", *FORMAT) as server:
        made = re.search(rb"(?i)x-trace: ([0-9a-f]{32})\r", ask(server.port))
        assert made
        server.wait_for(f"seen .* {made[1].decode()}$")
        assert b"x-trace: abc\r\n" in ask(server.port, request(b"X-Trace: abc\r\n")).lower()
        server.wait_for("seen .* abc$")


# --- the PROXY protocol -------------------------------------------------------------------------------------


@contextmanager
def proxied(*options: str) -> Iterator[ServerProcess]:
    """Serve what takes connections of proxies alone."""
    with running("hello", "--proxy-protocol", *FORMAT, *options) as server:
        yield server


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("header", [HEADER, V2], ids=["v1", "v2"])
def test_the_header_says_whose_connection_it_is(loop: str, header: bytes) -> None:
    with proxied("--loop", loop) as server, Client(server.port) as client:
        client.sock.sendall(header + request(SPOOF))
        assert client.read_response().endswith(b"hello")
        client.sock.sendall(GET * 2)
        assert client.read_response().endswith(b"hello")
        server.wait_for("seen 198.51.100.7 http here.example", count=3)


@pytest.mark.parametrize("loop", LOOPS)
def test_the_header_may_come_byte_by_byte(loop: str) -> None:
    with proxied("--loop", loop) as server:
        for header in (HEADER, V2):
            with Client(server.port) as client:
                client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for byte in header + GET:
                    client.sock.sendall(bytes([byte]))
                assert client.read_response().endswith(b"hello")
        server.wait_for("seen 198.51.100.7 http here.example", count=2)


@pytest.mark.parametrize("loop", LOOPS)
def test_without_a_header_a_client_is_told_and_refused(loop: str) -> None:
    with proxied("--loop", loop) as server, Client(server.port) as client:
        client.sock.sendall(GET)
        answer = client.read_to_the_end()
        assert answer.startswith(b"HTTP/1.1 400")
        assert answer.endswith(b"must speak the PROXY protocol.\n")
        server.wait_for(r"\(400, no PROXY protocol header, from 127\.0\.0\.1:\d+\)")


def test_a_malformed_header_is_refused() -> None:
    with proxied() as server, Client(server.port) as client:
        client.sock.sendall(V2[:12] + b"\x31" + V2[13:] + GET)
        assert client.read_to_the_end() == b""
        server.wait_for(r"\(400, a malformed PROXY protocol header: its version or command is unknown, from ")


def test_who_is_not_trusted_is_not_listened_to() -> None:
    with proxied("--forwarded-allow-ips", "192.0.2.1") as server:
        for header in (HEADER, V2, b""):
            with Client(server.port) as client:
                try:
                    client.sock.sendall(header + GET)
                    assert client.read_to_the_end() == b""
                except ConnectionError:
                    pass
        server.wait_for(r"\(400, the peer is not among those that forwarded-allow-ips trusts, from 127\.", count=3)
        assert "seen" not in server.log


def test_a_unix_socket_is_trusted_when_it_is_named(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    for trusted, is_served in (("unix", True), ("127.0.0.1", False)):
        options = ["--uds", path, "--proxy-protocol", "--forwarded-allow-ips", trusted, *FORMAT]
        with ServerProcess("apps:hello", *options) as server:
            server.wait_for("Licorne running on ")
            with Client(path) as client:
                if is_served:
                    client.sock.sendall(HEADER + GET)
                    assert client.read_response().endswith(b"hello")
                    server.wait_for("seen 198.51.100.7 http")
                else:
                    server.wait_for(r"forwarded-allow-ips trusts, from a UNIX socket\)")
            server.signal(signal.SIGTERM)
            server.wait()


def test_a_header_that_does_not_come_is_not_waited_for_long() -> None:
    with proxied("--timeout-request-header", "300ms") as server, Client(server.port) as client:
        client.sock.sendall(HEADER[:10])
        try:
            assert client.read_to_the_end() == b""
        except ConnectionResetError:
            pass
        server.wait_for(r"Request timed out\. \(408, the PROXY protocol header took too long, from 127\.")


def test_a_connection_that_ends_before_its_header_is_no_fault() -> None:
    with proxied() as server:
        for start in (b"", HEADER[:10]):
            with Client(server.port) as client:
                client.sock.sendall(start)
        assert ask(server.port, HEADER + GET).endswith(b"hello")
        server.wait_for("seen")
        assert "WARNING" not in server.log
        assert "ERROR" not in server.log


def test_a_server_that_stops_waits_for_a_header_that_has_begun() -> None:
    with proxied() as server, Client(server.port) as client:
        client.sock.sendall(HEADER[:10])
        with Client(server.port) as other:  # who comes later is served, so the first is there
            other.sock.sendall(HEADER + GET)
            other.read_response()
        server.signal(signal.SIGTERM)
        server.wait_for("Shutting down")
        client.sock.sendall(HEADER[10:] + GET)
        assert client.read_response().endswith(b"hello")
        assert server.wait() == -signal.SIGTERM


def test_connections_are_counted_by_the_address_in_the_header() -> None:
    other = HEADER.replace(b".7 ", b".8 ")
    expected = ((HEADER, b"HTTP/1.1 200"), (other, b"HTTP/1.1 200"), (HEADER, b"HTTP/1.1 503"))
    with ExitStack() as stack:
        server = stack.enter_context(proxied("--limit-connections-per-peer", "1"))
        for header, status in expected:
            client = stack.enter_context(Client(server.port))
            client.sock.sendall(header + GET)
            assert client.read_response().startswith(status)


@pytest.mark.parametrize("loop", LOOPS)
def test_http2_may_follow_the_header(loop: str) -> None:
    with proxied("--loop", loop) as server, Client(server.port) as client:
        client.sock.sendall(V2 + b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\x04" + bytes(5))
        assert client.read_until(b"\x04")[3] == 4, "it answers with SETTINGS"


# --- whose connection nobody says ---------------------------------------------------------------------------


def v2_of(command: int, family: int, addresses: bytes = b"") -> bytes:
    """Write a header of version 2."""
    return V2[:12] + bytes([command, family]) + struct.pack("!H", len(addresses)) + addresses


@pytest.mark.parametrize(
    ("header", "seen"),
    [
        pytest.param(b"PROXY UNKNOWN\r\n", "127.0.0.1 http here.example", id="unknown"),
        pytest.param(v2_of(0x21, 0x00), "127.0.0.1 http here.example", id="unspecified"),
        pytest.param(v2_of(0x21, 0x31, bytes(216)), "127.0.0.1 http here.example", id="unix"),
        pytest.param(v2_of(0x20, 0x00), "203.0.113.9 https a.example", id="the-proxy-itself"),
    ],
)
def test_fields_are_not_believed_of_a_client_that_the_header_does_not_name(header: bytes, seen: str) -> None:
    with proxied("--forwarded-allow-ips", "127.0.0.1") as server:
        ask(server.port, header + request(SPOOF))
        assert server.wait_for(r"seen (.+) -$")[1] == seen


def test_tls_without_a_header_is_closed_without_a_word(authority: Authority, certificate: Path) -> None:
    with proxied("--ssl-certfile", str(certificate)) as server, Client(server.port) as client:
        with pytest.raises(OSError, match=r"."):
            authority.context().wrap_socket(client.sock, server_hostname="localhost")
        server.wait_for(r"\(400, no PROXY protocol header, from 127\.")


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("header", [HEADER, V2], ids=["v1", "v2"])
def test_names_have_their_certificates_behind_the_header(
    loop: str, header: bytes, authority: Authority, certificate: Path
) -> None:
    one = authority.sign("one.example")
    options = ["--ssl-certfile", str(certificate), "--ssl-sni", f"one.example={one}", "--loop", loop]
    with proxied(*options) as server:
        for name in ("one.example", "localhost"):
            with Client(server.port) as client:
                client.sock.sendall(header)
                client.sock = authority.context().wrap_socket(client.sock, server_hostname=name)
                client.sock.sendall(GET)
                assert client.read_response().endswith(b"hello")
        server.wait_for("seen 198.51.100.7 https here.example", count=2)


def test_a_file_is_sent_behind_the_header(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(bytes(range(256)) * 8192)
    source = "async def app(scope, receive, send):\n"
    source += "    await send({'type': 'http.response.start', 'status': 200, 'headers': []})\n"
    source += f"    await send({{'type': 'http.response.pathsend', 'path': {str(tmp_path / 'large')!r}}})\n"
    (tmp_path / "sending.py").write_text(source)
    options = ["--port=0", "--proxy-protocol", "--lifespan=off"]
    with ServerProcess("sending:app", *options, app_dir=tmp_path) as server:
        answer = ask(server.port, V2 + GET)
        assert answer.partition(b"\r\n\r\n")[2] == bytes(range(256)) * 8192


def test_a_websocket_may_follow_the_header() -> None:
    upgrade = b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    upgrade += b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    with running("sockets", "--proxy-protocol") as server, Client(server.port) as client:
        client.sock.sendall(HEADER + request(upgrade + SPOOF))
        assert client.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 101 ")
        server.wait_for(r"198\.51\.100\.7:50000 - \"WebSocket /\" \[accepted\]")


# --- probes -------------------------------------------------------------------------------------------------


def test_probes_at_their_own_address_are_answered_whatever_hosts_are_allowed(tmp_path: Path) -> None:
    path = str(tmp_path / "health")
    with running("hello", "--allowed-hosts", "here.example", "--health-bind", f"unix:{path}") as server:
        server.wait_for("Licorne running on ")
        assert ask(path, b"GET /livez HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n").startswith(b"HTTP/1.1 200")
        assert ask(server.port, request(b"", host=b"10.0.0.1")).startswith(b"HTTP/1.1 400")
