"""Pace: judges whether a peer sends its body fast enough, over the time in which somebody wants to read it."""

from licorne.engine.limits import Limits

__all__ = ["Pace"]


class Pace:
    """Count from a mark: a point in time, and how many bytes had come by then."""

    __slots__ = ("bytes", "grace", "rate", "time")

    def __init__(self, limits: Limits) -> None:
        self.rate = limits.min_body_rate
        self.grace = limits.body_rate_grace
        self.time = 0.0
        self.bytes = 0

    def restart(self, now: float, received: int) -> None:
        """Set the mark: `received` bytes have come by `now`."""
        self.time = now
        self.bytes = received

    def is_too_slow(self, now: float, received: int) -> bool:
        """Tell whether less than the minimum rate has come since the mark, once the grace is over."""
        elapsed = now - self.time
        if not self.rate or elapsed <= self.grace:
            return False
        return received - self.bytes < self.rate * elapsed
