"""Fleet: every decision about the workers of a supervisor, without a clock, a process or a log of its own.

    what has happened →  started(), message(), closed(), exited(), tick()
    what is wanted    →  restart(), reload(), scale(), pause(), stop(), force()
    what to do        ←  take_actions(), deadline(), status(), state

A worker that dies is replaced at once; one that dies young, again and again, after a growing delay. A restart goes
one slot after another: the successor starts, is ready, and only then the worker before it drains. So does the
replacement of a worker that asks for it. A restart whose first new worker does not start is given up: the old ones
serve on, with the configuration they have.

Rules: every input comes with the time, and every one is followed by a look at what is now to be done.
"""

import math
from collections.abc import Iterator
from typing import Final

from licorne.errors import EXIT_STARTUP
from licorne.server.attached.messages import (
    Drain,
    Draining,
    Ending,
    Failed,
    Log,
    Message,
    Pace,
    Ready,
    Retiring,
    Stop,
    Tick,
)
from licorne.server.premises.state import ServiceState
from licorne.supervisor.actions import Action, End, Say, Show, Tell
from licorne.supervisor.members import YOUTH_SECONDS, Member, Slot, State
from licorne.supervisor.modes import FleetStatus, Mode
from licorne.supervisor.roster import KILL_SECONDS, FleetOptions, Roster
from licorne.supervisor.slots import Slots

__all__ = ["Fleet", "FleetOptions"]

#: How often those who hold up the end are named.
_NOTICE_SECONDS: Final = 30.0


