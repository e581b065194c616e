"""Premises: those of a supervisor, which besides may change its user, answers for its workers, and turns by itself.

Rules: health addresses are bound before the user is changed, as the others are.
"""

import os
from collections.abc import Callable, Mapping, Sequence

from licorne.config.options import Config
from licorne.errors import ConfigError
from licorne.server.listening.listeners import Listener, open_listeners
from licorne.server.premises.notify import Notifier
from licorne.server.premises.premises import Premises
from licorne.server.premises.privileges import identity_of
from licorne.server.premises.title import set_title
from licorne.supervisor.health import HealthStation
from licorne.supervisor.modes import FleetStatus
from licorne.supervisor.stations import Station

__all__ = ["SupervisorPremises"]


class SupervisorPremises(Premises):
    """Do for a supervisor what is not supervising."""

    def __init__(self, config: Config, environ: Mapping[str, str] = os.environ) -> None:
        """Raises ConfigError for users, groups and addresses that cannot be."""
        if any(bind.systemd is not None for bind in config.health_bind):
            problem = "cannot be a socket of systemd"
            raise ConfigError(problem, option="health_bind", value=str(config.health_bind[0]))
        super().__init__(config, environ)
        self._identity = identity_of(config)
        #: What the supervisor's loop serves for us.
        self.stations: list[Station] = [_Watchdog(self.notifier)]
        self.health_listeners: list[Listener] = []

    def answer_health(self, status: Callable[[], FleetStatus], inherited: Sequence[Listener] | None = None) -> None:
        """Bind the health listener, unless its addresses were inherited. Raises StartupError."""
        if self._config.health_bind:
            found = open_listeners(self._config.health_bind) if inherited is None else inherited
            self.health_listeners = list(found)
            self.stations.append(HealthStation(self.health_listeners, status))

    def settle(self, listeners: Sequence[Listener]) -> None:
        """Change user and group, once everything is bound. Raises ConfigError, StartupError."""
        self.listeners = listeners
        self._identity.assume()
        set_title("supervisor", self._config)

    def hand_over(self, pid: int) -> None:
        """Leave everything to another process, which has written the files anew."""
        super().hand_over(pid)
        for listener in self.health_listeners:
            listener.give_up_path()

    def leave(self) -> None:
        """Remove what is ours."""
        for station in self.stations:
            station.close()
        self.stations.clear()
        super().leave()


class _Watchdog(Station):
    """Have the supervisor's loop tell systemd that it turns, and what could not be told before."""

    __slots__ = ("_notifier",)

    def __init__(self, notifier: Notifier) -> None:
        self._notifier = notifier

    def on_tick(self, now: float) -> float:
        return self._notifier.watchdog(now)
