"""Before the handshake is done: plain HTTP, rubbish, peers that take their time, too many of them, certificates
that change meanwhile; and the listener that leads from http to https."""

import os
import signal
import socket
import ssl
import threading
from pathlib import Path

import pytest

from tests.server.process import Client, ServerProcess, running
from tests.support.certificates import Authority, SecureClient

LOOPS = ["asyncio", "uvloop"]


@pytest.mark.parametrize("loop", LOOPS)
def test_plain_http_is_told_so(loop: str, certificate: Path) -> None:
    with running("hello", "--ssl-certfile", str(certificate), "--loop", loop) as server:
        with Client(server.port) as client:
            client.send_request()
            answer = client.read_to_the_end()
        assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert answer.endswith(b"\r\n\r\nThis port speaks HTTPS: write https:// in place of http://.\n")
        server.wait_for(r"TLS handshake failed \(plain HTTP was spoken, and was answered 400, from 127\.0\.0\.1:\d+\)")


def test_the_answer_to_plain_http_survives_what_still_comes(certificate: Path) -> None:
    with running("hello", "--ssl-certfile", str(certificate)) as server, Client(server.port) as client:
        client.sock.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1_000_000)
        assert b"This port speaks HTTPS" in client.read_to_the_end()


@pytest.mark.parametrize("loop", LOOPS)
def test_rubbish_is_refused_and_counted(loop: str, authority: Authority, certificate: Path) -> None:
    with running("hello", "--ssl-certfile", str(certificate), "--loop", loop) as server:
        for rubbish in (b"\x16\x03\x01\x00\x05hello", b"\x00" * 100, b"\x80\x2e\x01\x00\x02", os.urandom(300)):
            with Client(server.port) as client:
                client.sock.sendall(rubbish)
                client.sock.shutdown(socket.SHUT_WR)
                read_whatever(client)
        server.wait_for(r"TLS handshake failed \(.*; \d+ more failed since the last line")
        with SecureClient(server.port, authority.context()) as client:
            assert client.get().endswith(b"hello")
        assert "Traceback" not in server.log


def test_a_client_that_does_not_trust_the_certificate_is_told_of(certificate: Path) -> None:
    with running("hello", "--ssl-certfile", str(certificate)) as server:
        with pytest.raises(ssl.SSLCertVerificationError), Client(server.port) as client:
            ssl.create_default_context().wrap_socket(client.sock, server_hostname="localhost")
        server.wait_for(r"TLS handshake failed \(the client does not trust the certificate: unknown ca, from 127")


def read_whatever(client: Client) -> bytes:
    """Return what comes until the connection ends, in whichever way."""
    try:
        return client.read_to_the_end()
    except ConnectionError:
        return b""


@pytest.mark.parametrize("loop", LOOPS)
def test_a_handshake_has_its_time(loop: str, authority: Authority, certificate: Path) -> None:
    arguments = ("--ssl-certfile", str(certificate), "--timeout-tls-handshake", "300ms", "--loop", loop)
    with running("hello", *arguments) as server, Client(server.port) as silent, Client(server.port) as slow:
        slow.sock.sendall(b"\x16\x03\x01\x02\x00")
        assert read_whatever(silent) == b""
        assert read_whatever(slow) == b""
        server.wait_for(r"TLS handshake failed \(the handshake took too long, from")
        with SecureClient(server.port, authority.context()) as client:
            assert client.get().endswith(b"hello")


def test_who_only_connects_makes_room_for_others(authority: Authority, certificate: Path) -> None:
    with running("hello", "--ssl-certfile", str(certificate), "--limit-connections", "5") as server:
        port = server.port
        idlers = [Client(port) for _ in range(10)]
        with SecureClient(port, authority.context()) as client:
            assert client.get().endswith(b"hello")
        assert read_whatever(idlers[0]) == b""
        for idler in idlers:
            idler.sock.close()


