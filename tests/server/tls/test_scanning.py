"""What scanners look for: old versions, weak ciphers and groups, compression, renegotiation, foreign protocols."""

import os
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.server.process import Client, ServerProcess, running
from tests.support.certificates import Authority, SecureClient
from tests.support.client_hello import FORWARD_SECRET, Greeting, greet

HANDSHAKE, ALERT = 22, 21
SERVER_HELLO = 2
FATAL = 2
HANDSHAKE_FAILURE, PROTOCOL_VERSION, NO_APPLICATION_PROTOCOL = 40, 70, 120
#: unrecognized_name, decode_error, internal_error: versions of Python and of OpenSSL differ.
REFUSALS_OF_NAMES = (112, 50, 80, HANDSHAKE_FAILURE)


@pytest.fixture(scope="module", params=["asyncio", "uvloop"])
def server(request: pytest.FixtureRequest, authority: Authority, certificate: Path) -> Iterator[ServerProcess]:
    """Return a server with what it does by default, and certificates for names, one of them with a key of RSA."""
    one, rsa = authority.sign("one.example"), authority.sign("rsa.example", key_type=trustme.KeyType.RSA)
    names = ("--ssl-sni", f"one.example={one}", "--ssl-sni", f"rsa.example={rsa}")
    arguments = ("--ssl-certfile", str(certificate), *names, "--loop", request.param)
    with running("hello", *arguments) as found:
        yield found


def refusal(server: ServerProcess, greeting: Greeting) -> int:
    """Return the number of the alert that ends a handshake; the connection ends behind it."""
    with Client(server.port) as client:
        kind, content = greet(client.sock, greeting)
        assert kind == ALERT, content
        assert client.sock.recv(1) == b""
    level, number = content
    assert level == FATAL
    return number


def welcome(server: ServerProcess, greeting: Greeting) -> bytes:
    """Return the ServerHello, from the version on."""
    with Client(server.port) as client:
        kind, content = greet(client.sock, greeting)
    assert (kind, content[0]) == (HANDSHAKE, SERVER_HELLO)
    return content[4:]


# --- versions, ciphers, groups, compression -----------------------------------------------------------------


@pytest.mark.parametrize("version", [0x0300, 0x0301, 0x0302], ids=["SSL 3", "TLS 1.0", "TLS 1.1"])
def test_versions_before_1_2_are_refused(version: int, server: ServerProcess) -> None:
    ciphers = (*FORWARD_SECRET, 0xC014, 0xC013, 0x0035, 0x002F, 0x000A, 0x0005)
    assert refusal(server, Greeting(version=version, ciphers=ciphers)) in (PROTOCOL_VERSION, HANDSHAKE_FAILURE)


WEAK = {
    "without encryption": (0x0001, 0x0002, 0x003B, 0xC006, 0xC010),
    "without a certificate": (0x0018, 0x0034, 0x003A, 0x006C, 0x00A6, 0xC015, 0xC018, 0xC019),
    "for export": (0x0003, 0x0006, 0x0008, 0x0014, 0x0062, 0x0064),
    "RC4": (0x0004, 0x0005, 0xC007, 0xC011),
    "DES and 3DES": (0x0009, 0x000A, 0x0015, 0x0016, 0xC008, 0xC012),
    "CBC with SHA-1": (0x002F, 0x0035, 0x0033, 0x0039, 0xC009, 0xC00A, 0xC013, 0xC014),
    "CBC with SHA-2": (0x003C, 0x003D, 0x0067, 0x006B, 0xC023, 0xC024, 0xC027, 0xC028),
    "without forward secrecy": (0x009C, 0x009D, 0xC09C, 0xC09D),
    "finite fields": (0x009E, 0x009F, 0xCCAA),
    "IDEA, SEED, Camellia": (0x0007, 0x0096, 0x0041, 0x0084, 0x0088),
}


@pytest.mark.parametrize("host", [b"one.example", b"rsa.example"])
@pytest.mark.parametrize("kind", WEAK)
def test_weak_ciphers_are_refused(kind: str, host: bytes, server: ServerProcess) -> None:
    assert refusal(server, Greeting(host=host, ciphers=WEAK[kind])) == HANDSHAKE_FAILURE


@pytest.mark.parametrize("group", [0x0001, 0x000A, 0x0013, 0x0015, 0x0016], ids="{:#06x}".format)
def test_curves_of_less_than_256_bits_and_odd_ones_are_refused(group: int, server: ServerProcess) -> None:
    assert refusal(server, Greeting(host=b"rsa.example", groups=(group,))) == HANDSHAKE_FAILURE


@pytest.mark.parametrize("group", [0x001D, 0x0017, 0x0018, 0x0019], ids="{:#06x}".format)
def test_good_curves_are_taken(group: int, server: ServerProcess) -> None:
    assert welcome(server, Greeting(host=b"rsa.example", groups=(group,)))[:2] == b"\3\3"


def test_nothing_is_compressed_though_a_client_wants_it(server: ServerProcess) -> None:
    hello = welcome(server, Greeting(compressions=b"\1\0"))
    session = hello[34]
    assert hello[34 + 1 + session + 2] == 0


def test_a_downgrade_is_refused(server: ServerProcess) -> None:
    # RFC 7507: the client says that it has tried a newer version before.
    inappropriate_fallback = 86
    ciphers = (*FORWARD_SECRET, 0x5600)
    assert refusal(server, Greeting(ciphers=ciphers)) == inappropriate_fallback


