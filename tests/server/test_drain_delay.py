"""The drain delay: a server that is told to stop serves on for a while, and says with each answer that it will go."""

import signal
import struct
import time
from contextlib import ExitStack

from tests.server.process import Client, ServerProcess, running
from tests.support.websocket import asking, frame

SERVING_ON = r"Serving on for \S+ s before the listeners close\."


def is_last(response: bytes) -> bool:
    """Tell whether a response says that its connection ends."""
    return b"\r\nconnection: close\r\n" in response.lower()


def stop(server: ServerProcess) -> None:
    """Tell a server to stop, and wait until it serves on."""
    server.signal(signal.SIGTERM)
    server.wait_for(SERVING_ON)


def test_newcomers_and_old_clients_are_served_meanwhile_and_told_to_go(loop: str, clients: ExitStack) -> None:
    with running("echo", loop, "--drain-delay=1h") as server:
        idle, busy, fresh = (clients.enter_context(Client(server.port)) for _ in range(3))
        assert not is_last(idle.get())
        busy.send_half_a_request()
        server.wait_for("app: began", 2)
        stop(server)
        newcomer = clients.enter_context(Client(server.port))
        for client in (idle, newcomer):
            client.send_request()
            response = client.read_to_the_end()
            assert response.startswith(b"HTTP/1.1 200 ")
            assert is_last(response)
        busy.send_the_rest()
        response = busy.read_to_the_end()
        assert response.endswith(b"hello")
        assert is_last(response)
        server.signal(signal.SIGTERM)  # once more changes nothing
        with Client(server.port) as another:
            assert is_last(another.get())
        server.signal(signal.SIGINT)
        server.wait_for("app: lifespan shutdown")
        assert fresh.read_to_the_end() == b""
        assert server.wait() == 0


def test_a_websocket_goes_on_until_the_delay_is_over(loop: str) -> None:
    with running("sockets", loop, "--drain-delay=1h") as server, Client(server.port) as client:
        client.sock.sendall(asking("/ws"))
        client.read_until(b"\r\n\r\n")
        stop(server)
        client.sock.sendall(frame(1, b"still"))
        assert client.read_until(b"still").endswith(b"\x81\x05still")
        server.signal(signal.SIGINT)
        assert struct.pack(">H", 1012) in client.read_until(b"restart")
        client.sock.sendall(frame(8, struct.pack(">H", 1012)))
        assert client.read_to_the_end() == b""
        server.wait_for("app: ended 1012 service restart")


def test_the_delay_ends_by_itself(loop: str) -> None:
    with running("echo", loop, "--drain-delay=300ms") as server, Client(server.port) as idle:
        idle.get()
        began = time.monotonic()
        server.signal(signal.SIGTERM)
        assert idle.read_to_the_end() == b""
        assert server.wait() == -signal.SIGTERM
        assert time.monotonic() - began >= 0.3


def test_a_second_interrupt_ends_the_delay_and_a_third_everything() -> None:
    with running("stubborn", "--drain-delay=1h") as server, Client(server.port) as client:
        client.send_request()
        client.read_until(b"first")
        server.signal(signal.SIGINT)
        server.wait_for(SERVING_ON)
        server.signal(signal.SIGINT)
        server.wait_for("Waiting for connections to close")
        server.signal(signal.SIGINT)
        assert server.wait() == 0
    assert "app: cancelled" in server.log


def test_a_start_that_is_interrupted_has_no_delay() -> None:
    with ServerProcess("apps:slow_start", "--port=0", "--drain-delay=1h") as server:
        server.wait_for("app: starting")
        server.signal(signal.SIGTERM)
        assert server.wait() == -signal.SIGTERM
    assert "Serving on for" not in server.log
