"""The command `uvicorn`, and `run()`, which it calls.

Rules: a flag wins over a variable (UVICORN_ and the name of the parameter), and that over the default. Status 0 after a
server that served, 2 for a bad option, 3 where nothing was served; a single process that SIGTERM has ended dies of it.
"""

from __future__ import annotations

import asyncio
import os
import platform
import ssl
import sys
import warnings
from collections.abc import Callable
from configparser import RawConfigParser
from typing import IO, Any

import click

import uvicorn
from uvicorn._terms import ERRORS, STARTUP_FAILURE
from uvicorn.config import (
    HTTP_PROTOCOLS,
    INTERFACES,
    LIFESPAN,
    LOG_LEVELS,
    LOGGING_CONFIG,
    LOOP_FACTORIES,
    SSL_PROTOCOL_VERSION,
    WS_PROTOCOLS,
    Config,
    HTTPProtocolType,
    InterfaceType,
    LifespanType,
    LoopFactoryType,
    WSProtocolType,
)
from uvicorn.server import Server
from uvicorn.supervisors import ChangeReload, Multiprocess

__all__ = ["Server", "main", "run"]


def _metavar(choices: dict[str, Any]) -> str:
    return f"[{'|'.join(name for name in choices if name != 'none')}]"


def _print_version(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    if not value or ctx.resilient_parsing:
        return
    import licorne

    python = f"{platform.python_implementation()} {platform.python_version()}"
    runs = f"Running uvicorn {uvicorn.__version__} with {python} on {platform.system()}"
    click.echo(f"{runs} (licorne {licorne.__version__})")
    ctx.exit()


@click.command(context_settings={"auto_envvar_prefix": "UVICORN"})
@click.argument("app", envvar="UVICORN_APP")
@click.option("--host", default="127.0.0.1", show_default=True, help="Listen on this host name or address.")
@click.option("--port", type=int, default=8000, show_default=True, help="Listen on this port, or on a free one if 0.")
@click.option("--uds", help="Listen on a UNIX socket at this path.")
@click.option("--fd", type=int, help="Listen on the socket that this file descriptor is.")
@click.option("--reload", is_flag=True, help="Start the application anew when one of its files changes.")
@click.option(
    "--reload-dir",
    "reload_dirs",
    multiple=True,
    type=click.Path(exists=True),
    help="Watch this directory in place of the current one; may be repeated.",
)
@click.option(
    "--reload-include", "reload_includes", multiple=True, help="Watch files like this pattern too; may be repeated."
)
@click.option(
    "--reload-exclude", "reload_excludes", multiple=True, help="Do not watch files like this pattern; may be repeated."
)
@click.option(
    "--reload-delay", type=float, default=0.25, show_default=True, help="Look for changes so often, in seconds."
)
@click.option("--workers", type=int, help="Serve with so many processes.  [default: $WEB_CONCURRENCY, or 1]")
@click.option(
    "--loop", metavar=_metavar(LOOP_FACTORIES), default="auto", show_default=True, help="Run on this event loop."
)
@click.option(
    "--http", metavar=_metavar(HTTP_PROTOCOLS), default="auto", show_default=True, help="Parse HTTP with this."
)
@click.option("--http2", is_flag=True, help="Speak HTTP/2 too. Needs --http zttp.")
@click.option(
    "--ws", metavar=_metavar(WS_PROTOCOLS), default="auto", show_default=True, help="Speak WebSocket with this."
)
@click.option(
    "--ws-max-size", type=int, default=16777216, show_default=True, help="Refuse messages of more bytes than this."
)
@click.option("--ws-max-queue", type=int, default=32, show_default=True, help="Let so many messages wait.")
@click.option(
    "--ws-ping-interval", type=float, default=20.0, show_default=True, help="Send a ping so often, in seconds."
)
@click.option(
    "--ws-ping-timeout", type=float, default=20.0, show_default=True, help="Wait so long for the answer to one."
)
@click.option("--ws-per-message-deflate", type=bool, default=True, show_default=True, help="Compress messages.")
@click.option(
    "--lifespan",
    type=click.Choice(list(LIFESPAN)),
    default="auto",
    show_default=True,
    help="Tell the application of start and end if it listens, always, or never.",
)
@click.option(
    "--interface", type=click.Choice(INTERFACES), default="auto", show_default=True, help="Say how to call it."
)
@click.option("--env-file", type=click.Path(exists=True), help="Read variables from this file.")
@click.option(
    "--log-config", type=click.Path(exists=True), help="Configure logging from this .json, .yaml or .ini file."
)
@click.option(
    "--log-level", type=click.Choice(list(LOG_LEVELS)), help="Log what is at least this severe.  [default: info]"
)
@click.option("--access-log/--no-access-log", is_flag=True, default=True, help="Log a line for each response.")
@click.option("--use-colors/--no-use-colors", is_flag=True, default=None, help="Colour the log, or do not.")
@click.option(
    "--proxy-headers/--no-proxy-headers",
    is_flag=True,
    default=True,
    help="Believe X-Forwarded-Proto and X-Forwarded-For of trusted peers.",
)
@click.option("--server-header/--no-server-header", is_flag=True, default=True, help="Send a Server header.")
@click.option("--date-header/--no-date-header", is_flag=True, default=True, help="Send a Date header.")
@click.option(
    "--forwarded-allow-ips",
    help="Trust these peers, parted by commas, * for all.  [default: $FORWARDED_ALLOW_IPS, or 127.0.0.1,::1]",
)
@click.option("--root-path", default="", help="Tell the application the path prefix under which a proxy has put it.")
@click.option("--limit-concurrency", type=int, help="Answer 503 when more requests than this run.")
@click.option("--backlog", type=int, default=2048, help="Let so many connections wait.")
@click.option("--limit-max-requests", type=int, help="End the process after so many responses.")
@click.option(
    "--limit-max-requests-jitter", type=int, default=0, show_default=True, help="Add a random number up to this one."
)
@click.option(
    "--timeout-keep-alive", type=int, default=5, show_default=True, help="Close idle connections after so many seconds."
)
@click.option(
    "--timeout-graceful-shutdown", type=int, help="Let requests run for so many seconds when the server stops."
)
@click.option(
    "--timeout-worker-healthcheck",
    type=int,
    default=5,
    show_default=True,
    help="Replace a worker whose event loop stands still for so many seconds.",
)
@click.option("--ssl-keyfile", help="Take the private key from this file.")
@click.option("--ssl-certfile", help="Speak TLS with the certificate in this file.")
@click.option("--ssl-keyfile-password", help="Decrypt the private key with this.")
@click.option(
    "--ssl-version", type=int, default=int(SSL_PROTOCOL_VERSION), show_default=True, help="A number of Python's ssl."
)
@click.option(
    "--ssl-cert-reqs",
    type=int,
    default=int(ssl.CERT_NONE),
    show_default=True,
    help="Ask clients for a certificate: a number of Python's ssl.",
)
@click.option("--ssl-ca-certs", help="Trust the certificates of clients that those in this file have signed.")
@click.option("--ssl-ciphers", help="Speak TLS 1.2 with these ciphers.  [default: OpenSSL's]")
@click.option("--header", "headers", multiple=True, help="Send this Name:Value with every response; may be repeated.")
@click.option(
    "--version",
    is_flag=True,
    callback=_print_version,
    expose_value=False,
    is_eager=True,
    help="Say who runs, and exit.",
)
@click.option("--app-dir", default="", show_default=True, help="Look for APP in this directory first.")
@click.option("--h11-max-incomplete-event-size", type=int, help="Let h11 hold so many bytes of an incomplete head.")
@click.option("--reset-contextvars", is_flag=True, help="Run every request in an empty context of context variables.")
@click.option("--factory", is_flag=True, help="Call APP without arguments to get the application.")
def main(headers: list[str], **parameters: Any) -> None:
    """Serve APP, given as module:attribute. It is licorne that serves; `licorne --help` shows all that it can do."""
    parsed = [(name, value) for name, _, value in (header.partition(":") for header in headers)]
    for name in ("reload_dirs", "reload_includes", "reload_excludes"):
        parameters[name] = list(parameters[name]) or None
    if parameters["log_config"] is None:
        parameters["log_config"] = LOGGING_CONFIG
    run(parameters.pop("app"), headers=parsed, **parameters)


def run(
    app: Any,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    uds: str | None = None,
    fd: int | None = None,
    loop: LoopFactoryType | str = "auto",
    http: type[asyncio.Protocol] | HTTPProtocolType | str = "auto",
    http2: bool = False,
    ws: type[asyncio.Protocol] | WSProtocolType | str = "auto",
    ws_max_size: int = 16777216,
    ws_max_queue: int = 32,
    ws_ping_interval: float | None = 20.0,
    ws_ping_timeout: float | None = 20.0,
    ws_per_message_deflate: bool = True,
    lifespan: LifespanType = "auto",
    interface: InterfaceType = "auto",
    reload: bool = False,
    reload_dirs: list[str] | str | None = None,
    reload_includes: list[str] | str | None = None,
    reload_excludes: list[str] | str | None = None,
    reload_delay: float = 0.25,
    workers: int | None = None,
    env_file: str | os.PathLike[str] | None = None,
    log_config: dict[str, Any] | str | os.PathLike[str] | RawConfigParser | IO[Any] | None = LOGGING_CONFIG,
    log_level: str | int | None = None,
    access_log: bool = True,
    proxy_headers: bool = True,
    server_header: bool = True,
    date_header: bool = True,
    forwarded_allow_ips: list[str] | str | None = None,
    root_path: str = "",
    limit_concurrency: int | None = None,
    backlog: int = 2048,
    limit_max_requests: int | None = None,
    limit_max_requests_jitter: int = 0,
    timeout_keep_alive: int = 5,
    timeout_graceful_shutdown: int | None = None,
    timeout_worker_healthcheck: int = 5,
    ssl_keyfile: str | os.PathLike[str] | None = None,
    ssl_certfile: str | os.PathLike[str] | None = None,
    ssl_keyfile_password: str | None = None,
    ssl_version: int = SSL_PROTOCOL_VERSION,
    ssl_cert_reqs: int = ssl.CERT_NONE,
    ssl_ca_certs: str | os.PathLike[str] | None = None,
    ssl_ciphers: str | None = None,
    ssl_context_factory: Callable[[Config, Callable[[], ssl.SSLContext]], ssl.SSLContext] | None = None,
    headers: list[tuple[str, str]] | None = None,
    use_colors: bool | None = None,
    app_dir: str | None = None,
    factory: bool = False,
    h11_max_incomplete_event_size: int | None = None,
    reset_contextvars: bool = False,
) -> None:
    """Serve an application until the process is told to stop."""
    parameters = {name: value for name, value in locals().items() if name not in ("app", "app_dir")}
    if app_dir is not None:
        sys.path.insert(0, app_dir)
    _run(Config(app, **parameters), Server)


def _run(config: Config, new_server: Callable[[Config], Server]) -> None:
    if config.use_subprocess and not isinstance(config.app, str):
        ERRORS.warning("You must pass the application as an import string to enable 'reload' or 'workers'.")
        sys.exit(STARTUP_FAILURE)
    server = new_server(config)
    status = 0
    try:
        if config.should_reload:
            status = ChangeReload(config, target=server.run, sockets=[config.bind_socket()]).run() or 0
        elif config.workers > 1:
            status = Multiprocess(config, sockets=[config.bind_socket()]).run() or 0
        else:
            server.run()
    except KeyboardInterrupt:
        pass  # it has stopped in good order, and raised the signal again for whoever is above it
    finally:
        if config.uds and os.path.exists(config.uds):
            os.remove(config.uds)
    if status or not (server.started or config.use_subprocess):
        sys.exit(status or STARTUP_FAILURE)


def __getattr__(name: str) -> Any:
    if name != "ServerState":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from uvicorn.server import ServerState

    warnings.warn("uvicorn.main.ServerState is now uvicorn.server.ServerState.", DeprecationWarning, stacklevel=2)
    return ServerState


if __name__ == "__main__":
    main()
