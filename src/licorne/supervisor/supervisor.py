"""Supervisor: the loop that tells the fleet what has happened, and does what the fleet decides.

    turn    do what the fleet wants → wait for channels, signals, stations, or a deadline → tell the fleet

    SIGTERM SIGINT SIGQUIT   drain all, then end; SIGINT and SIGQUIT once more: hurry
    SIGHUP                   read the configuration anew and replace the workers one by one
    SIGTTIN SIGTTOU          one worker more, one fewer
    SIGUSR1                  open log files anew
    SIGUSR2                  let a new process of the same command take over
    SIGWINCH                 drain all workers but stay, unless the signal is that of a terminal

Rules: decisions are the fleet's. Nothing here blocks, and no failure of one worker, hook or station ends the others.
"""

import logging
import math
import os
import selectors
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from licorne.config.options import Config
from licorne.logs.reopen import reopen_files
from licorne.server.attached.messages import ReopenLogs
from licorne.server.listening.listeners import Listener
from licorne.server.premises.state import ServiceState
from licorne.server.signals import is_in_foreground
from licorne.server.worker import log_running_on
from licorne.supervisor.actions import Action, End, Say, Show, Signal, Spawn, Tell
from licorne.supervisor.board import Board
from licorne.supervisor.fleet import Fleet
from licorne.supervisor.inbox import SignalInbox
from licorne.supervisor.inheritance import Bequest
from licorne.supervisor.modes import FleetStatus
from licorne.supervisor.processes import NO_NEWS, Processes
from licorne.supervisor.rereading import Configs, fleet_options_of
from licorne.supervisor.sockets import Sockets
from licorne.supervisor.stations import Launcher, Station
from licorne.supervisor.unread import has_room
from licorne.supervisor.upgrade import Beginning, begin_upgrade

__all__ = ["Supervisor"]

logger = logging.getLogger("licorne.error")


