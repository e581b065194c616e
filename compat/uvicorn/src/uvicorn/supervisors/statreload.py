"""StatReload: find changes by looking at every file again and again."""

from uvicorn.supervisors.basereload import BaseReload

__all__ = ["StatReload"]


class StatReload(BaseReload):
    """Serve with one process that is started anew when files change; licorne watches as well as it can."""
