"""EventError: an event that is no request, or is not what its kind should be."""

from licorne.errors import LicorneError

__all__ = ["EventError"]


class EventError(LicorneError, RuntimeError):
    """Say in one line what an event lacks."""
