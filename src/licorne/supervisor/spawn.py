"""Spawn: starts a worker as a new interpreter, which imports the application itself.

Starting has two halves, so that a process can be kept in reserve: `start_process()` runs the interpreter, which
imports the server and waits; a first message tells it what to serve.

Rules: the interpreter gets the flags of this one, and descriptors of the channel and the listeners alone. Its import
path does not begin with the current directory until it is told so: no file there stands in for a standard module.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import Final

from licorne.config.options import Config
from licorne.errors import StartupError
from licorne.server.attached.assignment import Assignment, pack_start
from licorne.server.attached.channel import Channel
from licorne.server.listening.listeners import Listener
from licorne.supervisor.children import Child, SpawnedChild, open_pair
from licorne.waiting import blocked

__all__ = ["Spawner", "start_process"]

#: What an operator sends to all processes of a name too, and what would end or stop an interpreter.
_OF_A_GROUP: Final = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGTTIN", "SIGTTOU")
    if hasattr(signal, name)
)
#: Finds licorne also where it is not installed, and runs `licorne.server.attached.entry`.
_PROGRAM: Final = (
    "import sys; sys.path.append(sys.argv.pop()); from licorne.server.attached.entry import main; sys.exit(main())"
)


class Spawner:
    """Start workers that share nothing with the supervisor."""

    __slots__ = ()

    def launch(self, config: Config, listeners: Sequence[Listener], index: int, loads_fd: int = -1) -> Child:
        """Start a worker. Raises StartupError."""
        assignment = Assignment.of(config, listeners, index, loads_fd)
        start = pack_start(assignment, sys.path)
        child = self.start(assignment.inherited)
        child.channel.send(start)
        return child

    def start(self, fds: tuple[int, ...]) -> Child:
        """Return a process with these descriptors that waits to be told what to serve. Raises StartupError."""
        return start_process(fds)


def start_process(fds: Sequence[int]) -> Child:
    """Start a process that waits to be told what to serve, with these descriptors. Raises StartupError."""
    if not sys.executable:
        raise StartupError("cannot start workers: this Python does not know its own executable; use --preload")
    ours, theirs = open_pair()
    try:
        number = str(theirs.fileno())
        # What is sent to the whole group waits in the new process until that knows what to make of it.
        with blocked(_OF_A_GROUP):
            process = subprocess.Popen(
                [sys.executable, *_flags(), "-P", "-c", _PROGRAM, number, _home()],
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(), *fds),
            )
    except OSError as error:
        ours.close()
        reason = f"{sys.executable}: {error.strerror or error}"
        hint = "; this user must be able to run it" if isinstance(error, PermissionError) else ""
        raise StartupError(f"cannot start a worker process: {reason}{hint}") from None
    finally:
        theirs.close()
    return SpawnedChild(process, Channel(ours))


def _flags() -> list[str]:
    """Return the flags of this interpreter."""
    flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
    prefix = sys._xoptions.get("pycache_prefix")  # which Python leaves out there
    return [*flags, "-X", f"pycache_prefix={prefix}"] if isinstance(prefix, str) else flags


def _home() -> str:
    """Return the directory in which licorne lies."""
    return os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
