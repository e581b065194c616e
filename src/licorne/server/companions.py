"""Companions: which ones go along with every server, as its options ask."""

from licorne.config.options import Config
from licorne.server.carrying import Carrying
from licorne.server.companion import Companion
from licorne.server.forked import ForkedChildren
from licorne.server.watching.watchdog import Watchdog

__all__ = ["companions_of"]


def companions_of(config: Config) -> list[Companion]:
    """Return new companions for a server, those that must hear of things first in front."""
    return [Watchdog(config.warn_blocked, config.timeout_worker_healthcheck), ForkedChildren(), Carrying()]
