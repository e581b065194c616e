"""SIGTERM and SIGINT while many requests run: none that was accepted is lost, and the process ends as it should."""

import re
import signal
import subprocess
import threading
import time
from contextlib import ExitStack

import pytest

from tests.faults.watching import DEADLINE_SECONDS, await_truth, serving
from tests.server.process import Client, ServerProcess
from tests.support.programs import find_program

CLIENTS = 24
#: So many are answered before the signal: the load is at its height.
ENOUGH = 500
REQUEST = "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Asker:
    """Ask again and again, in a thread of its own, until the server takes no more."""

    def __init__(self, port: int, path: str, is_fresh: bool) -> None:
        self.port = port
        self.request = REQUEST.format(path=path).encode()
        #: Open a new connection for each request.
        self.is_fresh = is_fresh
        self.answered = 0
        #: When the request that got no answer was sent; 0.0 if there is none.
        self.unanswered_at = 0.0
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self) -> None:
        """Ask until connecting, sending or receiving fails, or the server says that it closes."""
        try:
            if self.is_fresh:
                while True:
                    self.ask_once()
            with Client(self.port) as client:
                while self.ask(client):
                    pass
        except ConnectionError:
            pass

    def ask_once(self) -> None:
        """Ask on a new connection."""
        with Client(self.port) as client:
            self.ask(client)

    def ask(self, client: Client) -> bool:
        """Send a request and read its response; tell whether another one may follow."""
        client.sock.sendall(self.request)
        sent_at = time.monotonic()
        try:
            response = client.read_response()
        except (AssertionError, ConnectionError) as error:
            self.unanswered_at = sent_at
            raise ConnectionError from error
        self.answered += 1
        assert response.startswith(b"HTTP/1.1 200 OK\r\n")
        assert response.endswith(b"Hello, world!")
        return b"\r\nconnection: close\r\n" not in response


@pytest.fixture(params=["asyncio", "uvloop"])
def loop(request: pytest.FixtureRequest) -> str:
    """Return the flag for each event loop."""
    return f"--loop={request.param}"


def stop_under(server: ServerProcess, askers: list[Asker], number: int) -> float:
    """Send a signal when the load is at its height; return when, after all have ended."""
    await_truth(lambda: sum(asker.answered for asker in askers) >= ENOUGH, "the load is at its height")
    stopped_at = time.monotonic()
    server.signal(number)
    for asker in askers:
        asker.thread.join()
    return stopped_at


@pytest.mark.parametrize("is_fresh", [False, True], ids=["kept", "fresh"])
def test_no_request_that_was_sent_before_sigterm_is_lost(loop: str, is_fresh: bool) -> None:
    with serving(loop) as server:
        paths = ["/" if number % 2 else "/slow" for number in range(CLIENTS)]
        askers = [Asker(server.port, path, is_fresh) for path in paths]
        stopped_at = stop_under(server, askers, signal.SIGTERM)
        assert server.wait() == -signal.SIGTERM
    lost = [stopped_at - asker.unanswered_at for asker in askers if 0 < asker.unanswered_at < stopped_at]
    assert lost == []
    # What the application answered has arrived, also what came after the signal.
    assert_all_arrived(server, sum(asker.answered for asker in askers))


def test_all_that_is_answered_arrives_at_wrk(loop: str) -> None:
    with serving(loop) as server, ExitStack() as stack:
        options = ["--threads=1", "--connections=32", "--duration=100s", "--timeout=60s"]
        command = [find_program("wrk"), *options, f"http://127.0.0.1:{server.port}/"]
        wrk = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE))
        await_truth(lambda: answered_by(server.port) >= ENOUGH, "the load is at its height")
        server.signal(signal.SIGTERM)
        assert server.wait() == -signal.SIGTERM
        wrk.send_signal(signal.SIGINT)  # it reports what it got so far
        report, _ = wrk.communicate(timeout=DEADLINE_SECONDS)
    count = re.search(rb"(\d+) requests in", report)
    assert count, report
    assert_all_arrived(server, int(count[1]))


def answered_by(port: int) -> int:
    """Return how many answers the application has given."""
    with Client(port) as client:
        return int(client.get("/answered").partition(b"\r\n\r\n")[2])


def assert_all_arrived(server: ServerProcess, arrived: int) -> None:
    """Compare what arrived with what the application says that it answered."""
    answered, begun = (int(number) for number in server.wait_for(r"app: answered (\d+) of (\d+)").groups())
    assert answered == begun == arrived
    assert "Traceback" not in server.log


def test_sigint_under_load_ends_with_status_0(loop: str) -> None:
    with serving(loop) as server:
        askers = [Asker(server.port, "/slow", is_fresh=False) for _ in range(CLIENTS)]
        stopped_at = stop_under(server, askers, signal.SIGINT)
        assert server.wait() == 0
    assert not any(0 < asker.unanswered_at < stopped_at for asker in askers)
    assert "Traceback" not in server.log


def test_a_second_sigint_ends_at_once_whatever_runs(loop: str) -> None:
    with serving(loop) as server, ExitStack() as stack:
        clients = [stack.enter_context(Client(server.port)) for _ in range(CLIENTS)]
        for client in clients:
            client.send_request("/stuck")
            client.read_until(b"\r\n\r\n")
        server.signal(signal.SIGINT)
        server.wait_for("Waiting for connections to close")
        server.signal(signal.SIGINT)
        begun = time.monotonic()
        assert server.wait() == 0
        # The graceful stop would take thirty seconds.
        assert time.monotonic() - begun < 15
        for client in clients:
            assert not is_whole(client)
    assert "Traceback" not in server.log


def is_whole(client: Client) -> bool:
    """Tell whether a chunked response was ended."""
    try:
        return client.read_to_the_end().endswith(b"0\r\n\r\n")
    except ConnectionError:
        return False
