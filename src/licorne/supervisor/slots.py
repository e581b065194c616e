"""Slots: the places of a fleet, who takes them, and of which generation the next worker is.

A generation is a configuration, or for a developer a state of the files. One begins with each restart; until a worker
of it was ready, workers that are missing are started with the last that was any good.

Rules: no time passes here, and nobody is told anything. There is always one slot.
"""

import math
from collections.abc import Iterator
from typing import Final

from licorne.supervisor.members import Member, Slot

__all__ = ["Slots"]

_NONE: Final = -1


class Slots:
    """Hold the places."""

    __slots__ = ("_good_generation", "_slots", "generation", "is_started")

    def __init__(self, count: int) -> None:
        self._slots = [Slot(index) for index in range(count)]
        #: The generation that began last.
        self.generation = 0
        #: The last one of which a worker was ready.
        self._good_generation = _NONE
        #: Whether in every slot a worker was ready once.
        self.is_started = False

    def __iter__(self) -> Iterator[Slot]:
        return iter(self._slots)

    def __len__(self) -> int:
        return len(self._slots)

    # --- changes ---------------------------------------------------------------------------------------------

    def begin_generation(self) -> None:
        """Begin a generation, which has failed nowhere yet."""
        self.generation += 1
        for slot in self._slots:
            slot.failures = 0
            slot.is_failing = False
            slot.retry_at = -math.inf

    def resize(self, count: int) -> list[Member]:
        """Have so many places; return the workers that lose theirs."""
        while len(self._slots) < count:
            self._slots.append(Slot(len(self._slots)))
        dropped = self._slots[max(count, 1) :]
        del self._slots[max(count, 1) :]
        return [member for slot in reversed(dropped) for member in (slot.successor, slot.main) if member is not None]

    def welcome(self, member: Member) -> Member | None:
        """Take note that a worker is ready; return the one whose place it takes."""
        slot = member.slot
        slot.was_ready = True
        slot.is_failing = False
        self._good_generation = max(self._good_generation, member.generation)
        self.is_started = self.is_started or all(other.was_ready for other in self._slots)
        if slot.successor is not member:
            return None
        old, slot.main, slot.successor = slot.main, member, None
        return old

    # --- predicates ------------------------------------------------------------------------------------------

    @property
    def has_served(self) -> bool:
        """Tell whether a worker has ever been ready."""
        return self._good_generation != _NONE

    @property
    def good_generation(self) -> int:
        """Return the generation of a worker that is started because one is missing."""
        return self._good_generation if self.has_served else self.generation

    @property
    def ready_count(self) -> int:
        """Return in how many slots a worker serves."""
        return sum(slot.is_ready for slot in self._slots)

    @property
    def have_all_failed(self) -> bool:
        """Tell whether nobody has ever been ready, and every slot has had its try."""
        return not self.has_served and all(slot.failures for slot in self._slots)

    @property
    def is_one_failing(self) -> bool:
        """Tell whether there is a slot in which nobody serves, because the last who should has failed to start."""
        return any(slot.is_failing for slot in self._slots)

    def is_outdated(self, slot: Slot) -> bool:
        """Tell whether the worker of a slot is not of the generation that began last."""
        return slot.main is not None and slot.main.generation < self.generation

    def next_outdated(self) -> Slot | None:
        """Return the first slot whose worker is out of date."""
        return next(filter(self.is_outdated, self._slots), None)

    def is_being_replaced(self) -> bool:
        """Tell whether somewhere a successor is on its way."""
        return any(slot.successor is not None for slot in self._slots)
