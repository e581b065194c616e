"""From the configuration to what the parts below take, and the small parts of the worker."""

import asyncio
import dataclasses
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from licorne import Config
from licorne.engine.defaults import DefaultHeaders
from licorne.engine.limits import Limits
from licorne.engine.websocket.options import SessionOptions
from licorne.errors import ConfigError, StartupError
from licorne.server.bell import Bell
from licorne.server.quota import Quota
from licorne.server.settings import (
    connections_of,
    date_ticks,
    default_headers_of,
    driver_options_of,
    limits_of,
    max_connections,
    session_options_of,
    sessions_of,
    tick_of,
)


def test_the_default_limits_are_those_of_the_engine() -> None:
    assert limits_of(Config()) == Limits()


def test_every_limit_comes_from_an_option() -> None:
    options = {
        "limit_request_line": 1,
        "limit_head_size": 2,
        "limit_header_count": 3,
        "limit_body_size": 4,
        "limit_chunk_extension_size": 5,
        "limit_trailer_size": 6,
        "limit_trailer_count": 7,
        "limit_keep_alive_requests": 8,
        "limit_unread_body": 10,
        "read_high_water": 11,
        "timeout_request_header": 12,
        "timeout_request_body": 13,
        "min_body_rate": 14,
        "min_body_rate_grace": 15,
        "timeout_keep_alive": 16,
        "timeout_unread_body": 17,
        "timeout_linger": 18,
        "h2_max_streams": 19,
        "h2_reset_burst": 20,
        "h2_reset_rate": 21,
        "h2_glitch_burst": 22,
        "h2_glitch_rate": 23,
        "h2_max_continuations": 24,
        "h2_max_settings": 25,
        "h2_max_queued_replies": 26,
        "h2_send_buffer": 27,
        "timeout_write_stall": 28,
        "h2_table": 1000,
        "h2_max_header_list": 2000,
        "h2_max_frame": 20000,
        "h2_window": 70000,
        "h2_connection_window": 80000,
    }
    assert sorted(dataclasses.astuple(limits_of(Config(**options)))) == list(options.values())


@pytest.mark.parametrize(
    ("http2", "http1_only", "expected"), [(True, False, True), (True, True, False), (False, False, False)]
)
def test_http2_is_spoken_unless_either_switch_says_no(http2: bool, http1_only: bool, expected: bool) -> None:
    assert Config(http2=http2, http1_only=http1_only).speaks_http2 is expected


OFFER = (
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    b"HTTP2-Settings: AAIAAAAA\r\n\r\n"
)


@pytest.mark.parametrize(("options", "expected"), [({}, "1.1"), ({"h2c_upgrade": True}, "2")], ids=["off", "on"])
def test_an_offer_to_change_to_http2_is_taken_up_only_where_that_is_asked_for(
    options: dict[str, Any], expected: str
) -> None:
    connection = connections_of(Config(**options), default_headers_of(Config()))()
    connection.start(0.0)
    connection.receive_data(OFFER, 0.0)
    while connection.successor is not None:
        connection = connection.successor
    exchange = connection.next_exchange(0.0)
    assert exchange is not None
    assert exchange.head.http_version == expected


@pytest.mark.parametrize(
    "option", [{"h2_window": 65534}, {"h2_window": "2GiB"}, {"h2_max_frame": "8KiB"}, {"h2_max_frame": "16MiB"}]
)
def test_what_http2_bounds_is_refused_beyond_its_bounds(option: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="must be a size from"):
        Config(**option)


def test_every_driver_option_comes_from_an_option() -> None:
    config = Config(
        write_high_water=1,
        timeout_write_stall=2,
        timeout_disconnect=3,
        limit_connections=4,
        limit_connections_per_peer=5,
        reset_contextvars=True,
    )
    expected = (1, 2.0, 3.0, 4, 5, sys.version_info >= (3, 12), True)
    assert dataclasses.astuple(driver_options_of(config)) == expected


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on open files")
def test_connections_may_use_nine_tenths_of_the_open_files(monkeypatch: pytest.MonkeyPatch) -> None:
    import resource

    monkeypatch.setattr(resource, "getrlimit", lambda which: (1000, 2000))
    assert max_connections(None) == 900
    assert max_connections(5) == 5
    assert max_connections(0) == 0
    monkeypatch.setattr(resource, "getrlimit", lambda which: (resource.RLIM_INFINITY, 0))
    assert max_connections(None) == 0


def fields_of(headers: DefaultHeaders) -> list[bytes]:
    """Return the lines of the default fields."""
    return [b"%b: %b" % field for field in headers.pairs(0)]


def test_the_default_headers_are_server_date_and_the_user_s() -> None:
    headers = default_headers_of(Config(headers=["X-Frame-Options: DENY", ("x-name", "Zoë")]))
    headers.refresh(0)
    assert sorted(fields_of(headers)) == [
        b"date: Thu, 01 Jan 1970 00:00:00 GMT",
        b"server: licorne",
        b"x-frame-options: DENY",
        "x-name: Zoë".encode("latin-1"),
    ]


def test_the_user_s_server_and_date_replace_ours() -> None:
    headers = default_headers_of(Config(headers=["Server: mine", "Date: never"]))
    headers.refresh(0)
    assert sorted(fields_of(headers)) == [b"date: never", b"server: mine"]


def test_server_and_date_can_be_left_out() -> None:
    headers = default_headers_of(Config(server_header=False, date_header=False))
    headers.refresh(0)
    assert fields_of(headers) == []


