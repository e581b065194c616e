"""Stations: what the supervisor's loop serves besides its workers, and what starts those."""

import math
from collections.abc import Sequence
from typing import Protocol

from licorne.config.options import Config
from licorne.server.listening.listeners import Listener
from licorne.supervisor.children import Child

__all__ = ["Launcher", "Station"]


class Station:
    """Be something that the supervisor's loop waits for. A subclass overrides what it needs."""

    __slots__ = ()

    def fileno(self) -> int:
        """Return the descriptor to watch, -1 for none."""
        return -1

    def on_readable(self) -> None:
        """Take note that there is something to read."""

    def on_tick(self, now: float) -> float:
        """Do what is due; return when to be called again at the latest."""
        return math.inf

    def close(self) -> None:
        """Let go of everything."""

    def abandon(self) -> None:
        """Let go of descriptors in a worker that was forked, and of nothing that is shared."""


class Launcher(Protocol):
    """Start processes of workers."""

    def launch(self, config: Config, listeners: Sequence[Listener], index: int, loads_fd: int = -1) -> Child:
        """Start a worker. Raises StartupError."""
