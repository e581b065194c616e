"""THE TABLE: every option of licorne, as the fields of one frozen dataclass.

A field is a row. Its name is the keyword; the flag, the variable, the TOML key, the help, the reference page
and the completion are computed from it (table.py). Its annotation carries the kind, which reads and checks
values (values.py, targets.py); its default is written as a user would write it.

Rules: names are words joined by underscores, and Uvicorn's wherever Uvicorn has the option; a help text is one
sentence; the order here is the order of the help and of the page.
"""

# ruff: noqa: RUF009 - `option()` returns a dataclass field, which is what belongs there

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Annotated, Any, Final, Self

from licorne.config.addresses import ADDRESSES, refuse_two_addresses
from licorne.config.encryption import Demand, NamedCertificate, Password, Secret, ServerNames, TlsVersion
from licorne.config.http2 import BoundedSize
from licorne.config.processes import Hook, Mode, Octal, Owner, Paths, Patterns, Workers
from licorne.config.proxies import FieldName, HostPatterns, Peers
from licorne.config.table import nearest, option, rows
from licorne.config.targets import (
    AppTarget,
    Bind,
    Binds,
    Directory,
    Headers,
    Host,
    Level,
    LogConfig,
    Origins,
    Path,
    RootPath,
)
from licorne.config.values import Choice, Duration, Size, Switch, Text, Whole
from licorne.errors import ConfigError

__all__ = ["OPTIONS", "Config", "refuse_unknown_keywords"]

APPLICATION: Final = "Application"
SERVER: Final = "Server"
PROCESSES: Final = "Processes"
RELOADING: Final = "Reloading"
LOGGING: Final = "Logging"
TLS: Final = "TLS"
RESPONSES: Final = "Responses"
PROXIES: Final = "Proxies"
HTTP2: Final = "HTTP-2"
WEBSOCKET: Final = "WebSocket"
LIMITS: Final = "Limits"
TIMEOUTS: Final = "Timeouts"

Yes = Annotated[bool, Switch()]
Count = Annotated[int, Whole()]
Some = Annotated[int, Whole(1, 2**31 - 1)]
# RFC 9113 §6.9.1
Window = Annotated[int, BoundedSize(65_535, 2**31 - 1)]


