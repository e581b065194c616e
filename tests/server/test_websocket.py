"""WebSockets of a served process: on both loops, with every codec, under its options, and when it stops."""

import signal
import struct
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.server.process import Client, ServerProcess, running
from tests.support.websocket import asking, frame

LOOPS = ["--loop=asyncio", "--loop=uvloop"]


@contextmanager
def opened(server: ServerProcess, *fields: str) -> Iterator[Client]:
    """Open a WebSocket."""
    with Client(server.port) as client:
        client.sock.sendall(asking("/ws?a=1", *fields))
        assert client.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 101 ")
        yield client


def answer_of(server: ServerProcess, *fields: str) -> bytes:
    """Return the answer to a handshake that is refused."""
    with Client(server.port) as client:
        client.sock.sendall(asking("/ws?a=1", *fields))
        return client.read_to_the_end()


def closing(code: int, reason: str = "") -> bytes:
    """Return the server's close frame."""
    payload = struct.pack(">H", code) + reason.encode()
    return bytes([0x88, len(payload)]) + payload


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("codec", ["auto", "native", "websockets", "wsproto"])
def test_messages_come_back(loop: str, codec: str) -> None:
    with running("sockets", loop, f"--ws={codec}") as server, opened(server) as client:
        client.sock.sendall(frame(1, "grüß".encode()) + frame(2, b"\xff" * 300))
        assert client.read_until(b"\xff" * 300) == b"\x81\x06" + "grüß".encode() + b"\x82\x7e\x01\x2c" + b"\xff" * 300
        client.sock.sendall(frame(8, struct.pack(">H", 4000) + b"bye"))
        assert client.read_to_the_end()[2:4] == struct.pack(">H", 4000)
        server.wait_for("app: ended 4000 bye")
        server.wait_for(r'"WebSocket /ws\?a=1" \[accepted\]')
        server.wait_for(r"\[closed 4000 after \d+\.\d+s; messages in/out: 2/2, bytes: 306/306\]")
        server.wait_for(r'"GET /ws\?a=1 HTTP/1\.1" 101 Switching Protocols')


@pytest.mark.parametrize("loop", LOOPS)
def test_a_stop_closes_websockets_and_tells_the_application(loop: str) -> None:
    with running("sockets", loop) as server, opened(server) as client:
        server.signal(signal.SIGTERM)
        assert client.read_until(b"restart") == closing(1012, "service restart")
        client.sock.sendall(frame(8, struct.pack(">H", 1012)))
        assert client.read_to_the_end() == b""
        server.wait_for("app: ended 1012 service restart")
        assert server.wait() == -signal.SIGTERM


def test_a_client_that_answers_no_ping_is_closed() -> None:
    with running("sockets", "--ws-ping-interval=100ms", "--ws-ping-timeout=100ms") as server, opened(server) as client:
        assert client.read_to_the_end().endswith(closing(1011, "keepalive ping timeout"))
        server.wait_for("app: ended 1011 keepalive ping timeout")


def test_a_silent_websocket_is_closed_after_the_idle_timeout() -> None:
    with running("sockets", "--ws-idle-timeout=100ms", "--ws-close-timeout=100ms") as server, opened(server) as client:
        assert client.read_to_the_end() == closing(1001, "idle timeout")
        server.wait_for("app: ended 1001 idle timeout")


def test_a_message_over_the_limit_is_1009() -> None:
    with running("sockets", "--ws-max-size=100") as server, opened(server) as client:
        client.sock.sendall(frame(2, bytes(101)))
        assert client.read_to_the_end().startswith(b"\x88")
        server.wait_for("app: ended 1009 ")


def test_compression_is_agreed_on_unless_it_is_switched_off() -> None:
    offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"
    for value, is_agreed in (("true", True), ("false", False)):
        with running("sockets", f"--ws-per-message-deflate={value}") as server, Client(server.port) as client:
            client.sock.sendall(asking("/", offer))
            assert (b"permessage-deflate" in client.read_until(b"\r\n\r\n")) is is_agreed


