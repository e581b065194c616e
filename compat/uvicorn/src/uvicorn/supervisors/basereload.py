"""BaseReload: serve with a process that is started anew when files change."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from uvicorn.supervisors._fleet import supervise

if TYPE_CHECKING:
    from uvicorn.config import Config

__all__ = ["BaseReload"]


class BaseReload:
    """Serve with one process, on bound sockets.

    `target` is what Uvicorn runs in it. Here the process makes a server of the Config itself.
    """

    def __init__(
        self, config: Config, target: Callable[[list[socket.socket] | None], None], sockets: list[socket.socket]
    ) -> None:
        self.config = config
        self.target = target
        self.sockets = sockets
        self.should_exit = threading.Event()
        self.reloader_name: str | None = None

    def run(self) -> int:
        """Serve until told to stop; return the exit status."""
        return supervise(self.config, self.sockets)
