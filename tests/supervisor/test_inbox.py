"""What wakes the loop of the supervisor: signals in their order, and waits of any length."""

import os
import signal
from collections.abc import Iterator

import pytest

from licorne.supervisor.board import Board
from licorne.supervisor.inbox import SignalInbox


@pytest.fixture
def inbox() -> Iterator[SignalInbox]:
    """Take the signals of this process."""
    inbox = SignalInbox()
    inbox.open()
    try:
        inbox.begin()
        yield inbox
    finally:
        inbox.close()


def send_at_once(*numbers: int) -> None:
    """Send signals so that Python calls no handler before the last has come."""
    signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    for number in numbers:
        os.kill(os.getpid(), number)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers)


def test_signals_are_handed_over_in_the_order_that_they_woke_us_in(inbox: SignalInbox) -> None:
    os.write(inbox._writer.fileno(), bytes([signal.SIGWINCH, signal.SIGHUP]))
    inbox._caught.extend([signal.SIGHUP, signal.SIGWINCH])
    assert inbox.take() == [signal.SIGWINCH, signal.SIGHUP]


def test_no_signal_is_lost_when_many_come_at_once(inbox: SignalInbox) -> None:
    send_at_once(signal.SIGUSR1, signal.SIGHUP, signal.SIGTTIN)
    assert sorted(inbox.take()) == sorted([signal.SIGUSR1, signal.SIGHUP, signal.SIGTTIN])
    assert inbox.take() == []


def test_a_wait_of_months_is_one_that_the_system_can_do() -> None:
    board = Board()
    reader, writer = os.pipe()

    class Owner:
        def fileno(self) -> int:
            return reader

    board.update([(Owner(), 1, lambda: None)])
    os.write(writer, b"x")
    assert len(board.wait(30_000_000.0)) == 1
    board.close()
    os.close(reader)
    os.close(writer)
