"""Config: the parameters of Uvicorn, with its names, its defaults and its order.

A Config is made, changed at will, and loaded: `load()` finds the classes and the application that the parameters name.
A server then serves `loaded_app` with the options of licorne that `_translation.py` makes of the parameters.

Rules: what is wrong is said in Uvicorn's words, in `uvicorn.error`; who runs a process ends it with STARTUP_FAILURE.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
import socket
import ssl
import sys
from collections.abc import Awaitable, Callable
from configparser import RawConfigParser
from pathlib import Path
from typing import IO, Any, Literal

from uvicorn import _loggers
from uvicorn._logging_config import apply_logging
from uvicorn._reloading import announce_reloading
from uvicorn._terms import ERRORS, STARTUP_FAILURE
from uvicorn.importer import ImportFromStringError, import_from_string
from uvicorn.logging import TRACE_LOG_LEVEL
from uvicorn.middleware.asgi2 import ASGI2Middleware
from uvicorn.middleware.message_logger import MessageLoggerMiddleware
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.middleware.wsgi import WSGIMiddleware

__all__ = [
    "HTTP_PROTOCOLS",
    "INTERFACES",
    "LIFESPAN",
    "LOGGING_CONFIG",
    "LOG_LEVELS",
    "LOOP_FACTORIES",
    "SSL_PROTOCOL_VERSION",
    "STARTUP_FAILURE",
    "WS_PROTOCOLS",
    "Config",
    "UvicornDeprecationWarning",
    "create_ssl_context",
]

HTTPProtocolType = Literal["auto", "h11", "httptools", "zttp"]
WSProtocolType = Literal["auto", "none", "websockets", "websockets-sansio", "wsproto"]
LifespanType = Literal["auto", "on", "off"]
LoopFactoryType = Literal["none", "auto", "asyncio", "uvloop", "zuvloop"]
InterfaceType = Literal["auto", "asgi3", "asgi2", "wsgi"]

LOG_LEVELS: dict[str, int] = {
    "critical": logging.CRITICAL,
    "error": logging.ERROR,
    "warning": logging.WARNING,
    "info": logging.INFO,
    "debug": logging.DEBUG,
    "trace": TRACE_LOG_LEVEL,
}
HTTP_PROTOCOLS: dict[str, str] = {
    "auto": "uvicorn.protocols.http.auto:AutoHTTPProtocol",
    "h11": "uvicorn.protocols.http.h11_impl:H11Protocol",
    "httptools": "uvicorn.protocols.http.httptools_impl:HttpToolsProtocol",
    "zttp": "uvicorn.protocols.http.zttp_impl:ZttpProtocol",
}
WS_PROTOCOLS: dict[str, str | None] = {
    "auto": "uvicorn.protocols.websockets.auto:AutoWebSocketsProtocol",
    "none": None,
    "websockets": "uvicorn.protocols.websockets.websockets_impl:WebSocketProtocol",
    "websockets-sansio": "uvicorn.protocols.websockets.websockets_sansio_impl:WebSocketsSansIOProtocol",
    "wsproto": "uvicorn.protocols.websockets.wsproto_impl:WSProtocol",
}
LIFESPAN: dict[str, str] = {
    "auto": "uvicorn.lifespan.on:LifespanOn",
    "on": "uvicorn.lifespan.on:LifespanOn",
    "off": "uvicorn.lifespan.off:LifespanOff",
}
LOOP_FACTORIES: dict[str, str | None] = {
    "none": None,
    "auto": "uvicorn.loops.auto:auto_loop_factory",
    "asyncio": "uvicorn.loops.asyncio:asyncio_loop_factory",
    "uvloop": "uvicorn.loops.uvloop:uvloop_loop_factory",
    "zuvloop": "uvicorn.loops.zuvloop:zuvloop_loop_factory",
}
INTERFACES: list[InterfaceType] = ["auto", "asgi3", "asgi2", "wsgi"]
SSL_PROTOCOL_VERSION: int = ssl.PROTOCOL_TLS_SERVER

#: What `log_config` is unless it is given. Applications change it in place.
LOGGING_CONFIG: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "default": {
            "()": "uvicorn.logging.DefaultFormatter",
            "fmt": "%(levelprefix)s %(message)s",
            "use_colors": None,
        },
        "access": {
            "()": "uvicorn.logging.AccessFormatter",
            "fmt": '%(levelprefix)s %(client_addr)s - "%(request_line)s" %(status_code)s',
        },
    },
    "handlers": {
        # A StreamHandler that knows of access lines which are still to be written, and writes them first.
        "default": {
            "formatter": "default",
            "class": "licorne.logs.handlers.LineHandler",
            "stream": "ext://sys.stderr",
        },
        "access": {"formatter": "access", "class": "licorne.logs.handlers.LineHandler", "stream": "ext://sys.stdout"},
    },
    "loggers": {
        "uvicorn": {"handlers": ["default"], "level": "INFO", "propagate": False},
        "uvicorn.error": {"level": "INFO"},
        "uvicorn.access": {"handlers": ["access"], "level": "INFO", "propagate": False},
    },
}

#: What `load()` finds, and what a process therefore does not hand to another one.
_LOADED = (
    *("loaded_app", "served_app", "_wrapped_app", "ssl", "_loaded_ssl"),
    *("http_protocol_class", "ws_protocol_class", "lifespan_class"),
)


class UvicornDeprecationWarning(UserWarning):
    """Tell of a name that is to go; a UserWarning, because Python hides the other ones."""


def create_ssl_context(
    certfile: str | os.PathLike[str],
    keyfile: str | os.PathLike[str] | None,
    password: str | None,
    ssl_version: int,
    cert_reqs: int,
    ca_certs: str | os.PathLike[str] | None,
    ciphers: str | None,
    alpn_protocols: list[str] | None = None,
) -> ssl.SSLContext:
    """Return the context that the TLS parameters stand for."""
    context = ssl.SSLContext(ssl_version)
    context.load_cert_chain(certfile, keyfile, None if password is None else lambda: password)
    context.verify_mode = ssl.VerifyMode(cert_reqs)
    if ca_certs:
        context.load_verify_locations(ca_certs)
    if ciphers:
        context.set_ciphers(ciphers)
    if alpn_protocols:
        context.set_alpn_protocols(alpn_protocols)
    return context


class Config:
    """Hold the parameters of a server."""

    def __init__(
        self,
        app: Any,
        host: str = "127.0.0.1",
        port: int = 8000,
        uds: str | None = None,
        fd: int | None = None,
        loop: LoopFactoryType | str = "auto",
        http: type[asyncio.Protocol] | HTTPProtocolType | str = "auto",
        http2: bool = False,
        ws: type[asyncio.Protocol] | WSProtocolType | str = "auto",
        ws_max_size: int = 16 * 1024 * 1024,
        ws_max_queue: int = 32,
        ws_ping_interval: float | None = 20.0,
        ws_ping_timeout: float | None = 20.0,
        ws_per_message_deflate: bool = True,
        lifespan: LifespanType = "auto",
        env_file: str | os.PathLike[str] | None = None,
        log_config: dict[str, Any] | str | os.PathLike[str] | RawConfigParser | IO[Any] | None = LOGGING_CONFIG,
        log_level: str | int | None = None,
        access_log: bool = True,
        use_colors: bool | None = None,
        interface: InterfaceType = "auto",
        reload: bool = False,
        reload_dirs: list[str] | str | None = None,
        reload_delay: float = 0.25,
        reload_includes: list[str] | str | None = None,
        reload_excludes: list[str] | str | None = None,
        workers: int | None = None,
        proxy_headers: bool = True,
        server_header: bool = True,
        date_header: bool = True,
        forwarded_allow_ips: list[str] | str | None = None,
        root_path: str = "",
        limit_concurrency: int | None = None,
        limit_max_requests: int | None = None,
        limit_max_requests_jitter: int = 0,
        backlog: int = 2048,
        timeout_keep_alive: int = 5,
        timeout_notify: int = 30,
        timeout_graceful_shutdown: int | None = None,
        timeout_worker_healthcheck: int = 5,
        callback_notify: Callable[..., Awaitable[None]] | None = None,
        ssl_keyfile: str | os.PathLike[str] | None = None,
        ssl_certfile: str | os.PathLike[str] | None = None,
        ssl_keyfile_password: str | None = None,
        ssl_version: int = SSL_PROTOCOL_VERSION,
        ssl_cert_reqs: int = ssl.CERT_NONE,
        ssl_ca_certs: str | os.PathLike[str] | None = None,
        ssl_ciphers: str | None = None,
        ssl_context_factory: Callable[[Config, Callable[[], ssl.SSLContext]], ssl.SSLContext] | None = None,
        headers: list[tuple[str, str]] | None = None,
        factory: bool = False,
        h11_max_incomplete_event_size: int | None = None,
        reset_contextvars: bool = False,
    ) -> None:
        self.app = app
        self.host = host
        self.port = port
        self.uds = uds
        self.fd = fd
        self.loop = loop
        self.http = http
        self.http2 = http2
        self.ws = ws
        self.ws_max_size = ws_max_size
        self.ws_max_queue = ws_max_queue
        self.ws_ping_interval = ws_ping_interval
        self.ws_ping_timeout = ws_ping_timeout
        self.ws_per_message_deflate = ws_per_message_deflate
        self.lifespan = lifespan
        self.log_config = log_config
        self.log_level = log_level
        self.access_log = access_log
        self.use_colors = use_colors
        self.interface = interface
        self.reload = reload
        self.reload_delay = reload_delay
        self.workers = workers or 1
        self.proxy_headers = proxy_headers
        self.server_header = server_header
        self.date_header = date_header
        self.root_path = root_path
        self.limit_concurrency = limit_concurrency
        self.limit_max_requests = limit_max_requests
        self.limit_max_requests_jitter = limit_max_requests_jitter
        self.backlog = backlog
        self.timeout_keep_alive = timeout_keep_alive
        self.timeout_notify = timeout_notify
        self.timeout_graceful_shutdown = timeout_graceful_shutdown
        self.timeout_worker_healthcheck = timeout_worker_healthcheck
        self.callback_notify = callback_notify
        self.ssl_keyfile = ssl_keyfile
        self.ssl_certfile = ssl_certfile
        self.ssl_keyfile_password = ssl_keyfile_password
        self.ssl_version = ssl_version
        self.ssl_cert_reqs = ssl_cert_reqs
        self.ssl_ca_certs = ssl_ca_certs
        self.ssl_ciphers = ssl_ciphers
        self.ssl_context_factory = ssl_context_factory
        self.headers: list[tuple[str, str]] = headers or []
        self.encoded_headers: list[tuple[bytes, bytes]] = []
        self.factory = factory
        self.h11_max_incomplete_event_size = h11_max_incomplete_event_size
        self.reset_contextvars = reset_contextvars
        self.loaded = False
        self.reload_dirs: list[Path] = []
        self.reload_dirs_excludes: list[Path] = []
        self.reload_includes: list[str] = []
        self.reload_excludes: list[str] = []

        self.configure_logging()
        announce_reloading(self, reload_dirs, reload_includes, reload_excludes)
        if env_file is not None:
            ERRORS.info("Loading environment from '%s'", env_file)
            _load_environment(env_file)
        if workers is None and "WEB_CONCURRENCY" in os.environ:
            self.workers = int(os.environ["WEB_CONCURRENCY"])
        if forwarded_allow_ips is None:
            forwarded_allow_ips = os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1,::1")
        self.forwarded_allow_ips: list[str] | str = forwarded_allow_ips
        if self.reload and self.workers > 1:
            ERRORS.warning('"workers" flag is ignored when reloading is enabled.')

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process is told: nothing that was loaded."""
        state = {name: value for name, value in vars(self).items() if name not in _LOADED}
        return {**state, "loaded": False}

    @property
    def asgi_version(self) -> Literal["2.0", "3.0"]:
        """Return the version of ASGI that the application is called by."""
        return "2.0" if self.interface == "asgi2" else "3.0"

    @property
    def is_ssl(self) -> bool:
        """Tell whether TLS is spoken."""
        return bool(self.ssl_keyfile or self.ssl_certfile or self.ssl_context_factory)

    @property
    def use_subprocess(self) -> bool:
        """Tell whether other processes than this one serve."""
        return bool(self.reload or self.workers > 1)

    @property
    def should_reload(self) -> bool:
        """Tell whether the application is started anew when its files change."""
        return isinstance(self.app, str) and self.reload

    def configure_logging(self) -> None:
        """Set up the loggers as the parameters say."""
        _loggers.join()
        apply_logging(self.log_config, self.log_level, self.access_log, self.use_colors)

    # --- what the parameters name ----------------------------------------------------------------------------

    def load(self) -> None:
        """Find the classes and the application that the parameters name. Ends the process if there is no such app."""
        assert not self.loaded
        self.http_protocol_class = self._find(self.http, HTTP_PROTOCOLS)
        if self.http2 and self.http != "zttp":
            raise ValueError("http2=True needs http='zttp', which with licorne are its own HTTP/1 and HTTP/2.")
        self.ssl: ssl.SSLContext | None = self._new_ssl_context() if self.is_ssl else None
        self._loaded_ssl = self.ssl
        self.encoded_headers = self._encoded_headers()
        self.ws_protocol_class = self._find(self.ws, WS_PROTOCOLS)
        self.lifespan_class = import_from_string(LIFESPAN[self.lifespan])
        self.served_app = self._adapted(self._called(self.load_app()))
        self.loaded_app = self._wrapped(self.served_app)
        self._wrapped_app = self.loaded_app
        self.loaded = True

    def load_app(self) -> Any:
        """Return what `app` names. Ends the process if there is no such thing."""
        try:
            return import_from_string(self.app)
        except ImportFromStringError as error:
            ERRORS.error("Error loading ASGI app. %s", error)
            sys.exit(STARTUP_FAILURE)

    def get_loop_factory(self) -> Callable[[], asyncio.AbstractEventLoop] | None:
        """Return what makes the event loop, None for what asyncio does by itself."""
        if self.loop in LOOP_FACTORIES:
            found = LOOP_FACTORIES[self.loop]
            return None if found is None else import_from_string(found)(use_subprocess=self.use_subprocess)
        try:
            factory: Callable[[], asyncio.AbstractEventLoop] = import_from_string(self.loop)
        except ImportFromStringError as error:
            ERRORS.error("Error loading custom loop setup function. %s", error)
            sys.exit(STARTUP_FAILURE)
        return factory

    def setup_event_loop(self) -> None:
        """Raise an AttributeError: loops come from `get_loop_factory()`."""
        raise AttributeError("The `setup_event_loop` method was replaced by `get_loop_factory` in uvicorn 0.36.0.")

    def bind_socket(self) -> socket.socket:
        """Return a socket that is bound as the parameters say; end the process if that cannot be."""
        from uvicorn._binding import bind_socket

        return bind_socket(self)

    # --- internals -------------------------------------------------------------------------------------------

    @property
    def is_wrapped_as_loaded(self) -> bool:
        """Tell whether nobody has put another application in the place of the one that was loaded."""
        return self.loaded_app is self._wrapped_app

    @property
    def is_tls_as_loaded(self) -> bool:
        """Tell whether nobody has put another TLS context in the place of the one that was loaded."""
        return not self.loaded or self.ssl is self._loaded_ssl

    @staticmethod
    def _find(name: Any, known: dict[str, Any]) -> Any:
        return import_from_string(known[name] if isinstance(name, str) and name in known else name)

    def _encoded_headers(self) -> list[tuple[bytes, bytes]]:
        encoded = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in self.headers]
        if self.server_header and b"server" not in dict(encoded):
            encoded.insert(0, (b"server", b"uvicorn"))
        return encoded

    def _new_ssl_context(self) -> ssl.SSLContext:
        if self.ssl_context_factory is None:
            return self.default_ssl_context()
        context = self.ssl_context_factory(self, self.default_ssl_context)
        if not isinstance(context, ssl.SSLContext):
            raise TypeError(f"ssl_context_factory must return an ssl.SSLContext, not a {type(context).__name__}")
        return context

    def default_ssl_context(self) -> ssl.SSLContext:
        """Return the context that the TLS parameters stand for."""
        if not self.ssl_certfile:
            raise ValueError("a default SSL context needs ssl_certfile")
        return create_ssl_context(
            keyfile=self.ssl_keyfile,
            certfile=self.ssl_certfile,
            password=self.ssl_keyfile_password,
            ssl_version=self.ssl_version,
            cert_reqs=self.ssl_cert_reqs,
            ca_certs=self.ssl_ca_certs,
            ciphers=self.ssl_ciphers,
            alpn_protocols=getattr(self.http_protocol_class, "alpn_protocols", None),
        )

    def _called(self, found: Any) -> Any:
        """Return the application that `found` is or, as a factory, makes."""
        from licorne.server.application.interface import Interface, classify, missing_arguments

        if self.factory:
            missing = missing_arguments(found)
            if missing:
                ERRORS.error("Error loading ASGI app factory: it is called without arguments, and asks for %s", missing)
                sys.exit(STARTUP_FAILURE)
            return found()
        if self.interface != "wsgi" and classify(found) is Interface.FACTORY:
            ERRORS.warning(
                "ASGI app factory detected. Using it, but please consider setting the --factory flag explicitly."
            )
            return found()
        return found

    def _adapted(self, app: Any) -> Any:
        """Return an application as ASGI 3."""
        if self.interface == "auto":
            self.interface = "asgi3" if _is_asgi3(app) else "asgi2"
        if self.interface == "wsgi":
            self.ws_protocol_class = None
            return WSGIMiddleware(app)
        return ASGI2Middleware(app) if self.interface == "asgi2" else app

    def _wrapped(self, app: Any) -> Any:
        if ERRORS.getEffectiveLevel() <= TRACE_LOG_LEVEL:
            app = MessageLoggerMiddleware(app)
        return ProxyHeadersMiddleware(app, self.forwarded_allow_ips) if self.proxy_headers else app


def _is_asgi3(app: Any) -> bool:
    from licorne.server.application.interface import Interface, classify

    if inspect.isclass(app):
        return hasattr(app, "__await__")
    if inspect.iscoroutinefunction(app) or inspect.iscoroutinefunction(getattr(app, "__call__", None)):  # noqa: B004
        return True
    return classify(app) is not Interface.ASGI2


def _load_environment(path: str | os.PathLike[str]) -> None:
    from licorne.config.files import read_env_file

    for name, text in read_env_file(os.fspath(path), "env_file", ERRORS.warning).items():
        os.environ.setdefault(name, text)
