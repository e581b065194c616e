"""The health listener: what it answers, and that no client can keep it from answering the next one."""

import json
import resource
import select
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from licorne.config.targets import Bind
from licorne.server.listening.listeners import open_listeners
from licorne.supervisor import health
from licorne.supervisor.health import HealthStation, answer_of
from licorne.supervisor.modes import FleetStatus

STARTING = FleetStatus(ready=0, wanted=2, is_stopping=False, is_started=False)
PARTLY = FleetStatus(ready=1, wanted=2, is_stopping=False, is_started=False)
SERVING = FleetStatus(ready=2, wanted=2, is_stopping=False, is_started=True)
DOWN = FleetStatus(ready=0, wanted=2, is_stopping=False, is_started=True)
STOPPING = FleetStatus(ready=2, wanted=2, is_stopping=True, is_started=True)

DEADLINE_SECONDS = 60.0


class Loop:
    """Turn a station as the supervisor does, at a time that the test sets."""

    def __init__(self, closing: ExitStack, status: FleetStatus = SERVING, host: str = "127.0.0.1") -> None:
        self.now = 100.0
        self.status = status
        self.station = HealthStation(open_listeners([Bind(host=host, port=0)]), lambda: self.status, lambda: self.now)
        closing.callback(self.station.close)
        self.address = self.station.listeners[0].sock.getsockname()[:2]
        self._closing = closing

    def connect(self) -> socket.socket:
        """Return a connection that was accepted."""
        client = self._closing.enter_context(socket.create_connection(self.address, DEADLINE_SECONDS))
        self.turn()
        return client

    def turn(self, times: int = 3) -> None:
        """Do what there is to do."""
        for _ in range(times):
            self.station.on_readable()

    def turn_until(self, condition: Callable[[], bool]) -> None:
        """Turn until something is so; the test fails at a deadline."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not condition():
            assert time.monotonic() < deadline
            self.turn()

    def ask(self, request: bytes) -> bytes:
        """Return all that comes as the answer to a request."""
        client = self.connect()
        client.sendall(request)
        return self.read(client)

    def read(self, client: socket.socket) -> bytes:
        """Return what a client gets until our end of the connection is closed."""
        parts: list[bytes] = []
        client.setblocking(False)

        def is_over() -> bool:
            try:
                part = client.recv(65536)
            except BlockingIOError:
                return False
            except ConnectionResetError:
                return True
            parts.append(part)
            return not part

        self.turn_until(is_over)
        return b"".join(parts)


@pytest.fixture
def closing() -> Iterator[ExitStack]:
    """Close at the end what a test opens."""
    with ExitStack() as stack:
        yield stack


@pytest.mark.parametrize(
    ("target", "status", "code", "word"),
    [
        (b"/livez", STARTING, 200, "live"),
        (b"/livez", DOWN, 200, "live"),
        (b"/livez", STOPPING, 200, "live"),
        (b"/startupz", STARTING, 503, "starting"),
        (b"/startupz", PARTLY, 503, "starting"),
        (b"/startupz", SERVING, 200, "started"),
        (b"/startupz", DOWN, 200, "started"),
        (b"/readyz", STARTING, 503, "not ready"),
        (b"/readyz", PARTLY, 200, "ready"),
        (b"/readyz", SERVING, 200, "ready"),
        (b"/readyz", DOWN, 503, "not ready"),
        (b"/readyz", STOPPING, 503, "stopping"),
        (b"/readyz?verbose", SERVING, 200, "ready"),
    ],
)
def test_probes_are_answered_from_the_state_of_the_fleet(
    target: bytes, status: FleetStatus, code: int, word: str
) -> None:
    found, body = answer_of(target, status)
    assert (found, json.loads(body)) == (code, {"status": word, "ready": status.ready, "wanted": status.wanted})
    assert body.count(b"\n") == 1


def test_what_is_no_probe_is_not_found(closing: ExitStack) -> None:
    assert Loop(closing).ask(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").startswith(b"HTTP/1.1 404 Not Found\r\n")


def test_a_probe_gets_one_answer_and_the_connection_ends(closing: ExitStack) -> None:
    answer = Loop(closing).ask(b"GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"connection: close" in head.lower()
    assert b"cache-control: no-store" in head
    assert b"\r\ndate: " in head
    assert json.loads(body) == {"status": "ready", "ready": 2, "wanted": 2}


def test_head_has_the_length_and_no_body(closing: ExitStack) -> None:
    head, _, body = Loop(closing).ask(b"HEAD /livez HTTP/1.1\r\nHost: a\r\n\r\n").partition(b"\r\n\r\n")
    assert b"content-length: 44" in head
    assert body == b""


def test_a_prober_of_http_1_0_is_answered(closing: ExitStack) -> None:
    assert Loop(closing).ask(b"GET /livez HTTP/1.0\r\n\r\n").endswith(b"}\n")


def test_other_methods_are_refused(closing: ExitStack) -> None:
    answer = Loop(closing).ask(b"POST /readyz HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 405 Method Not Allowed\r\n")
    assert b"allow: GET, HEAD" in answer


@pytest.mark.parametrize(
    ("request_bytes", "start"),
    [
        (b"GARBAGE\r\n\r\n", b"HTTP/1.1 400"),
        (b"GET /livez HTTP/1.1\r\n\r\n", b"HTTP/1.1 400"),
        (b"\x16\x03\x01\x02\x00" * 4 + b"\r\n\r\n", b"HTTP/1.1 400"),
        (b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", b"HTTP/1.1 414"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 20000 + b"\r\n\r\n", b"HTTP/1.1 431"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n", b"HTTP/1.1 4"),
    ],
)
def test_what_is_no_good_request_is_answered_and_ends(closing: ExitStack, request_bytes: bytes, start: bytes) -> None:
    assert Loop(closing).ask(request_bytes).startswith(start)


def test_the_second_request_of_a_connection_is_not_answered(closing: ExitStack) -> None:
    request = b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"
    assert Loop(closing).ask(request * 3).count(b"HTTP/1.1 ") == 1


def test_a_probe_may_come_in_pieces(closing: ExitStack) -> None:
    loop = Loop(closing)
    client = loop.connect()
    for byte in b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n":
        client.send(bytes([byte]))
        loop.turn(1)
    assert loop.read(client).startswith(b"HTTP/1.1 200 OK")


def test_who_dribbles_is_dropped_in_time(closing: ExitStack) -> None:
    loop = Loop(closing)
    client = loop.connect()
    for byte in b"GET /":
        client.send(bytes([byte]))
        loop.now += 0.9
        loop.turn()
        assert loop.station.on_tick(loop.now) == 100.0 + health.CLIENT_SECONDS
    loop.now += 0.9
    assert loop.station.on_tick(loop.now) == float("inf")
    assert loop.read(client) == b""


def test_who_leaves_at_once_is_forgotten(closing: ExitStack) -> None:
    loop = Loop(closing)
    for _ in range(20):
        client = loop.connect()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # ends with a reset
        client.close()
    loop.turn_until(lambda: loop.station.on_tick(loop.now) == float("inf"))


def test_a_flood_of_idle_clients_does_not_keep_a_probe_from_its_answer(closing: ExitStack) -> None:
    loop = Loop(closing)
    crowd = [loop.connect() for _ in range(health.MAX_CLIENTS + 40)]
    assert loop.ask(b"GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n").startswith(b"HTTP/1.1 200 OK")
    assert loop.read(crowd[0]) == b""  # the oldest had to leave
    loop.now += health.CLIENT_SECONDS
    assert loop.station.on_tick(loop.now) == float("inf")


def test_out_of_files_is_waited_for_instead_of_turning_in_circles(closing: ExitStack) -> None:
    loop = Loop(closing)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    client = closing.enter_context(socket.socket())
    client.settimeout(DEADLINE_SECONDS)
    lowest = socket.socket()
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest.fileno(), limits[1]))
    lowest.close()
    try:
        client.connect(loop.address)
        loop.turn()
        rest_until = loop.station.on_tick(loop.now)
        assert loop.now < rest_until <= loop.now + 1
        assert not select.select([loop.station], [], [], 0)[0]  # it would wake whoever waits for it again and again
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    loop.now = rest_until
    client.sendall(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")
    loop.station.on_tick(loop.now)
    assert loop.read(client).startswith(b"HTTP/1.1 200 OK")


def test_ipv6_is_answered(closing: ExitStack) -> None:
    if not socket.has_ipv6:
        return
    loop = Loop(closing, host="::1")
    assert loop.ask(b"GET /livez HTTP/1.1\r\nHost: [::1]\r\n\r\n").startswith(b"HTTP/1.1 200 OK")


def test_a_loop_that_still_asks_for_a_station_that_was_closed_finds_nothing(closing: ExitStack) -> None:
    station = Loop(closing).station
    station.close()
    assert station.fileno() == -1


def test_a_forked_process_lets_go_without_taking_anything_from_the_station(closing: ExitStack) -> None:
    import os

    loop = Loop(closing)
    pid = os.fork()
    if pid == 0:
        loop.station.abandon()
        os._exit(0)
    os.waitpid(pid, 0)
    assert loop.ask(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n").startswith(b"HTTP/1.1 200 OK")
