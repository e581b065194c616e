"""Outage: says once in the log that Redis is away, however many find out, and once that it is back."""

import asyncio
import logging

__all__ = ["Outage"]

logger = logging.getLogger("licorne.error")

#: Who finds out by publishing; who listens tells more surely.
PUBLISHING = "publishing"


class Outage:
    """Know who of this process cannot reach Redis."""

    __slots__ = ("_failing", "_is_over", "_place")

    def __init__(self, place: str) -> None:
        self._place = place
        self._failing: set[str] = set()
        self._is_over = asyncio.Event()

    def begin(self, who: str, error: BaseException) -> None:
        """Take note that somebody cannot reach it."""
        if not self._failing:
            reason = str(error) or type(error).__name__
            logger.warning(
                "Broadcast: Redis at %s is away (%s); it is tried again until it answers", self._place, reason
            )
        self._failing.add(who)
        self._is_over.clear()

    def end(self, who: str) -> None:
        """Take note that somebody reaches it, and with that whoever publishes."""
        was_failing = bool(self._failing)
        self._failing -= {who, PUBLISHING}
        if was_failing and not self._failing:
            self._is_over.set()
            logger.info("Broadcast: Redis at %s is back", self._place)

    def forget(self, who: str) -> None:
        """Take note that somebody needs it no more."""
        self._failing.discard(who)

    async def wait_for_end(self, seconds: float) -> None:
        """Wait until it is over, or so long."""
        try:
            async with asyncio.timeout(seconds):
                await self._is_over.wait()
        except TimeoutError:
            pass

    @property
    def is_on(self) -> bool:
        """Tell whether somebody cannot reach it."""
        return bool(self._failing)
