"""Lines are gathered and leave together: in time, in order, whole, whatever the stream is and whatever it does."""

import io
import logging
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

import pytest

from licorne.logs import setup
from licorne.logs.access import MAX_BATCH_BYTES, AccessLog
from licorne.logs.output import MAX_BACKLOG_BYTES

from .scenes import Timers, exchange, link, logging_restored, logs_to, opened


def write(log: AccessLog, *targets: str) -> None:
    """Log one exchange for each target."""
    for target in targets:
        log.log(exchange(target=target.encode()), link(), 0.0, 0.0)


def targets_in(text: str) -> list[str]:
    """Return the targets of the lines, in order."""
    return [line.split('"')[1].split()[1] for line in text.splitlines()]


def test_a_line_waits_for_the_timer_which_comes_within_100_ms() -> None:
    stream, timers = io.StringIO(), Timers()
    with logs_to(stream), opened(None, timers.call_later) as log:
        write(log, "/1", "/2")
        assert stream.getvalue() == ""
        assert [delay for delay, _ in timers.waiting] == [0.1]
        timers.fire()
        assert targets_in(stream.getvalue()) == ["/1", "/2"]


def test_no_timer_runs_when_nothing_is_pending() -> None:
    timers = Timers()
    with logs_to(io.StringIO()), opened(None, timers.call_later) as log:
        write(log, "/1")
        timers.fire()
        assert timers.waiting == []
        write(log, "/2")
        assert len(timers.waiting) == 1


def test_64_KiB_are_written_at_once() -> None:  # noqa: N802 - the unit is written so
    stream, timers = io.StringIO(), Timers()
    with logs_to(stream), opened(None, timers.call_later) as log:
        while not stream.getvalue():
            write(log, "/" + "x" * 1000)
        assert MAX_BATCH_BYTES <= len(stream.getvalue()) < MAX_BATCH_BYTES + 1100


@pytest.mark.parametrize("template", ["json", "combined"])
def test_other_formats_are_gathered_too(template: str) -> None:
    stream, timers = io.StringIO(), Timers()
    with logs_to(stream), opened(template, timers.call_later) as log:
        write(log, "/1", "/2")
        assert stream.getvalue() == ""
        timers.fire()
    assert stream.getvalue().count("\n") == 2


def test_without_a_timer_each_line_is_written_at_once() -> None:
    stream = io.StringIO()
    with logs_to(stream), opened() as log:
        write(log, "/1")
        assert targets_in(stream.getvalue()) == ["/1"]


class Terminal(io.StringIO):
    """Be a stream that somebody looks at."""

    def isatty(self) -> bool:
        return True


def test_on_a_terminal_each_line_is_written_at_once() -> None:
    stream, timers = Terminal(), Timers()
    with logs_to(stream), opened(None, timers.call_later) as log:
        write(log, "/1")
        assert targets_in(stream.getvalue()) == ["/1"]


def test_when_the_loop_is_closed_each_line_is_written_at_once() -> None:
    def closed(delay: float, callback: object) -> None:
        raise RuntimeError("Event loop is closed")

    stream = io.StringIO()
    with logs_to(stream), opened(None, closed) as log:
        write(log, "/1")
        assert targets_in(stream.getvalue()) == ["/1"]


def test_flush_and_close_write_what_is_pending() -> None:
    stream, timers = io.StringIO(), Timers()
    with logs_to(stream), opened(None, timers.call_later) as log:
        write(log, "/1")
        log.flush()
        assert targets_in(stream.getvalue()) == ["/1"]
        write(log, "/2")
        log.close()
        assert targets_in(stream.getvalue()) == ["/1", "/2"]
        write(log, "/3")
        assert targets_in(stream.getvalue()) == ["/1", "/2", "/3"]


@pytest.mark.parametrize("name", ["licorne", "licorne.error", "licorne.asgi"])
def test_a_record_of_another_logger_comes_after_the_lines_before_it(name: str) -> None:
    stream, timers = io.StringIO(), Timers()
    with logs_to(stream), opened(None, timers.call_later) as log:
        write(log, "/1")
        logging.getLogger(name).error("failed")
        write(log, "/2")
        timers.fire()
    assert [line.split()[-1] for line in stream.getvalue().splitlines()] == ["OK", "failed", "OK"]


def test_lines_through_logging_come_after_the_direct_ones_before_them() -> None:
    stream, timers = io.StringIO(), Timers()
    with logs_to(stream) as handler, opened(None, timers.call_later) as log:
        write(log, "/1")
        handler.addFilter(lambda record: True)
        logging.getLogger("licorne.access").info('%s - "%s %s HTTP/%s" %d', "", "GET", "/2", "1.1", 200)
        write(log, "/3")
        timers.fire()
        write(log, "/4")
    assert targets_in(stream.getvalue()) == ["/1", "/2", "/3", "/4"]


def test_closing_lets_the_handlers_go() -> None:
    with logs_to(io.StringIO()) as handler:
        log = AccessLog(None, Timers().call_later)
        write(log, "/1")
        assert len(handler.before_record) == 1  # type: ignore[attr-defined]
        log.close()
        assert handler.before_record == []  # type: ignore[attr-defined]


def test_any_thread_may_flush_and_no_line_is_lost_torn_or_doubled() -> None:
    stream, timers = io.StringIO(), Timers()
    expected = [f"/{number}" for number in range(5000)]
    with logs_to(stream), opened(None, timers.call_later) as log:
        is_over = threading.Event()

        def flush() -> None:
            while not is_over.is_set():
                log.flush()

        threads = [threading.Thread(target=flush) for _ in range(2)]
        for thread in threads:
            thread.start()
        write(log, *expected)
        is_over.set()
        for thread in threads:
            thread.join()
        log.flush()
    assert targets_in(stream.getvalue()) == expected


