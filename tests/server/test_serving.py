"""What the worker wires together: headers, date, logs, parsers, the state of the lifespan."""

import re
import signal
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from tests.server.process import Client, running

ACCESS_LINE = r'INFO: +127\.0\.0\.1:\d+ - "GET /path\?q=1 HTTP/1\.1" 200 OK'


def head_of(response: bytes) -> dict[str, list[str]]:
    """Return the fields of a response."""
    fields: dict[str, list[str]] = {}
    for line in response.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]:
        name, _, value = line.partition(": ")
        fields.setdefault(name.lower(), []).append(value)
    return fields


@pytest.mark.parametrize("parser", ["native", "httptools", "h11"])
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_every_parser_runs_on_every_loop(parser: str, loop: str) -> None:
    for module in {parser, loop} - {"native", "asyncio"}:
        pytest.importorskip(module)
    with running("hello", f"--http={parser}", f"--loop={loop}") as server, Client(server.port) as client:
        assert client.get().endswith(b"hello")
        assert client.get().endswith(b"hello")


def test_responses_carry_server_date_and_the_user_s_headers_once() -> None:
    with running("hello", "--header=X-Frame-Options: DENY") as server, Client(server.port) as client:
        fields = head_of(client.get())
    assert fields["server"] == ["licorne"]
    assert fields["x-frame-options"] == ["DENY"]
    assert len(fields["date"]) == 1
    parsedate_to_datetime(fields["date"][0])


def test_the_date_moves_on() -> None:
    with running("hello") as server, Client(server.port) as client:
        first = head_of(client.get())["date"]
        while head_of(client.get())["date"] == first:
            pass


def test_the_access_log_says_who_asked_for_what() -> None:
    with running("hello") as server, Client(server.port) as client:
        client.get("/path?q=1")
        server.wait_for(ACCESS_LINE)


def test_lines_that_are_pending_at_the_end_are_written(tmp_path: Path) -> None:
    with running("hello") as server:
        with Client(server.port) as client:
            for _ in range(50):
                client.get("/path?q=1")
        server.signal(signal.SIGTERM)
        server.wait()
        assert len(re.findall(ACCESS_LINE, server.log)) == 50


def test_the_access_log_can_be_formatted_or_left_out() -> None:
    with running("hello", "--access-log-format=json") as server, Client(server.port) as client:
        client.get("/path?q=1")
        server.wait_for(r'^\{.*"status": ?200')
    with running("hello", "--no-access-log") as server:
        with Client(server.port) as client:
            client.get("/path?q=1")
        server.signal(signal.SIGTERM)
        server.wait()
        assert "/path" not in server.log


def test_log_level_trace_shows_what_passes_between_server_and_application() -> None:
    with running("hello", "--log-level=trace") as server, Client(server.port) as client:
        client.get("/path?q=1")
        server.wait_for(r"TRACE: +127\.0\.0\.1:\d+ - ASGI \[2\] Started scope=\{'type': 'http'")
        server.wait_for(r"ASGI \[2\] Send \{'type': 'http\.response\.body', 'body': '<5 bytes>'\}")
        server.wait_for(r"ASGI \[2\] Completed")


def test_the_lifespan_s_state_reaches_every_request() -> None:
    with running("stateful") as server, Client(server.port) as client:
        assert client.get().endswith(b"from the lifespan")
        assert client.get().endswith(b"from the lifespan")


def test_an_asgi2_application_is_served() -> None:
    with running("old") as server, Client(server.port) as client:
        assert client.get().endswith(b"2.0")


def test_a_request_that_waits_right_after_the_start_waits_its_time() -> None:
    limits = ("--limit-concurrency=1", "--limit-concurrency-wait=60s", "--timeout-request-header=1s")
    with running("echo", *limits) as server, Client(server.port) as first:
        first.send_half_a_request()
        server.wait_for("app: began")
        with Client(server.port) as second:
            second.send_request()
            with Client(server.port) as clock:
                clock.sock.sendall(b"G")
                assert b" 408 " in clock.read_to_the_end()  # so the server has looked at its clocks
            first.send_the_rest()
            assert first.read_response().endswith(b"hello")
            assert second.read_response().startswith(b"HTTP/1.1 200 ")
