"""Upgrade: a new process of the same command takes over the sockets; the old one drains when the new one serves.

    old    SIGUSR2 → starts the command anew, with its sockets, their numbers in a variable, and a pipe
    new    adopts the sockets (inheritance.py) and starts its workers
    new    all workers are ready → a word into the pipe
    old    the word → drains and ends; the end of the pipe without it → says so and serves on

Both accept connections on the same sockets meanwhile, so no client is turned away. The command is found anew as it
was at the start: by its arguments, in the directory by the name it had then, with the environment of then. So a
link that leads to another release now is followed.

Rules: whatever goes wrong in the new process, the old one serves on. Paths of UNIX sockets belong to the old process
until the word is given, and to the new one from then on. One upgrade at a time.
"""

import logging
import math
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol

from licorne.supervisor.inheritance import VARIABLE, Bequest
from licorne.supervisor.members import exit_words
from licorne.supervisor.stations import Station

__all__ = ["Beginning", "Upgrade", "begin_upgrade", "remember_beginning"]

logger = logging.getLogger("licorne.error")

#: How long a process that has closed its pipe may take to end.
_END_SECONDS: Final = 5.0
#: How often it is said that the new process is still starting.
_NOTICE_SECONDS: Final = 30.0
_POLL_SECONDS: Final = 0.05
#: Variables of the start that were meant for the first process alone.
_SPENT: Final = (VARIABLE, "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "WATCHDOG_PID")


class Upgradable(Protocol):
    """Be a supervisor, as far as an upgrade sees it."""

    stations: list[Station]

    @property
    def beginning(self) -> "Beginning":
        """Return how this process was started."""

    @property
    def bequest(self) -> Bequest:
        """Return what a successor is left."""

    @property
    def is_stopping(self) -> bool:
        """Tell whether it ends."""

    def hand_over(self, pid: int) -> None:
        """Drain and end: the process `pid` serves now, and owns the paths and files."""


# --- how this process was started ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Beginning:
    """Hold how the process was started, so that this can be done once more."""

    command: tuple[str, ...]
    directory: str
    environ: Mapping[str, str]


def remember_beginning() -> Beginning:
    """Return how this process was started; call it before anything about it is changed."""
    command = (sys.executable or sys.orig_argv[0], *sys.orig_argv[1:])
    return Beginning(command, _directory(os.environ.get("PWD", "")), _first_environ())


def _directory(name: str) -> str:
    """Return the current directory by the name that the shell gave it, with the links in it, if that is known."""
    with suppress(OSError):
        if os.path.isabs(name) and os.path.samefile(name, os.curdir):
            return name
    return os.getcwd()


def _first_environ() -> dict[str, str]:
    """Return the environment as it was before an env file was added to it, where the system can tell."""
    try:
        with open("/proc/self/environ", "rb") as file:
            pairs = [os.fsdecode(entry).partition("=") for entry in file.read().split(b"\0") if b"=" in entry]
    except OSError:
        pairs = [(name, "=", value) for name, value in os.environ.items()]
    return {name: value for name, _, value in pairs if name not in _SPENT}


# --- the old process -----------------------------------------------------------------------------------------


def begin_upgrade(supervisor: Upgradable) -> None:
    """Start the same command anew, to take over from this process. What stands against it is said in the log."""
    if reason := _refusal(supervisor):
        logger.error("Not upgraded: %s", reason)
        return
    try:
        reader, writer = os.pipe()
    except OSError as error:
        logger.error("Not upgraded: %s", error.strerror or error)
        return
    try:
        process = _start(supervisor.beginning, supervisor.bequest, writer)
    except OSError as error:
        os.close(reader)
        logger.error("Not upgraded: cannot start %s: %s", supervisor.beginning.command[0], error.strerror or error)
        return
    finally:
        os.close(writer)
    logger.info("Started process [%d] to take over from process [%d]", process.pid, os.getpid())
    supervisor.stations.append(Upgrade(supervisor, process, reader))


def _refusal(supervisor: Upgradable) -> str:
    running = next((station for station in supervisor.stations if isinstance(station, Upgrade)), None)
    if supervisor.is_stopping:
        return "this process ends"
    if running is not None:
        return f"process [{running.pid}] is about to take over already"
    if os.getpid() == 1:
        return "this is process 1, with which its container would end; start a new container"
    return ""


def _start(beginning: Beginning, bequest: Bequest, pipe: int) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        beginning.command,
        cwd=beginning.directory,
        env={**beginning.environ, VARIABLE: bequest.encode(pipe)},
        pass_fds=[*bequest.fds(), pipe],
    )


class Upgrade(Station):
    """Wait for the word of the new process; be a station of the supervisor."""

    __slots__ = ("_kill_at", "_notice_at", "_process", "_reader", "_supervisor", "_was_killed")

    def __init__(self, supervisor: Upgradable, process: "subprocess.Popen[bytes]", reader: int) -> None:
        self._supervisor = supervisor
        self._process = process
        self._reader = reader
        self._notice_at = time.monotonic() + _NOTICE_SECONDS
        self._kill_at = math.inf
        self._was_killed = False

    @property
    def pid(self) -> int:
        """Return the new process."""
        return self._process.pid

    def fileno(self) -> int:
        """Return the end of the pipe that the word comes from; -1 when it will not come."""
        return self._reader

    def on_readable(self) -> None:
        """Hand over, or see that the new process has failed."""
        word = os.read(self._reader, 64)
        os.close(self._reader)
        self._reader = -1
        if word and not self._supervisor.is_stopping:
            self._leave()
            logger.info("Process [%d] has taken over from process [%d]", self.pid, os.getpid())
            self._supervisor.hand_over(self.pid)
            return
        self._kill_at = time.monotonic() + _END_SECONDS  # it has failed, or is not wanted any more

    def on_tick(self, now: float) -> float:
        """Say that the new process is still starting, or how it has ended; return when to be called again."""
        if self._reader >= 0:
            return self._wait(now)
        status = self._process.poll()
        if status is None:
            self._end(now)
            return now + _POLL_SECONDS
        self._leave()
        if not self._supervisor.is_stopping:
            line = "Not upgraded: process [%d] did not start (%s); process [%d] serves on"
            logger.error(line, self.pid, exit_words(status), os.getpid())
        return math.inf

    def close(self) -> None:
        """Give up, because this process ends before the new one serves; that one ends too."""
        if self._reader < 0:
            return
        os.close(self._reader)
        self._reader = -1
        self._process.terminate()

    def abandon(self) -> None:
        """Let go of the pipe."""
        if self._reader >= 0:
            os.close(self._reader)

    def _wait(self, now: float) -> float:
        if self._supervisor.is_stopping:
            self.close()
            return now + _POLL_SECONDS
        if now >= self._notice_at:
            self._notice_at = now + _NOTICE_SECONDS
            logger.info("Process [%d] does not serve yet; process [%d] serves on", self.pid, os.getpid())
        return self._notice_at

    def _end(self, now: float) -> None:
        """End a process that will not serve and lives."""
        if now >= self._kill_at:
            self._process.kill()
        elif not self._was_killed:
            self._was_killed = True
            self._process.terminate()

    def _leave(self) -> None:
        with suppress(ValueError):
            self._supervisor.stations.remove(self)
