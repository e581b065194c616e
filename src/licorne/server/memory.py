"""Memory: how much of it this process holds."""

import os
import sys

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

__all__ = ["resident_bytes"]

_STATM = "/proc/self/statm"


def resident_bytes() -> int:
    """Return the resident set size in bytes; where the system tells only the largest so far, that; 0 where nothing."""
    try:
        with open(_STATM, "rb") as file:
            pages = int(file.read().split()[1])
    except (OSError, ValueError, IndexError):
        return _largest_so_far()
    return pages * os.sysconf("SC_PAGE_SIZE")


def _largest_so_far() -> int:
    if sys.platform == "win32":
        return 0
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest if sys.platform == "darwin" else largest * 1024
