"""Entering: opens the entrance through which connections over TLS come to a driver."""

import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

from licorne.config.options import Config
from licorne.drivers.asyncio import AsyncioRuntime
from licorne.drivers.tls import TlsEntrance
from licorne.errors import AppLoadError, ConfigError
from licorne.server.application.importer import import_object
from licorne.server.ticks import Ticks
from licorne.server.tls.contexts import alpn_of, certificates_of, files_of, has_tls, new_context
from licorne.server.tls.failures import HandshakeFailures
from licorne.server.tls.rereading import Rereading
from licorne.server.tls.validity import why_not_now

__all__ = ["open_tls_entrance", "refuse_unusable_tls", "tls_advice"]

logger = logging.getLogger("licorne.error")


def refuse_unusable_tls(config: Config, *, is_loaded: bool = False) -> None:
    """Raise ConfigError for files, passwords and ciphers that cannot be used.

    A factory that is named lies beside the application, so it is called only where that is loaded.
    """
    if has_tls(config) and (is_loaded or not isinstance(config.ssl_context_factory, str)):
        new_context(config, _find_factory)


def open_tls_entrance(
    config: Config,
    runtime: AsyncioRuntime,
    new_protocol: Callable[[], Any],
    closers: list[Callable[[], None]],
    rereads: list[Callable[[], None]],
    *,
    is_first: bool = True,
) -> TlsEntrance:
    """Return what connections over TLS come in by; its certificates are kept up to date.

    `closers` are what is called at the end, `rereads` what is when files are to be read anew; the first of several
    workers says what concerns all. Raises ConfigError.
    """
    context = new_context(config, _find_factory)
    entrance = TlsEntrance(runtime, context, new_protocol, config.timeout_tls_handshake)
    if config.ssl_context_factory is None:
        entrance.protocols = frozenset(name.encode() for name in alpn_of(config))
    failures = HandshakeFailures(logger)
    closers.append(failures.flush)
    entrance.on_failure = failures.take
    entrance.on_plain = failures.take_plain
    rereading = Rereading(files_of(config), lambda: _renew(config, entrance, is_first), logger, speaks=is_first)
    rereads.append(rereading.read_anew)
    runtime.on_tick.append(Ticks(logger, failures.tick, rereading.tick))
    if config.ssl_keylog_file and is_first:
        logger.warning("The secrets of TLS connections are written to %s", config.ssl_keylog_file)
    return entrance


def tls_advice(config: Config) -> Iterator[str]:
    """Yield a line for each certificate that clients will not accept now."""
    now = time.time()
    for path in certificates_of(config):
        if problem := why_not_now(path, now):
            yield f"The TLS certificate in {path} {problem}: clients will refuse it"


def _renew(config: Config, entrance: TlsEntrance, is_first: bool) -> None:
    entrance.context = new_context(config, _find_factory)
    for line in tls_advice(config) if is_first else ():
        logger.warning("%s", line)


def _find_factory(factory: Any) -> Any:
    if callable(factory):
        return factory
    try:
        found = import_object(factory, f"ssl_context_factory {factory}")
    except AppLoadError as error:
        raise ConfigError(str(error)) from error
    if not callable(found):
        raise ConfigError(f"ssl_context_factory: {factory} is an object of type {type(found).__name__}, not a function")
    return found
