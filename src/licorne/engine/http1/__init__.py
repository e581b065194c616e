"""HTTP/1.0 and HTTP/1.1 (RFC 9112): one connection state machine over pluggable parsers."""

from collections.abc import Callable

from licorne.engine.connection import Connection
from licorne.engine.defaults import DefaultHeaders
from licorne.engine.http1.connection import Http1Connection
from licorne.engine.http1.parser import new_parser
from licorne.engine.http1.upgrading import Upgrade, UpgradingConnection
from licorne.engine.http1.writer import Heads
from licorne.engine.limits import Limits

__all__ = ["new_connection_factory"]


def new_connection_factory(
    limits: Limits,
    parser_name: str,
    defaults: DefaultHeaders,
    *,
    has_hint: bool = False,
    max_event_bytes: int = 0,
    takes_websocket: bool = True,
    upgrade: Upgrade | None = None,
) -> Callable[[], Connection]:
    """Return a function that makes a connection engine.

    `has_hint` adds `Keep-Alive: timeout=` to the first response of a connection; `max_event_bytes` is h11's
    own bound on a head, 0 for the limit on heads. Without `takes_websocket` a request for a WebSocket is one like
    any other. With `upgrade` the first request of a connection may change to HTTP/2.

    Raises:
        ImportError: The parser's library is not installed.
    """
    seconds = int(limits.keep_alive_timeout)
    hint = b"keep-alive: timeout=%d\r\n" % seconds if has_hint and seconds else b""
    new_parser(parser_name, limits, max_event_bytes)
    heads = Heads(defaults)

    def new_connection() -> Connection:
        parser = new_parser(parser_name, limits, max_event_bytes)
        if upgrade is not None:
            return UpgradingConnection(limits, parser, heads, hint, takes_websocket, upgrade)
        return Http1Connection(limits, parser, heads, hint, takes_websocket)

    return new_connection
