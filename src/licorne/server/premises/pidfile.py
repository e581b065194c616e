"""Files that a running server leaves for others: its process number, and the addresses it listens on.

Both are written whole or not at all, and removed at the end by the process that wrote them, if nobody has put another
file in their place.

A PID file that names a living process is respected, unless that process is younger than the file: then the number was
given anew, after a crash or in a container that has started again.

Rules: what cannot be written is a StartupError of one line. Only a file of the same kind is ever replaced: a path that
was given by mistake costs nobody a program, and a system whose server is root none of its devices.
"""

import contextlib
import os
import re
import time
from collections.abc import Iterable
from typing import Final

from licorne.errors import StartupError
from licorne.server.listening.listeners import Listener
from licorne.server.listening.occupant import command_of
from licorne.server.listening.unix_socket import identity, remove_path
from licorne.server.locking import locked_directory_of

__all__ = ["LeftFile", "address_lines", "is_alive", "write_pid_file"]

_MODE: Final = 0o644
_MAX_LEFT_BYTES: Final = 64 * 1024
#: What is in a file of each option, if it is one that a server has left.
_FORMS: Final = {
    "pid_file": re.compile(rb"\s*[0-9]{0,20}\s*"),
    "port_file": re.compile(rb"(unix /[^\n]*\n|[0-9a-fA-F.:%\w]+ [0-9]+\n)*"),
}
_NAMES: Final = {"pid_file": "PID file", "port_file": "file of addresses"}
#: A process may be a little older than its number: clocks of processes and of files are not the same.
_YOUTH_SECONDS: Final = 2.0


class LeftFile:
    """Be a file that this process has left at a path."""

    __slots__ = ("_identity", "_option", "_path", "_pid")

    def __init__(self, option: str, path: str) -> None:
        """Take the name of the option that asks for the file."""
        self._option = option
        self._path = os.path.abspath(path)
        self._identity: tuple[int, int] | None = None
        self._pid = 0

    @property
    def path(self) -> str:
        """Return where it is."""
        return self._path

    def write(self, text: str) -> None:
        """Put the file there, in place of any other one. Raises StartupError."""
        temporary = f"{self._path}.{os.getpid()}"
        try:
            _write_new(temporary, text)
            try:
                ours = identity(temporary)
                os.replace(temporary, self._path)
            except OSError:
                os.unlink(temporary)
                raise
        except OSError as error:
            raise StartupError(f"cannot write {self._path} ({self._option}): {_reason(error, self._path)}") from None
        self._identity = ours
        self._pid = os.getpid()

    def read(self) -> bytes:
        """Return what is in the file, nothing if there is none. Raises StartupError about a file of another kind."""
        if os.path.lexists(self._path) and not os.path.isfile(self._path) and not _is_dangling(self._path):
            raise StartupError(f"{self._path} ({self._option}) is not a regular file; name another one")
        try:
            with open(self._path, "rb") as file:
                content = file.read(_MAX_LEFT_BYTES)
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise StartupError(f"cannot read {self._path} ({self._option}): {_reason(error, self._path)}") from None
        if not _FORMS[self._option].fullmatch(content):
            kind = _NAMES[self._option]
            raise StartupError(f"{self._path} ({self._option}) is no {kind}; remove it or name another one")
        return content

    def check(self) -> None:
        """Raise a StartupError if the file cannot be written, or is one of another kind."""
        self.read()
        temporary = f"{self._path}.{os.getpid()}"
        try:
            _write_new(temporary, "")
            os.unlink(temporary)
        except OSError as error:
            raise StartupError(f"cannot write {self._path} ({self._option}): {_reason(error, self._path)}") from None

    def forget(self) -> None:
        """Leave the file to another process."""
        self._identity = None

    def remove(self) -> None:
        """Remove the file if it is ours."""
        if self._pid == os.getpid():
            remove_path(self._path, self._identity)


def write_pid_file(path: str, predecessor: int = 0) -> LeftFile:
    """Write the number of this process into a file. Raises StartupError, also if it names a process that lives.

    `predecessor` is a process that may live: the one whose place this one takes.
    """
    file = LeftFile("pid_file", path)
    with locked_directory_of(file.path):
        pid = int(file.read().strip() or 0)
        if pid not in (0, os.getpid(), predecessor) and is_alive(pid, _age_of(file.path)):
            raise StartupError(
                f"{file.path} (pid_file) names process {pid}{command_of(pid)}, which is running; "
                f"stop it, or remove the file if it is not this server's"
            )
        file.write(f"{os.getpid()}\n")
    return file


def address_lines(listeners: Iterable[Listener]) -> str:
    """Return a line for each address: "host port", or "unix path"."""
    lines = []
    for listener in listeners:
        if listener.is_redirect:
            continue
        name = listener.sock.getsockname()
        lines.append(f"unix {os.path.abspath(os.fsdecode(name))}" if listener.is_unix else f"{name[0]} {name[1]}")
    return "".join(f"{line}\n" for line in dict.fromkeys(lines))


def is_alive(pid: int, age: float = 0.0) -> bool:
    """Tell whether there is a process of this number that is at least so many seconds old, as far as can be told."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # it is another user's
        pass
    state, lived = _state_of(pid)
    return state != "Z" and lived + _YOUTH_SECONDS >= age


def _state_of(pid: int) -> tuple[str, float]:
    """Return the state of a process and how long it has lived, in seconds; for ever where that cannot be told."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # The name in brackets may hold anything; state and start are the 1st and the 20th word behind it.
            words = file.read().rpartition(b")")[2].split()
        now = time.clock_gettime(time.CLOCK_BOOTTIME)
        return words[0].decode(), now - int(words[19]) / os.sysconf("SC_CLK_TCK")
    except (OSError, AttributeError, ValueError, IndexError):
        return "", float("inf")


def _age_of(path: str) -> float:
    try:
        return time.time() - os.stat(path).st_mtime
    except OSError:
        return 0.0


def _is_dangling(path: str) -> bool:
    return os.path.islink(path) and not os.path.exists(path)


def _write_new(path: str, text: str) -> None:
    with contextlib.suppress(FileNotFoundError):  # left by a process of the same number
        os.unlink(path)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), _MODE)
    try:
        os.write(fd, text.encode(errors="surrogateescape"))
    except OSError:  # the disk is full
        os.unlink(path)
        raise
    finally:
        os.close(fd)


def _reason(error: OSError, path: str) -> str:
    folder = os.path.dirname(path)
    if isinstance(error, FileNotFoundError | NotADirectoryError) and not os.path.isdir(folder):
        return f"there is no directory {folder}"
    if isinstance(error, PermissionError):
        return f"permission denied; {folder} must be writable by this user"
    return error.strerror or str(error)
