"""State: how a server is as a whole, as those around it see it: systemd, probes, files."""

import enum

__all__ = ["ServiceState"]


class ServiceState(enum.StrEnum):
    """Name how a server is."""

    STARTING = "starting"
    READY = "ready"
    RELOADING = "reloading"
    STOPPING = "stopping"
    #: It serves with fewer workers than it should have.
    DEGRADED = "degraded"
