"""Roster: the workers of a fleet, with what is true of each of them whatever the fleet is about.

A worker that is told to drain leaves its slot at once and is killed when its bound has passed. A worker whose
ticks cease is warned of at a fifth of the time that it has, and condemned at its end: it is asked by SIGABRT to
write down what it does, and killed soon after.

Rules: a worker is judged by its ticks only between Ready and its end, and never for the time in which the
supervisor itself stood still.
"""

import math
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from licorne.server.attached.messages import Drain, Pace, Tick
from licorne.supervisor.actions import Action, Say, Signal, Spawn, Tell
from licorne.supervisor.members import Member, Slot, State, exit_words

__all__ = ["KILL_SECONDS", "FleetOptions", "Roster"]

#: What is left of a worker this long after its bound is killed.
KILL_SECONDS: Final = 5.0
#: How long one that is still starting, or whose bound has passed, may take to end in haste.
_HASTE_SECONDS: Final = 1.0
_HASTY_BOUND_SECONDS: Final = 4.0
#: How long a worker that does not answer may take to write down what it does.
_DUMP_SECONDS: Final = 2.0
#: A supervisor that looks so much later than it wanted had no time itself.
_LATE_SECONDS: Final = 1.0
_WARN_SHARE: Final = 0.2
_SIGABRT: Final = int(signal.SIGABRT)
_SIGTERM: Final = int(signal.SIGTERM)
_SIGKILL: Final = int(getattr(signal, "SIGKILL", signal.SIGTERM))


@dataclass(frozen=True, slots=True)
class FleetOptions:
    """Say how large a fleet is and how patient; times in seconds, where 0 is no bound."""

    workers: int
    healthcheck: float = 30.0
    graceful: float = 30.0
    drain_delay: float = 0.0
    #: The workers follow the files of a developer: one that fails waits for the next reload.
    is_reload: bool = False


class Roster:
    """Hold the workers, those that end included, and gather what is to be done."""

    __slots__ = ("_count", "_due", "actions", "members", "options")

    def __init__(self, options: FleetOptions) -> None:
        self.options = options
        self.members: dict[int, Member] = {}
        self.actions: list[Action] = []
        self._count = 0
        self._due = math.inf

    def __iter__(self) -> Iterator[Member]:
        return iter(list(self.members.values()))

    def serving(self) -> list[Member]:
        """Return those that serve, or will."""
        return [member for member in self if member.is_serving]

    def spawn(self, slot: Slot, generation: int) -> None:
        """Start a worker; it is the successor of the slot's main worker, if there is one."""
        self._count += 1
        self.members[self._count] = member = Member(self._count, slot, generation)
        if slot.main is None:
            slot.main = member
        else:
            slot.successor = member
        self.act(Spawn(member.worker_id, slot.index, generation))

    def dismiss(self, member: Member, reason: str, now: float, pace: Pace = Pace.PROMPT) -> None:
        """Tell a worker to drain; it has no slot any more."""
        self.act(Tell(member.worker_id, Drain(reason, pace)))
        member.kill_at = self._kill_time_of(member, pace, now)
        if member.state is State.STARTING:
            # It may be importing the application and listen to nobody.
            self.act(Signal(member.worker_id, _SIGTERM))
        member.state = State.DRAINING
        member.is_expected = True
        member.slot.forget(member)

    def kill_time(self, now: float) -> float | None:
        """Return when a worker is killed that begins to drain now; None is never."""
        graceful = self.options.graceful
        return now + self.options.drain_delay + graceful + KILL_SECONDS if graceful else None

    def part_with(self, worker_id: int, status: int) -> Member | None:
        """Forget a worker whose process has ended, and say how; return it if it was not forgotten before."""
        member = self.members.pop(worker_id, None)
        if member is None or not member.pid:  # it could not be started, or had not yet been when it was not wanted
            return member
        if member.is_expected or (member.state is State.DRAINING and status == 0):
            self.say("info", f"Terminated child process [{member.pid}]")
        elif member.ready_at is None:
            self.say("error", f"Child process [{member.pid}] failed to start ({exit_words(status)})")
        else:
            self.say("error", f"Child process [{member.pid}] died ({exit_words(status)}){member.last_words}")
        return member

    def name_all(self, hint: str = "") -> None:
        """Say who is still waited for."""
        for member in self:
            self.say("info", f"Waiting for child process [{member.pid}]{hint}")

    def hear(self, member: Member, tick: Tick, now: float) -> None:
        """Take note of a tick."""
        member.last_tick = tick
        if member.is_silent:
            member.is_silent = False
            self.say("info", f"Child process [{member.pid}] answers again, after {now - member.heard_at:.1f} s")
        if member.heard_at < now:
            member.heard_at = now

    def watch(self, now: float) -> list[Member]:
        """Kill who has to be killed; return those that are condemned now."""
        late = now - self._due
        if late > _LATE_SECONDS:
            self._excuse(late, now)
        for member in self:
            if member.kill_at is not None and now >= member.kill_at:
                self._kill(member, now)
        return [member for member in self if member.is_watched and self._is_condemned(member, now)]

    def deadlines(self) -> Iterator[float]:
        """Yield when `watch()` has something to do."""
        limit = self.options.healthcheck
        for member in self:
            if member.kill_at is not None:
                yield member.kill_at
            if limit and member.is_watched:
                yield member.heard_at + self._patience(member)

    def expect(self, due: float) -> None:
        """Take note of when the next look is due."""
        self._due = due

    def act(self, action: Action) -> None:
        """Have something done."""
        self.actions.append(action)

    def say(self, level: str, line: str) -> None:
        """Have a line written to the log."""
        self.actions.append(Say(level, line))

    def _kill_time_of(self, member: Member, pace: Pace, now: float) -> float | None:
        is_starting = member.state is State.STARTING
        if pace is Pace.HASTY:
            bound = 0.0 if is_starting else min(self.options.graceful or math.inf, _HASTY_BOUND_SECONDS)
            return now + bound + _HASTE_SECONDS
        return now + KILL_SECONDS if is_starting else self.kill_time(now)

    def _excuse(self, late: float, now: float) -> None:
        """Count the time in which the supervisor stood still against nobody: the workers may have stood as well."""
        for member in self:
            if member.heard_at < now:
                member.heard_at = min(member.heard_at + late, now)

    def _kill(self, member: Member, now: float) -> None:
        member.kill_at = now + KILL_SECONDS
        self.say("warning", f"Child process [{member.pid}] has not ended in time and is killed")
        self.act(Signal(member.worker_id, _SIGKILL))

    def _patience(self, member: Member) -> float:
        """Return how long a worker may be silent until something is done: first a warning."""
        limit = self.options.healthcheck
        return limit if member.is_silent else limit * _WARN_SHARE

    def _is_condemned(self, member: Member, now: float) -> bool:
        limit = self.options.healthcheck
        # Compared as deadlines() computes it: what is due must be done then.
        if not limit or now < member.heard_at + self._patience(member):
            return False
        silence = now - member.heard_at
        if now >= member.heard_at + limit:
            self._condemn(member, silence, now)
            return True
        member.is_silent = True
        self.say("warning", f"Child process [{member.pid}] has not answered for {silence:.1f} s")
        return False

    def _condemn(self, member: Member, silence: float, now: float) -> None:
        self.say("critical", f"Child process [{member.pid}] is killed: it has not answered for {silence:.1f} s")
        self.act(Signal(member.worker_id, _SIGABRT))
        member.kill_at = now + _DUMP_SECONDS
