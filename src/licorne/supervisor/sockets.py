"""Sockets: the listeners of each slot: one set that all share, or with `reuse_port` one set for each.

Rules: the supervisor holds them as long as there may be a next worker, so that clients wait in their queues while
none is there. At the end it lets go of them before the workers are told: who then closes last has emptied the queue.
"""

from collections.abc import Sequence

from licorne.server.listening.listeners import Listener, clone_for_slot
from licorne.server.listening.loads import Loads

__all__ = ["Sockets"]


class Sockets:
    """Hold the listeners of all slots."""

    __slots__ = ("_loads", "sets")

    def __init__(self, slots: Sequence[list[Listener]]) -> None:
        #: The listeners of each slot.
        self.sets = list(slots)
        #: Where workers that share their listeners tell how busy they are.
        self._loads = _new_loads() if all(listeners == self.sets[0] for listeners in self.sets) else None

    def of_slot(self, index: int) -> list[Listener]:
        """Return the listeners of a slot. Raises StartupError when a new slot cannot have its own."""
        while len(self.sets) <= index:
            self.sets.append(clone_for_slot(self.sets[0]))
        return self.sets[index]

    def keep(self, count: int) -> None:
        """Let go of the listeners of slots beyond so many; who stands in their queues is their workers'."""
        while len(self.sets) > max(count, 1):
            for listener in self.sets.pop():
                if listener not in self.all():
                    listener.stop_queueing()
                    listener.sock.close()

    @property
    def loads_fd(self) -> int:
        """Return the descriptor of the table of loads, -1 for none."""
        return -1 if self._loads is None else self._loads.fd

    def all(self) -> list[Listener]:
        """Return every listener once."""
        return list(dict.fromkeys(listener for slot in self.sets for listener in slot))

    def leave(self, *, is_queueing: bool) -> None:
        """Let go of all sockets but not yet of their paths; without `is_queueing`, newcomers are turned away."""
        for listener in self.all():
            if not is_queueing:
                listener.stop_queueing()
            listener.sock.close()

    def close(self) -> None:
        """Let go of all, and of their paths if they are still ours."""
        for listener in self.all():
            listener.close()

    def abandon(self, kept: Sequence[Listener]) -> None:
        """Let go in a forked process of the sockets that it does not serve."""
        for listener in self.all():
            if listener not in kept:
                listener.sock.close()


def _new_loads() -> Loads | None:
    try:
        return Loads.create()
    except OSError:  # the workers spread connections a little less evenly without
        return None
