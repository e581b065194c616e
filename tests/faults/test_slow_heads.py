"""Clients that send a head byte by byte: others do not feel them, and no byte puts off when they are thrown out."""

import selectors
import socket
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.faults.watching import DEADLINE_SECONDS, await_truth, census_of, serving
from tests.server.process import Client

CLIENTS = 100
TIMEOUT_SECONDS = 2.0
#: A client sends a byte so often, so that no pause between bytes is as long as the timeout.
DRIP_SECONDS = 0.2
#: A server's clock may count in whole milliseconds.
ROUNDING_SECONDS = 0.01
HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: " + b"x" * 1000


class Drippers:
    """Be many slow clients, in a thread of their own, until all are thrown out."""

    def __init__(self, port: int, stack: ExitStack) -> None:
        self.opened_at = time.monotonic()
        self.clients = [stack.enter_context(Client(port)) for _ in range(CLIENTS)]
        #: When each was thrown out, and what it was told.
        self.gone: list[tuple[float, bytes]] = []
        self.heard: dict[socket.socket, bytes] = {client.sock: b"" for client in self.clients}
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self) -> None:
        """Send a byte from each, and hear what they are told, until none is left or time is up."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        with selectors.DefaultSelector() as selector:
            for client in self.clients:
                selector.register(client.sock, selectors.EVENT_READ)
            for byte in HEAD:
                self.drip(byte)
                next_at = time.monotonic() + DRIP_SECONDS
                while (left := next_at - time.monotonic()) > 0 and self.heard:
                    for key, _ in selector.select(left):
                        self.listen(selector, key.fileobj)  # type: ignore[arg-type]
                if not self.heard or time.monotonic() > deadline:
                    return

    def drip(self, byte: int) -> None:
        """Send a byte from each client that has been told nothing."""
        for sock, heard in self.heard.items():
            if not heard:
                try:
                    sock.send(bytes([byte]))
                except OSError:
                    pass  # it is thrown out, and hears so next

    def listen(self, selector: selectors.BaseSelector, sock: socket.socket) -> None:
        """Hear what a client is told."""
        try:
            data = sock.recv(65536)
        except ConnectionError:
            data = b""
        if data:
            self.heard[sock] += data
            return
        selector.unregister(sock)
        self.gone.append((time.monotonic() - self.opened_at, self.heard.pop(sock)))


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Close at the end what a test opened."""
    with ExitStack() as made:
        yield made


def median_of(port: int, count: int = 300) -> float:
    """Return how long a request takes, in seconds, half of all take longer."""
    seconds = []
    with Client(port) as client:
        for _ in range(count):
            begun = time.perf_counter()
            client.get()
            seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds)


def test_slow_heads_slow_nobody_and_are_thrown_out_in_time(stack: ExitStack) -> None:
    with serving(f"--timeout-request-header={TIMEOUT_SECONDS:g}s", "--timeout-linger=500ms") as server:
        before = census_of(server.port)
        alone = median_of(server.port)
        drippers = Drippers(server.port, stack)
        beside = median_of(server.port)
        drippers.thread.join()
        assert len(drippers.gone) == CLIENTS
        await_truth(lambda: census_of(server.port) == before, f"the server is as before: {before}")
    # The machine may be busy with other things: a server that waits for slow clients would wait for a byte of theirs.
    assert beside < 4 * alone + DRIP_SECONDS / 2
    # A time that starts when the server sees the connection cannot end before one that starts at the client's.
    assert min(seconds for seconds, _ in drippers.gone) >= TIMEOUT_SECONDS - ROUNDING_SECONDS
    assert {answer[:12] for _, answer in drippers.gone} <= {b"HTTP/1.1 408", b""}
    assert drippers.gone[0][1].startswith(b"HTTP/1.1 408 Request Timeout\r\n")
