"""Orders: what a server was told about its end, by whom ever; wakes whoever waits for that.

    serve → stop, after the delay if there is one → hurry: the delay is over → force: nothing is waited for

Rules: an order is never taken back, but by the program that set `should_exit` or `force_exit` itself. Any thread and
any signal's handler may give one.
"""

from collections.abc import Coroutine
from typing import Any, TypeVar

from licorne.server.bell import Bell

__all__ = ["Orders"]

T = TypeVar("T")


class Orders:
    """Hold the orders of one server."""

    __slots__ = ("_bell", "_delay", "_force", "_stop", "is_hasty")

    def __init__(self, delay: float) -> None:
        """Take how long everything is served on after the order to stop, in seconds."""
        self._bell = Bell()
        self._delay = delay
        self._stop = False
        self._force = False
        #: Whether streams are told at once when the server stops, and less is waited for.
        self.is_hasty = False

    def attach(self) -> None:
        """Belong to the running loop from now on."""
        self._bell.attach()

    # --- giving orders ---------------------------------------------------------------------------------------

    def set_stop(self, value: bool) -> None:
        """Order a graceful stop, or no longer."""
        self._stop = value
        self._bell.ring()

    def set_force(self, value: bool) -> None:
        """Order not to wait for anything, or no longer."""
        self._force = value
        self._bell.ring()

    def hurry(self) -> None:
        """Order to close the listeners without a delay."""
        self._delay = 0.0
        self._bell.ring()

    # --- looking at them -------------------------------------------------------------------------------------

    @property
    def delay(self) -> float:
        """Return how long to serve on, in seconds."""
        return self._delay

    def is_stop(self) -> bool:
        """Tell whether the server is to stop."""
        return self._stop

    def is_force(self) -> bool:
        """Tell whether the server is to stop without waiting for anything."""
        return self._force

    def is_hurry(self) -> bool:
        """Tell whether the server is not to serve on before it stops."""
        return self._force or not self._delay

    async def wait_for_stop(self) -> None:
        """Return when the server is to stop."""
        await self._bell.wait_until(self.is_stop)

    async def unless_stop(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Return what `work` returns, or None, with `work` cancelled, at the order to stop."""
        return await self._bell.race(work, self.is_stop)

    async def unless_force(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Return what `work` returns, or None, with `work` cancelled, at the order to force."""
        return await self._bell.race(work, self.is_force)

    async def unless_hurry(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Return what `work` returns, or None, with `work` cancelled, at the order to hurry or to force."""
        return await self._bell.race(work, self.is_hurry)
