"""Processes: those of the workers, by their numbers in the fleet: started, told, heard, and asked for their end.

Rules: the fleet hears of everything that happens to them, and decides. What a process has said is heard before its end
is told. No failure of one is a failure of the others.
"""

import logging
import selectors
import signal
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from licorne.errors import EXIT_STARTUP, ChannelError, LicorneError, StartupError
from licorne.failures import describe
from licorne.server.application.origins import with_origin
from licorne.server.attached.channel import Channel
from licorne.server.attached.messages import Broadcast, Failed, Message, Tick
from licorne.supervisor.actions import Spawn
from licorne.supervisor.children import Child, reap_strangers
from licorne.supervisor.fleet import Fleet
from licorne.supervisor.rereading import Configs
from licorne.supervisor.sockets import Sockets
from licorne.supervisor.stations import Launcher

__all__ = ["NO_NEWS", "Processes"]

logger = logging.getLogger("licorne.error")

#: What a call returns after which nothing is to be decided.
NO_NEWS: Final = object()


class Processes:
    """Hold the processes of a fleet."""

    __slots__ = ("_children", "_configs", "_fleet", "_sockets", "launcher")

    def __init__(self, fleet: Fleet, configs: Configs, sockets: Sockets) -> None:
        self._fleet = fleet
        self._configs = configs
        self._sockets = sockets
        #: What starts them; there is one before the first is wanted.
        self.launcher: Launcher | None = None
        self._children: dict[int, Child] = {}

    # --- what the fleet wants --------------------------------------------------------------------------------

    def start(self, action: Spawn) -> None:
        """Start a worker; the fleet hears why if that cannot be done."""
        assert self.launcher is not None
        config = self._configs[action.generation]
        try:
            listeners = self._sockets.of_slot(action.slot)
            child = self.launcher.launch(config, listeners, action.slot, self._sockets.loads_fd)
        except Exception as error:
            failed = Failed(describe(with_origin(_named(error), config)))
            self._fleet.message(action.worker_id, failed, time.monotonic())
            self._fleet.exited(action.worker_id, EXIT_STARTUP, time.monotonic())
            return
        self._children[action.worker_id] = child
        self._fleet.started(action.worker_id, child.pid)

    def tell(self, worker_id: int, message: Message) -> None:
        """Tell a worker something, if it is still there."""
        if child := self._children.get(worker_id):
            child.channel.send(message)

    def tell_all(self, message: Message, but: int | None = None) -> None:
        """Tell every worker something, perhaps but one."""
        for worker_id, child in self._children.items():
            if worker_id != but:
                child.channel.send(message)

    def signal(self, worker_id: int, number: int) -> None:
        """Send a worker a signal, if it is still there."""
        if child := self._children.get(worker_id):
            child.signal(number)

    # --- what has happened -----------------------------------------------------------------------------------

    def wanted(self) -> Iterator[tuple[Channel, int, Callable[[], object]]]:
        """Yield what is to be waited for, for which events, and what to call then."""
        for worker_id, child in self._children.items():
            if not child.channel.is_closed:
                events = selectors.EVENT_READ | (selectors.EVENT_WRITE if child.channel.wants_write else 0)
                yield child.channel, events, partial(self._converse, worker_id)

    def reap(self) -> None:
        """Tell the fleet who has ended."""
        for worker_id, child in list(self._children.items()):
            status = child.poll()
            if status is None:
                continue
            try:
                if not child.channel.is_closed:
                    self._converse(worker_id)
            except Exception:
                logger.exception("The last words of child process [%d] were not heard", child.pid)
            child.channel.close()
            del self._children[worker_id]
            self._fleet.exited(worker_id, status, time.monotonic())
        reap_strangers({child.pid for child in self._children.values()})

    def close(self) -> None:
        """Let go of them; those that still live end."""
        for child in self._children.values():
            child.channel.close()

    def _converse(self, worker_id: int) -> object:
        """Hear what a worker says; tell whether it was no more than that it is well."""
        child = self._children[worker_id]
        channel = child.channel
        channel.flush()
        messages = channel.receive()
        for message in messages:
            if isinstance(message, Broadcast):
                self._pass_on(worker_id, message)
            else:
                self._fleet.message(worker_id, message, time.monotonic())
        if channel.is_closed:
            if channel.failure:
                logger.error("Child process [%d] is told to end: %s", child.pid, channel.failure)
                child.signal(signal.SIGTERM)
            self._fleet.closed(worker_id, time.monotonic())
        is_well = all(isinstance(message, Tick) for message in messages) and not self._fleet.has_actions
        return NO_NEWS if is_well and not channel.is_closed and not channel.wants_write else None

    def _pass_on(self, worker_id: int, message: Broadcast) -> None:
        try:
            self.tell_all(message, but=worker_id)
        except ChannelError as error:  # it has become too large on the way
            pid = self._children[worker_id].pid
            logger.error("Child process [%d] has sent what cannot be passed on: %s", pid, error)


def _named(error: Exception) -> LicorneError:
    """Return an error as one line; where it is a surprise, its traceback is in the log."""
    if isinstance(error, LicorneError):
        return error
    logger.error("A worker process could not be started", exc_info=error)
    return StartupError(f"cannot start a worker process: {type(error).__name__}: {error}")
