"""Leaving: ends a process without taking it apart, which Python does at its end with all modules and objects.

For a large application that takes longer than what it has to do; a worker that ends for a reload leaves it to the
system, since somebody waits for it to be gone. So does a worker that was forked: what is taken apart would be the
supervisor's as well.

Rules: what programs rely on is done: threads are waited for, functions of `atexit` are called, files are flushed.
"""

import atexit
import contextlib
import gc
import io
import os
import sys
import threading
from typing import NoReturn

__all__ = ["leave"]

_FILES = (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom)


def leave(status: int) -> NoReturn:
    """End the process with an exit status."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    _flush_files()
    os._exit(status)


def _flush_files() -> None:
    """Write what is still in the buffers of files that nobody has closed."""
    # What a supervisor has frozen before a fork is not found; of that, nobody but Python's own streams is written to.
    for found in (sys.stdout, sys.stderr, *gc.get_objects()):
        if type(found) in _FILES:
            with contextlib.suppress(OSError, ValueError):
                found.flush()
