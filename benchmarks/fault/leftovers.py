"""What a fault may leave behind: tasks, application calls, descriptors, memory. Count, wait, compare.

Rules: the count is taken over HTTP from the fault application, and from /proc; memory is looked at last, since what
holds it goes first.
"""

import time

from ..running import Running
from .stage import MIB, Verdict, fetch_census, wait_until

__all__ = ["COUNTED", "Leftovers", "Peak", "count_leftovers", "judge_leftovers", "judge_peak", "settle"]

#: Counts by name.
Leftovers = dict[str, int]

COUNTED = ("tasks", "application calls", "descriptors")
# Applications that ignore a lost client are cancelled after a few seconds.
SETTLE_SECONDS = 12.0
RSS_SLACK = 1 * MIB
SAMPLE_SECONDS = 0.02


class Peak:
    """Watch how far the memory of a server grows; `look` is cheap enough to be called in a loop."""

    __slots__ = ("_before", "_highest", "_live", "_looked_at")

    def __init__(self, live: Running) -> None:
        self._live = live
        self._before = self._highest = live.rss()
        self._looked_at = time.monotonic()

    def look(self) -> None:
        """Take note of how much it is, unless that was done a moment ago."""
        now = time.monotonic()
        if now - self._looked_at > SAMPLE_SECONDS:
            self._looked_at = now
            self._highest = max(self._highest, self._live.rss())

    @property
    def growth(self) -> int:
        """Return by how many bytes it grew at most."""
        return max(self._highest, self._live.rss()) - self._before


def count_leftovers(live: Running) -> Leftovers:
    """Count what is there now."""
    census = fetch_census(live)
    time.sleep(0.2)
    return {
        "tasks": census["tasks"],
        "application calls": census["running"],
        "descriptors": live.descriptors(),
        "resident bytes": live.rss(),
    }


def settle(live: Running, before: Leftovers) -> float | None:
    """Wait until nothing but memory is left; return how long it took, None if it took too long."""

    def is_settled() -> bool:
        now = count_leftovers(live)
        return all(now[name] <= before[name] for name in COUNTED)

    return wait_until(is_settled, SETTLE_SECONDS)


def judge_leftovers(verdict: Verdict, before: Leftovers, after: Leftovers, fault: str) -> None:
    """Promise that a fault left nothing behind."""
    for name in before:
        verdict.show(name, f"{before[name]:,} before, {after[name]:,} after {fault}")
    for name in COUNTED:
        verdict.expect(f"no {name} left behind", after[name] <= before[name])
    growth = after["resident bytes"] - before["resident bytes"]
    verdict.expect(f"memory grows by less than {RSS_SLACK // MIB} MiB (here {growth / MIB:.2f})", growth < RSS_SLACK)


def judge_peak(verdict: Verdict, name: str, peak: Peak, bound: int) -> None:
    """Promise how far memory grew at most while a fault went on."""
    growth = peak.growth
    verdict.expect(f"{name}: memory never grows by {bound / MIB:g} MiB (here {growth / MIB:.2f})", growth < bound)
