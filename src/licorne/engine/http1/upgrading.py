"""HTTP/1 that gives way to HTTP/2 when its client offers that: Upgrade: h2c (RFC 7540 §3.2; RFC 9113 has dropped it).

Only the first request of a connection may offer it, and only one without content: a proxy that shares a connection, or
passes bytes that it has not read, must not be led to something that it does not see. What leaves a doubt is no offer,
and is answered as ever. What follows an offer that was taken up must be the preface of HTTP/2: a client that has not
waited for the 101 has no second chance.
"""

from collections.abc import Callable

from licorne.engine.connection import Connection
from licorne.engine.headers import list_tokens
from licorne.engine.http1.connection import Http1Connection
from licorne.engine.http1.parser import Parser
from licorne.engine.http1.writer import Heads
from licorne.engine.limits import Limits
from licorne.engine.received import RequestHead

__all__ = ["Upgrade", "UpgradingConnection"]

#: Takes a request, what it says in HTTP2-Settings, and the time, and returns what goes on; None to go on in HTTP/1.
Upgrade = Callable[[RequestHead, bytes, float], Connection | None]

_NOT_ENDING = 0


class UpgradingConnection(Http1Connection):
    """Speak HTTP/1 until the first request is read, and HTTP/2 behind it if it offers that."""

    __slots__ = ("upgrade",)

    def __init__(
        self, limits: Limits, parser: Parser, heads: Heads, hint: bytes, takes_websocket: bool, upgrade: Upgrade
    ) -> None:
        super().__init__(limits, parser, heads, hint, takes_websocket)
        #: None behind the first request.
        self.upgrade: Upgrade | None = upgrade

    def receive_data(self, data: bytes, now: float) -> None:
        Http1Connection.receive_data(self, data, now)
        if self.upgrade is not None and self.request.ready is not None:
            self._decide(self.upgrade, self.request.ready.head, now)

    def _decide(self, upgrade: Upgrade, head: RequestHead, now: float) -> None:
        """Let HTTP/2 go on, or nobody but this, now that the first request is known."""
        self.upgrade = None
        offer = offered_settings(head)
        if offer is None or self.ending != _NOT_ENDING or self.requests_left <= 0:
            return
        self.successor = upgrade(head, offer, now)
        if self.successor is None:
            return
        self.request.drop()
        rest = self.parser.take_rest()
        if rest:
            self.successor.receive_data(rest, now)


def offered_settings(head: RequestHead) -> bytes | None:
    """Return the HTTP2-Settings by which a request offers to change to HTTP/2; None if it does not.

    RFC 7540 §3.2.1: that field stands there once, and Connection names it. RFC 9110 §7.8: as it does Upgrade.
    """
    if head.http_version != "1.1" or head.content_length or head.asks_websocket:
        return None
    settings = _values(head, b"http2-settings")
    options = list_tokens(b",".join(_values(head, b"connection")))
    is_named = b"upgrade" in options and b"http2-settings" in options and b"close" not in options
    is_h2c = b"h2c" in list_tokens(b",".join(_values(head, b"upgrade")))
    return settings[0] if is_named and is_h2c and len(settings) == 1 else None


def _values(head: RequestHead, name: bytes) -> list[bytes]:
    return [field[1] for field in head.headers if field[0] == name]
