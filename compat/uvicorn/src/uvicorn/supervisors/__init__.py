"""Supervisors: what starts other processes that serve, and starts them anew."""

from uvicorn.supervisors.basereload import BaseReload
from uvicorn.supervisors.multiprocess import Multiprocess
from uvicorn.supervisors.statreload import StatReload

try:
    from uvicorn.supervisors.watchfilesreload import WatchFilesReload as ChangeReload
except ImportError:
    ChangeReload = StatReload  # type: ignore[assignment,misc]

__all__ = ["BaseReload", "ChangeReload", "Multiprocess", "StatReload"]
