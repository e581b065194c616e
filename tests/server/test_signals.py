"""Capturing signals: who gets them, who gets them afterwards, in a real process with real signals."""

import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from types import FrameType

import pytest

from licorne.server.signals import INTENTIONS, Capture, Intention


@pytest.fixture(autouse=True)
def heard(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Listen outside of every capture, and give back what there was."""
    heard_outside: list[int] = []
    before = {number: signal.signal(number, lambda caught, _: heard_outside.append(caught)) for number in INTENTIONS}
    yield heard_outside
    for number, handler in before.items():
        signal.signal(number, handler)


class Server:
    """Stand in for a server: take signals as its own, as `Server.handle_exit` does."""

    def __init__(self) -> None:
        self.received: list[int] = []
        self.capture = Capture(self.take)
        self.capture.install()

    def take(self, number: int, frame: FrameType | None) -> None:
        self.received.append(number)
        self.capture.caught.append(number)


def test_only_an_interrupt_forces_when_it_comes_again() -> None:
    assert INTENTIONS[signal.SIGINT] is Intention.STOP_THEN_FORCE
    assert INTENTIONS[signal.SIGTERM] is Intention.STOP


def test_a_captured_signal_is_raised_again_at_the_end(heard: list[int]) -> None:
    server = Server()
    signal.raise_signal(signal.SIGTERM)
    assert (server.received, heard) == ([signal.SIGTERM], [])
    server.capture.release()
    assert heard == [signal.SIGTERM]


def test_several_signals_are_raised_again_the_last_one_first(heard: list[int]) -> None:
    server = Server()
    signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGINT)
    server.capture.release()
    assert heard == [signal.SIGINT, signal.SIGTERM]


def test_a_signal_that_was_not_taken_is_not_raised_again(heard: list[int]) -> None:
    capture = Capture(lambda number, frame: None)
    capture.install()
    signal.raise_signal(signal.SIGTERM)
    capture.release()
    assert heard == []


def test_after_the_release_signals_go_where_they_went_before(heard: list[int]) -> None:
    server = Server()
    server.capture.release()
    signal.raise_signal(signal.SIGINT)
    assert (server.received, heard) == ([], [signal.SIGINT])


def test_another_thread_captures_nothing(heard: list[int]) -> None:
    capture = Capture(lambda number, frame: None)
    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=capture.install)
    thread.start()
    thread.join()
    assert signal.getsignal(signal.SIGTERM) == before
    capture.release()
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_several_servers_get_a_signal_each_and_it_is_raised_once(heard: list[int], order: tuple[int, int]) -> None:
    servers = [Server(), Server()]
    signal.raise_signal(signal.SIGINT)
    assert [server.received for server in servers] == [[signal.SIGINT]] * 2
    servers[order[0]].capture.release()
    assert heard == []
    servers[order[1]].capture.release()
    assert heard == [signal.SIGINT]
    assert [server.received for server in servers] == [[signal.SIGINT]] * 2


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_servers_that_end_in_any_order_leave_no_dead_handler(heard: list[int], order: tuple[int, int]) -> None:
    servers = [Server(), Server()]
    servers[order[0]].capture.release()
    signal.raise_signal(signal.SIGTERM)
    assert servers[order[1]].received == [signal.SIGTERM]
    servers[order[1]].capture.release()
    signal.raise_signal(signal.SIGTERM)
    assert heard == [signal.SIGTERM] * 2
    assert servers[order[0]].received == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_process_dies_of_the_signal_that_it_was_sent(number: int) -> None:
    source = """
        import signal, time
        from licorne.server.signals import Capture
        capture = Capture(lambda number, frame: capture.caught.append(number))
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        capture.install()
        print("ready", flush=True)
        while not capture.caught:
            time.sleep(0.01)  # a signal that comes right before signal.pause() does not end it
        print("cleaned up", flush=True)
        capture.release()
        print("still alive", flush=True)
    """
    command = [sys.executable, "-c", textwrap.dedent(source)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        assert process.stdout.read() == "cleaned up\n"
    assert process.returncode == -number
