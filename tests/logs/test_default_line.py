"""The default line, by the short way and by logging: the same to the byte, and Uvicorn's."""

import io
import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licorne.logs.formatters import AccessFormatter

from .scenes import exchange, line_of, link, logs_to, opened


def test_the_line_is_uvicorns() -> None:
    assert line_of() == 'INFO:     127.0.0.1:54321 - "GET /x?y=1 HTTP/1.1" 200 OK\n'


def test_colours_are_uvicorns() -> None:
    stream = io.StringIO()
    with logs_to(stream, use_colors=True), opened() as log:
        log.log(exchange(status=404), link(), 0.0, 0.0)
    assert stream.getvalue() == (
        '\x1b[32mINFO\x1b[0m:     127.0.0.1:54321 - "\x1b[1mGET /x?y=1 HTTP/1.1\x1b[0m" \x1b[31m404 Not Found\x1b[0m\n'
    )


def test_a_client_without_address_leaves_its_place_empty() -> None:
    assert line_of(peer=link(None)) == 'INFO:      - "GET /x?y=1 HTTP/1.1" 200 OK\n'


def test_a_status_without_phrase_stands_alone() -> None:
    assert line_of(status=299).endswith('" 299 \n')


def test_a_response_that_never_began_is_499() -> None:
    assert line_of(status=0).endswith('" 499 Client Closed Request\n')


@pytest.mark.parametrize(
    ("target", "written"),
    [
        (b"http://example.org/a?b", "/a?b"),
        (b"http://example.org", "/"),
        (b"https://example.org?b=/c", "/?b=/c"),
        (b"*", "*"),
        (b"/redirect?to=http://example.org/", "/redirect?to=http://example.org/"),
        (b"/a%2Fb", "/a%2Fb"),
    ],
)
def test_the_target_is_written_without_scheme_and_authority(target: bytes, written: str) -> None:
    assert f'"GET {written} HTTP/1.1"' in line_of(target=target)


def both_ways(use_colors: bool, **changes: Any) -> tuple[str, str]:
    """Return the line by the short way and by logging."""
    lines = []
    for is_ordinary in (False, True):
        stream = io.StringIO()
        with logs_to(stream, use_colors) as handler, opened() as log:
            if is_ordinary:
                handler.addFilter(lambda record: True)
            peer = link(changes["client"])
            for _ in range(2):  # the second one comes from the caches
                log.log(exchange(**changes), peer, 0.0, 0.0)
        lines.append(stream.getvalue())
    return lines[0], lines[1]


@given(
    use_colors=st.booleans(),
    client=st.none() | st.tuples(st.text(st.characters(exclude_categories=())), st.integers(0, 65535)),
    method=st.sampled_from(["GET", "POST"]) | st.text(max_size=8),
    target=st.binary(max_size=40).map(lambda tail: b"/" + tail) | st.binary(max_size=40),
    http_version=st.sampled_from(["1.0", "1.1", "2", "3"]),
    status=st.integers(100, 599) | st.just(0),
)
def test_the_short_way_and_logging_write_the_same(use_colors: bool, **changes: Any) -> None:
    direct, ordinary = both_ways(use_colors, **changes)
    assert direct == ordinary
    assert direct.count("\n") == 2


class Keeper(logging.Handler):
    """Keep the records."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


def test_the_record_is_the_one_that_uvicorns_users_know() -> None:
    keeper = Keeper()
    with logs_to(io.StringIO()), opened() as log:
        logging.getLogger("licorne.access").addHandler(keeper)
        log.log(exchange(), link(), 0.0, 0.0)
    (record,) = keeper.records
    assert record.name == "licorne.access"
    assert record.levelno == logging.INFO
    assert record.args == ("127.0.0.1:54321", "GET", "/x?y=1", "1.1", 200)
    assert record.getMessage() == '127.0.0.1:54321 - "GET /x?y=1 HTTP/1.1" 200'


def test_a_filter_on_the_target_silences_a_path() -> None:
    stream = io.StringIO()
    with logs_to(stream), opened() as log:
        logger = logging.getLogger("licorne.access")
        logger.addFilter(lambda record: isinstance(record.args, tuple) and record.args[2] != "/health")
        log.log(exchange(target=b"/health"), link(), 0.0, 0.0)
        log.log(exchange(target=b"/other"), link(), 0.0, 0.0)
    assert stream.getvalue().count("\n") == 1
    assert "/other" in stream.getvalue()


class Shouting(AccessFormatter):
    """Be an application's own formatter."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name is logging's
        return super().formatMessage(record).upper()


def test_a_subclass_of_the_formatter_is_obeyed() -> None:
    stream = io.StringIO()
    with logs_to(stream) as handler, opened() as log:
        handler.setFormatter(Shouting('%(client_addr)s "%(request_line)s" %(status_code)s', use_colors=False))
        log.log(exchange(target=b"/low"), link(), 0.0, 0.0)
    assert stream.getvalue() == '127.0.0.1:54321 "GET /LOW HTTP/1.1" 200 OK\n'


def test_another_format_of_our_formatter_is_obeyed() -> None:
    stream = io.StringIO()
    with logs_to(stream) as handler, opened() as log:
        handler.setFormatter(AccessFormatter("%(status_code)s %(request_line)s", use_colors=False))
        log.log(exchange(), link(), 0.0, 0.0)
    assert stream.getvalue() == "200 OK GET /x?y=1 HTTP/1.1\n"
