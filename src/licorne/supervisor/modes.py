"""Modes: what a fleet is about, and what it says of itself to those who ask."""

import enum
from dataclasses import dataclass

__all__ = ["FleetStatus", "Mode"]


class Mode(enum.Enum):
    """Name what a fleet is about."""

    RUNNING = "running"
    ROLLING = "replacing all workers"
    PAUSED = "without workers"
    STOPPING = "ending"
    HURRIED = "ending without the delay that was to come first"
    FORCED = "ending at once"

    @property
    def is_ending(self) -> bool:
        """Tell whether no worker is to be started any more."""
        return self in (Mode.STOPPING, Mode.HURRIED, Mode.FORCED)


@dataclass(frozen=True, slots=True)
class FleetStatus:
    """Say how many slots have a worker that serves, and how many should; whether all were ready once."""

    ready: int
    wanted: int
    is_stopping: bool
    is_started: bool
