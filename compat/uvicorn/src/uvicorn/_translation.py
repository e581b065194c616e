"""Translation: from Uvicorn's parameters to the options of licorne.

Rules: what Uvicorn serves is served. Where licorne bounds what an application or its client may do and Uvicorn does
not, the bound is off: an upload may pause, a download too, and an application goes on whose client has left. The
bounds on heads of requests stay, which no application can notice. What has no counterpart is dropped with a warning.
"""

from __future__ import annotations

import ipaddress
import os
import ssl
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from licorne.config.options import Config as Options
from licorne.config.targets import Headers
from uvicorn._terms import ERRORS
from uvicorn.middleware.asgi2 import ASGI2Middleware

if TYPE_CHECKING:
    from uvicorn.config import Config

__all__ = ["ContextFactory", "fleet_options_of", "given_options_of", "options_of"]

#: Parsers and codecs that licorne has by the same name, if their library is installed; all others are its own.
_PARSERS: Final = ("h11", "httptools")
_CODECS: Final = ("websockets", "wsproto")
_SAME_CODEC: Final = {"websockets-sansio": "websockets"}
#: Versions that licorne's own contexts stand for.
_USUAL_TLS: Final = (int(ssl.PROTOCOL_TLS_SERVER), int(ssl.PROTOCOL_TLSv1_2))
#: Parameters whose names and values licorne shares although no other option says them.
_SHARED: Final = ("access_log", "factory", "use_colors", "log_level", "limit_max_requests", "limit_max_requests_jitter")
#: A limit that is never reached, so that responses are counted.
_NEVER: Final = 2**52


class ContextFactory:
    """Make the TLS context of a configuration of Uvicorn, here or in another process."""

    def __init__(self, config: Config) -> None:
        self.config = config

    def __call__(self, options: object = None, default: Callable[[], ssl.SSLContext] | None = None) -> ssl.SSLContext:
        """Return the context that was loaded, or load it."""
        config = self.config
        loaded = config.ssl if config.loaded else None
        return loaded if loaded is not None else config._new_ssl_context()


def options_of(config: Config, limit_max_requests: int | None = None) -> Options:
    """Return the options for one process that serves what `config` has loaded."""
    app = config.served_app if config.is_wrapped_as_loaded else config.loaded_app
    is_asgi2 = isinstance(app, ASGI2Middleware)
    return Options(
        app.app if is_asgi2 else app,
        interface="asgi2" if is_asgi2 else "asgi3",
        log_config={},
        access_log=config.access_log,
        limit_max_requests=limit_max_requests or _NEVER,
        **{**_common(config), "proxy_headers": config.proxy_headers and config.is_wrapped_as_loaded},
        **_address(config),
    )


def fleet_options_of(config: Config, fd: int) -> Options:
    """Return the options for processes that load what `config` names, and accept on the socket that `fd` is."""
    return Options(
        "uvicorn._served:application",
        factory=True,
        # Whatever process applies this logging configuration is told in this way what it serves, too.
        log_config={
            "version": 1,
            "disable_existing_loggers": False,
            "handlers": {"uvicorn": {"()": "uvicorn._served.assign", "config": config}},
        },
        limit_max_requests=config.limit_max_requests,
        limit_max_requests_jitter=config.limit_max_requests_jitter,
        fd=fd,
        **_common(config),
        **_processes(config),
    )


def _processes(config: Config) -> dict[str, Any]:
    options: dict[str, Any] = {"timeout_worker_healthcheck": config.timeout_worker_healthcheck}
    if not config.should_reload:
        return {**options, "workers": config.workers}
    return {
        **options,
        "reload": True,
        "reload_dirs": [os.fspath(path) for path in config.reload_dirs],
        "reload_includes": config.reload_includes,
        "reload_excludes": config.reload_excludes,
        "reload_delay": config.reload_delay,
    }


