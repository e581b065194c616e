"""Proxies: turns what the configuration says of proxies into what believes them.

Rules: those of settings.py.
"""

from licorne.asgi.forwarded import AUTO, ONLY_CLIENT, Forwarding
from licorne.asgi.front import AllowedHosts, Front, RequestIds
from licorne.config.options import Config
from licorne.trust import EVERYBODY, LOOPBACK, Trust

__all__ = ["front_of", "hosts_of", "trust_of"]


def trust_of(config: Config) -> Trust:
    """Return whom to believe."""
    named = config.forwarded_allow_ips
    return Trust(LOOPBACK if named is None else named)


def front_of(config: Config) -> Front | None:
    """Return what every request passes first, None where there is nothing to look for."""
    trust = trust_of(config)
    forwarding = Forwarding(trust, config.forwarded_headers, _is_whole(config)) if config.proxy_headers else None
    hosts = hosts_of(config)
    ids = RequestIds(config.request_id_header) if config.request_id_header else None
    strips = config.untrusted_headers == "strip"
    if forwarding is None and hosts is None and ids is None and not strips:
        return None
    return Front(trust, forwarding, strips=strips, hosts=hosts, ids=ids)


def hosts_of(config: Config) -> AllowedHosts | None:
    """Return which hosts requests may be for, None where all are allowed."""
    is_limited = bool(config.allowed_hosts) and EVERYBODY not in config.allowed_hosts
    return AllowedHosts(config.allowed_hosts) if is_limited else None


def _is_whole(config: Config) -> bool:
    """Tell whether more is believed than what Uvicorn believes.

    A proxy that nobody has named may pass on what the client says in fields that it does not know itself.
    """
    if config.forwarded_headers == ONLY_CLIENT:
        return False
    return config.forwarded_allow_ips is not None or config.forwarded_headers != AUTO
