"""Standard descriptors: keeps 0, 1 and 2 from being anything but standard input, output and error.

A process can be started with some of them closed. The next file that is opened gets the lowest number that is free:
a listening socket would be standard error, for whatever writes there, and standard input, which a worker has replaced.
"""

import errno
import os

__all__ = ["occupy_standard_descriptors"]

_STANDARD = (0, 1, 2)


def occupy_standard_descriptors() -> None:
    """Open the null device under each standard number that is closed."""
    for fd in _STANDARD:
        try:
            os.fstat(fd)
        except OSError as error:
            if error.errno == errno.EBADF:
                _occupy(fd)


def _occupy(fd: int) -> None:
    null = os.open(os.devnull, os.O_RDWR)  # the lowest number that is free, which is most often this one
    if null != fd:
        os.dup2(null, fd)
        os.close(null)
    os.set_inheritable(fd, True)
