"""ProxyHeadersMiddleware: put into scopes what trusted proxies say of the client and the scheme.

A server does it without this: `proxy_headers` and `forwarded_allow_ips` are options of licorne. Applications mount it
themselves behind other servers, or around a part of theirs.
"""

import ipaddress
from typing import Any

from licorne.asgi.claims import SCHEMES, parse_hop
from licorne.trust import Trust

__all__ = ["ProxyHeadersMiddleware"]

_SCHEMES = ("http", "https", "ws", "wss")


class ProxyHeadersMiddleware:
    """Be an application around another, whose scopes tell of the client in place of the proxy."""

    def __init__(self, app: Any, trusted_hosts: list[str] | str = "127.0.0.1") -> None:
        self.app = app
        self.trusted_hosts = _TrustedHosts(trusted_hosts)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Call the application."""
        if scope["type"] != "lifespan":
            client = scope.get("client")
            if (client[0] if client else None) in self.trusted_hosts:
                self._show_client(scope)
        await self.app(scope, receive, send)

    def _show_client(self, scope: Any) -> None:
        protos = [value for name, value in scope["headers"] if name == b"x-forwarded-proto"]
        if protos and (proto := protos[-1].decode("latin-1").strip()) in _SCHEMES:
            is_secure = SCHEMES[proto]
            scope["scheme"] = ("wss" if is_secure else "ws") if scope["type"] == "websocket" else proto
        hops = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
        if hops:
            host, port = self.trusted_hosts.client_of(b", ".join(hops).decode("latin-1"))
            if host:
                scope["client"] = (host, port)


class _TrustedHosts:
    """Hold whom to believe: addresses, networks and names; everybody if "*" is one of them."""

    def __init__(self, trusted_hosts: list[str] | str) -> None:
        words = trusted_hosts.split(",") if isinstance(trusted_hosts, str) else trusted_hosts
        names = [word.strip() for word in words if word.strip()]
        self.always_trust = "*" in names
        self._trust = Trust([name for name in names if _is_network(name)])
        self._names = frozenset(name for name in names if not _is_network(name))

    def __contains__(self, host: str | None) -> bool:
        if self.always_trust:
            return True
        return bool(host) and (host in self._names or self._trust.trusts(str(host)))

    def client_of(self, value: str) -> tuple[str, int]:
        """Return the last hop that is not trusted, the first if all are."""
        hops = [parse_hop(hop.strip()) for hop in value.split(",")]
        if self.always_trust:
            return hops[0]
        return next((hop for hop in reversed(hops) if hop[0] not in self), hops[0])


def _is_network(word: str) -> bool:
    try:
        ipaddress.ip_network(word)
    except ValueError:
        return False
    return True
