"""Actions: what a fleet wants to be done; the supervisor does it.

Rules: an action names a worker by its number in the fleet, which is never used twice.
"""

from dataclasses import dataclass
from typing import TypeAlias

from licorne.server.attached.messages import Message

__all__ = ["Action", "End", "Say", "Show", "Signal", "Spawn", "Tell"]


@dataclass(frozen=True, slots=True)
class Spawn:
    """Start a worker at a place of the fleet, with the configuration of a generation."""

    worker_id: int
    slot: int
    generation: int


@dataclass(frozen=True, slots=True)
class Tell:
    """Send a worker a message."""

    worker_id: int
    message: Message


@dataclass(frozen=True, slots=True)
class Signal:
    """Send a worker a signal."""

    worker_id: int
    number: int


@dataclass(frozen=True, slots=True)
class Say:
    """Write a line to the log; `level` is the name of a method of loggers."""

    level: str
    line: str


@dataclass(frozen=True, slots=True)
class Show:
    """Show the person who started the server why it does not serve."""

    text: str


@dataclass(frozen=True, slots=True)
class End:
    """End the supervisor with an exit status: no worker is left."""

    status: int


Action: TypeAlias = Spawn | Tell | Signal | Say | Show | End
