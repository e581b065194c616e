"""Clients that reset their connection in the middle of an answer leave nothing behind."""

import socket
import struct

import pytest

from tests.faults.watching import DEADLINE_SECONDS, MIB, await_truth, census_of, memory_of, serving
from tests.server.process import ServerProcess

CLIENTS = 300
AT_ONCE = 50
PATHS = ("/endless", "/block", "/stuck")
RESET = struct.pack("ii", 1, 0)
MEMORY_SLACK = 3 * MIB


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_resets_leave_neither_tasks_nor_descriptors_nor_memory(loop: str) -> None:
    # Applications that ignore a client's loss are cancelled after this; by default, three seconds.
    with serving(f"--loop={loop}", "--timeout-disconnect=500ms") as server:
        before = census_of(server.port)
        reset_many(server, before)
        first = memory_of(server)
        reset_many(server, before)
        # Memory that is allocated once stays; what stays for each client would be twice as much now.
        assert memory_of(server) - first < MEMORY_SLACK
    assert "Traceback" not in server.log


def reset_many(server: ServerProcess, before: dict[str, int]) -> None:
    """Begin many answers and reset each; wait until the server is as before."""
    for first in range(0, CLIENTS, AT_ONCE):
        reset_some(server.port, [PATHS[number % len(PATHS)] for number in range(first, first + AT_ONCE)])
    await_truth(lambda: census_of(server.port) == before, f"the server is as before: {before}")


def reset_some(port: int, paths: list[str]) -> None:
    """Begin some answers at once, then reset them."""
    clients = [ask(port, path) for path in paths]
    for client in clients:
        assert client.recv(4096).startswith(b"HTTP/1.1 200 OK\r\n")
    for client in clients:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        client.close()


def ask(port: int, path: str) -> socket.socket:
    """Send a request from a client that takes little at a time."""
    client = socket.socket()
    client.settimeout(DEADLINE_SECONDS)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
    client.connect(("127.0.0.1", port))
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return client
