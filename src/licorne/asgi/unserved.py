"""Unserved: notices a WebSocket that gets its answer from its session while it waits for its turn: no cycle will.

A session answers when the application takes too long to (`ws-handshake-timeout`) and when the server stops.
"""

from licorne.asgi.shared import Shared
from licorne.engine.exchange import Exchange
from licorne.link import Gate, Link

__all__ = ["Unserved"]


class Unserved(Gate):
    """Be what a session opens at its end, as long as nobody waits for its messages."""

    __slots__ = ("exchange", "link", "shared")

    def __init__(self, exchange: Exchange, link: Link, shared: Shared) -> None:
        self.exchange = exchange
        self.link = link
        self.shared = shared

    def open(self) -> None:
        if self.exchange.is_complete():
            if self.shared.on_response is not None:
                self.shared.on_response()
            self.shared.log(self.exchange, self.link, 0.0, 0.0)
