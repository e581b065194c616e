"""What is served over TLS: requests and bodies of any size, on every loop, by one process and by workers."""

import signal
import socket
import ssl
import threading
from pathlib import Path

import pytest

from tests.server.process import Client, running
from tests.support.certificates import Authority, SecureClient

LOOPS = ["asyncio", "uvloop"]
MEBIBYTE = 1024 * 1024


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_requests_are_answered_on_every_loop(
    loop: str, version: ssl.TLSVersion, authority: Authority, certificate: Path
) -> None:
    context = authority.context(maximum_version=version, minimum_version=version)
    with (
        running("hello", "--ssl-certfile", str(certificate), "--loop", loop) as server,
        SecureClient(server.port, context) as client,
    ):
        assert server.log.count("Licorne running on https://127.0.0.1:") == 1
        assert client.get().endswith(b"hello")
        assert client.get().endswith(b"hello")
        client.sock.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 4)
        client.sock.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert client.read_to_the_end().count(b"hello") == 5


@pytest.mark.parametrize("loop", LOOPS)
def test_large_bodies_pass_both_ways(loop: str, authority: Authority, certificate: Path) -> None:
    body = bytes(range(256)) * (8 * MEBIBYTE // 256)
    with (
        running("echo", "--ssl-certfile", str(certificate), "--loop", loop) as server,
        SecureClient(server.port, authority.context()) as client,
    ):
        head = f"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        client.sock.sendall(head + body)
        answer = client.read_response()
        assert answer.endswith(body)
        assert client.get().startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("loop", LOOPS)
def test_what_comes_byte_by_byte_is_read_as_well(loop: str, authority: Authority, certificate: Path) -> None:
    with running("echo", "--ssl-certfile", str(certificate), "--loop", loop) as server:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = authority.context().wrap_bio(incoming, outgoing, server_hostname="localhost")
        with Client(server.port) as client:
            client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            speak(client.sock, incoming, outgoing, tls.do_handshake)
            tls.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nConnection: close\r\n\r\n")
            tls.write(b"hello")
            answer = speak(client.sock, incoming, outgoing, lambda: tls.read(65536))
            assert answer.startswith(b"HTTP/1.1 200")


def speak(sock: socket.socket, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, step: object) -> bytes:
    """Take a step of TLS until it is done, writing byte by byte."""
    while True:
        try:
            return step()  # type: ignore[operator,no-any-return]
        except ssl.SSLWantReadError:
            for byte in outgoing.read():
                sock.sendall(bytes([byte]))
            incoming.write(sock.recv(65536))
        finally:
            for byte in outgoing.read():
                sock.sendall(bytes([byte]))


@pytest.mark.parametrize("loop", LOOPS)
def test_the_end_is_announced(loop: str, authority: Authority, certificate: Path) -> None:
    with (
        running("hello", "--ssl-certfile", str(certificate), "--loop", loop) as server,
        SecureClient(server.port, authority.context()) as client,
    ):
        client.sock.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        # An end without close_notify would raise an SSLEOFError.
        assert client.read_to_the_end().endswith(b"hello")


def test_an_end_without_notice_is_an_end(authority: Authority, certificate: Path) -> None:
    with running("stream", "--ssl-certfile", str(certificate)) as server:
        with SecureClient(server.port, authority.context()) as client:
            client.send_request()
            client.read_until(b"first")
            client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        server.wait_for("told")


@pytest.mark.parametrize("arguments", [(), ("--preload",), ("--reuse-port", "on")])
def test_workers_speak_it_too(arguments: tuple[str, ...], authority: Authority, certificate: Path) -> None:
    with running("whoami", "--ssl-certfile", str(certificate), "--workers", "2", *arguments) as server:
        with SecureClient(server.port, authority.context()) as client:
            assert client.get().startswith(b"HTTP/1.1 200")
        server.signal(signal.SIGHUP)
        server.wait_for("Terminated child process", 2)
        with SecureClient(server.port, authority.context()) as client:
            assert client.get().startswith(b"HTTP/1.1 200")


def test_an_answer_that_nobody_reads_takes_its_memory_once(authority: Authority, certificate: Path) -> None:
    with (
        running("large", "--ssl-certfile", str(certificate)) as server,
        SecureClient(server.port, authority.context()) as client,
    ):
        client.send_request("/64")
        client.read_until(b"\r\n\r\n")
        with SecureClient(server.port, authority.context()) as other:
            grown = int(other.get("/rss").partition(b"\r\n\r\n")[2])
        assert grown < 64 * MEBIBYTE * 1.5


def test_many_at_once_are_served(authority: Authority, certificate: Path) -> None:
    answers: list[bytes] = []

    def ask(port: int) -> None:
        with SecureClient(port, authority.context()) as client:
            answers.extend(client.get() for _ in range(5))

    with running("hello", "--ssl-certfile", str(certificate)) as server:
        port = server.port
        threads = [threading.Thread(target=ask, args=(port,)) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(answers) == 100


@pytest.mark.parametrize(
    ("arguments", "offered", "agreed"),
    [
        ((), ["http/1.1"], "http/1.1"),
        ((), ["http/1.1", "h2"], "h2"),
        (("--http1-only",), ["h2", "http/1.1"], "http/1.1"),
        (("--no-http2",), ["h2", "http/1.1"], "http/1.1"),
    ],
)
def test_the_protocol_is_agreed_on(
    arguments: tuple[str, ...], offered: list[str], agreed: str, authority: Authority, certificate: Path
) -> None:
    context = authority.context()
    context.set_alpn_protocols(offered)
    with (
        running("hello", "--ssl-certfile", str(certificate), *arguments) as server,
        SecureClient(server.port, context) as client,
    ):
        assert client.sock.selected_alpn_protocol() == agreed
        if agreed == "http/1.1":
            assert client.get().endswith(b"hello")


def test_a_server_in_a_program_speaks_it(authority: Authority, certificate: Path) -> None:
    with (
        running("echo", "--ssl-certfile", str(certificate), "--ssl-keyfile", str(certificate)) as server,
        SecureClient(server.port, authority.context()) as client,
    ):
        client.send_half_a_request()
        server.wait_for("began")
        server.signal(signal.SIGTERM)
        server.wait_for("Shutting down")
        client.send_the_rest()
        assert client.read_response().endswith(b"hello")
        assert server.wait() == -signal.SIGTERM
