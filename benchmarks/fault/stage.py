"""What every fault program stands on: a server with the fault application, and a verdict to fill in.

Rules: a program is bounded in time whatever the server does; it counts before, during and after, prints what it
counted, and judges only what licorne promises.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ..environments import Environment
from ..machine import CpuPair
from ..running import Running, get, running
from ..servers import Server

__all__ = ["KIB", "MIB", "Stage", "Verdict", "fetch_census", "wait_until"]

KIB = 1024
MIB = 1024 * 1024


@dataclass(slots=True)
class Verdict:
    """Collect figures and checks, in the order they came."""

    figures: list[tuple[str, str]] = field(default_factory=list)
    checks: list[tuple[str, bool]] = field(default_factory=list)

    def show(self, name: str, value: object) -> None:
        """Note a figure."""
        self.figures.append((name, str(value)))

    def expect(self, promise: str, is_kept: bool) -> None:
        """Note a promise and whether it held."""
        self.checks.append((promise, is_kept))

    @property
    def is_good(self) -> bool:
        """Tell whether every promise held."""
        return all(is_kept for _, is_kept in self.checks)


@dataclass(frozen=True, slots=True)
class Stage:
    """Hold the server under test, and where it and its clients run."""

    server: Server
    environment: Environment
    cpus: CpuPair

    @contextmanager
    def live(self, *licorne_options: str, variables: dict[str, str] | None = None) -> Iterator[Running]:
        """Serve the fault application; the options are given to licorne only."""
        options = licorne_options if self.server.name.startswith("licorne") else ()
        extra = self.server.quiet + options
        with running(
            self.server, self.environment, "faults:app", cpu=self.cpus.server, extra=extra, variables=variables
        ) as live:
            yield live


def fetch_census(live: Running) -> dict[str, int]:
    """Ask the application what is alive in it."""
    with live.connect() as connection:
        counts: dict[str, int] = json.loads(get(connection, "/census")[1])
        return counts


def wait_until(holds: Callable[[], bool], seconds: float, pause: float = 0.1) -> float | None:
    """Return how long it took until a condition held, or None when it never did."""
    begun = time.perf_counter()
    while True:
        if holds():
            return time.perf_counter() - begun
        if time.perf_counter() - begun > seconds:
            return None
        time.sleep(pause)
