"""Multiprocess: serve with several processes."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from uvicorn.supervisors._fleet import supervise

if TYPE_CHECKING:
    from uvicorn.config import Config

__all__ = ["Multiprocess"]


class Multiprocess:
    """Serve with as many processes as `config.workers` says, which share a bound socket."""

    def __init__(self, config: Config, sockets: list[socket.socket]) -> None:
        self.config = config
        self.sockets = sockets

    def run(self) -> int:
        """Serve until told to stop; return the exit status."""
        return supervise(self.config, self.sockets)
