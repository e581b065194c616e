"""Relay: passes on what workers broadcast to those others that listen to the topic.

Rules: nobody is waited for. What is meant for a worker that does not read waits in its channel, which is bounded; what
is lost there is said when it begins, and how much it was when that worker reads again. A message is encoded once, and
everything that came in one portion is sent on before the next portion is read, whoever it is for.
"""

import logging
from collections.abc import Callable

from licorne.errors import ChannelError
from licorne.server.attached.messages import Broadcast, Leave, Listen, Listening, encode
from licorne.supervisor.children import Child

__all__ = ["Relay"]

logger = logging.getLogger("licorne.error")


class Relay:
    """Know which worker listens to what."""

    __slots__ = ("_child_of", "_listeners", "_losing", "_topics", "_unsent")

    def __init__(self, child_of: Callable[[int], Child | None]) -> None:
        """Take what finds the process of a worker by its number in the fleet."""
        self._child_of = child_of
        self._listeners: dict[str, set[int]] = {}
        self._topics: dict[int, set[str]] = {}
        #: Who is to be sent what was queued.
        self._unsent: set[int] = set()
        #: Whose loss was said.
        self._losing: set[int] = set()

    def take(self, worker_id: int, message: Broadcast | Listen | Leave) -> None:
        """Take what a worker says; `flush` sends what comes of it."""
        match message:
            case Listen(topic):
                self._listeners.setdefault(topic, set()).add(worker_id)
                self._topics.setdefault(worker_id, set()).add(topic)
                if child := self._child_of(worker_id):
                    child.channel.send(Listening(topic))
            case Leave(topic):
                self._leave(worker_id, topic)
            case Broadcast():
                self._pass_on(worker_id, message)

    def forget(self, worker_id: int) -> None:
        """Take note of the end of a worker."""
        for topic in list(self._topics.get(worker_id, ())):
            self._leave(worker_id, topic)
        self._topics.pop(worker_id, None)
        self._losing.discard(worker_id)
        self._unsent.discard(worker_id)

    def flush(self) -> bool:
        """Send what was queued; tell whether all of it could be."""
        is_all = True
        unsent, self._unsent = self._unsent, set()
        for worker_id in unsent:
            if child := self._child_of(worker_id):
                is_all = child.channel.flush() and is_all
                self.watch(worker_id)
        return is_all

    def watch(self, worker_id: int) -> None:
        """Say that messages to a worker are lost, once, and how many it were when it has read the rest."""
        child = self._child_of(worker_id)
        if child is None or not child.channel.lost:
            return
        if worker_id not in self._losing:
            self._losing.add(worker_id)
            logger.warning("Child process [%d] is behind with broadcasts: the oldest are dropped", child.pid)
        elif not child.channel.wants_write:
            self._losing.discard(worker_id)
            lost, child.channel.lost = child.channel.lost, 0
            logger.warning("Child process [%d] is up to date with broadcasts, of which it missed %d", child.pid, lost)

    def _leave(self, worker_id: int, topic: str) -> None:
        self._topics.get(worker_id, set()).discard(topic)
        if listeners := self._listeners.get(topic):
            listeners.discard(worker_id)
            if not listeners:
                del self._listeners[topic]

    def _pass_on(self, worker_id: int, message: Broadcast) -> None:
        others = self._listeners.get(message.topic, set()) - {worker_id}
        if not others:
            return
        try:
            frame = encode(message)
        except ChannelError as error:
            logger.error("A worker has sent what cannot be passed on: %s", error)
            return
        for other in others:
            if child := self._child_of(other):
                child.channel.queue_broadcast(frame)
                self._unsent.add(other)
