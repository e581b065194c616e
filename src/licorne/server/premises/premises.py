"""Premises: what a server finds and leaves in the system around it, whether it has workers or is one process.

    enter     umask; the PID file
    ready     the port file; systemd is told
    leave     the files are removed

Rules: what keeps the server from starting is raised as a ConfigError or a StartupError of one line. Once it serves,
nothing here ends it: a file that cannot be written any more is a line in the log.
"""

import logging
import os
from collections.abc import Callable, Mapping, Sequence

from licorne.config.options import Config
from licorne.errors import StartupError
from licorne.server.listening.listeners import Listener
from licorne.server.premises.notify import Notifier
from licorne.server.premises.pidfile import LeftFile, address_lines, write_pid_file
from licorne.server.premises.state import ServiceState
from licorne.waiting import undivided

__all__ = ["Premises"]

logger = logging.getLogger("licorne.error")


class Premises:
    """Do for one server what is not serving."""

    def __init__(self, config: Config, environ: Mapping[str, str] = os.environ) -> None:
        self.notifier = Notifier.from_environ(environ)
        self._config = config
        #: The addresses that are served.
        self.listeners: Sequence[Listener] = ()
        self._pid_file: LeftFile | None = None
        self._port_file = LeftFile("port_file", config.port_file) if config.port_file else None
        self._predecessor = 0
        #: Whether another process is the service still, so that what this one does is no news of it.
        self._is_silent = False

    def enter(self, predecessor: int = 0) -> None:
        """Do what comes before any address is bound. Raises StartupError.

        `predecessor` is a process whose place this one takes when it is ready: until then the PID file stays its.
        """
        if self._config.umask is not None:
            os.umask(self._config.umask)
        self._predecessor = predecessor
        self._is_silent = bool(predecessor)
        if self._port_file is not None:
            self._port_file.check()
        if not predecessor:
            self._write_pid_file()

    def on_change(self, state: ServiceState) -> None:
        """Tell whoever wants to know how the server is now."""
        match state:
            case ServiceState.READY:
                self._is_silent = False
                self._attempt(self._welcome)
                self.notifier.ready(f"serving {', '.join(listener.url for listener in self.listeners)}")
            case _ if self._is_silent:
                return
            case ServiceState.RELOADING:
                self.notifier.reloading()
            case ServiceState.STOPPING:
                self.notifier.stopping()
            case ServiceState.STARTING | ServiceState.DEGRADED:
                self.notifier.status(state)

    def hand_over(self, pid: int) -> None:
        """Leave everything to another process, which has written the files anew."""
        self.notifier.hand_over(pid)
        self._is_silent = True
        for file in (self._pid_file, self._port_file):
            if file is not None:
                file.forget()

    def leave(self) -> None:
        """Remove what is ours."""
        for file in (self._port_file, self._pid_file):
            if file is not None:
                file.remove()
        self.notifier.close()

    def _write_pid_file(self) -> None:
        if not self._config.pid_file:
            return
        with undivided():
            self._pid_file = write_pid_file(self._config.pid_file, self._predecessor)

    def _welcome(self) -> None:
        if self._pid_file is None:
            self._write_pid_file()
        if self._port_file is not None:
            self._port_file.write(address_lines(self.listeners))

    def _attempt(self, act: Callable[[], None]) -> None:
        try:
            act()
        except StartupError as error:
            logger.error("%s", error)
