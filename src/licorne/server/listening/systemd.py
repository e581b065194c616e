"""systemd: the sockets that it has opened for a service and passes on (`LISTEN_FDS`).

Rules: descriptors are taken once, and the variables that tell of them are removed, so that programs which the
application starts do not take them for their own. Descriptors that are for another process are not touched.
"""

import os
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Final

from licorne.errors import StartupError

__all__ = ["PassedSocket", "choose_passed", "take_passed"]

_FIRST_FD: Final = 3
_MAX_DIGITS: Final = 9
_SHOWN: Final = 40
_VARIABLES: Final = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID")


@dataclass(frozen=True, slots=True)
class PassedSocket:
    """Be a descriptor that was passed, with the name that its unit gives it."""

    fd: int
    name: str


def take_passed(environ: MutableMapping[str, str]) -> list[PassedSocket]:
    """Return what systemd has passed to this process, and remove the variables. Raises StartupError."""
    pid, count, names, _ = (environ.pop(name, "") for name in _VARIABLES)
    if not count or pid != str(os.getpid()):
        return []
    if not (count.isascii() and count.isdigit() and len(count) <= _MAX_DIGITS):
        raise StartupError(f"variable LISTEN_FDS must be a number of descriptors, got {count[:_SHOWN]!r}")
    named = names.split(":")
    passed = []
    for index in range(int(count)):
        _keep_from_children(_FIRST_FD + index)
        passed.append(PassedSocket(_FIRST_FD + index, named[index] if index < len(named) else ""))
    return passed


def choose_passed(passed: list[PassedSocket], name: str) -> list[int]:
    """Return the descriptors of a name, all if it is empty. Raises StartupError when there is none."""
    chosen = [each.fd for each in passed if name in ("", each.name)]
    if chosen:
        return chosen
    if not passed:
        raise StartupError("cannot listen on fd://systemd: systemd has passed no socket to this process")
    there = ", ".join(sorted({each.name or "without a name" for each in passed}))
    raise StartupError(f"cannot listen on fd://systemd:{name}: systemd has passed no socket of this name, but {there}")


def _keep_from_children(fd: int) -> None:
    try:
        os.set_inheritable(fd, False)
    except OSError:
        raise StartupError(
            f"cannot listen on fd://{fd}: LISTEN_FDS tells of it, but no such file descriptor was passed"
        ) from None