class Fleet:
    """Decide what happens to the workers."""

    def __init__(self, options: FleetOptions, now: float) -> None:
        self.roster = Roster(options)
        self.mode = Mode.RUNNING
        self.slots = Slots(options.workers)
        #: What kept workers from starting, and was said.
        self._shown: set[str] = set()
        self._notice_at = math.inf
        self._settle(now)

    # --- what has happened -----------------------------------------------------------------------------------

    def started(self, worker_id: int, pid: int) -> None:
        """Take note of the process of a worker."""
        if member := self.roster.members.get(worker_id):
            member.pid = pid

    def message(self, worker_id: int, message: Message, now: float) -> None:
        """Take what a worker says."""
        member = self.roster.members.get(worker_id)
        if member is None:
            return
        match message:
            case Tick():
                self.roster.hear(member, message, now)
                return
            case Ready() if member.state is State.STARTING:
                self._welcome(member, now)
            case Draining() if member.state is State.READY:
                self.roster.say("info", f"Child process [{member.pid}] ends by itself ({message.reason})")
                # Nothing new to one that drains; but the application may have written this there, and would serve on.
                self.roster.act(Tell(worker_id, Drain(message.reason, Pace.DELAYED)))
                self._bury(member, now)
                member.state = State.DRAINING
                member.kill_at = self.roster.kill_time(now)
            case Ending() if member.state is State.DRAINING:
                member.heard_at = math.inf
            case Retiring() if member.state is State.READY and not member.is_retiring:
                member.is_retiring = True
                self.roster.say("info", f"Child process [{member.pid}] is to be replaced ({message.reason})")
            case Failed() | Log() if member.state is State.STARTING and message.line not in self._shown:
                self._shown.add(message.line)
                self.roster.act(
                    Show(message.line) if isinstance(message, Failed) else Say(message.level.lower(), message.line)
                )
        self._settle(now)

    def closed(self, worker_id: int, now: float) -> None:
        """Take note that nothing more can be heard of a worker, which should end therefore."""
        member = self.roster.members.get(worker_id)
        if member is None:
            return
        member.heard_at = math.inf
        if member.is_serving:
            member.kill_at = now + KILL_SECONDS

    def exited(self, worker_id: int, status: int, now: float) -> None:
        """Take note of the end of a worker's process; `status` is negative when a signal killed it."""
        member = self.roster.part_with(worker_id, status)
        if member is None:
            return
        if member.is_serving:
            self._bury(member, now)
        self._settle(now)

    def tick(self, now: float) -> None:
        """Do what is due."""
        for member in self.roster.watch(now):
            if member.is_serving:
                self._bury(member, now)
            member.state = State.CONDEMNED
        if self.is_stopping and now >= self._notice_at:
            self._notice_at = now + _NOTICE_SECONDS
            self.roster.name_all(" (CTRL+C to force quit)")
        self._settle(now)
        self.roster.expect(self.deadline())

    # --- what is wanted --------------------------------------------------------------------------------------

    def restart(self, now: float, options: FleetOptions | None = None) -> None:
        """Replace all workers by new ones, one slot after another, with new options if there are any."""
        if self.is_stopping:
            return
        self._begin_generation()
        self.mode = Mode.ROLLING
        if options is not None:
            if options.workers != self.roster.options.workers:
                self._resize(options.workers, now)
            self.roster.options = options
        for slot in self.slots:
            if slot.successor is not None:  # of a restart that is out of date
                self.roster.dismiss(slot.successor, "replaced", now)
        self._settle(now)

    def reload(self, now: float) -> None:
        """Replace the workers by new ones that read the code anew: each ends before its successor starts."""
        if self.is_stopping:
            return
        self._begin_generation()
        for member in self.roster.serving():
            self.roster.dismiss(member, "reload", now, Pace.HASTY)
        self._settle(now)

    def scale(self, step: int, now: float) -> None:
        """Have so many workers more, or fewer when it is negative, but at least one."""
        if not self.is_stopping:
            self._resize(len(self.slots) + step, now)
            self._settle(now)

    def pause(self, now: float) -> None:
        """Let all workers drain and start none until `restart()`."""
        if not self.is_stopping:
            self.mode = Mode.PAUSED
            self._dismiss_all("paused", now)
            self._settle(now)

    def stop(self, now: float) -> None:
        """Let all workers drain, then end."""
        if self.is_stopping:
            return
        self.mode = Mode.STOPPING
        self._notice_at = now + _NOTICE_SECONDS
        self._dismiss_all("shutdown", now)
        self.roster.name_all()
        self._settle(now)

    def force(self, now: float) -> None:
        """Skip the delay of a stop; asked for again, tell all workers to end at once; then kill them."""
        is_first = self.mode is Mode.STOPPING and bool(self.roster.options.drain_delay)
        self.stop(now)
        for member in self.roster:
            if is_first:
                self.roster.act(Tell(member.worker_id, Drain("shutdown", Pace.PROMPT)))
            elif self.mode is Mode.FORCED:
                member.kill_at = now
            else:
                self.roster.act(Tell(member.worker_id, Stop()))
                member.kill_at = now + KILL_SECONDS
        self.mode = Mode.HURRIED if is_first else Mode.FORCED
        self._settle(now)

    # --- what to do ------------------------------------------------------------------------------------------

    def take_actions(self) -> list[Action]:
        """Return what is to be done, in this order, and forget it."""
        actions, self.roster.actions = self.roster.actions, []
        return actions

    @property
    def has_actions(self) -> bool:
        """Tell whether something is to be done now."""
        return bool(self.roster.actions)

    def deadline(self) -> float:
        """Return when `tick()` has something to do at the latest; infinite when it has not."""
        return min(self._deadlines(), default=math.inf)

    def status(self) -> FleetStatus:
        """Return how the fleet is."""
        return FleetStatus(self.slots.ready_count, len(self.slots), self.is_stopping, self.slots.is_started)

    @property
    def is_stopping(self) -> bool:
        """Tell whether it ends, or has ended."""
        return self.mode.is_ending

    @property
    def state(self) -> ServiceState:
        """Return the state of the whole."""
        if self.is_stopping:
            return ServiceState.STOPPING
        if not self.slots.is_started:
            return ServiceState.STARTING
        if self.mode is Mode.ROLLING:
            return ServiceState.RELOADING
        return ServiceState.READY if self.slots.ready_count >= len(self.slots) else ServiceState.DEGRADED

    # --- starting --------------------------------------------------------------------------------------------

    def _settle(self, now: float) -> None:
        """Start who is missing; end when nobody is left."""
        if self.is_stopping:
            if not self.roster.members:
                self.roster.act(End(EXIT_STARTUP if self.slots.is_one_failing else 0))
            return
        if self.slots.have_all_failed and not self.roster.options.is_reload:
            self.roster.say("error", "No worker has started: stopping the parent process.")
            self.stop(now)
            return
        for slot in self.slots:
            if self._is_wanting(slot) and now >= slot.retry_at:
                self._spawn(slot)
        if self.mode is Mode.ROLLING:
            self._roll_on()

    def _is_wanting(self, slot: Slot) -> bool:
        """Tell whether a worker is to be started here, be it later."""
        if self.mode is Mode.PAUSED or self.is_stopping or slot.successor is not None:
            return False
        if self.roster.options.is_reload and any(member.slot is slot for member in self.roster):
            return False
        return slot.main is None or slot.main.is_retiring

    def _spawn(self, slot: Slot) -> None:
        is_new = self.mode is Mode.ROLLING or self.roster.options.is_reload
        self.roster.spawn(slot, self.slots.generation if is_new else self.slots.good_generation)

    def _roll_on(self) -> None:
        """Let the successor start of the next worker that is out of date, when the last one is ready."""
        if self.slots.is_being_replaced():
            return
        if slot := self.slots.next_outdated():
            self._spawn(slot)
        elif self.slots.ready_count == len(self.slots):
            self.mode = Mode.RUNNING

    def _welcome(self, member: Member, now: float) -> None:
        member.state = State.READY
        member.ready_at = member.heard_at = now
        self.roster.say("debug", f"Child process [{member.pid}] is ready")
        if old := self.slots.welcome(member):
            self.roster.dismiss(old, "replaced", now)

    def _begin_generation(self) -> None:
        self.slots.begin_generation()
        self._shown.clear()

    def _resize(self, count: int, now: float) -> None:
        for member in self.slots.resize(count):
            self.roster.dismiss(member, "scaled down", now)

    # --- ending ----------------------------------------------------------------------------------------------

    def _dismiss_all(self, reason: str, now: float) -> None:
        pace = Pace.DELAYED if self.is_stopping else Pace.PROMPT
        for member in self.roster.serving():
            self.roster.dismiss(member, reason, now, pace)

    def _bury(self, member: Member, now: float) -> None:
        """Free the slot of a worker that nobody told to end, and say when the next one starts."""
        slot = member.slot
        slot.forget(member)
        if self.is_stopping:
            return
        was_ready = member.ready_at is not None
        delay = slot.count_failure(member, now)
        slot.retry_at = math.inf if self.roster.options.is_reload else now + delay
        if self.roster.options.is_reload:
            slot.is_failing = not slot.was_ready  # a mistake on the way is no failure of the whole
            self.roster.say("info", "Waiting for a change of the files.")
        elif self.mode is Mode.ROLLING and not was_ready and member.generation == self.slots.generation:
            self.mode = Mode.RUNNING
            self.roster.say(
                "error", "The restart is given up, because the new worker does not start; the others serve on."
            )
        elif delay and not self._is_first_try(slot):
            deed = f"ended within {YOUTH_SECONDS:g} s of its start" if was_ready else "failed to start"
            times = "once" if slot.failures == 1 else f"{slot.failures} times in a row"
            self.roster.say(
                "warning", f"Worker {slot.index + 1} has {deed} {times}; it is started again in {delay:g} s"
            )

    def _is_first_try(self, slot: Slot) -> bool:
        """Tell whether the others may fail for the same reason as this one, so that there may be no second try."""
        return not self.slots.has_served and slot.failures == 1

    def _deadlines(self) -> Iterator[float]:
        yield from self.roster.deadlines()
        for slot in self.slots:
            if self._is_wanting(slot):
                yield slot.retry_at
        if self.is_stopping:
            yield self._notice_at
