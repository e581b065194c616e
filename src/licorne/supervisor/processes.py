"""Processes: those of the workers, by their numbers in the fleet: started, told, heard, and asked for their end.

Rules: the fleet hears of everything that happens to them, and decides. What a process has said is heard before its end
is told. No failure of one is a failure of the others, and no flood of messages from one keeps the others waiting: each
is heard a portion at a time.
"""

import logging
import selectors
import signal
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from licorne.errors import EXIT_STARTUP, LicorneError, StartupError
from licorne.failures import describe
from licorne.server.application.origins import with_origin
from licorne.server.attached.channel import Channel
from licorne.server.attached.messages import Broadcast, Failed, Leave, Listen, Message, Tick
from licorne.supervisor.actions import Spawn
from licorne.supervisor.children import Child, reap_strangers
from licorne.supervisor.fleet import Fleet
from licorne.supervisor.relay import Relay
from licorne.supervisor.rereading import Configs
from licorne.supervisor.sockets import Sockets
from licorne.supervisor.stations import Launcher

__all__ = ["NO_NEWS", "Processes"]

logger = logging.getLogger("licorne.error")

#: What a call returns after which nothing is to be decided.
NO_NEWS: Final = object()
#: A worker is heard for so many reads at a time, and to the end once it has ended.
_READS_PER_TURN: Final = 1
_LAST_READS: Final = 256
#: What is nothing to the fleet but a sign that a worker is well.
_NO_NEWS: Final = (Tick, Broadcast, Listen, Leave)


class Processes:
    """Hold the processes of a fleet."""

    __slots__ = ("_children", "_configs", "_fleet", "_relay", "_sockets", "launcher")

    def __init__(self, fleet: Fleet, configs: Configs, sockets: Sockets) -> None:
        self._fleet = fleet
        self._configs = configs
        self._sockets = sockets
        #: What starts them; there is one before the first is wanted.
        self.launcher: Launcher | None = None
        self._children: dict[int, Child] = {}
        self._relay = Relay(self._children.get)

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

    def tell_all(self, message: Message) -> None:
        """Tell every worker something."""
        for child in self._children.values():
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
                    self._converse(worker_id, _LAST_READS)
            except Exception:
                logger.exception("The last words of child process [%d] were not heard", child.pid)
            child.channel.close()
            self._relay.forget(worker_id)
            del self._children[worker_id]
            self._fleet.exited(worker_id, status, time.monotonic())
        reap_strangers({child.pid for child in self._children.values()})

    def close(self) -> None:
        """Let go of them; those that still live end."""
        for child in self._children.values():
            child.channel.close()

    def _converse(self, worker_id: int, reads: int = _READS_PER_TURN) -> object:
        """Hear what a worker says; tell whether that changes nothing for the fleet."""
        child = self._children[worker_id]
        channel = child.channel
        channel.flush()
        messages = channel.receive(reads)
        for message in messages:
            if isinstance(message, Broadcast | Listen | Leave):
                self._relay.take(worker_id, message)
            else:
                self._fleet.message(worker_id, message, time.monotonic())
        self._relay.watch(worker_id)
        is_passed_on = self._relay.flush()
        if channel.is_closed:
            if channel.failure:
                logger.error("Child process [%d] is told to end: %s", child.pid, channel.failure)
                child.signal(signal.SIGTERM)
            self._fleet.closed(worker_id, time.monotonic())
        is_well = all(isinstance(message, _NO_NEWS) for message in messages) and not self._fleet.has_actions
        return NO_NEWS if is_well and is_passed_on and not channel.is_closed and not channel.wants_write else None


def _named(error: Exception) -> LicorneError:
    """Return an error as one line; where it is a surprise, its traceback is in the log."""
    if isinstance(error, LicorneError):
        return error
    logger.error("A worker process could not be started", exc_info=error)
    return StartupError(f"cannot start a worker process: {type(error).__name__}: {error}")