def test_the_date_is_made_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = [100.2, 100.9, 101.1]
    refreshed: list[float] = []

    class Watched(DefaultHeaders):
        def refresh(self, unix_time: float) -> None:
            refreshed.append(unix_time)

    monkeypatch.setattr("licorne.server.settings.time.time", lambda: seconds.pop(0))
    tick = date_ticks(Watched([]))
    tick(0.0)
    tick(0.1)
    assert refreshed == [100, 101]


def test_a_parser_that_is_not_installed_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "licorne.engine.http1.h11", None)
    config = Config(http="h11")
    with pytest.raises(StartupError, match=r"pip install 'licorne\[h11\]'"):
        connections_of(config, default_headers_of(config))


def test_the_default_session_options_are_those_of_the_engine() -> None:
    assert dataclasses.replace(session_options_of(Config()), secret=b"") == SessionOptions()


def test_the_secret_of_sessions_is_not_the_same_twice() -> None:
    first, second = session_options_of(Config()).secret, session_options_of(Config()).secret
    assert first != second
    assert len(first) >= 16


def test_every_session_option_comes_from_an_option() -> None:
    options = {
        "ws_max_size": 1,
        "ws_max_queue": 2,
        "read_high_water": 3,
        "ws_ping_interval": 4,
        "ws_ping_timeout": 5,
        "ws_handshake_timeout": 6,
        "ws_close_timeout": 7,
        "ws_idle_timeout": 8,
    }
    made = session_options_of(Config(**options))
    expected = SessionOptions(
        max_size=1,
        max_queue=2,
        high_water_bytes=3,
        ping_interval=4.0,
        ping_timeout=5.0,
        handshake_timeout=6.0,
        close_timeout=7.0,
        idle_timeout=8.0,
    )
    assert dataclasses.replace(made, secret=b"") == expected


def test_compression_is_as_the_options_say() -> None:
    config = Config(ws_deflate_level=9, ws_deflate_window_bits=15, ws_deflate_threshold="2k", ws_deflate_takeover=False)
    deflate = session_options_of(config).deflate
    assert deflate is not None
    assert (deflate.level, deflate.window_bits, deflate.client_window_bits) == (9, 15, 15)
    assert (deflate.threshold, deflate.takeover) == (2048, False)
    assert session_options_of(Config(ws_per_message_deflate=False)).deflate is None


@pytest.mark.parametrize("codec", ["websockets", "wsproto"])
def test_a_codec_that_is_not_installed_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch, codec: str) -> None:
    monkeypatch.setitem(sys.modules, f"licorne.engine.websocket.{codec}", None)
    with pytest.raises(StartupError, match=rf"pip install 'licorne\[{codec}\]'"):
        sessions_of(Config(ws=codec))


def test_there_are_no_sessions_without_websocket() -> None:
    assert sessions_of(Config(ws="none")) is None


def test_the_shortest_clock_says_how_often_clocks_are_looked_at() -> None:
    assert tick_of(Config()) == 10 / 8
    assert tick_of(Config(ws="none", timeout_tls_handshake=0)) == float("inf")
    assert tick_of(Config(ws="none", timeout_tls_handshake=1)) == 1 / 8
    assert tick_of(Config(ws_ping_timeout="800ms")) == 0.1
    assert tick_of(Config(ws_idle_timeout="10ms")) == 0.05
    assert tick_of(Config(limit_concurrency=1, limit_concurrency_wait=2)) == 0.5


# --- quota --------------------------------------------------------------------------------------------------


def test_a_quota_is_spent_once_at_its_limit() -> None:
    spent: list[int] = []
    quota = Quota(2, 0, spent.append)
    for expected in ([], [2], [2]):
        quota.count()
        assert spent == expected


def test_the_jitter_of_a_quota_is_within_bounds() -> None:
    limits = {Quota(10, 3, print).limit for _ in range(300)}
    assert limits == {10, 11, 12, 13}


# --- bell ---------------------------------------------------------------------------------------------------


def test_a_bell_wakes_from_another_thread() -> None:
    async def main() -> None:
        bell, done = Bell(), threading.Event()
        bell.attach()

        def finish() -> None:
            done.set()
            bell.ring()

        threading.Timer(0.01, finish).start()
        await asyncio.wait_for(bell.wait_until(done.is_set), 10)

    asyncio.run(main())


def test_a_bell_without_a_loop_or_with_a_closed_one_rings_in_vain() -> None:
    bell = Bell()
    bell.ring()

    async def attach() -> None:
        bell.attach()

    asyncio.run(attach())
    bell.ring()


def race(condition: Callable[[], bool], work: Callable[[], object]) -> object:
    """Return the outcome of a race that a turn of the loop decides."""

    async def run() -> object:
        await asyncio.sleep(0)
        return work()

    async def main() -> object:
        bell = Bell()
        bell.attach()
        return await bell.race(run(), condition)

    return asyncio.run(main())


def test_a_race_returns_what_the_work_returns() -> None:
    assert race(lambda: False, lambda: "done") == "done"


def test_a_race_raises_what_the_work_raises() -> None:
    with pytest.raises(ZeroDivisionError):
        race(lambda: False, lambda: 1 / 0)


def test_a_race_that_is_won_already_does_not_begin() -> None:
    worked: list[bool] = []
    assert race(lambda: True, lambda: worked.append(True)) is None
    assert worked == []


def test_a_race_that_the_condition_wins_cancels_the_work() -> None:
    async def main() -> list[str]:
        bell, events = Bell(), []
        bell.attach()

        async def work() -> None:
            asyncio.get_running_loop().call_soon(finish)
            try:
                await asyncio.Event().wait()
            finally:
                events.append("cancelled")

        def finish() -> None:
            events.append("finished")
            bell.ring()

        assert await bell.race(work(), lambda: "finished" in events) is None
        return events

    assert asyncio.run(main()) == ["finished", "cancelled"]
