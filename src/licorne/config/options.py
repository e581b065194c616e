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

from licorne.config.absent import refuse_absent
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

__all__ = ["ADDRESSES", "OPTIONS", "Config", "refuse_two_addresses", "refuse_unknown_keywords"]

APPLICATION: Final = "Application"
SERVER: Final = "Server"
LOGGING: Final = "Logging"
RESPONSES: Final = "Responses"
WEBSOCKET: Final = "WebSocket"
LIMITS: Final = "Limits"
TIMEOUTS: Final = "Timeouts"

#: The ways to say where to listen. Only one of them may be used.
ADDRESSES: Final = (("bind",), ("uds",), ("fd",), ("host", "port"))

Yes = Annotated[bool, Switch()]
Count = Annotated[int, Whole()]


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
    interface: Annotated[str, Choice("auto", "asgi3", "asgi2")] = option(
        "auto", APPLICATION, "Say which interface the application has, instead of finding out."
    )
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

    server_header: Yes = option(True, RESPONSES, "Send a Server header.")
    date_header: Yes = option(True, RESPONSES, "Send a Date header.")
    headers: Annotated[Sequence[tuple[str, str]], Headers()] = option(
        (), RESPONSES, "Send this header with every response, and as many others as are given.", "--header"
    )
    keep_alive_header: Yes = option(True, RESPONSES, "Tell clients in a Keep-Alive header how long they may stay idle.")

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


def refuse_two_addresses(sources: Mapping[str, str]) -> None:
    """Raise a ConfigError if options that have a source say twice where to listen."""
    given = [next(name for name in names if name in sources) for names in ADDRESSES if sources.keys() & set(names)]
    if len(given) > 1:
        first, second = (f"{name} (from {sources[name]})" for name in given[:2])
        raise ConfigError(
            f"{first} and {second} both say where to listen; use one of them, or bind, which takes several addresses"
        )


def refuse_unknown_keywords(names: Iterable[str]) -> None:
    """Raise a ConfigError if a keyword is no option."""
    known = [option.name for option in OPTIONS]
    for name in names:
        if name not in known:
            refuse_absent(name, f"keyword {name}")
            raise ConfigError(f"unknown option {name!r} (from keyword {name}){nearest(name, known)}")
