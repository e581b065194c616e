"""Redirecting: answers plain HTTP with where the same is to be had by https (RFC 9110 §15.4.9).

It has a runtime of its own, so that whoever floods the one port is not in the way at the other; the application never
hears of these requests.

Rules: the answer leads to the host that the request names, if that is allowed, and to the port that clients use. 308
keeps the method and the body, for every method alike.
"""

import asyncio
from collections.abc import Callable, Sequence

from licorne.config.options import Config
from licorne.drivers.asyncio import AsyncioRuntime
from licorne.engine.exchange import Exchange
from licorne.engine.headers import is_host
from licorne.link import Cycle, Link, Service
from licorne.server.entrances import behind_proxies
from licorne.server.intake import Intake
from licorne.server.listening.listeners import Listener
from licorne.server.proxies import hosts_of
from licorne.server.settings import connections_of, date_ticks, default_headers_of, driver_options_of, limits_of

__all__ = ["Redirector", "Redirects", "https_port_of", "location_of"]

_USUAL_PORT = 443
_PERMANENT_REDIRECT = 308
_BAD_REQUEST = 400
#: How long those may take at the end that are being answered.
_DRAIN_SECONDS = 1.0
_TEXT = (b"content-type", b"text/plain; charset=utf-8")


class Redirector(Service):
    """Answer every request at once."""

    __slots__ = ("allows", "port")

    def __init__(self, port: int, allows: Callable[[bytes], bool]) -> None:
        """Take the port that speaks https, and what tells whether somebody may be led to a host."""
        self.port = port
        self.allows = allows

    def begin(self, exchange: Exchange, link: Link) -> Cycle | None:
        """Answer; there is nothing to run."""
        head = exchange.head
        host = next((value for name, value in head.headers if name == b"host"), b"")
        refusal = self._refusal(host)
        if refusal:
            exchange.start_response(_BAD_REQUEST, [_TEXT])
            exchange.write(refusal, True)
        else:
            location = location_of(host, self.port, head.path, head.query)
            exchange.start_response(_PERMANENT_REDIRECT, [_TEXT, (b"location", location)])
            exchange.write(b"This is to be had by https.\n", True)
        link.pump()
        return None

    def _refusal(self, host: bytes) -> bytes:
        """Return why nobody is led to a host; nothing if somebody is."""
        if not host or not is_host(host):
            return b"The request names no host that could be led to by https.\n"
        if not self.allows(host):
            return b"This host is not allowed.\n"
        return b""


def location_of(host: bytes, port: int, path: bytes, query: bytes) -> bytes:
    """Return the address of the same thing by https; `host` is that of the request and may have a port."""
    name = host if host.endswith(b"]") else host.rpartition(b":")[0] or host
    suffix = b"" if port == _USUAL_PORT else b":%d" % port
    target = path if path.startswith(b"/") else b"/"
    return b"https://" + name + suffix + target + (b"?" + query if query else b"")


def https_port_of(listeners: Sequence[Listener]) -> int:
    """Return the port of the first listener that has one, else the usual one: a proxy or a socket stands before it."""
    return next((listener.port for listener in listeners if listener.port), _USUAL_PORT)


class Redirects:
    """Redirect whoever comes to some listeners."""

    __slots__ = ("_intake", "_runtime")

    def __init__(self, listeners: Sequence[Listener]) -> None:
        self._intake = Intake(listeners)
        self._runtime: AsyncioRuntime | None = None

    @property
    def listeners(self) -> list[Listener]:
        """Return the addresses."""
        return self._intake.listeners

    async def open(self, config: Config, listeners: Sequence[Listener]) -> None:
        """Let connections in, to be led to the first of `listeners`. Raises StartupError."""
        if not self.listeners:
            return
        defaults = default_headers_of(config)
        hosts = hosts_of(config)
        port = config.redirect_https_port or https_port_of(listeners)
        redirector = Redirector(port, is_host if hosts is None else hosts.allows)
        options, new_connection = driver_options_of(config), connections_of(config, defaults)
        runtime = AsyncioRuntime(asyncio.get_running_loop(), limits_of(config), options, new_connection, redirector)
        self._runtime = runtime
        runtime.on_tick.append(date_ticks(defaults))
        runtime.start()
        # Whoever stands in front of the one port with the PROXY protocol does so in front of the other.
        new_protocol = behind_proxies(config, runtime, runtime.protocol_factory)
        await self._intake.open(new_protocol, config.backlog, runtime.count)

    async def close(self) -> None:
        """Let nobody in any more, and let those who are there have their answer."""
        await self._intake.close()
        if self._runtime is None:
            return
        self._runtime.begin_drain()
        await self._runtime.drained(_DRAIN_SECONDS)
        self._runtime.abort()
        self._runtime.stop()
        self._runtime = None
