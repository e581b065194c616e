"""Blocked: decides when a loop that stands still is worth a word. No clock, no thread, no log: time is passed in.

    a fifth of the limit, or `warn_blocked`     WARN, with the line and the request
    four fifths of the limit                    DUMP: before whoever watches from outside ends the process
    the loop turns again                        OVER, if something was said
    the observer itself comes as late           FROZEN: no code of this process ran, whatever the loop would have done

Rules: what counts is the time in which this process could run. An observer that itself comes late, because the process
was stopped, the machine slept or nobody gave it a processor, has seen nothing, and credits hardly more than it meant to
sleep. Between two beats a loop may stand still for nearly a whole interval before that is noticed: a stall is never
reported as longer than it is.
"""

import enum
from collections import deque

__all__ = ["Ration", "Stage", "Stalls"]

_WARN_SHARE = 0.2
_DUMP_SHARE = 0.8
#: How often the loop beats and is looked at within the shortest time that matters.
_LOOKS = 5
_MIN_INTERVAL = 0.01
_MAX_INTERVAL = 1.0
#: How much of a late look is credited, in intervals.
_CREDIT = 1.5


class Stage(enum.Enum):
    """Name what is to be said of a stall."""

    WARN = "warn"
    DUMP = "dump"
    OVER = "over"
    FROZEN = "frozen"


class Stalls:
    """Follow the beats of one loop. Times are seconds; 0 is never."""

    __slots__ = ("_beats", "_last", "_next", "_stages", "frozen", "interval", "quiet", "said")

    def __init__(self, warn: float, limit: float) -> None:
        after = [(limit * _WARN_SHARE, Stage.WARN), (limit * _DUMP_SHARE, Stage.DUMP)] if limit else []
        if warn and (not limit or warn < limit * _WARN_SHARE):
            after.insert(0, (warn, Stage.WARN))
        self._stages = after
        shortest = min((seconds for seconds, _ in after), default=_MAX_INTERVAL)
        #: How often the loop is to beat, and to be looked at.
        self.interval = min(_MAX_INTERVAL, max(_MIN_INTERVAL, shortest / _LOOKS))
        #: How long the loop has stood still at least.
        self.quiet = 0.0
        #: How long the observer was kept from looking, the last time that was long.
        self.frozen = 0.0
        #: What was said last of the stall that goes on, if anything.
        self.said: Stage | None = None
        self._beats = -1
        self._next = 0
        self._last = 0.0

    @property
    def is_idle(self) -> bool:
        """Tell whether nothing will ever be said."""
        return not self._stages

    def look(self, beats: int, now: float) -> Stage | None:
        """Take how often the loop has beaten by `now`; return what is to be said."""
        elapsed, self._last = now - self._last, now
        if self._beats >= 0 and self._is_frozen(elapsed - self.interval):
            return Stage.FROZEN
        if beats != self._beats:
            self._beats = beats
            return self._begin_anew()
        self.quiet += min(max(elapsed, 0.0), self.interval * _CREDIT)
        stage = None
        while self._next < len(self._stages) and self._stages[self._next][0] <= self.quiet:
            stage = self._stages[self._next][1]
            self._next += 1
        if stage is not None:
            self.said = stage
        return stage

    def _is_frozen(self, late: float) -> bool:
        if not self._stages or late < self._stages[0][0]:
            return False
        self.frozen = late
        return True

    def _begin_anew(self) -> Stage | None:
        was_said = self.said is not None
        # The last beat came up to an interval before it was seen, the next one is due an interval after it.
        self.quiet = -self.interval
        self._next = 0
        self.said = None
        return Stage.OVER if was_said else None


class Ration:
    """Let something be said so often within a while, and count what was not."""

    __slots__ = ("_count", "_seconds", "_times", "withheld")

    def __init__(self, count: int, seconds: float) -> None:
        self._count = count
        self._seconds = seconds
        self._times: deque[float] = deque()
        #: What was not said since something was.
        self.withheld = 0

    def allows(self, now: float) -> bool:
        """Tell whether it may be said now; the caller says it then."""
        while self._times and self._times[0] <= now - self._seconds:
            self._times.popleft()
        if len(self._times) >= self._count:
            self.withheld += 1
            return False
        self._times.append(now)
        return True

    def take_withheld(self) -> int:
        """Return how many were not said, and forget them."""
        count, self.withheld = self.withheld, 0
        return count
