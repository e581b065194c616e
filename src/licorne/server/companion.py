"""Companion: something that goes along with a server without being part of serving: a watch, a notifier, a channel.

    begun → ready → draining → drained → ended      only begun and ended where the start fails
    tick, tick, …                                   from begun on, until ended

Rules: all calls come from the server's event loop, so a companion that must not block works in there too. What one
raises is logged and keeps neither the server nor the others from going on.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Protocol

from licorne.config.options import Config
from licorne.drivers.asyncio import AsyncioRuntime
from licorne.server.attached.messages import Message
from licorne.server.listening.listeners import Listener
from licorne.server.orders import Orders

__all__ = ["Companion", "Host", "Pulse", "call_all"]

logger = logging.getLogger("licorne.error")

_LONGEST_INTERVAL = 1.0


class Host(Protocol):
    """Be a server as its companions see it."""

    config: Config
    #: What it was told about its end.
    orders: Orders
    companions: "list[Companion]"
    #: What can be read anew while it serves: certificates.
    rereads: list[Callable[[], None]]

    @property
    def runtime(self) -> AsyncioRuntime | None:
        """Return the driver, None until connections are about to be let in."""

    @property
    def listeners(self) -> list[Listener]:
        """Return the addresses that are served."""

    @property
    def served(self) -> int:
        """Return how many responses were given."""

    def tell(self, message: Message) -> None:
        """Tell the supervisor something, if there is one."""


class Companion:
    """Be told what becomes of a server. A subclass overrides what it wants to know."""

    #: How often `tick` is wanted, in seconds; it comes more often if another companion wants that.
    interval = _LONGEST_INTERVAL

    def begun(self, server: Host) -> None:
        """Take note that the event loop turns; nothing was bound or started yet."""

    def ready(self) -> None:
        """Take note that connections are let in."""

    def tick(self, now: float) -> None:
        """Take the time, in the event loop's seconds."""

    def told(self, message: Message) -> None:
        """Take what the supervisor says."""

    def draining(self) -> None:
        """Take note that the server has begun to end; nothing was closed yet."""

    def drained(self) -> None:
        """Take note that no request runs any more; the application is about to end."""

    def ended(self) -> None:
        """Take note that nothing is left to be waited for."""


def call_all(companions: Sequence[Companion], call: Callable[[Companion], object]) -> None:
    """Call each of them, whatever another one raises."""
    for companion in companions:
        try:
            call(companion)
        except Exception:
            logger.exception("%s has failed", type(companion).__name__)


class Pulse:
    """Let companions tick, from the beginning of a server to its very end."""

    __slots__ = ("_companions", "_interval", "_loop", "_timer")

    def __init__(self, companions: Sequence[Companion]) -> None:
        self._companions = companions
        self._interval = min([companion.interval for companion in companions], default=_LONGEST_INTERVAL)
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to beat."""
        if self._companions:
            self._timer = self._loop.call_later(self._interval, self._beat)

    def stop(self) -> None:
        """End beating."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _beat(self) -> None:
        self._timer = self._loop.call_later(self._interval, self._beat)
        now = self._loop.time()
        call_all(self._companions, lambda companion: companion.tick(now))
