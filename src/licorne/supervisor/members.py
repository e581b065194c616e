"""Members: what a fleet knows of each worker, and of the place that a worker takes.

    STARTING    until Ready: it may take as long as it needs
    READY       it serves; its ticks are watched
    DRAINING    it was told to end, or told us that it does; its ticks are watched
    CONDEMNED   it did not answer; it is being killed

A slot has a main worker and, while that one is being replaced, its successor. Workers that end belong to no slot
any more, so that the next one can start at once.

Rules: numbers only, no decision. Times are seconds of one clock, which the fleet is told.
"""

import enum
import math
import signal
from dataclasses import dataclass

from licorne.server.attached.messages import Tick

__all__ = ["YOUTH_SECONDS", "Member", "Slot", "State", "exit_words", "retry_delay"]

#: A worker that ends before it is this old has died young.
YOUTH_SECONDS = 5.0
_FIRST_DELAY_SECONDS = 0.5
_MAX_DELAY_SECONDS = 30.0
#: Beyond this the delay has long reached its maximum.
_MAX_DOUBLINGS = 10


class State(enum.Enum):
    """Name the stage of a worker."""

    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"
    CONDEMNED = "condemned"


@dataclass(slots=True, eq=False)
class Slot:
    """Be a place in the fleet, with its own listening socket where each worker has one."""

    index: int
    main: "Member | None" = None
    successor: "Member | None" = None
    #: How many workers have died here in a row soon after their start, or before they were ready.
    failures: int = 0
    #: Nobody is started here before this time.
    retry_at: float = -math.inf
    was_ready: bool = False
    #: Nobody serves here, and the last who should has failed to start.
    is_failing: bool = False

    @property
    def is_ready(self) -> bool:
        """Tell whether a worker serves here."""
        return self.main is not None and self.main.state is State.READY

    def count_failure(self, member: "Member", now: float) -> float:
        """Take note that a worker died here that nobody told to; return how many seconds to wait for the next."""
        self.failures = self.failures + 1 if member.is_young(now, YOUTH_SECONDS) else 0
        self.is_failing = member.ready_at is None and self.main is None
        return retry_delay(self.failures, was_ready=member.ready_at is not None)

    def forget(self, member: "Member") -> None:
        """Let go of a worker that ends; its successor, if there is one, is the main worker then."""
        if self.successor is member:
            self.successor = None
        elif self.main is member:
            self.main, self.successor = self.successor, None


@dataclass(slots=True, eq=False)
class Member:
    """Be a worker."""

    worker_id: int
    slot: Slot
    generation: int
    pid: int = 0
    state: State = State.STARTING
    ready_at: float | None = None
    #: What it was doing when it was last heard of.
    last_tick: Tick | None = None
    #: When it was last heard of; infinite when nothing more can be heard.
    heard_at: float = math.inf
    is_retiring: bool = False
    #: Whether its silence was said.
    is_silent: bool = False
    #: Whether it was told to end, so that its end is no news.
    is_expected: bool = False
    #: When it is killed if it still lives; None is never.
    kill_at: float | None = None

    @property
    def is_serving(self) -> bool:
        """Tell whether it serves, or will."""
        return self.state in (State.STARTING, State.READY)

    @property
    def is_watched(self) -> bool:
        """Tell whether its ticks are waited for."""
        return self.state in (State.READY, State.DRAINING) and not math.isinf(self.heard_at)

    @property
    def last_words(self) -> str:
        """Return what ends with it, to be put behind the news of its death, "" if it has not told."""
        if self.last_tick is None:
            return ""
        tick = self.last_tick
        running, open_ = f"{tick.requests} request(s) running", f"{tick.connections} connection(s) open"
        return f"; last heard of with {running}, {open_}, {tick.served} response(s) given, {tick.rss >> 20} MiB"

    def is_young(self, now: float, age: float) -> bool:
        """Tell whether it is not ready yet, or has been for less than `age` seconds."""
        return self.ready_at is None or now - self.ready_at < age


def retry_delay(failures: int, was_ready: bool) -> float:
    """Return how many seconds to wait after so many failures in a row: 0, 0.5, 1, 2, 4 … 30.

    A worker that never was ready failed for a reason that one second try in haste will not change.
    """
    doublings = failures - 2 if was_ready else failures - 1
    if doublings < 0:
        return 0.0
    return min(_FIRST_DELAY_SECONDS * (1 << min(doublings, _MAX_DOUBLINGS)), _MAX_DELAY_SECONDS)


def exit_words(status: int) -> str:
    """Return what an exit status says; it is negative after a death by signal."""
    if status >= 0:
        return f"exit status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"
