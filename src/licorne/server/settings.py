"""Settings: turns the configuration into what the parts below take; none of them sees the configuration.

Rules: pure functions of the configuration. Sizes and clocks are 0 where there is no limit.
"""

import math
import os
import sys
import time
from collections.abc import Callable
from functools import partial

from licorne.config.options import Config
from licorne.drivers.base import DriverOptions
from licorne.engine.connection import Connection
from licorne.engine.defaults import DefaultHeaders
from licorne.engine.exchange import Exchange
from licorne.engine.http1 import new_connection_factory as new_http1_factory
from licorne.engine.http2 import new_connection_factory as new_http2_factory
from licorne.engine.http2 import new_upgrade
from licorne.engine.limits import Limits
from licorne.engine.negotiate import new_connection_factory
from licorne.engine.websocket import new_session_factory
from licorne.engine.websocket.deflate import DeflateOptions
from licorne.engine.websocket.options import SessionOptions
from licorne.engine.websocket.session import WebSocketSession
from licorne.errors import StartupError

__all__ = [
    "connections_of",
    "date_ticks",
    "default_headers_of",
    "driver_options_of",
    "limits_of",
    "max_connections",
    "session_options_of",
    "sessions_of",
    "tick_of",
]

#: The part of the open files that connections may use; the rest is the application's.
_CONNECTION_SHARE = 0.9
#: The sweep comes no more often than this for the clocks of handshakes, waiting requests and WebSockets, in seconds.
_MIN_TICK = 0.05
_TICKS_PER_CLOCK = 8
_TICKS_PER_WAIT = 4
_SECRET_BYTES = 16
#: What is left to the application and to accept() at least.
_SPARE_FILES = 16


def limits_of(config: Config) -> Limits:
    """Return the caps and clocks on peers."""
    return Limits(
        max_line_bytes=config.limit_request_line,
        max_head_bytes=config.limit_head_size,
        max_fields=config.limit_header_count,
        max_body_bytes=config.limit_body_size,
        max_chunk_extension_bytes=config.limit_chunk_extension_size,
        max_trailer_bytes=config.limit_trailer_size,
        max_trailers=config.limit_trailer_count,
        max_requests=config.limit_keep_alive_requests,
        max_discard_bytes=config.limit_unread_body,
        high_water_bytes=config.read_high_water,
        head_timeout=config.timeout_request_header,
        body_timeout=config.timeout_request_body,
        min_body_rate=float(config.min_body_rate),
        body_rate_grace=config.min_body_rate_grace,
        keep_alive_timeout=config.timeout_keep_alive,
        discard_timeout=config.timeout_unread_body,
        linger_timeout=config.timeout_linger,
        h2_max_streams=config.h2_max_streams,
        h2_window=config.h2_window,
        h2_connection_window=config.h2_connection_window,
        h2_max_frame=config.h2_max_frame,
        h2_max_header_list=config.h2_max_header_list,
        h2_table=config.h2_table,
        h2_send_buffer=config.h2_send_buffer,
        h2_reset_burst=config.h2_reset_burst,
        h2_reset_rate=float(config.h2_reset_rate),
        h2_glitch_burst=config.h2_glitch_burst,
        h2_glitch_rate=float(config.h2_glitch_rate),
        h2_max_continuations=config.h2_max_continuations,
        h2_max_settings=config.h2_max_settings,
        h2_max_queued_replies=config.h2_max_queued_replies,
        h2_stall_timeout=config.timeout_write_stall,
    )


def driver_options_of(config: Config) -> DriverOptions:
    """Return what the driver is to do."""
    return DriverOptions(
        write_high_water=config.write_high_water,
        write_stall_timeout=config.timeout_write_stall,
        disconnect_timeout=config.timeout_disconnect,
        max_connections=max_connections(config.limit_connections),
        max_connections_per_peer=config.limit_connections_per_peer,
        eager=sys.version_info >= (3, 12),
        reset_contextvars=config.reset_contextvars,
    )


def default_headers_of(config: Config) -> DefaultHeaders:
    """Return the header fields of every response; the application's own win over them."""
    fixed = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in config.headers]
    names = {name for name, _ in fixed}
    if config.server_header and b"server" not in names:
        fixed.insert(0, (b"server", b"licorne"))
    return DefaultHeaders(fixed, has_date=config.date_header and b"date" not in names)