def test_origins_that_are_not_in_the_list_get_403_and_a_line() -> None:
    origins = ("--ws-allowed-origins=https://a.example", "--ws-allowed-origins=http://b.example:81")
    with running("sockets", *origins) as server:
        assert answer_of(server, "Origin: http://b.example").startswith(b"HTTP/1.1 403 ")
        server.wait_for(r"WebSocket refused\. \(403, the origin is not allowed, from 127\.0\.0\.1:\d+\)")
        server.wait_for(r'"GET /ws\?a=1 HTTP/1\.1" 403 Forbidden')
        with opened(server, "Origin: http://B.example:81"), opened(server):
            pass


def test_without_websocket_the_request_is_plain_http_and_one_hint_says_so() -> None:
    with running("sockets", "--ws=none") as server, Client(server.port) as client:
        assert client.get().endswith(b"plain")
        assert "--ws none" not in server.log
        for _ in range(3):
            client.sock.sendall(asking())
            assert client.read_response().endswith(b"plain")
        server.signal(signal.SIGTERM)
        server.wait()
        assert server.log.count("A client asked for a WebSocket, which --ws none switches off") == 1


def test_answered_handshakes_count_for_the_limit_on_requests() -> None:
    with running("sockets", "--limit-max-requests=2") as server, opened(server) as client:
        client.sock.sendall(frame(1, b"x") * 5)
        client.read_until(b"\x81\x01x" * 5)
        with Client(server.port) as other:
            assert other.get().endswith(b"plain")
        assert client.read_until(b"restart") == closing(1012, "service restart")
        server.wait_for("Maximum request limit of 2 exceeded")


def test_a_handshake_that_nobody_answers_counts_for_the_limit_on_requests_once() -> None:
    with running("deaf", "--limit-max-requests=2", "--ws-handshake-timeout=100ms") as server:
        assert answer_of(server).startswith(b"HTTP/1.1 503 ")
        server.wait_for(r'"GET /ws\?a=1 HTTP/1\.1" 503 ')
        with Client(server.port) as other:
            assert other.get().endswith(b"plain")
        server.wait_for("Maximum request limit of 2 exceeded")


# --- those that wait for their turn --------------------------------------------------------------------------


def test_a_websocket_that_waits_is_answered_once_at_the_stop() -> None:
    options = ("--limit-concurrency=1", "--limit-concurrency-wait=2s")
    with running("sockets", *options) as server, opened(server) as client, Client(server.port) as waiting:
        waiting.sock.sendall(asking("/waiting"))
        server.signal(signal.SIGTERM)
        assert waiting.read_to_the_end().startswith(b"HTTP/1.1 503 ")
        assert client.read_until(b"restart") == closing(1012, "service restart")
        client.sock.sendall(frame(8, struct.pack(">H", 1012)))
        assert server.wait() == -signal.SIGTERM
    assert server.log.count('"GET /waiting HTTP/1.1" 503 ') == 1
    assert "Traceback" not in server.log


def test_a_websocket_that_waits_longer_than_its_handshake_may_last_is_answered_once() -> None:
    options = ("--limit-concurrency=1", "--limit-concurrency-wait=1s", "--ws-handshake-timeout=200ms")
    with running("sockets", *options) as server, opened(server), Client(server.port) as late:
        assert answer_of(server).startswith(b"HTTP/1.1 503 ")
        late.send_request("/late")
        assert b"HTTP/1.1 503 " in late.read_response()  # by then the first would have been answered again
        server.signal(signal.SIGTERM)
        server.wait()
    assert server.log.count('" 503 ') == 2
    assert "Traceback" not in server.log


def test_log_level_trace_tells_of_upgrades_and_messages() -> None:
    with running("sockets", "--log-level=trace") as server, opened(server) as client:
        client.sock.sendall(frame(1, b"x"))
        server.wait_for(r"TRACE: +127\.0\.0\.1:\d+ - Upgrading to WebSocket")
        server.wait_for(r"Receive \{'type': 'websocket\.receive', 'text': '<1 characters>'\}")
