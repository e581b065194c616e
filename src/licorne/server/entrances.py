"""Entrances: what a connection passes before it is a link: a PROXY protocol header, then a TLS handshake.

Rules: the outermost is what the event loop is given; each makes the next one when it has done its part.
"""

import logging
from collections.abc import Callable
from typing import Any

from licorne.config.options import Config
from licorne.drivers.asyncio import AsyncioRuntime
from licorne.drivers.proxied import ProxiedEntrance
from licorne.server.proxies import trust_of
from licorne.server.tls.contexts import has_tls
from licorne.server.tls.entering import open_tls_entrance

__all__ = ["behind_proxies", "protocol_factory_of"]

logger = logging.getLogger("licorne.error")


def protocol_factory_of(
    config: Config,
    runtime: AsyncioRuntime,
    closers: list[Callable[[], None]],
    rereads: list[Callable[[], None]],
    *,
    is_first: bool = True,
) -> Callable[[], Any]:
    """Return what makes the protocol of each new connection. Raises ConfigError.

    Add to what is called at the end, and to what is called when files are to be read anew. The first of several workers
    says what concerns all.
    """
    new_protocol: Callable[[], Any] = runtime.protocol_factory
    if has_tls(config):
        entrance = open_tls_entrance(config, runtime, new_protocol, closers, rereads, is_first=is_first)
        new_protocol = entrance.protocol_factory
    return behind_proxies(config, runtime, new_protocol)


def behind_proxies(config: Config, runtime: AsyncioRuntime, new_protocol: Callable[[], Any]) -> Callable[[], Any]:
    """Return what makes the protocol of a connection that may have to begin with a PROXY protocol header."""
    if not config.proxy_protocol:
        return new_protocol
    return ProxiedEntrance(runtime, trust_of(config), new_protocol).protocol_factory
