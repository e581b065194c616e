"""Preparing: what is done before anything is bound: logging, the application, and a look at what is needed later.

Rules: what cannot be used is refused here, in one line and before the application is imported, not once it has started.
"""

import dataclasses
import logging

from licorne.asgi.run import AsgiOptions
from licorne.asgi.trace import TRACE_LEVEL, Trace
from licorne.config.options import Config
from licorne.logs import setup
from licorne.logs.template import compile_template
from licorne.server.application.importer import LoadedApp, add_to_path, load_app
from licorne.server.settings import connections_of, default_headers_of, sessions_of
from licorne.server.tls.entering import refuse_unusable_tls

__all__ = ["asgi_options_of", "configure_logging", "load", "refuse_unusable", "suited"]


def configure_logging(config: Config) -> None:
    """Configure logging as the options say. Raises ConfigError."""
    if isinstance(config.app, str):
        add_to_path(config.app_dir)  # a logging configuration may name classes that are beside the application
    setup.configure(config.log_config, config.log_level, config.access_log, config.use_colors)


def refuse_unusable(config: Config) -> None:
    """Raise ConfigError or StartupError for what would be found to be wrong only after the application has started."""
    connections_of(config, default_headers_of(config))
    sessions_of(config)
    refuse_unusable_tls(config)
    if config.access_log_format is not None:
        compile_template(config.access_log_format)


def load(config: Config) -> LoadedApp:
    """Import the application. Raises AppLoadError."""
    loaded = load_app(
        config.app,
        factory=config.factory,
        interface=config.interface,
        app_dir=config.app_dir,
        wsgi_threads=config.wsgi_threads,
        is_multiprocess=config.workers not in (None, 1),
    )
    asgi_logger = logging.getLogger("licorne.asgi")
    if not asgi_logger.isEnabledFor(TRACE_LEVEL):
        return loaded
    return dataclasses.replace(loaded, app=Trace(loaded.app, asgi_logger))


def suited(config: Config, loaded: LoadedApp) -> Config:
    """Return the configuration as the application needs it: WSGI has no WebSockets, so that none is offered."""
    return dataclasses.replace(config, ws="none") if loaded.interface == "wsgi" else config


def asgi_options_of(config: Config, loaded: LoadedApp) -> AsgiOptions:
    """Return what the ASGI layer is told."""
    return AsgiOptions(
        asgi_version=loaded.asgi_version,
        root_path=config.root_path,
        limit_concurrency=config.limit_concurrency or 0,
        concurrency_wait=config.limit_concurrency_wait,
    )
