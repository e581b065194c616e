"""The short way is taken only when nobody could tell; every way of looking at records brings logging back."""

import functools
import io
import logging
from collections.abc import Callable
from typing import Any

import pytest

from licorne.logs.handlers import LineHandler
from licorne.logs.shortcut import find_direct_handler

from .scenes import Timers, exchange, link, logs_to, opened

ACCESS = "licorne.access"


def access_logger() -> logging.Logger:
    """Return the access logger."""
    return logging.getLogger(ACCESS)


def test_our_own_configuration_is_direct() -> None:
    with logs_to(io.StringIO()) as handler:
        assert find_direct_handler(access_logger(), True) is handler


def test_a_plain_stream_handler_with_our_formatter_is_direct() -> None:
    with logs_to(io.StringIO()) as handler:
        plain = logging.StreamHandler(io.StringIO())
        plain.setFormatter(handler.formatter)
        access_logger().handlers = [plain]
        assert find_direct_handler(access_logger(), True) is plain


class Formatter(logging.Formatter):
    """Be somebody's formatter."""


class Handler(LineHandler):
    """Be somebody's handler."""


class Record(logging.LogRecord):
    """Be somebody's record."""


def set_handler(handler: logging.Handler) -> None:
    """Replace the handler and keep our formatter."""
    handler.setFormatter(access_logger().handlers[0].formatter)
    access_logger().handlers = [handler]


CHANGES: dict[str, Callable[[], object]] = {
    "a second handler": lambda: access_logger().addHandler(logging.NullHandler()),
    "no handler": lambda: access_logger().handlers.clear(),
    "another handler": lambda: set_handler(Handler(io.StringIO())),
    "a filter on the logger": lambda: access_logger().addFilter(lambda record: True),
    "a filter on the handler": lambda: access_logger().handlers[0].addFilter(lambda record: True),
    "a level on the logger": lambda: access_logger().setLevel(logging.WARNING),
    "a level on the handler": lambda: access_logger().handlers[0].setLevel(logging.WARNING),
    "another formatter": lambda: access_logger().handlers[0].setFormatter(Formatter()),
    "no formatter": lambda: access_logger().handlers[0].setFormatter(None),
    "propagation": lambda: setattr(access_logger(), "propagate", True),
    "a disabled logger": lambda: setattr(access_logger(), "disabled", True),
    "logging.disable": lambda: logging.disable(logging.INFO),
    "a record factory": lambda: logging.setLogRecordFactory(Record),
    "another terminator": lambda: setattr(access_logger().handlers[0], "terminator", "\r\n"),
    "a replaced method of the handler": lambda: setattr(access_logger().handlers[0], "emit", print),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_this_brings_logging_back(change: Callable[[], object]) -> None:
    with logs_to(io.StringIO()):
        change()
        assert find_direct_handler(access_logger(), True) is None


@pytest.mark.parametrize(
    ("owner", "name"),
    [(logging.Logger, "callHandlers"), (logging.Logger, "makeRecord"), (logging.StreamHandler, "emit")],
)
def test_a_tool_that_replaces_functions_of_logging_brings_it_back(
    owner: type, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = getattr(owner, name)

    @functools.wraps(original)
    def traced(*arguments: Any) -> Any:
        return original(*arguments)

    with logs_to(io.StringIO()):
        monkeypatch.setattr(owner, name, traced)
        assert find_direct_handler(access_logger(), True) is None


def test_a_subclassed_logger_brings_logging_back_if_it_does_anything_otherwise() -> None:
    class Same(logging.Logger):
        pass

    class Other(logging.Logger):
        def handle(self, record: logging.LogRecord) -> None:
            super().handle(record)

    with logs_to(io.StringIO()) as handler:
        for kind, expected in ((Same, handler), (Other, None)):
            logger = kind(ACCESS, logging.INFO)
            logger.handlers = [handler]
            logger.propagate = False
            assert find_direct_handler(logger, True) is expected


def test_root_handlers_get_the_record_when_it_propagates() -> None:
    stream = io.StringIO()
    with logs_to(io.StringIO()), opened() as log:
        root = logging.getLogger()
        root.handlers = [logging.StreamHandler(stream)]
        access_logger().handlers = []
        access_logger().propagate = True
        logging.getLogger("licorne").propagate = True
        logging.getLogger("licorne").handlers = []
        log.log(exchange(), link(), 0.0, 0.0)
    assert stream.getvalue() == '127.0.0.1:54321 - "GET /x?y=1 HTTP/1.1" 200\n'


@pytest.mark.parametrize("name", ["a level on the logger", "logging.disable", "no handler"])
def test_nothing_is_written_when_the_log_is_off(name: str) -> None:
    stream = io.StringIO()
    with logs_to(stream), opened() as log:
        CHANGES[name]()
        log.log(exchange(), link(), 0.0, 0.0)
    assert stream.getvalue() == ""


def test_a_handler_added_while_a_batch_is_open_is_obeyed_from_the_next_one() -> None:
    stream, seen, timers = io.StringIO(), io.StringIO(), Timers()
    with logs_to(stream), opened(None, timers.call_later) as log:
        log.log(exchange(target=b"/1"), link(), 0.0, 0.0)
        access_logger().addHandler(logging.StreamHandler(seen))
        log.log(exchange(target=b"/2"), link(), 0.0, 0.0)
        timers.fire()
        log.log(exchange(target=b"/3"), link(), 0.0, 0.0)
    assert [line.split()[4] for line in stream.getvalue().splitlines()] == ["/1", "/2", "/3"]
    assert "/3" in seen.getvalue()
    assert seen.getvalue().count("\n") == 1


def test_a_change_of_colours_is_seen() -> None:
    stream = io.StringIO()
    with logs_to(stream) as handler, opened() as log:
        log.log(exchange(), link(), 0.0, 0.0)
        handler.formatter.use_colors = True  # type: ignore[union-attr]
        log.log(exchange(), link(), 0.0, 0.0)
    plain, coloured = stream.getvalue().splitlines()
    assert "\x1b" not in plain
    assert "\x1b[32mINFO" in coloured
