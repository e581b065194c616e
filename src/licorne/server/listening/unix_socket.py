"""UNIX sockets: binds one at a path, takes over a stale path, and removes the path when it is still ours.

Rules: a path is reclaimed only when it is a socket that nobody answers on; a file of another kind is never
touched. A new path may be connected to by everyone (mode 0666), because the proxy in front runs as another
user; one that was there keeps its mode, because somebody chose it; what the options say goes before both.

To look, to remove and to bind are one step for whoever else does the same: the directory is locked meanwhile, so of two
servers that start at once on a stale path one finds the other's socket. The path shows up with no permissions at all,
and gets them when it has its owner.
"""

import contextlib
import errno
import os
import socket
import stat
import sys
from dataclasses import dataclass

from licorne.config.options import Config
from licorne.errors import StartupError
from licorne.server.accounts import find_owner
from licorne.server.listening.occupant import holder_of_path, is_path_held
from licorne.server.locking import locked_directory_of

__all__ = ["Admission", "admission_of", "bind_unix", "identity", "remove_path"]

_MODE = 0o666
#: What the system's `sockaddr_un` holds, without the NUL at its end.
_MAX_PATH_BYTES = 107 if sys.platform == "linux" else 103


@dataclass(frozen=True, slots=True)
class Admission:
    """Say who may connect to a UNIX socket: permissions, or None for the usual ones, and owners, -1 for ours."""

    mode: int | None = None
    user: int = -1
    group: int = -1


def admission_of(config: Config) -> Admission:
    """Return what the options say of UNIX sockets. Raises ConfigError."""
    user, group = find_owner(config.uds_owner, "uds_owner") if config.uds_owner else (-1, -1)
    return Admission(config.uds_mode, user, group)


def bind_unix(path: str, admission: Admission | None = None) -> socket.socket:
    """Return a socket bound to `path`. Raises StartupError."""
    if not hasattr(socket, "AF_UNIX"):
        raise StartupError(f"cannot listen on unix:{path}: this system has no UNIX sockets")
    with locked_directory_of(path):
        mode = _reclaim(path)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with contextlib.suppress(OSError):  # only Linux has permissions of sockets that have no path yet
                os.fchmod(sock.fileno(), 0)
            sock.bind(path)
        except OSError as error:
            sock.close()
            raise StartupError(f"cannot listen on unix:{path}: {_reason(error, path)}") from None
        try:
            _admit(path, admission or Admission(), _MODE if mode is None else mode)
        except BaseException:
            sock.close()
            os.unlink(path)
            raise
    return sock


def _admit(path: str, admission: Admission, mode: int) -> None:
    if admission.user != -1 or admission.group != -1:
        try:
            os.chown(path, admission.user, admission.group)
        except OSError as error:
            reason = error.strerror or str(error)
            raise StartupError(f"cannot give unix:{path} to another owner (uds_owner): {reason}") from None
    os.chmod(path, mode if admission.mode is None else admission.mode)


def identity(path: str) -> tuple[int, int] | None:
    """Return what tells the file at `path` from one that takes its place later, None when there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def remove_path(path: str, ours: tuple[int, int] | None) -> None:
    """Remove `path` unless another process has put its own socket there."""
    if ours is None or identity(path) != ours:
        return
    try:
        os.unlink(path)
    except OSError:
        return


def _reclaim(path: str) -> int | None:
    """Remove a stale socket at `path` and return its mode; None when the path is free."""
    try:
        status = os.stat(path)
    except OSError:
        if os.path.islink(path):
            target = os.path.realpath(path)
            problem = f"the path is a link to {target}, which is not there; remove the link"
            raise StartupError(f"cannot listen on unix:{path}: {problem}") from None
        return None
    if not stat.S_ISSOCK(status.st_mode):
        raise StartupError(f"cannot listen on unix:{path}: the path exists and is not a socket; remove or rename it")
    _refuse_live(path)
    if identity(path) == (status.st_dev, status.st_ino):  # nobody has bound it anew meanwhile
        try:
            os.unlink(path)
        except OSError as error:
            raise StartupError(f"cannot remove the stale socket unix:{path}: {_reason(error, path)}") from None
    return stat.S_IMODE(status.st_mode)


def _refuse_live(path: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(path)
        except (ConnectionRefusedError, FileNotFoundError):
            # A server that is still starting has bound its path and does not answer yet.
            holder = holder_of_path(path)
            if not holder and not is_path_held(path):
                return
        except OSError as error:
            # EAGAIN is a full queue, EPROTOTYPE a socket of another type: both belong to somebody.
            if error.errno in (errno.EACCES, errno.EPERM):
                raise StartupError(f"cannot listen on unix:{path}: {_reason(error, path)}") from None
            holder = holder_of_path(path)
        else:
            holder = holder_of_path(path)
    raise StartupError(f"cannot listen on unix:{path}: the socket is in use{holder}; stop it or choose another path")


def _reason(error: OSError, path: str) -> str:
    size = len(os.fsencode(path))
    if size > _MAX_PATH_BYTES:
        return f"the path has {size} bytes, and that of a UNIX socket at most {_MAX_PATH_BYTES}; choose a shorter one"
    folder = os.path.dirname(os.path.abspath(path))
    match error.errno:
        case errno.ENOENT | errno.ENOTDIR if not os.path.isdir(folder):
            return f"there is no directory {folder}"
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return f"permission denied; {folder} and the path must be writable by this user"
        case errno.EADDRINUSE:
            return f"the socket is in use{holder_of_path(path)}"
        case _:
            return error.strerror or str(error)
