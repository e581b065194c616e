"""Draining: lets what runs in a worker end: by itself, then because it is told, then because it is cancelled.

    delay    everything is served as before, but each answer is the last of its connection
    drain    nothing new is begun; idle connections end at once
    half     of the bound: running exchanges see `http.disconnect`
    bound    they are cancelled

In haste, which is for reloads, running exchanges are told soon, the bound is short, and connections on which nothing
runs are not waited for.

Rules: a stage ends early when the orders say so.
"""

import asyncio
import logging
import math

from licorne.drivers.asyncio import AsyncioRuntime
from licorne.server.cutting import cut, drop_idle, log_losses
from licorne.server.intake import turn
from licorne.server.orders import Orders

__all__ = ["Draining"]

logger = logging.getLogger("licorne.error")

#: How long the end of connections is waited for before a line says so.
_QUIET_SECONDS = 0.3
_HASTY_QUIET_SECONDS = 0.03
_HASTY_BOUND_SECONDS = 4.0
#: When running exchanges hear of the shutdown if it may last for ever.
_ANNOUNCE_SECONDS = 15.0
#: How long cancelled tasks may take to end before the worker goes without them.
_CANCEL_SECONDS = 5.0
#: How often the loop turns before idle connections are closed: what had arrived by then has been read.
_SETTLE_TURNS = 4


class Draining:
    """End what runs in one runtime."""

    __slots__ = ("_orders", "_runtime")

    def __init__(self, runtime: AsyncioRuntime, orders: Orders) -> None:
        self._runtime = runtime
        self._orders = orders

    async def delay(self) -> None:
        """Serve on for the delay, so that whoever sends clients here can hear of the end first."""
        if self._orders.is_hurry():
            return
        logger.info("Serving on for %g s before the listeners close. (CTRL+C to skip)", self._orders.delay)
        self._runtime.retire()
        await self._orders.unless_hurry(asyncio.sleep(self._orders.delay))
        self._orders.hurry()

    async def drain(self, bound: float) -> None:
        """End what runs within `bound` seconds; 0 is for ever."""
        runtime = self._runtime
        await turn(_SETTLE_TURNS)
        runtime.begin_drain()
        if self._orders.is_hasty:
            await self._drain_in_haste(min(bound or math.inf, _HASTY_BOUND_SECONDS))
            return
        half = bound / 2 or _ANNOUNCE_SECONDS
        quiet = min(_QUIET_SECONDS, half)
        if await self._is_drained(quiet):
            return
        what = "connections to close" if runtime.links else "background tasks to complete"
        logger.info("Waiting for %s. (CTRL+C to force quit)", what)
        if await self._is_drained(half - quiet):
            return
        runtime.announce_shutdown()
        if await self._is_drained(bound / 2 or None):
            return
        await self._cut()

    async def _drain_in_haste(self, bound: float) -> None:
        if await self._is_drained(_HASTY_QUIET_SECONDS):
            return
        drop_idle(self._runtime)
        quiet = min(_QUIET_SECONDS, bound / 2)
        if await self._is_drained(quiet):
            return
        self._runtime.announce_shutdown()
        if not await self._is_drained(bound - quiet):
            await self._cut()

    async def _cut(self) -> None:
        if not self._orders.is_force():
            log_losses(self._runtime, logger)
        await self.abort()

    async def abort(self) -> None:
        """Cancel and drop what is left."""
        await cut(self._runtime)
        if not await self._runtime.drained(_CANCEL_SECONDS) and self._runtime.running:
            logger.error("%d running task(s) do not end although they were cancelled", self._runtime.running)

    async def _is_drained(self, timeout: float | None) -> bool:
        return bool(await self._orders.unless_force(self._runtime.drained(timeout)))