class Supervisor:
    """Start workers and keep them going until told to stop."""

    def __init__(self, configs: Configs, sockets: Sockets, beginning: Beginning, inbox: SignalInbox) -> None:
        """Take what to serve and on what, how this process was started, and where its signals come."""
        self.configs = configs
        self.sockets = sockets
        self.beginning = beginning
        #: The listeners of a station, which a process that takes over is left too.
        self.health_listeners: list[Listener] = []
        #: Whoever is waited for besides the workers.
        self.stations: list[Station] = []
        #: Whoever is told of a new state.
        self.on_change: list[Callable[[ServiceState], object]] = []
        #: Whoever is told that another process takes over.
        self.on_hand_over: list[Callable[[int], object]] = []
        self.fleet = Fleet(fleet_options_of(configs.current), time.monotonic())
        self._processes = Processes(self.fleet, configs, sockets)
        self._inbox = inbox
        self._board = Board()
        self._state: ServiceState | None = None
        self._was_announced = False
        self._exit_status: int | None = None

    def run(self, launcher: Launcher) -> int:
        """Serve until told to stop; return the exit status."""
        self._processes.launcher = launcher
        name = "reloader" if self.config.reload else "parent"
        if not self.config.reload:  # whoever watches the files says that it has started
            logger.info("Started parent process [%d]", os.getpid())
        self._inbox.begin()
        while self._exit_status is None:
            self._turn()
        logger.info("Stopping %s process [%d]", name, os.getpid())
        return self._exit_status

    def close(self) -> None:
        """Let go of the stations and of the workers, which end if they still live."""
        for station in self.stations:
            station.close()
        self._processes.close()
        self._board.close()

    def status(self) -> FleetStatus:
        """Return how many workers serve, and whether all should."""
        return self.fleet.status()

    @property
    def config(self) -> Config:
        """Return the configuration that was read last."""
        return self.configs.current

    @property
    def is_stopping(self) -> bool:
        """Tell whether it ends."""
        return self.fleet.is_stopping

    @property
    def bequest(self) -> Bequest:
        """Return what a process that takes over is left."""
        return Bequest(self.config, self.sockets.sets, self.health_listeners)

    def reload(self) -> None:
        """Have the workers start anew, with the code that is there now."""
        self.fleet.reload(time.monotonic())

    def hand_over(self, pid: int) -> None:
        """Drain and end: the process `pid` serves now, and owns the paths of sockets."""
        for listener in self.sockets.all():
            listener.give_up_path()
        for tell in self.on_hand_over:
            tell(pid)
        self._stop(is_queueing=True)

    def descriptors(self) -> list[int]:
        """Return those of its addresses, which processes of the application must not have."""
        return [listener.sock.fileno() for listener in (*self.sockets.all(), *self.health_listeners)]

    def abandon(self, kept: Sequence[Listener]) -> None:
        """Let go, in a forked worker, of all that is the supervisor's."""
        self._inbox.abandon()
        self._board.close()
        self.sockets.abandon(kept)
        self._processes.close()
        for station in self.stations:
            station.abandon()

    # --- the loop --------------------------------------------------------------------------------------------

    def _turn(self) -> None:
        self._act()
        self._announce()
        if self._exit_status is not None:
            return
        now = time.monotonic()
        self._board.update(self._wanted())
        self._wait(min([self.fleet.deadline(), *self._station_deadlines(now)]))
        self._processes.reap()
        self.fleet.tick(time.monotonic())

    def _wait(self, due: float) -> None:
        """Wait until something is due or has happened; that workers are well changes nothing.

        Whatever is due already, signals and workers are looked at once.
        """
        is_news = False
        while not is_news:
            found = self._board.wait(None if math.isinf(due) else max(0.0, due - time.monotonic()))
            # Before what workers say: one that was sent the same signal is not to be replaced. It may have come after
            # the wait, so that `found` does not tell of it.
            signals = self._inbox.take()
            for number in signals:
                self._call(self._inbox, partial(self._follow, number))
            calls = [self._call(owner, call) for owner, _, call in found if owner.fileno() >= 0]
            is_news = bool(signals) or any(calls) or time.monotonic() >= due

    def _call(self, owner: Any, call: Callable[[], object]) -> bool:
        """Let the owner of a descriptor look at it; tell whether that was news."""
        try:
            return call() is not NO_NEWS
        except Exception:
            logger.exception("%s has failed", type(owner).__name__)
            if owner in self.stations:  # or it would fail for ever
                self.stations.remove(owner)
            return True

    def _station_deadlines(self, now: float) -> Iterator[float]:
        for station in list(self.stations):
            try:
                yield station.on_tick(now)
            except Exception:
                logger.exception("%s has failed", type(station).__name__)
                self.stations.remove(station)

    def _wanted(self) -> Iterator[tuple[Any, int, Callable[[], object]]]:
        yield self._inbox, selectors.EVENT_READ, lambda: NO_NEWS
        for station in self.stations:
            yield station, selectors.EVENT_READ, station.on_readable
        yield from self._processes.wanted()

    def _announce(self) -> None:
        if self.fleet.slots.has_served and not self._was_announced and not self.config.reload:
            self._was_announced = True
            for listener in self.sockets.all():
                log_running_on(listener)
        state = self.fleet.state
        if state == self._state:
            return
        self._state = state
        for tell in list(self.on_change):
            try:
                tell(state)
            except Exception:
                logger.exception("The change to %s was not told", state)

    # --- what the fleet wants --------------------------------------------------------------------------------

    def _act(self) -> None:
        while actions := self.fleet.take_actions():
            for action in actions:
                self._call(self, partial(self._perform, action))

    def _perform(self, action: Action) -> None:
        match action:
            case Spawn():
                self._start(action)
            case Tell(worker_id, message):
                self._processes.tell(worker_id, message)
            case Signal(worker_id, number):
                self._processes.signal(worker_id, number)
            case Say(level, line):
                logger.log(_level(level), "%s", line)
            case Show(text) if has_room(sys.stderr):
                with suppress(OSError):  # nobody reads it, or the disk is full
                    print(text.encode(errors="backslashreplace").decode(), file=sys.stderr, flush=True)
            case End(status):
                self._exit_status = status

    def _start(self, action: Spawn) -> None:
        if self.is_stopping:  # that came in between
            self.fleet.exited(action.worker_id, 0, time.monotonic())
        else:
            self._processes.start(action)

    # --- signals ---------------------------------------------------------------------------------------------

    def _follow(self, number: int) -> None:
        now = time.monotonic()
        name = signal.Signals(number).name
        match name:
            case "SIGTERM" | "SIGINT" | "SIGQUIT" | "SIGBREAK":
                logger.info("Received %s, exiting.", name)
                if self.is_stopping and name in ("SIGINT", "SIGQUIT"):
                    self.fleet.force(now)
                else:
                    self._stop()
            case "SIGHUP" if not self.is_stopping:
                logger.info("Received SIGHUP, restarting processes.")
                self._restart()
            case "SIGTTIN" | "SIGTTOU":
                self._scale(name, now)
            case "SIGUSR1":
                logger.info("Received SIGUSR1, opening log files anew.")
                reopen_files()
                self._processes.tell_all(ReopenLogs())
            case "SIGUSR2":
                logger.info("Received SIGUSR2, starting a new process to take over.")
                begin_upgrade(self)
            case "SIGWINCH" if not is_in_foreground():
                logger.info("Received SIGWINCH, ending the workers until SIGHUP.")
                self.fleet.pause(now)

    def _stop(self, *, is_queueing: bool = False) -> None:
        if self.is_stopping:
            return
        self.fleet.stop(time.monotonic())
        # Before the workers hear of it: whoever closes last has emptied the queue.
        self.sockets.leave(is_queueing=is_queueing or bool(self.config.drain_delay))

    def _restart(self) -> None:
        if self.config.reload:
            self.reload()
            return
        slots = self.fleet.slots
        if not self.configs.begin(slots.generation + 1):
            return
        self.fleet.restart(time.monotonic(), fleet_options_of(self.config))
        self.configs.keep(slots.good_generation, slots.generation)
        self.sockets.keep(len(self.fleet.slots))

    def _scale(self, name: str, now: float) -> None:
        if self.config.reload:
            logger.info("Received %s, which means nothing while files are watched.", name)
            return
        is_more = name == "SIGTTIN"
        logger.info("Received %s, %s the number of processes.", name, "increasing" if is_more else "decreasing")
        self.fleet.scale(1 if is_more else -1, now)
        self.sockets.keep(len(self.fleet.slots))


def _level(name: str) -> int:
    return logging.getLevelNamesMapping().get(name.upper(), logging.INFO)
