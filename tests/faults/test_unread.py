"""What one side does not read, the other side does not pile up."""

import threading
import time
from collections.abc import Callable

import pytest

from tests.faults.watching import DEADLINE_SECONDS, MIB, Memory, await_truth, census_of, serving
from tests.server.process import Client

UPLOAD_BYTES = 128 * MIB
PIECE = b"x" * 65536
#: What the system may hold between the two: on some machines, 32 MiB on one side alone.
KERNEL_BYTES = 64 * MIB
#: What Python may allocate for other reasons.
MEMORY_SLACK = 4 * MIB
QUIET_SECONDS = 0.5


class Upload:
    """Push a large body in a thread of its own, and see how far it comes."""

    def __init__(self, client: Client, path: str, is_chunked: bool) -> None:
        framing = "Transfer-Encoding: chunked" if is_chunked else f"Content-Length: {UPLOAD_BYTES}"
        client.sock.sendall(f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{framing}\r\n\r\n".encode())
        self.sock = client.sock
        self.piece = b"%x\r\n%b\r\n" % (len(PIECE), PIECE) if is_chunked else PIECE
        self.sent = 0
        self.end = b"0\r\n\r\n" if is_chunked else b""
        self.thread = threading.Thread(target=self.push)
        self.thread.start()

    def push(self) -> None:
        """Send until all is sent or the server closes."""
        try:
            while self.sent < UPLOAD_BYTES:
                self.sock.sendall(self.piece)
                self.sent += len(PIECE)
            self.sock.sendall(self.end)
        except OSError:
            pass

    def await_standstill(self, meanwhile: Callable[[], object]) -> None:
        """Wait until no more is taken."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        sent, since = -1, time.monotonic()
        while time.monotonic() < since + QUIET_SECONDS or self.sent == 0:
            assert time.monotonic() < deadline
            meanwhile()
            if self.sent != sent:
                sent, since = self.sent, time.monotonic()
            time.sleep(0.01)


@pytest.fixture(params=[False, True], ids=["sized", "chunked"])
def is_chunked(request: pytest.FixtureRequest) -> bool:
    """Frame a body in both ways."""
    return bool(request.param)


def test_an_upload_that_is_never_read_stands_still(is_chunked: bool) -> None:
    with serving("--timeout-linger=1s") as server, Client(server.port) as client, Client(server.port) as other:
        other.get()
        memory = Memory(server)
        upload = Upload(client, "/unread", is_chunked)
        upload.await_standstill(memory.look)
        assert upload.sent < KERNEL_BYTES
        assert other.get().endswith(b"Hello, world!")
        other.get("/release")
        assert client.read_response().endswith(b"not read")
        upload.thread.join()  # the server closes although the client goes on
        assert memory.growth < MEMORY_SLACK


def test_an_upload_that_is_refused_ends_soon(is_chunked: bool) -> None:
    with serving("--timeout-linger=1s") as server, Client(server.port) as client, Client(server.port) as other:
        other.get()
        memory = Memory(server)
        upload = Upload(client, "/refuse", is_chunked)
        assert client.read_response().endswith(b"refused")
        upload.thread.join()  # the server closes although the client goes on
        assert upload.sent < UPLOAD_BYTES
        assert memory.growth < MEMORY_SLACK


def test_an_upload_that_is_read_is_not_kept(is_chunked: bool) -> None:
    with serving() as server, Client(server.port) as client:
        client.get()
        memory = Memory(server)
        upload = Upload(client, "/digest", is_chunked)
        while upload.thread.is_alive():
            memory.look()
            upload.thread.join(0.01)
        assert client.read_response().endswith(b"%d" % UPLOAD_BYTES)
        assert memory.growth < MEMORY_SLACK


def test_a_stream_that_is_never_read_stands_still_and_its_client_is_dropped() -> None:
    with serving("--timeout-write-stall=1s", "--timeout-disconnect=500ms") as server:
        before = census_of(server.port)
        memory = Memory(server)
        with Client(server.port) as client:
            client.send_request("/endless")
            client.read_until(b"\r\n\r\n")

            def is_dropped() -> bool:
                memory.look()
                return census_of(server.port) == before

            await_truth(is_dropped, f"the client is dropped, and the server as before: {before}")
        assert memory.growth < MEMORY_SLACK