class Tee(io.TextIOWrapper):
    """Be an application's own stream, which keeps what it is asked to write."""

    kept = ""

    def write(self, text: str) -> int:
        self.kept += text
        return super().write(text)


def test_a_replaced_stream_is_asked_to_write() -> None:
    with open(os.devnull, "wb") as sink, Tee(sink, encoding="utf-8") as stream:
        with logs_to(stream), opened() as log:
            write(log, "/1")
        assert targets_in(stream.kept) == ["/1"]


def test_a_stream_that_is_replaced_while_running_gets_the_next_batch() -> None:
    first, second, timers = io.StringIO(), io.StringIO(), Timers()
    with logs_to(first) as handler, opened(None, timers.call_later) as log:
        write(log, "/1")
        timers.fire()
        handler.setStream(second)  # type: ignore[attr-defined]
        write(log, "/2")
    assert targets_in(first.getvalue()) == ["/1"]
    assert targets_in(second.getvalue()) == ["/2"]


def test_a_closed_stream_is_said_once_and_harms_nothing() -> None:
    stream = io.StringIO()
    with logs_to(stream), opened() as log:
        (errors,) = logging.getLogger("licorne").handlers
        said = io.StringIO()
        errors.setStream(said)  # type: ignore[attr-defined]
        stream.close()
        write(log, "/1", "/2")
    assert said.getvalue().count("The access log cannot be written") == 1


# --- a real descriptor --------------------------------------------------------------------------------------


@contextmanager
def pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[int, TextIO, io.StringIO]]:
    """Make a pipe the process's standard output; yield its reading end, the stream, and what errors say."""
    reading, writing = os.pipe()
    said = io.StringIO()
    with open(writing, "w", encoding="utf-8") as stream, logging_restored():
        monkeypatch.setattr(sys, "__stdout__", stream)
        setup.configure(use_colors=False)
        for name, target in (("licorne", said), ("licorne.access", stream)):
            logging.getLogger(name).handlers[0].setStream(target)  # type: ignore[attr-defined]
        try:
            yield reading, stream, said
        finally:
            try:
                os.close(reading)
            except OSError:
                pass


def test_a_batch_is_one_write(monkeypatch: pytest.MonkeyPatch) -> None:
    writes: list[bytes] = []
    original = os.write

    def counted(descriptor: int, data: bytes) -> int:
        writes.append(data)
        return original(descriptor, data)

    timers = Timers()
    with pipe(monkeypatch) as (reading, _, _), opened(None, timers.call_later) as log:
        monkeypatch.setattr(os, "write", counted)
        write(log, "/1", "/2", "/3")
        timers.fire()
        assert targets_in(os.read(reading, 65536).decode()) == ["/1", "/2", "/3"]
    assert len(writes) == 1


def test_what_was_printed_before_comes_out_before(monkeypatch: pytest.MonkeyPatch) -> None:
    with pipe(monkeypatch) as (reading, stream, _), opened() as log:
        stream.write("printed\n")
        write(log, "/1")
        first, second = os.read(reading, 65536).decode().splitlines()
    assert first == "printed"
    assert targets_in(second) == ["/1"]


def test_partial_writes_are_continued(monkeypatch: pytest.MonkeyPatch) -> None:
    original = os.write
    with pipe(monkeypatch) as (reading, _, _), opened() as log:
        monkeypatch.setattr(os, "write", lambda descriptor, data: original(descriptor, data[:7]))
        write(log, "/1", "/2")
        assert targets_in(os.read(reading, 65536).decode()) == ["/1", "/2"]


def drain(reading: int) -> bytes:
    """Read what a non-blocking pipe holds."""
    found = b""
    while True:
        try:
            piece = os.read(reading, 1 << 20)
        except BlockingIOError:
            return found
        found += piece


def test_a_full_non_blocking_pipe_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    timers = Timers()
    expected = [f"/{number}" for number in range(4000)]
    with pipe(monkeypatch) as (reading, stream, said), opened(None, timers.call_later) as log:
        os.set_blocking(stream.fileno(), False)
        os.set_blocking(reading, False)
        write(log, *expected)
        timers.fire()
        assert len(timers.waiting) == 1, "what is left has a timer"
        found = b""
        while timers.waiting:
            found += drain(reading)
            timers.fire()
        found += drain(reading)
        assert said.getvalue() == ""
    assert targets_in(found.decode()) == expected


def test_a_pipe_that_nobody_empties_costs_bounded_memory_and_whole_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    timers = Timers()
    total = 3 * MAX_BACKLOG_BYTES // 1000
    with pipe(monkeypatch) as (reading, stream, said), opened(None, timers.call_later) as log:
        os.set_blocking(stream.fileno(), False)
        os.set_blocking(reading, False)
        write(log, *("/" + "x" * 1000 for _ in range(total)))
        found = b""
        while timers.waiting:
            found += drain(reading)
            timers.fire()
        found += drain(reading)
    kept = targets_in(found.decode())
    assert MAX_BACKLOG_BYTES // 1100 - 70 < len(kept) < total
    assert f"{total - len(kept)} lines were dropped" in said.getvalue()


def test_a_reader_that_left_is_said_once_and_harms_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with pipe(monkeypatch) as (reading, _, said), opened() as log:
        os.close(reading)
        write(log, "/1", "/2")
        assert said.getvalue().count("The access log cannot be written, its lines are lost") == 1
        with monkeypatch.context() as recovered:
            recovered.setattr(os, "write", lambda descriptor, data: len(data))
            write(log, "/3")
        write(log, "/4")
        assert said.getvalue().count("The access log cannot be written, its lines are lost") == 2
