"""Under load: nothing that is done to workers costs a request, but for those in flight in a worker that is killed."""

import os
import signal
import struct
from collections.abc import Sequence
from contextlib import ExitStack

import pytest

from benchmarks.fault.honest import HonestClients
from tests.server.process import Client
from tests.supervisor.fleets import serving, wait_until
from tests.support.websocket import asking, frame

#: That the server restarts, and its words for it.
CLOSE_1012 = b"\x88\x11" + struct.pack(">H", 1012) + b"service restart"


# Interpreters that start need a part of the processor, so those clients rest for a moment.
@pytest.mark.parametrize(
    ("options", "rest"), [(("--reuse-port", "off"), 0.001), (("--preload", "--reuse-port", "on"), 0.0)]
)
def test_no_request_fails_while_workers_come_and_go(options: Sequence[str], rest: float) -> None:
    with serving("identity", "--no-access-log", *options) as fleet:
        fleet.wait_for("is ready", 2)
        with HonestClients(fleet.port, rests=(rest,)) as clients:
            clients.wait_for(100)
            fleet.signal(signal.SIGHUP)
            fleet.wait_for("Terminated child process", 2)
            clients.wait_for(100)
            fleet.signal(signal.SIGTTIN)
            fleet.wait_for("is ready", 5)
            clients.wait_for(100)
            fleet.signal(signal.SIGTTOU)
            fleet.wait_for("Terminated child process", 3)
            clients.wait_for(100)
            killed = fleet.workers[0]
            os.kill(killed, signal.SIGKILL)
            fleet.wait_for("is ready", 6)
            clients.wait_for(100)
            fleet.signal(signal.SIGHUP)
            fleet.wait_for("Terminated child process", 5)
            clients.wait_for(100)
        assert [failure for failure in clients.failures if failure.last_answer != b"%d" % killed] == []
        assert len(clients.failures) <= clients.count
        assert fleet.end() == 0


def test_clients_that_rest_between_requests_are_not_failed_by_a_restart() -> None:
    with serving("identity", "--no-access-log", "--preload") as fleet:
        fleet.wait_for("is ready", 2)
        with HonestClients(fleet.port, rests=(0.002,)) as clients:
            for count in range(1, 6):
                fleet.signal(signal.SIGHUP)
                fleet.wait_for("Terminated child process", 2 * count)
                clients.wait_for(50)
        assert clients.failures == []


def test_a_stop_answers_two_hundred_requests_that_run() -> None:
    with serving("begun", "--no-access-log") as fleet:
        fleet.wait_for("is ready", 2)
        clients = [Client(fleet.port) for _ in range(200)]
        try:
            for client in clients:
                client.send_half_a_request()
            fleet.wait_for("began", 200)
            fleet.signal(signal.SIGTERM)
            fleet.wait_for("Waiting for connections to close", 2)
            for client in clients:
                client.send_the_rest()
            answers = [client.read_response() for client in clients]
        finally:
            for client in clients:
                client.sock.close()
        assert all(answer.startswith(b"HTTP/1.1 200 ") for answer in answers)
        assert len({answer.rpartition(b"\r\n")[2] for answer in answers}) == 2
        assert fleet.wait() == 0


@pytest.mark.parametrize("how", [(), ("--preload",)], ids=["spawn", "fork"])
def test_a_stop_tells_streams_and_websockets_which_end_inside_the_bound(how: Sequence[str]) -> None:
    with serving("live", "--timeout-graceful-shutdown", "3", *how) as fleet, ExitStack() as clients:
        streams = [clients.enter_context(Client(fleet.port)) for _ in range(4)]
        sockets = [clients.enter_context(Client(fleet.port)) for _ in range(4)]
        for stream in streams:
            stream.send_request("/events")
            stream.read_until(b"first\n\n")
        for socket in sockets:
            socket.sock.sendall(asking("/ws"))
            socket.read_until(b"\r\n\r\n")
        fleet.signal(signal.SIGTERM)
        for socket in sockets:
            assert socket.read_until(b"restart") == CLOSE_1012
            socket.sock.sendall(frame(8, struct.pack(">H", 1012)))
            assert socket.read_to_the_end() == b""
        for stream in streams:
            assert stream.read_to_the_end().endswith(b"data: last\n\n\r\n0\r\n\r\n")
        assert fleet.wait() == 0
    assert fleet.log.count("app: stream told by http.disconnect") == len(streams)
    assert fleet.log.count("app: socket told by websocket.disconnect 1012") == len(sockets)
    # Those that the bound meets are cancelled.
    assert "Cancel" not in fleet.log
    assert "is killed" not in fleet.log


def test_while_a_worker_is_replaced_for_its_requests_the_only_one_serves_on() -> None:
    with serving("identity", "--no-access-log", "--preload", "--limit-max-requests", "200", workers=1) as fleet:
        fleet.wait_for("is ready", 1)
        with HonestClients(fleet.port, count=4) as clients:
            fleet.wait_for("Terminated child process", 3)
        assert clients.failures == []
        assert len(clients.answers) >= 4
        wait_until(lambda: len(fleet.workers) == 1)
        assert fleet.end() == 0