def date_ticks(defaults: DefaultHeaders) -> Callable[[float], None]:
    """Return what keeps the Date of responses right when it is called often; begin with the present."""
    shown = 0

    def tick(now: float) -> None:
        nonlocal shown
        second = int(time.time())
        if second != shown:
            shown = second
            defaults.refresh(second)

    tick(0.0)
    return tick


def connections_of(config: Config, defaults: DefaultHeaders) -> Callable[[], Connection]:
    """Return what makes the engine of each connection. Raises StartupError when the parser is not installed."""
    parser = "native" if config.http == "auto" else config.http
    limits = limits_of(config)
    takes_websocket = config.ws != "none"
    new_http1_that = partial(
        new_http1_factory,
        limits,
        parser,
        defaults,
        has_hint=config.keep_alive_header,
        max_event_bytes=config.h11_max_incomplete_event_size or 0,
        takes_websocket=takes_websocket,
    )
    try:
        new_http1 = new_http1_that()
    except ImportError as error:
        advice = f"install it with: pip install 'licorne[{parser}]'"
        raise StartupError(f"the HTTP parser {parser} cannot be imported ({error}); {advice}") from None
    if not config.speaks_http2:
        return new_http1
    new_http2 = new_http2_factory(limits, defaults, takes_websocket=takes_websocket)
    new_clear_http1 = None
    if config.h2c_upgrade:
        new_clear_http1 = new_http1_that(upgrade=new_upgrade(limits, defaults, takes_websocket=takes_websocket))
    return new_connection_factory(new_http1, new_http2, limits.head_timeout, new_clear_http1)


def session_options_of(config: Config) -> SessionOptions:
    """Return the caps and clocks of a WebSocket."""
    deflate = DeflateOptions(
        level=config.ws_deflate_level,
        window_bits=config.ws_deflate_window_bits,
        client_window_bits=config.ws_deflate_window_bits,
        threshold=config.ws_deflate_threshold,
        takeover=config.ws_deflate_takeover,
    )
    return SessionOptions(
        max_size=config.ws_max_size,
        max_queue=config.ws_max_queue,
        high_water_bytes=config.read_high_water,
        ping_interval=config.ws_ping_interval,
        ping_timeout=config.ws_ping_timeout,
        handshake_timeout=config.ws_handshake_timeout,
        close_timeout=config.ws_close_timeout,
        idle_timeout=config.ws_idle_timeout,
        secret=os.urandom(_SECRET_BYTES),
        deflate=deflate if config.ws_per_message_deflate else None,
    )


def sessions_of(config: Config) -> Callable[[Exchange], WebSocketSession] | None:
    """Return what gives an exchange its WebSocket session, None where WebSocket is not spoken.

    Raises StartupError when the codec is not installed.
    """
    if config.ws == "none":
        return None
    codec = "native" if config.ws == "auto" else config.ws
    try:
        return new_session_factory(codec, session_options_of(config), config.ws_allowed_origins)
    except ImportError as error:
        advice = f"install it with: pip install 'licorne[{codec}]'"
        raise StartupError(f"the WebSocket codec {codec} cannot be imported ({error}); {advice}") from None


def tick_of(config: Config) -> float:
    """Return how often, in seconds, the clocks of handshakes, waiting requests and WebSockets must be looked at."""
    clocks = [config.ws_ping_interval, config.ws_ping_timeout, config.ws_idle_timeout]
    clocks += [config.ws_handshake_timeout, config.ws_close_timeout]
    ticks = [clock / _TICKS_PER_CLOCK for clock in clocks if clock and config.ws != "none"]
    if config.timeout_tls_handshake:
        ticks.append(config.timeout_tls_handshake / _TICKS_PER_CLOCK)
    if config.limit_concurrency:
        ticks.append(config.limit_concurrency_wait / _TICKS_PER_WAIT)
    return max(_MIN_TICK, min(ticks, default=math.inf))


def max_connections(limit: int | None) -> int:
    """Return how many connections may be open; by default it depends on the open files allowed."""
    if limit is not None:
        return limit
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return 0
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return 0
    return max(1, min(math.floor(files * _CONNECTION_SHARE), files - _open_files() - _SPARE_FILES))


def _open_files() -> int:
    """Return how many descriptors are open; 0 where the system does not tell."""
    try:
        return len(os.listdir("/proc/self/fd"))
    except OSError:
        return 0
