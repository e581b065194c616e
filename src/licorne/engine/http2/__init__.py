"""HTTP/2 (RFC 9113): many exchanges on one connection, over frames, header compression and flow control."""

from collections.abc import Callable

from licorne.engine.connection import Connection
from licorne.engine.defaults import DefaultHeaders
from licorne.engine.http2.connection import Http2Connection
from licorne.engine.http2.upgrade import new_upgrade
from licorne.engine.limits import Limits

__all__ = ["new_connection_factory", "new_upgrade"]


def new_connection_factory(
    limits: Limits, defaults: DefaultHeaders, *, takes_websocket: bool = True
) -> Callable[[], Connection]:
    """Return a function that makes a connection engine.

    Without `takes_websocket` extended CONNECT is not offered (RFC 8441 §3).
    """

    def new_connection() -> Connection:
        return Http2Connection(limits, defaults, takes_websocket)

    return new_connection
