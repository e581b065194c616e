"""WatchFilesReload: be told of changes by the system, by way of watchfiles, which must be installed."""

import watchfiles  # noqa: F401 - whoever imports this finds out whether it is there

from uvicorn.supervisors.basereload import BaseReload

__all__ = ["WatchFilesReload"]


class WatchFilesReload(BaseReload):
    """Serve with one process that is started anew when files change."""