def test_heartbeats_are_not_answered(server: ServerProcess) -> None:
    heartbeat = b"\0\x0f\0\1\1"
    with Client(server.port) as client:
        kind, content = greet(client.sock, Greeting(more=heartbeat))
        assert (kind, content[0]) == (HANDSHAKE, SERVER_HELLO)
        assert heartbeat not in content
        client.sock.sendall(b"\x18\3\3\0\3\1\x40\0")
        with pytest.raises(AssertionError, match="ended"):
            client.read_until(b"\x18\3\3")


def test_renegotiation_is_refused(server: ServerProcess) -> None:
    openssl = shutil.which("openssl")
    assert openssl is not None
    command = [openssl, "s_client", "-connect", f"127.0.0.1:{server.port}", "-tls1_2", "-noservername"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as client:
        assert client.stdin is not None
        assert client.stdout is not None
        assert any("Verify return code" in line for line in client.stdout)
        client.stdin.write("R\n")
        client.stdin.flush()
        said = client.stdout.read()
        assert client.wait(60) != 0
    assert "no renegotiation" in said
    assert "HTTP/1.1" not in said


# --- what is asked for by name ------------------------------------------------------------------------------


@pytest.mark.parametrize("protocols", [(b"foo",), (b"http/0.9", b"spdy/3"), (b"h3",), (b"h2c",), (b"HTTP/1.1",)])
def test_who_speaks_no_protocol_of_ours_is_told_so(protocols: tuple[bytes, ...], server: ServerProcess) -> None:
    # RFC 7301 §3.2
    assert refusal(server, Greeting(protocols=protocols)) == NO_APPLICATION_PROTOCOL
    server.wait_for(r"TLS handshake failed \((the client speaks no protocol of ours|.* more failed)")


def test_one_protocol_of_ours_is_enough(server: ServerProcess, authority: Authority) -> None:
    for offered, chosen in ((["foo", "http/1.1"], "http/1.1"), (["http/1.1", "h2"], "h2"), ([], None)):
        context = authority.context()
        if offered:
            context.set_alpn_protocols(offered)
        with SecureClient(server.port, context) as client:
            assert client.sock.selected_alpn_protocol() == chosen


def test_protocols_are_refused_when_the_greeting_comes_in_pieces(server: ServerProcess) -> None:
    message = Greeting(protocols=(b"foo",)).message()
    with Client(server.port) as client:
        client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in message:
            client.sock.sendall(b"\x16\3\1\0\1" + bytes((byte,)))
        assert client.read_to_the_end() == b"\x15\3\3\0\2\2" + bytes((NO_APPLICATION_PROTOCOL,))


def test_a_context_of_ones_own_decides_about_protocols(authority: Authority, certificate: Path, tmp_path: Path) -> None:
    (tmp_path / "contexts.py").write_text(
        "def make(config, usual):\n"
        "    context = usual()\n"
        "    context.set_alpn_protocols(['foo', 'http/1.1'])\n"
        "    return context\n"
        "async def app(scope, receive, send):\n"
        "    await send({'type': 'http.response.start', 'status': 200, 'headers': []})\n"
        "    await send({'type': 'http.response.body', 'body': b'made'})\n"
    )
    arguments = ("--ssl-certfile", str(certificate), "--ssl-context-factory", "contexts:make")
    context = authority.context()
    context.set_alpn_protocols(["foo"])
    with (
        ServerProcess("contexts:app", "--port", "0", *arguments, app_dir=tmp_path) as made,
        SecureClient(made.port, context) as client,
    ):
        assert client.sock.selected_alpn_protocol() == "foo"


@pytest.mark.parametrize("host", [b"one.example", b"ONE.eXample", b"one.example."])
def test_names_are_found_however_they_are_written(host: bytes, server: ServerProcess) -> None:
    assert b"one.example" in certificate_for(server, host)


@pytest.mark.parametrize("host", [b"", b"two.example", b"127.0.0.1", b"*.example", b".", b"..", b"a" * 255])
def test_an_unknown_name_is_shown_the_first_certificate(host: bytes, server: ServerProcess) -> None:
    assert b"localhost" in certificate_for(server, host)


def certificate_for(server: ServerProcess, host: bytes) -> bytes:
    """Return what is sent up to the end of the server's greeting, in which the certificate stands in clear."""
    with Client(server.port) as client:
        _, content = greet(client.sock, Greeting(host=host))
        return content + client.read_until(b"\x0e\0\0\0")


@pytest.mark.parametrize("host", [b"\xff\xfe.example", "ünna.example".encode()])
def test_a_name_that_is_not_ascii_is_refused_without_a_traceback(host: bytes, server: ServerProcess) -> None:
    assert refusal(server, Greeting(host=host)) in REFUSALS_OF_NAMES
    assert "Traceback" not in server.log


def test_a_name_with_a_null_byte_is_refused(server: ServerProcess) -> None:
    assert refusal(server, Greeting(host=b"one.example\0.evil.example")) in REFUSALS_OF_NAMES
    assert "Traceback" not in server.log


# --- sessions -----------------------------------------------------------------------------------------------


def test_no_request_may_come_with_the_greeting_and_tickets_last_two_hours(
    server: ServerProcess, authority: Authority
) -> None:
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        with SecureClient(server.port, authority.context(maximum_version=version)) as client:
            client.get()
            session = client.sock.session
        assert session is not None
        assert session.has_ticket
        assert 0 < session.ticket_lifetime_hint <= 7200
    told = session_of(server.port)
    assert re.search(r"Max Early Data: 0$", told, re.MULTILINE), told


def session_of(port: int) -> str:
    """Return what openssl says of a session of TLS 1.3; a request makes sure that its ticket has come."""
    openssl = shutil.which("openssl")
    assert openssl is not None
    done = subprocess.run(
        [openssl, "s_client", "-connect", f"127.0.0.1:{port}", "-tls1_3", "-servername", "localhost", "-ign_eof"],
        input="GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ},
    )
    return done.stdout
