"""When the process ends, however Python can know of it, what is pending is written, and a fork writes nothing twice."""

import io
import signal
import subprocess
import sys
import textwrap
import threading

import pytest

from licorne.logs.access import AccessLog
from licorne.logs.last_words import FATAL_SIGNALS

from .scenes import logs_to

PROLOGUE = """
    import os, signal, sys
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whoever runs the tests may be ignoring it
    from types import SimpleNamespace as Facts
    from licorne.logs import setup, access
    setup.configure(use_colors=False)
    log = access.AccessLog(None, lambda delay, callback: None)
    def write(target):
        head = Facts(method="GET", target=target, http_version="1.1", headers=[])
        exchange = Facts(head=head, **vars(head), status=200, response_headers=[], bytes_sent=0, is_aborted=False)
        log.log(exchange, Facts(client=None, is_secure=False), 0.0, 0.0)
    write(b"/1")
"""


def run(program: str) -> "subprocess.CompletedProcess[str]":
    """Run a program that has logged one line which is still pending."""
    source = textwrap.dedent(PROLOGUE) + textwrap.dedent(program)
    return subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=60, check=False)


def targets_in(text: str) -> list[str]:
    """Return the targets of the lines, in order."""
    return [line.split('"')[1].split()[1] for line in text.splitlines()]


@pytest.mark.parametrize("program", ["", "sys.exit(3)", "raise RuntimeError", "raise KeyboardInterrupt"])
def test_an_end_that_python_knows_of_writes_what_is_pending(program: str) -> None:
    assert targets_in(run(program).stdout) == ["/1"]


@pytest.mark.parametrize("number", FATAL_SIGNALS, ids=lambda number: number.name)
def test_a_fatal_signal_writes_what_is_pending_and_kills(number: signal.Signals) -> None:
    ran = run(f"os.kill(os.getpid(), {int(number)})")
    assert targets_in(ran.stdout) == ["/1"]
    assert ran.returncode == -number


def test_two_logs_both_have_their_last_words() -> None:
    ran = run(
        """
        first, log = log, access.AccessLog(None, lambda delay, callback: None)
        write(b"/2")
        os.kill(os.getpid(), signal.SIGHUP)
        """
    )
    assert sorted(targets_in(ran.stdout)) == ["/1", "/2"]
    assert ran.returncode == -signal.SIGHUP


def test_a_forked_child_drops_what_it_inherited_and_writes_its_own() -> None:
    ran = run(
        """
        child = os.fork()
        if child == 0:
            log.flush()
            write(b"/child")
            sys.exit(0)
        os.waitpid(child, 0)
        write(b"/2")
        """
    )
    assert targets_in(ran.stdout) == ["/child", "/1", "/2"]


def test_a_signal_that_is_somebodys_stays_theirs() -> None:
    def mine(number: int, frame: object) -> None:
        """Be an application's handler."""

    before = signal.signal(signal.SIGHUP, mine)
    try:
        log = AccessLog()
        assert signal.getsignal(signal.SIGHUP) is mine
        log.close()
        assert signal.getsignal(signal.SIGHUP) is mine
    finally:
        signal.signal(signal.SIGHUP, before)


def test_closing_gives_the_signals_back() -> None:
    before = [signal.getsignal(number) for number in FATAL_SIGNALS]
    with logs_to(io.StringIO()):
        first, second = AccessLog(), AccessLog()
        first.close()
        second.close()
        third = AccessLog()
        third.close()
    assert [signal.getsignal(number) for number in FATAL_SIGNALS] == before


def test_another_thread_leaves_signals_alone() -> None:
    seen = []

    def serve() -> None:
        log = AccessLog()
        seen.append([signal.getsignal(number) for number in FATAL_SIGNALS])
        log.close()

    before = [signal.getsignal(number) for number in FATAL_SIGNALS]
    thread = threading.Thread(target=serve)
    thread.start()
    thread.join()
    assert seen == [before]
