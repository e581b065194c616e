"""Newcomers: connections that are no links yet, because something has to pass before: a TLS handshake, a header.

Rules: each has a clock. They count as connections, and when there is no room they are the first to go: the one that has
waited longest, for an honest peer is done at once. A worker that drains waits for them.
"""

import math
import socket
from typing import Any, Protocol

__all__ = ["Newcomer", "Newcomers", "has_vanished"]

#: A tick this many times its length after the last one is late.
_LATE_TICKS = 2.0


def has_vanished(transport: Any) -> bool:
    """Tell whether a peer has reset its connection before anybody asked for its address.

    What it has sent can still be read. It must not be taken for a peer on a UNIX socket, which has no address either,
    and may be trusted.
    """
    sock = transport.get_extra_info("socket")
    is_of_host = sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6)
    return is_of_host and transport.get_extra_info("peername") is None


class Newcomer(Protocol):
    """Be a connection that is no link yet."""

    def expire(self) -> None:
        """End it: it has taken too long."""

    def abort(self) -> None:
        """End it at once."""


class Newcomers:
    """Hold the newcomers of one runtime."""

    __slots__ = ("last_tick", "runtime", "waiting")

    def __init__(self, runtime: Any) -> None:
        self.runtime = runtime
        #: Each with its deadline, in order of arrival.
        self.waiting: dict[Newcomer, float] = {}
        #: When this was last looked at; 0 before the first time, from which nothing follows.
        self.last_tick = 0.0

    def add(self, newcomer: Newcomer, timeout: float) -> None:
        """Let one in, for `timeout` seconds at most (0: for any time)."""
        if self._is_full() and not self.runtime.shed_idle():
            oldest = next(iter(self.waiting), None)
            if oldest is not None:
                del self.waiting[oldest]
                oldest.abort()
        self.waiting[newcomer] = self.runtime.now + timeout if timeout else math.inf

    def remove(self, newcomer: Newcomer) -> None:
        """Take note that one has become a link, or has left."""
        if self.waiting.pop(newcomer, None) is not None:
            self.runtime.check_empty()

    def tick(self, now: float) -> None:
        """Take the time in seconds: end those that have taken too long."""
        late = now - (self.last_tick or now) - self.runtime.tick
        self.last_tick = now
        if late > _LATE_TICKS * self.runtime.tick:
            # What the loop was blocked for is not the peer's fault.
            self.waiting = {newcomer: deadline + late for newcomer, deadline in self.waiting.items()}
        for newcomer in [newcomer for newcomer, deadline in self.waiting.items() if deadline <= now]:
            newcomer.expire()

    def drop(self) -> None:
        """End all at once."""
        for newcomer in list(self.waiting):
            newcomer.abort()

    def _is_full(self) -> bool:
        runtime = self.runtime
        limit = runtime.options.max_connections
        return bool(limit) and len(runtime.links) - runtime.peers.refused + len(self.waiting) >= limit