@dataclass(frozen=True, slots=True)
class Config:
    """Hold a value for every option, checked and in its own type.

    Keywords take native values or the text that a flag would take. `sources` says where each value came from.
    Raises ConfigError.
    """

    app: Annotated[str | Callable[..., Any] | None, AppTarget(absent="none")] = option(
        None, APPLICATION, "Serve this ASGI application, given as module:attribute or module.", "APP"
    )
    _: KW_ONLY
    factory: Yes = option(False, APPLICATION, "Call the application object without arguments to get the application.")
    app_dir: Annotated[str, Directory()] = option("", APPLICATION, "Look for the application in this directory first.")
    interface: Annotated[str, Choice("auto", "asgi3", "asgi2", "wsgi", "messaging")] = option(
        "auto", APPLICATION, "Say which interface the application has, instead of finding out."
    )
    wsgi_threads: Some = option(40, APPLICATION, "Run a WSGI application in up to this many threads per worker.")
    lifespan: Annotated[str, Choice("auto", "on", "off")] = option(
        "auto", APPLICATION, "Send the application lifespan events if it takes them, always or never."
    )
    root_path: Annotated[str, RootPath()] = option(
        "", APPLICATION, "Tell the application the path prefix under which a proxy has put it."
    )
    reset_contextvars: Yes = option(False, APPLICATION, "Run every request in an empty context of context variables.")
    env_file: Annotated[str | None, Path(must_exist=True, absent="none")] = option(
        None, APPLICATION, "Read environment variables from this file before the application is imported."
    )

    host: Annotated[str, Host()] = option("127.0.0.1", SERVER, "Listen on this host name or address.")
    port: Annotated[int, Whole(0, 65535)] = option(8000, SERVER, "Listen on this port, or on a free one if it is 0.")
    uds: Annotated[str | None, Path(absent="none")] = option(
        None, SERVER, "Listen on a UNIX socket at this path instead of a port."
    )
    uds_mode: Annotated[Mode | None, Octal(absent="none")] = option(
        None, SERVER, "Give UNIX sockets these permissions, where none keeps those of the path or takes 666."
    )
    uds_owner: Annotated[str | None, Owner(absent="none")] = option(
        None, SERVER, "Give UNIX sockets to this user, and to this group if one is named."
    )
    fd: Annotated[int | None, Whole(absent="none")] = option(
        None, SERVER, "Listen on the socket that this file descriptor is."
    )
    bind: Annotated[tuple[Bind, ...], Binds()] = option(
        (), SERVER, "Listen on this address, and on as many others as are given.", "--bind", "-b"
    )
    backlog: Annotated[int, Whole(1, 2**31 - 1)] = option(
        2048, SERVER, "Let the system queue this many connections that were not yet accepted."
    )
    loop: Annotated[str, Choice("auto", "asyncio", "uvloop", has_import=True)] = option(
        "auto", SERVER, "Run on this event loop, where auto is uvloop when it is installed."
    )
    http: Annotated[str, Choice("auto", "native", "httptools", "h11")] = option(
        "auto", SERVER, "Parse HTTP/1 with this parser, where auto is native."
    )

    workers: Annotated[int | str | None, Workers(absent="none")] = option(
        None,
        PROCESSES,
        "Serve with this many worker processes under a supervisor, where auto is one for each usable CPU.",
        fallback="WEB_CONCURRENCY",
    )
    preload: Yes = option(
        False, PROCESSES, "Import the application once, in the supervisor, and fork the workers from there."
    )
    before_fork: Annotated[Any, Hook(absent="none")] = option(
        None, PROCESSES, "Call this with the number of the worker before it is forked."
    )
    after_fork: Annotated[Any, Hook(absent="none")] = option(
        None, PROCESSES, "Call this with the number of the worker in it when it has been forked."
    )
    reuse_port: Annotated[str, Choice("auto", "on", "off")] = option(
        "auto", PROCESSES, "Give every worker a listening socket of its own, where auto is one that all share."
    )
    health_bind: Annotated[tuple[Bind, ...], Binds()] = option(
        (), PROCESSES, "Answer /livez, /readyz and /startupz on this address from the supervisor."
    )
    timeout_worker_healthcheck: Duration = option(
        "30s", PROCESSES, "Replace a worker whose event loop stands still for this long, where 0 is never."
    )
    warn_blocked: Duration = option(
        0, PROCESSES, "Warn when the event loop stands still for this long, where 0 is never."
    )
    max_worker_rss: Size = option(0, PROCESSES, "Replace a worker whose memory has grown beyond this.")
    max_worker_lifetime: Duration = option(0, PROCESSES, "Replace a worker that has lived about this long.")
    core_dumps: Yes = option(False, PROCESSES, "Let a worker that hangs leave a core file when it is ended.")
    user: Annotated[str | None, Text(absent="none")] = option(
        None, PROCESSES, "Become this user, by name or number, once the addresses are bound."
    )
    group: Annotated[str | None, Text(absent="none")] = option(
        None, PROCESSES, "Become a member of this group alone, by name or number, once the addresses are bound."
    )
    umask: Annotated[Mode | None, Octal(absent="none")] = option(
        None, PROCESSES, "Withhold these permissions from files that are made."
    )
    pid_file: Annotated[str | None, Path(absent="none")] = option(
        None, PROCESSES, "Write the number of the process into this file, and refuse to start if that one lives."
    )
    port_file: Annotated[str | None, Path(absent="none")] = option(
        None, PROCESSES, "Write the addresses into this file, one a line, once they accept connections."
    )

    reload: Yes = option(False, RELOADING, "Start the application anew when one of its files changes.")
    reload_dirs: Annotated[tuple[str, ...], Paths()] = option(
        (),
        RELOADING,
        "Watch this directory in place of the current one, and as many others as are given.",
        "--reload-dir",
    )
    reload_includes: Annotated[tuple[str, ...], Patterns()] = option(
        (), RELOADING, "Watch files whose names are like this pattern, besides *.py.", "--reload-include"
    )
    reload_excludes: Annotated[tuple[str, ...], Patterns()] = option(
        (), RELOADING, "Do not watch files whose names are like this pattern.", "--reload-exclude"
    )
    reload_delay: Duration = option("250ms", RELOADING, "Look for changes this often.")

    log_config: Annotated[Any, LogConfig(must_exist=True, absent="default")] = option(
        None, LOGGING, "Configure logging from this .json, .yaml or .ini file."
    )
    log_level: Annotated[str | int | None, Level(absent="default")] = option(
        None, LOGGING, "Log what is at least this severe, which by default is info."
    )
    access_log: Yes = option(True, LOGGING, "Log a line for every response.")
    access_log_format: Annotated[str | None, Text(absent="default")] = option(
        None, LOGGING, "Write access log lines from this template, or as JSON objects if it is json."
    )
    use_colors: Annotated[bool | None, Switch(absent="auto")] = option(
        None, LOGGING, "Colour the log, where auto does so on a terminal."
    )

    ssl_certfile: Annotated[str | None, Path(must_exist=True, absent="none")] = option(
        None, TLS, "Speak TLS with the certificate in this PEM file, behind which stand those that signed it."
    )
    ssl_keyfile: Annotated[str | None, Path(must_exist=True, absent="none")] = option(
        None, TLS, "Take the private key from this PEM file, where none is that of the certificate."
    )
    ssl_keyfile_password: Annotated[Password | None, Secret(absent="none")] = option(
        None, TLS, "Decrypt the private key with this password, or with the one in a file named after an @."
    )
    ssl_sni: Annotated[tuple[NamedCertificate, ...], ServerNames()] = option(
        (), TLS, "Show clients that ask for this host another certificate, and as many others as are given."
    )
    ssl_min_version: Annotated[str, Choice("1.2", "1.3")] = option("1.2", TLS, "Speak no version of TLS before this.")
    ssl_version: Annotated[str, TlsVersion()] = option(
        "auto", TLS, "Speak the TLS that this number of Python's ssl stands for, as with Uvicorn."
    )
    ssl_ciphers: Annotated[str | None, Text(absent="default")] = option(
        None, TLS, "Speak TLS 1.2 with these ciphers, in the notation of OpenSSL."
    )
    ssl_cert_reqs: Annotated[str, Demand()] = option("none", TLS, "Ask clients for a certificate.")
    ssl_ca_certs: Annotated[str | None, Path(must_exist=True, absent="none")] = option(
        None, TLS, "Trust the certificates of clients that those in this PEM file have signed."
    )
    ssl_context_factory: Annotated[Any, Hook(absent="none")] = option(
        None, TLS, "Call this with the configuration and what makes the usual SSLContext, and use what it returns."
    )
    ssl_keylog_file: Annotated[str | None, Path(absent="none")] = option(
        None, TLS, "Append the secrets of connections to this file, to decrypt a capture.", fallback="SSLKEYLOGFILE"
    )
    redirect_http_bind: Annotated[tuple[Bind, ...], Binds()] = option(
        (), TLS, "Answer plain HTTP at this address with a redirect to https."
    )
    redirect_https_port: Annotated[int | None, Whole(1, 65535, absent="auto")] = option(
        None, TLS, "Redirect to this port, which clients use, where auto is the one that licorne listens on."
    )

    server_header: Yes = option(True, RESPONSES, "Send a Server header.")
    date_header: Yes = option(True, RESPONSES, "Send a Date header.")
    headers: Annotated[Sequence[tuple[str, str]], Headers()] = option(
        (), RESPONSES, "Send this header with every response, and as many others as are given.", "--header"
    )
    keep_alive_header: Yes = option(True, RESPONSES, "Tell clients in a Keep-Alive header how long they may stay idle.")

    proxy_headers: Yes = option(
        True, PROXIES, "Believe what trusted peers say in headers of the client, its scheme, the host and the prefix."
    )
    forwarded_allow_ips: Annotated[tuple[str, ...] | None, Peers(absent="auto")] = option(
        None,
        PROXIES,
        "Trust these peers, where auto is 127.0.0.1 and ::1, whose word counts for the client and its scheme alone.",
        fallback="FORWARDED_ALLOW_IPS",
    )
    forwarded_headers: Annotated[str, Choice("auto", "x-forwarded", "forwarded", "client")] = option(
        "auto", PROXIES, "Read this family of headers, where auto is whichever comes, and client what Uvicorn reads."
    )
    untrusted_headers: Annotated[str, Choice("pass", "strip")] = option(
        "pass",
        PROXIES,
        "Pass such headers of other peers on to the application, which nobody vouches for, or strip them.",
    )
    proxy_protocol: Yes = option(
        False, PROXIES, "Take connections from trusted peers alone, each with a PROXY protocol header before all else."
    )
    allowed_hosts: Annotated[tuple[str, ...], HostPatterns()] = option(
        (),
        PROXIES,
        "Answer 400 to requests for other hosts, where nothing allows all.",
        "--allowed-hosts",
        "--allowed-host",
    )
    request_id_header: Annotated[str | None, FieldName(absent="none")] = option(
        None,
        PROXIES,
        "Give each request an identifier in this header, which trusted peers may have set, and each answer.",
    )

    http2: Yes = option(
        True, HTTP2, "Speak HTTP/2 too: over TLS with clients that choose it, in clear with those that begin with it."
    )
    http1_only: Yes = option(False, HTTP2, "Speak HTTP/1 alone, whatever else is said here.")
    h2c_upgrade: Yes = option(
        False,
        HTTP2,
        "Change to HTTP/2 in clear when a client offers it by Upgrade: h2c, which no proxy in front may pass on.",
    )
    h2_max_streams: Some = option(
        100, HTTP2, "Refuse requests beyond this many at a time on one connection, to be sent again."
    )
    h2_window: Window = option(
        "256KiB", HTTP2, "Let a client send this much of one body before the application takes any of it."
    )
    h2_connection_window: Window = option(
        "1MiB", HTTP2, "Let a client send this much of all bodies of a connection before any of it is taken."
    )
    h2_max_frame: Annotated[int, BoundedSize(16_384, 2**24 - 1)] = option(
        "16KiB", HTTP2, "Close a connection that sends a larger frame."
    )
    h2_max_header_list: Annotated[int, BoundedSize(1024, 2**24 - 1)] = option(
        "64KiB", HTTP2, "Answer 431 when the headers of a request are larger, each with 32 bytes for itself."
    )
    h2_table: Annotated[int, BoundedSize(0, 65_536)] = option(
        "4KiB", HTTP2, "Keep this much of the headers that a client has sent, for it to refer to."
    )
    h2_send_buffer: Size = option(
        "256KiB", HTTP2, "Make the application wait while this much of a response waits for the client's window."
    )
    h2_reset_burst: Some = option(
        1000, HTTP2, "Close a connection of which more streams are reset, beyond those of h2_reset_rate."
    )
    h2_reset_rate: Some = option(33, HTTP2, "Forgive this many resets of streams a second.")
    h2_glitch_burst: Some = option(
        10_000, HTTP2, "Close a connection that sends more frames which carry nothing, beyond those of h2_glitch_rate."
    )
    h2_glitch_rate: Some = option(330, HTTP2, "Forgive this many frames that carry nothing a second.")
    h2_max_continuations: Some = option(8, HTTP2, "Close a connection that splits a head into more frames than this.")
    h2_max_settings: Some = option(32, HTTP2, "Close a connection that sends more settings than this in one frame.")
    h2_max_queued_replies: Some = option(
        1000, HTTP2, "Close a connection that asks for answers which it does not take, beyond this many."
    )

    ws: Annotated[str, Choice("auto", "native", "websockets", "wsproto", "none")] = option(
        "auto", WEBSOCKET, "Speak WebSocket with this codec, where auto is native, or not at all if it is none."
    )
    ws_max_size: Size = option("16MiB", WEBSOCKET, "Close with 1009 when a message is larger.")
    ws_max_queue: Annotated[int, Whole(1)] = option(
        32, WEBSOCKET, "Stop reading while this many messages were not yet received by the application."
    )
    ws_ping_interval: Duration = option("20s", WEBSOCKET, "Send a ping this long after the last one, where 0 is never.")
    ws_ping_timeout: Duration = option("20s", WEBSOCKET, "Close with 1011 when a ping was not answered for this long.")
    ws_per_message_deflate: Annotated[bool, Switch(is_spelled=True)] = option(
        True, WEBSOCKET, "Compress messages with clients that offer it."
    )
    ws_deflate_level: Annotated[int, Whole(1, 9)] = option(
        2, WEBSOCKET, "Compress with this much effort, where 1 is fastest and 9 smallest."
    )
    ws_deflate_window_bits: Annotated[int, Whole(9, 15)] = option(
        12, WEBSOCKET, "Compress with a window of 2 to this power bytes, which takes memory for every client."
    )
    ws_deflate_threshold: Size = option("1KiB", WEBSOCKET, "Send messages that are smaller uncompressed.")
    ws_deflate_takeover: Yes = option(
        True, WEBSOCKET, "Keep the window between messages, which compresses better but holds its memory."
    )
    ws_handshake_timeout: Duration = option(
        "10s", WEBSOCKET, "Answer 503 when the application neither accepts nor refuses for this long."
    )
    ws_close_timeout: Duration = option(
        "10s", WEBSOCKET, "Wait this long for the answer to a close frame before the connection is closed."
    )
    ws_idle_timeout: Duration = option("0", WEBSOCKET, "Close with 1001 when no message passed for this long.")
    ws_allowed_origins: Annotated[tuple[str, ...], Origins()] = option(
        (),
        WEBSOCKET,
        "Answer 403 to a browser whose page has another origin, where * allows all, as nothing does.",
        "--ws-allowed-origins",
        "--ws-allowed-origin",
    )

    limit_concurrency: Annotated[int | None, Whole(1, absent="none")] = option(
        None, LIMITS, "Run at most this many requests at a time and let the others wait."
    )
    limit_concurrency_wait: Duration = option(
        "1s", LIMITS, "Answer 503 to a request that waited this long for its turn."
    )
    limit_connections: Annotated[int | None, Whole(absent="auto")] = option(
        None, LIMITS, "Hold at most this many connections, where auto is 90 % of the open files allowed and 0 no limit."
    )
    limit_connections_per_peer: Count = option(
        0, LIMITS, "Hold at most this many connections of one client address, where 0 is no limit."
    )
    limit_request_line: Size = option("16KiB", LIMITS, "Answer 414 to a request line that is longer.")
    limit_head_size: Size = option("64KiB", LIMITS, "Answer 431 when request line and headers are larger together.")
    limit_header_count: Count = option(100, LIMITS, "Answer 431 when there are more headers, where 0 is no limit.")
    limit_body_size: Size = option(0, LIMITS, "Answer 413 to a request body that is larger.")
    limit_chunk_extension_size: Size = option("16KiB", LIMITS, "Answer 400 when the chunk extensions are larger.")
    limit_trailer_size: Size = option("16KiB", LIMITS, "Answer 431 when the trailers of a request are larger.")
    limit_trailer_count: Count = option(64, LIMITS, "Answer 431 when there are more trailers, where 0 is no limit.")
    limit_keep_alive_requests: Count = option(
        0, LIMITS, "Close a connection after this many requests, where 0 is no limit."
    )
    limit_max_requests: Annotated[int | None, Whole(1, absent="none")] = option(
        None, LIMITS, "Stop the process after this many responses."
    )
    limit_max_requests_jitter: Count = option(
        0, LIMITS, "Add a random number up to this one to limit_max_requests, so that processes stop apart."
    )
    limit_unread_body: Size = option(
        "256KiB", LIMITS, "Discard this much of a body that the application left unread, to keep the connection."
    )
    read_high_water: Size = option("64KiB", LIMITS, "Stop reading while this much of a request body is not yet taken.")
    write_high_water: Size = option("64KiB", LIMITS, "Make the application wait while this much is not yet sent.")
    h11_max_incomplete_event_size: Annotated[int | None, Whole(1, absent="default")] = option(
        None, LIMITS, "Let the h11 parser buffer this many bytes of an incomplete head or chunk."
    )

    timeout_keep_alive: Duration = option("75s", TIMEOUTS, "Close a connection that stays idle this long.")
    timeout_request_header: Duration = option("10s", TIMEOUTS, "Answer 408 when the head of a request takes longer.")
    timeout_request_body: Duration = option("30s", TIMEOUTS, "Answer 408 when no part of a body comes for this long.")
    min_body_rate: Size = option(500, TIMEOUTS, "Answer 408 to a body that comes in fewer bytes a second.")
    min_body_rate_grace: Duration = option("60s", TIMEOUTS, "Judge the rate of a body only after this long.")
    timeout_write_stall: Duration = option("60s", TIMEOUTS, "Drop a client that takes nothing of a response this long.")
    timeout_graceful_shutdown: Duration = option(
        "30s", TIMEOUTS, "Let running requests finish for this long when the server stops."
    )
    timeout_tls_handshake: Duration = option(
        "10s", TIMEOUTS, "Close a connection whose TLS handshake takes longer, where 0 is no limit."
    )
    drain_delay: Duration = option(
        0, TIMEOUTS, "Go on accepting connections for this long when the server is told to stop by a signal."
    )
    timeout_disconnect: Duration = option(
        "3s", TIMEOUTS, "Cancel an application that still runs this long after its client left."
    )
    timeout_unread_body: Duration = option(
        "1s", TIMEOUTS, "Spend this long on discarding a body that the application left unread."
    )
    timeout_linger: Duration = option(
        "5s", TIMEOUTS, "Go on reading this long after an error answer, so that the client gets to see it."
    )

    sources: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    def __new__(cls, *values: object, **keywords: object) -> Self:
        """Refuse keywords that are no options in licorne's words; everything else is `__init__`'s."""
        refuse_unknown_keywords([name for name in keywords if name != "sources"])
        return object.__new__(cls)

    @property
    def speaks_http2(self) -> bool:
        """Tell whether HTTP/2 is spoken."""
        return self.http2 and not self.http1_only

    def __post_init__(self) -> None:
        sources = {}
        for row in OPTIONS:
            source = self.sources.get(row.name) or f"keyword {row.name}"
            value = row.read(getattr(self, row.name), source)
            object.__setattr__(self, row.name, value)
            sources[row.name] = "default" if row.name not in self.sources and row.is_default(value) else source
        object.__setattr__(self, "sources", sources)
        given = {
            name: sources[name]
            for names in ADDRESSES
            for name in names
            if not sources[name].startswith("default") and getattr(self, name) not in (None, ())
        }
        refuse_two_addresses(given)


#: The rows of the table.
OPTIONS: Final = rows(Config)


def refuse_unknown_keywords(names: Iterable[str]) -> None:
    """Raise a ConfigError if a keyword is no option."""
    known = [option.name for option in OPTIONS]
    for name in names:
        if name not in known:
            raise ConfigError(f"unknown option {name!r} (from keyword {name}){nearest(name, known)}")