def _common(config: Config) -> dict[str, Any]:
    return {
        "lifespan": config.lifespan,
        "root_path": _root_path(config.root_path),
        "reset_contextvars": config.reset_contextvars,
        "backlog": config.backlog,
        "loop": _loop(config.loop),
        "http": _installed(config.http, _PARSERS),
        "http2": config.http2,
        "server_header": False,
        "date_header": config.date_header,
        "headers": list(_headers(config)),
        "keep_alive_header": False,
        "proxy_headers": config.proxy_headers,
        "forwarded_allow_ips": list(_peers(config.forwarded_allow_ips)),
        "forwarded_headers": "client",
        "limit_concurrency": config.limit_concurrency,
        "limit_concurrency_wait": 0,
        "h11_max_incomplete_event_size": config.h11_max_incomplete_event_size,
        "timeout_keep_alive": config.timeout_keep_alive,
        "timeout_graceful_shutdown": config.timeout_graceful_shutdown or 0,
        **_unbounded(),
        **_websocket(config),
        **(_tls(config) if config.is_ssl or getattr(config, "ssl", None) else {}),
    }


def _unbounded() -> dict[str, Any]:
    return {
        "timeout_request_body": 0,
        "min_body_rate": 0,
        "timeout_write_stall": 0,
        "timeout_disconnect": 0,
        "ws_handshake_timeout": 0,
    }


def _websocket(config: Config) -> dict[str, Any]:
    has_none = config.ws == "none" or config.interface == "wsgi"
    return {
        "ws": "none" if has_none else _installed(config.ws, _CODECS),
        "ws_max_size": config.ws_max_size,
        "ws_max_queue": max(1, config.ws_max_queue),
        "ws_ping_interval": config.ws_ping_interval or 0,
        "ws_ping_timeout": config.ws_ping_timeout or 0,
        "ws_per_message_deflate": config.ws_per_message_deflate,
    }


def _tls(config: Config) -> dict[str, Any]:
    is_usual = config.ssl_context_factory is None and int(config.ssl_version) in _USUAL_TLS
    if not is_usual or not config.is_tls_as_loaded:
        return {"ssl_context_factory": ContextFactory(config)}
    return {
        "ssl_certfile": config.ssl_certfile,
        "ssl_keyfile": config.ssl_keyfile,
        "ssl_keyfile_password": config.ssl_keyfile_password,
        "ssl_version": int(config.ssl_version),
        "ssl_cert_reqs": int(config.ssl_cert_reqs),
        "ssl_ca_certs": config.ssl_ca_certs,
        "ssl_ciphers": config.ssl_ciphers,
    }


def _address(config: Config) -> dict[str, Any]:
    if config.fd is not None:
        return {"fd": config.fd}
    if config.uds:
        return {"uds": config.uds}
    return {"host": config.host or "", "port": config.port}


def _root_path(path: str) -> str:
    return path if not path or path.startswith("/") else f"/{path}"


def _loop(name: str) -> str:
    """Return the loop of licorne; one that has no name there is made by the module that stands for it here."""
    if name == "none":
        return "asyncio"
    if name == "zuvloop":
        return "zuvloop:new_event_loop"
    return name


def _installed(name: Any, known: Iterable[str]) -> str:
    name = _SAME_CODEC.get(name, name) if isinstance(name, str) else getattr(name, "licorne_name", "auto")
    return name if name in known and find_spec(name) is not None else "auto"


def _headers(config: Config) -> Iterator[tuple[str, str]]:
    kind = Headers()
    encoded = config.encoded_headers if config.loaded else config._encoded_headers()
    for name, value in encoded:
        field = name.decode("latin-1"), value.decode("latin-1")
        try:
            yield from kind.accept([field])
        except ValueError as error:
            ERRORS.warning("The header %r is not sent: it %s", field[0], error)


def _peers(given: list[str] | str) -> Iterator[str]:
    """Yield whom to trust; a name is never an address that a connection has."""
    for item in given.split(",") if isinstance(given, str) else given:
        word = item.strip()
        if word == "*" or _is_network(word):
            yield word


def _is_network(word: str) -> bool:
    try:
        ipaddress.ip_network(word)
    except ValueError:
        return False
    return True


def given_options_of(config: Config, given: Iterable[str]) -> dict[str, Any]:
    """Return the options for a process that somebody else set up, of the parameters that were `given`."""
    names = set(given)
    options = {**_common(config), **{name: getattr(config, name) for name in _SHARED}}
    chosen = {name: value for name, value in options.items() if name in names}
    if "forwarded_allow_ips" in names:
        chosen["forwarded_headers"] = "client"
    always = {name: options[name] for name in ("server_header", "headers", "keep_alive_header", "http2")}
    return {**_unbounded(), **chosen, **always}
