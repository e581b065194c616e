"""How connections end: announced or not, by halves, in the midst of a handshake; and what is said of it in the log."""

import re
import signal
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tests.server.process import Client, running
from tests.support.certificates import Authority, SecureClient
from tests.support.client_hello import Greeting, record

LOOPS = ["asyncio", "uvloop"]
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


class SlowClient(Client):
    """Be a client over TLS that decides when what it has encrypted leaves."""

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        """Connect, and finish the handshake."""
        super().__init__(port)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")
        self.step(self.tls.do_handshake)

    def step(self, call: Callable[[], object]) -> bytes:
        """Take a step of TLS until it is done."""
        while True:
            try:
                found = call()
            except ssl.SSLWantReadError:
                self.flush()
                data = self.sock.recv(65536)
                if data:
                    self.incoming.write(data)
                else:
                    self.incoming.write_eof()
            else:
                self.flush()
                return found if isinstance(found, bytes) else b""

    def flush(self) -> None:
        """Send what is encrypted."""
        if data := self.outgoing.read():
            self.sock.sendall(data)

    def announce_end(self) -> None:
        """Send a close_notify."""
        with pytest.raises(ssl.SSLWantReadError):
            self.tls.unwrap()
        self.flush()

    def read_all(self) -> bytes:
        """Return what comes until the server has announced its end, or has left without."""
        data = b""
        while part := self.step(lambda: self.tls.read(65536)):
            data += part
        return data


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("version", VERSIONS)
def test_who_announces_its_end_has_its_answer(
    version: ssl.TLSVersion, loop: str, authority: Authority, certificate: Path
) -> None:
    context = authority.context(maximum_version=version)
    with (
        running("deferred", "--ssl-certfile", str(certificate), "--loop", loop) as server,
        SlowClient(server.port, context) as client,
    ):
        client.tls.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        client.announce_end()
        client.incoming.write(client.read_to_the_end())
        assert b"late" in decrypted(client)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("protocol", ["http/1.1", "h2"])
def test_who_announces_its_end_and_awaits_nothing_is_let_go(
    protocol: str, loop: str, authority: Authority, certificate: Path
) -> None:
    context = authority.context()
    context.set_alpn_protocols([protocol])
    arguments = ("--ssl-certfile", str(certificate), "--loop", loop, "--timeout-keep-alive", "1h")
    with running("hello", *arguments) as server, SlowClient(server.port, context) as client:
        if protocol == "http/1.1":
            client.tls.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            client.flush()
            while b"hello" not in client.step(lambda: client.tls.read(65536)):
                pass
        else:
            client.tls.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0)))
            client.flush()
            client.step(lambda: client.tls.read(65536))
        client.announce_end()
        client.read_to_the_end()


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("behind", [b"\x17\3\3\0\5hello", b"rubbish", b"GET / HTTP/1.1\r\n\r\n" * 9000])
def test_what_comes_behind_the_end_is_nobody_s(
    behind: bytes, loop: str, authority: Authority, certificate: Path
) -> None:
    with running("deferred", "--ssl-certfile", str(certificate), "--loop", loop) as server:
        with SlowClient(server.port, authority.context()) as client:
            client.tls.write(b"GET /one HTTP/1.1\r\nHost: a\r\n\r\n")
            client.announce_end()
            with suppress(ConnectionError):  # it may be gone by then
                client.sock.sendall(behind)
                client.read_to_the_end()
        with SecureClient(server.port, authority.context()) as other:
            assert other.get("/two").endswith(b"late")
        server.wait_for('"GET /two HTTP/1.1" 200')
        assert server.log.count('" 200') == 2
        assert "Traceback" not in server.log


def decrypted(client: SlowClient) -> bytes:
    """Return what the bytes say that have come."""
    # The side that has announced its end reads on (RFC 8446 §6.1), which OpenSSL does until close_notify comes.
    data = b""
    while True:
        try:
            part = client.tls.read(65536)
        except ssl.SSLError:
            return data
        if not part:
            return data
        data += part


@pytest.mark.parametrize("loop", LOOPS)
def test_a_request_that_is_cut_off_is_none(loop: str, authority: Authority, certificate: Path) -> None:
    with (
        running("echo", "--ssl-certfile", str(certificate), "--loop", loop) as server,
        SlowClient(server.port, authority.context()) as client,
    ):
        client.tls.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello")
        client.flush()
        server.wait_for("began")
        client.sock.shutdown(socket.SHUT_WR)
        server.wait_for("disconnected")
        assert "answered" not in server.log


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("damage", [b"\x17\3\3\0\x20" + bytes(32), b"\x16\3\3\0\4\1\0\0\0", b"rubbish, and more of it"])
def test_a_damaged_record_ends_the_connection_quietly(
    damage: bytes, loop: str, authority: Authority, certificate: Path
) -> None:
    with running("hello", "--ssl-certfile", str(certificate), "--loop", loop) as server:
        with SlowClient(server.port, authority.context()) as client:
            client.sock.sendall(damage)
            # What OpenSSL says in its alert is encrypted.
            while client.sock.recv(65536):
                pass
        with SecureClient(server.port, authority.context()) as other:
            assert other.get().endswith(b"hello")
        server.signal(signal.SIGTERM)
        server.wait()
        assert "Traceback" not in server.log
        assert "ERROR" not in server.log


@pytest.mark.parametrize("loop", LOOPS)
def test_who_leaves_within_the_handshake_is_not_spoken_of(loop: str, authority: Authority, certificate: Path) -> None:
    hello = record(Greeting().message())
    with running("hello", "--ssl-certfile", str(certificate), "--loop", loop) as server:
        for sent in (b"", hello[:3], hello[:50], hello):
            for is_reset in (False, True):
                with Client(server.port) as client:
                    client.sock.sendall(sent)
                    if is_reset:
                        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        with SecureClient(server.port, authority.context()) as other:
            assert other.get().endswith(b"hello")
        server.signal(signal.SIGTERM)
        server.wait()
        assert "handshake" not in server.log
        assert "Traceback" not in server.log


def test_many_who_speak_plain_http_are_told_in_few_lines(certificate: Path) -> None:
    count = 60
    with running("hello", "--ssl-certfile", str(certificate)) as server:
        for _ in range(count):
            with Client(server.port) as client:
                client.send_request()
                assert client.read_to_the_end().startswith(b"HTTP/1.1 400 ")
        server.signal(signal.SIGTERM)
        server.wait()
        lines = [line for line in server.lines if "TLS handshake failed (plain HTTP" in line]
        others = [int(more) for more in re.findall(r"; (\d+) more failed since the last line", server.log)]
        assert len(lines) + sum(others) == count
        assert len(lines) < count / 2
