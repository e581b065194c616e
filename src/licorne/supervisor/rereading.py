"""Rereading: what the supervisor makes of a configuration, at its start and when it is read anew.

Rules: a configuration that cannot be used is said in one line, and the one before stays. What cannot change while
the process lives is named, so that nobody believes it has.
"""

import logging
from collections.abc import Callable
from typing import Final

from licorne.config.options import Config
from licorne.config.processors import worker_count
from licorne.errors import LicorneError
from licorne.server.application.preparing import configure_logging
from licorne.server.tls.entering import refuse_unusable_tls
from licorne.supervisor.fleet import FleetOptions
from licorne.supervisor.unread import never_wait

__all__ = ["Configs", "configure_supervisor_logging", "fleet_options_of"]

logger = logging.getLogger("licorne.error")

#: What is settled when the process starts.
_FIXED: Final = (
    *("host", "port", "uds", "fd", "bind", "uds_mode", "uds_owner", "reuse_port", "health_bind"),
    *("user", "group", "umask", "pid_file", "port_file", "preload", "before_fork", "after_fork", "reload"),
)
#: What is settled too when the application was imported already.
_FIXED_BY_PRELOAD: Final = ("app", "factory", "interface", "wsgi_threads", "app_dir")


def configure_supervisor_logging(config: Config) -> None:
    """Configure logging as the options say, so that it never makes this process wait. Raises ConfigError."""
    configure_logging(config)
    never_wait()


def fleet_options_of(config: Config) -> FleetOptions:
    """Return how large the fleet is and how patient."""
    return FleetOptions(
        workers=1 if config.reload else worker_count(config),
        healthcheck=config.timeout_worker_healthcheck,
        graceful=config.timeout_graceful_shutdown,
        drain_delay=config.drain_delay,
        is_reload=config.reload,
    )


class Configs:
    """Hold the configuration of each generation of which a worker may be started."""

    __slots__ = ("_by_generation", "_reread", "current")

    def __init__(self, config: Config, reread: Callable[[], Config] | None = None) -> None:
        """Take the first configuration, and what reads it anew from the same sources."""
        self.current = config
        self._reread = reread
        self._by_generation = {0: config}

    def __getitem__(self, generation: int) -> Config:
        known = [number for number in self._by_generation if number <= generation]
        return self._by_generation[max(known)]

    def keep(self, *generations: int) -> None:
        """Forget the configurations of which no worker will be started any more but of these generations."""
        self._by_generation = {generation: self[generation] for generation in generations}

    def begin(self, generation: int) -> bool:
        """Read the configuration anew for a generation; it is the one before if that cannot be used.

        Return whether workers could begin with it: their certificates may be unusable for now.
        """
        found = self._found()
        try:
            refuse_unusable_tls(found)
        except LicorneError as error:
            logger.error("The workers stay as they are: %s", error)
            return False
        if found is not self.current:
            _name_fixed(self.current, found)
            self.current = self._by_generation[generation] = found
        return True

    def _found(self) -> Config:
        if self._reread is None:
            return self.current
        try:
            found = self._reread()
            configure_supervisor_logging(found)
        except (LicorneError, RecursionError) as error:  # a file may be nested too deep for its reader
            logger.error("The configuration stays as it was: %s", error)
            configure_supervisor_logging(self.current)
            return self.current
        return found


def _name_fixed(before: Config, found: Config) -> None:
    names = (*_FIXED, *(_FIXED_BY_PRELOAD if before.preload else ()))
    changed = [name for name in names if getattr(found, name) != getattr(before, name)]
    if changed:
        logger.warning("Changed, but not before the next start of licorne: %s", ", ".join(changed))
