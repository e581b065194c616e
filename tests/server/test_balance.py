"""Balance and loads: who accepts, who waits, and that nobody waits for one who does not come."""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from licorne.server.attached.messages import Drain
from licorne.server.listening.balance import Balance
from licorne.server.listening.listeners import Listener
from licorne.server.listening.loads import MAX_SLOTS, Load, Loads
from tests.server.process import Client
from tests.supervisor.workers import WorkerProcess

NOW = 100_000.0


@pytest.fixture
def loads() -> Iterator[Loads]:
    """Return a table."""
    table = Loads.create()
    yield table
    os.close(table.fd)


def test_another_process_sees_what_was_written(loads: Loads) -> None:
    loads.write(3, 17, NOW)
    other = Loads(loads.fd)
    assert list(other.others(0, NOW)) == [17]
    assert list(other.others(3, NOW)) == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux seals files")
def test_nobody_changes_the_size(loads: Loads) -> None:
    size = os.fstat(loads.fd).st_size
    for other in (0, size - 1, size + 1):
        with pytest.raises(PermissionError):
            os.ftruncate(loads.fd, other)


def test_who_has_not_written_for_a_while_is_not_counted_on(loads: Loads) -> None:
    loads.write(0, 5, NOW)
    loads.write(1, 6, NOW + 2)
    assert sorted(loads.others(2, NOW + 2.4)) == [5, 6]
    assert sorted(loads.others(2, NOW + 3)) == [6]
    loads.clear(1)
    assert list(loads.others(2, NOW + 3)) == []


def test_the_clock_may_run_over(loads: Loads) -> None:
    end = 2**32 / 1000
    loads.write(0, 5, end - 0.5)
    assert list(loads.others(1, end + 0.5)) == [5]
    assert list(loads.others(1, end + 5)) == []


def test_the_table_has_an_end(loads: Loads) -> None:
    loads.write(MAX_SLOTS - 1, 1, NOW)
    loads.clear(MAX_SLOTS + 7)
    assert list(loads.others(0, NOW)) == [1]


def balances(loads: Loads, *counts: int) -> list[Balance]:
    """Return workers that hold so many connections."""
    found = [Balance(Load(loads, slot)) for slot in range(len(counts))]
    for balance, count in zip(found, counts, strict=True):
        balance.tick(count, NOW)
    return found


def test_one_alone_takes_what_is_there(loads: Loads) -> None:
    (balance,) = balances(loads, 0)
    assert balance.accepts(10_000, NOW) > 1


def test_who_holds_more_than_another_waits(loads: Loads) -> None:
    first, second = balances(loads, 5, 8)
    assert first.accepts(5, NOW) == 1
    assert second.accepts(8, NOW) == 0
    assert second.accepts(6, NOW) == 1, "one more is no reason to wait"


def test_many_connections_are_compared_more_roughly(loads: Loads) -> None:
    _, second = balances(loads, 3200, 3300)
    assert second.accepts(3300, NOW) == 1
    assert second.accepts(3302, NOW) == 0


def test_what_nobody_takes_is_taken_a_little_more_each_time(loads: Loads) -> None:
    _, second = balances(loads, 0, 100)
    assert [second.accepts_after_wait(100, NOW) for _ in range(4)] == [1, 2, 3, 4]
    assert second.accepts_after_wait(1, NOW) == 1
    assert second.accepts_after_wait(100, NOW) == 1


def test_a_worker_that_is_blocked_is_waited_for_no_longer(loads: Loads) -> None:
    _, second = balances(loads, 0, 100)
    assert second.accepts(100, NOW + 1) == 0
    assert second.accepts(100, NOW + 3) > 0


def test_connections_that_end_at_once_are_let_in_without_waiting(loads: Loads) -> None:
    _, second = balances(loads, 5, 5)
    second.accepted(3200, 5, NOW)
    second.tick(5, NOW + 1)
    assert second.accepts(50, NOW + 1) > 1
    second.tick(5, NOW + 2)
    assert second.accepts(50, NOW + 2) == 0, "a second later that is forgotten"


# --- real workers -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_workers_of_one_socket_hold_about_as_many_connections_each(loads: Loads, loop: str) -> None:
    if loop == "uvloop":
        pytest.importorskip("uvloop")
    connections, workers = 60, 3
    with ExitStack() as stack:

        def begin(index: int, listeners: list[Listener] | None) -> WorkerProcess:
            worker = WorkerProcess("whoami", listeners=listeners, index=index, loads_fd=loads.fd, loop=loop)
            return stack.enter_context(worker)

        first = begin(0, None)
        started = [first, *(begin(index, first.listeners) for index in range(1, workers))]
        port = max(worker.port for worker in started)  # of each: it waits until all let connections in
        rounds = []
        for _ in range(5):  # a worker that gets no CPU for a while, which is the machine's affair, gets none of these
            with ExitStack() as clients:
                found = [clients.enter_context(Client(port)).get().rpartition(b"\r\n")[2] for _ in range(connections)]
            counts = [found.count(b"%d" % worker.process.pid) for worker in started]
            assert sum(counts) == connections
            rounds.append(max(counts))
        assert min(rounds) <= 1.25 * connections / workers, rounds
        first.process.kill()
        first.process.wait()
        for _ in range(10):  # the others do not wait for one who is dead for longer than they may
            with Client(port) as client:
                assert client.get().startswith(b"HTTP/1.1 200 ")


def test_a_queue_is_emptied_by_the_worker_that_closes_last(loads: Loads) -> None:
    with WorkerProcess("blocking", loads_fd=loads.fd) as worker, socket.socket() as waiting:
        waiting.settimeout(20)
        waiting.connect(("127.0.0.1", worker.port))
        waiting.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        worker.channel.send(Drain("stop"))
        assert waiting.recv(65536).endswith(b"hello")
        assert worker.wait() == 0
