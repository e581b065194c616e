"""Assignment: what a new worker process is told to serve, and how that is packed for its channel.

Rules: the import path comes apart from the rest, because what is packed can only be unpacked when the modules it
names can be found. Descriptors keep their numbers: whoever starts the process passes them on.
"""

import base64
import pickle
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from licorne.config.options import Config
from licorne.errors import StartupError
from licorne.server.attached.messages import Start
from licorne.server.listening.listeners import Listener

__all__ = ["Assignment", "pack_start", "unpack_start"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """Hold what one worker serves; `index` is its slot."""

    config: Config
    #: Descriptors of sockets that are bound.
    fds: tuple[int, ...]
    index: int = 0
    #: Those of them at which everybody is sent elsewhere.
    redirect_fds: tuple[int, ...] = ()
    #: Descriptor of the table of loads that workers with one socket share; -1 for none.
    loads_fd: int = -1

    @classmethod
    def of(cls, config: Config, listeners: Sequence[Listener], index: int = 0, loads_fd: int = -1) -> Self:
        """Return the assignment of a worker that accepts on these listeners."""
        fds = tuple(listener.sock.fileno() for listener in listeners)
        redirects = tuple(listener.sock.fileno() for listener in listeners if listener.is_redirect)
        return cls(config=config, fds=fds, redirect_fds=redirects, index=index, loads_fd=loads_fd)

    @property
    def inherited(self) -> tuple[int, ...]:
        """Return every descriptor that the process must be given."""
        return self.fds if self.loads_fd < 0 else (*self.fds, self.loads_fd)

    def open_listeners(self) -> list[Listener]:
        """Return the listeners, whose paths are the supervisor's to remove."""
        listeners = [Listener(socket.socket(fileno=fd), is_shared=True) for fd in self.fds]
        for listener in listeners:
            listener.is_redirect = listener.sock.fileno() in self.redirect_fds
        return listeners


def pack_start(assignment: Assignment, import_path: Sequence[str]) -> Start:
    """Return the message that tells a process what to serve. Raises StartupError if that cannot be told."""
    try:
        packed = pickle.dumps(assignment)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise StartupError(f"the configuration cannot be handed to another process ({reason}); use preload") from None
    return Start(list(import_path), base64.b64encode(packed).decode())


def unpack_start(start: Start) -> Assignment:
    """Return what was packed; its modules must be importable. Raises StartupError."""
    try:
        assignment = pickle.loads(base64.b64decode(start.packed))
    except Exception as error:
        raise StartupError(f"the configuration cannot be unpacked ({type(error).__name__}: {error})") from error
    if not isinstance(assignment, Assignment):
        raise StartupError(f"an assignment was expected, and came a {type(assignment).__name__}")
    return assignment