def test_who_is_in_the_handshake_when_the_server_stops_is_served(authority: Authority, certificate: Path) -> None:
    with running("hello", "--ssl-certfile", str(certificate)) as server, Client(server.port) as client:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = authority.context().wrap_bio(incoming, outgoing, server_hostname="localhost")
        with pytest.raises(ssl.SSLWantReadError):
            tls.do_handshake()
        client.sock.sendall(outgoing.read())
        incoming.write(client.sock.recv(65536))
        server.signal(signal.SIGTERM)
        server.wait_for("Shutting down")
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                incoming.write(client.sock.recv(65536))
        tls.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        client.sock.sendall(outgoing.read())
        incoming.write(client.read_to_the_end())
        assert tls.read(65536).endswith(b"hello")


# --- certificates that change -------------------------------------------------------------------------------


@pytest.mark.parametrize("loop", LOOPS)
def test_a_new_certificate_is_shown_to_who_comes_then(
    loop: str, authority: Authority, certificate: Path, tmp_path: Path
) -> None:
    live = tmp_path / "live.pem"
    live.write_bytes(certificate.read_bytes())
    context = authority.context()
    with running("hello", "--ssl-certfile", str(live), "--loop", loop) as server:
        with SecureClient(server.port, context) as old:
            replace(live, authority.sign("localhost", "new.example").read_bytes())
            server.wait_for("The TLS certificates were read anew")
            with SecureClient(server.port, context) as new:
                assert "new.example" in new.alternative_names()
                assert new.get().endswith(b"hello")
            assert "new.example" not in old.alternative_names()
            assert old.get().endswith(b"hello")
        replace(live, b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        server.wait_for("The TLS certificates stay as they were: ssl_certfile: must be a PEM file with a private key")
        with SecureClient(server.port, context) as client:
            assert "new.example" in client.alternative_names()
        replace(live, authority.sign("localhost", "newer.example").read_bytes())
        server.wait_for("The TLS certificates were read anew", 2)
        with SecureClient(server.port, context) as client:
            assert "newer.example" in client.alternative_names()
        assert server.log.count("stay as they were") == 1


def replace(path: Path, content: bytes) -> None:
    """Put a file in the place of another, as tools for certificates do."""
    fresh = path.with_suffix(".new")
    fresh.write_bytes(content)
    fresh.replace(path)


def test_a_pipe_in_the_place_of_a_certificate_is_not_waited_for(
    authority: Authority, certificate: Path, tmp_path: Path
) -> None:
    live = tmp_path / "live.pem"
    live.write_bytes(certificate.read_bytes())
    with running("hello", "--ssl-certfile", str(live)) as server:
        os.mkfifo(tmp_path / "pipe")
        (tmp_path / "pipe").replace(live)
        server.wait_for(r"The TLS certificates stay as they were: ssl_certfile: must be a file, and \S+ is a pipe")
        with SecureClient(server.port, authority.context()) as client:
            assert client.get().endswith(b"hello")


def test_no_request_fails_while_certificates_change(authority: Authority, certificate: Path, tmp_path: Path) -> None:
    live = tmp_path / "live.pem"
    live.write_bytes(certificate.read_bytes())
    is_over = threading.Event()
    answers: list[bytes] = []

    def ask(port: int) -> None:
        context = authority.context()
        while not is_over.is_set():
            with SecureClient(port, context) as client:
                answers.extend(client.get()[-5:] for _ in range(3))

    with running("hello", "--ssl-certfile", str(live), "--no-access-log") as server:
        threads = [threading.Thread(target=ask, args=(server.port,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for count in range(1, 3):
            replace(live, authority.sign("localhost").read_bytes())
            server.wait_for("The TLS certificates were read anew", count)
        is_over.set()
        for thread in threads:
            thread.join()
        assert "WARNING" not in server.log
    assert set(answers) == {b"hello"}


def test_workers_stay_as_they_are_when_new_files_cannot_be_used(
    authority: Authority, certificate: Path, tmp_path: Path
) -> None:
    live = tmp_path / "live.pem"
    live.write_bytes(certificate.read_bytes())
    with running("hello", "--ssl-certfile", str(live), "--workers", "1") as server:
        replace(live, b"nothing\n")
        server.signal(signal.SIGHUP)
        server.wait_for("The workers stay as they are: ssl_certfile: must be a PEM file with a certificate in it")
        with SecureClient(server.port, authority.context()) as client:
            assert client.get().endswith(b"hello")
        replace(live, authority.sign("localhost", "new.example").read_bytes())
        server.signal(signal.SIGHUP)
        server.wait_for("Terminated child process")
        with SecureClient(server.port, authority.context()) as client:
            assert "new.example" in client.alternative_names()


# --- from http to https -------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [(), ("--workers", "2"), ("--workers", "1", "--preload"), ("--loop", "asyncio")])
def test_plain_http_is_led_to_https(arguments: tuple[str, ...], authority: Authority, certificate: Path) -> None:
    options = ("--ssl-certfile", str(certificate), "--redirect-http-bind", "127.0.0.1:0", *arguments)
    with running("hello", *options) as server:
        port = int(server.wait_for(r"Redirecting from http://127\.0\.0\.1:(\d+) to https")[1])
        with Client(port) as client:
            answer = client.get("/a%20b?x=%2F&y")
            again = client.get("//evil.example/..")
        assert answer.startswith(b"HTTP/1.1 308 Permanent Redirect\r\n")
        assert b"\r\nlocation: https://localhost:%d/a%%20b?x=%%2F&y\r\n" % server.port in answer
        assert b"\r\nlocation: https://localhost:%d//evil.example/..\r\n" % server.port in again
        with Client(port) as client:
            client.sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert client.read_to_the_end().startswith(b"HTTP/1.1 400 ")
        with SecureClient(server.port, authority.context()) as secure:
            assert secure.get().endswith(b"hello")
        server.signal(signal.SIGTERM)
        assert server.wait() in (0, -signal.SIGTERM)


def test_clients_are_led_to_the_port_that_they_use(certificate: Path) -> None:
    for port, location in (("443", b"https://localhost/"), ("8443", b"https://localhost:8443/")):
        options = ("--ssl-certfile", str(certificate), "--redirect-http-bind", "127.0.0.1:0")
        with running("hello", *options, "--redirect-https-port", port) as server, redirecting(server) as client:
            assert b"\r\nlocation: " + location + b"\r\n" in client.get()


def test_clients_are_led_to_allowed_hosts_alone(certificate: Path) -> None:
    hosts = ("--allowed-hosts", "example.org,*.example.net,[::1]")
    options = ("--ssl-certfile", str(certificate), "--redirect-http-bind", "127.0.0.1:0", "--redirect-https-port=443")
    led = {
        b"example.org": b"https://example.org/",
        b"EXAMPLE.org:8080": b"https://EXAMPLE.org/",
        b"a.example.net": b"https://a.example.net/",
        b"[::1]:80": b"https://[::1]/",
        b"evil.example": None,
        b"example.net": None,
        b"example.org.evil.example": None,
        b"example.org@evil.example": None,
        b"": None,
    }
    with running("hello", *options, *hosts) as server:
        for host, location in led.items():
            with redirecting(server) as client:
                client.sock.sendall(b"GET / HTTP/1.1\r\nHost: " + host + b"\r\nConnection: close\r\n\r\n")
                answer = client.read_to_the_end()
            if location is None:
                assert answer.startswith(b"HTTP/1.1 400 "), host
                assert b"location" not in answer
            else:
                assert b"\r\nlocation: " + location + b"\r\n" in answer


def test_a_proxy_in_front_of_the_one_port_is_in_front_of_the_other(certificate: Path) -> None:
    options = ("--ssl-certfile", str(certificate), "--redirect-http-bind", "127.0.0.1:0", "--proxy-protocol")
    with running("hello", *options) as server:
        with redirecting(server) as client:
            client.sock.sendall(b"PROXY TCP4 192.0.2.1 192.0.2.2 1000 80\r\n")
            assert client.get().startswith(b"HTTP/1.1 308 ")
        with redirecting(server) as client:
            client.send_request()
            assert client.read_to_the_end().startswith(b"HTTP/1.1 400 ")


def redirecting(server: ServerProcess) -> Client:
    """Return a client of the port that speaks plain HTTP."""
    return Client(int(server.wait_for(r"Redirecting from http://127\.0\.0\.1:(\d+) to https")[1]))
