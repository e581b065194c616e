"""Bytecode: has the next worker compile what was changed, whatever Python has kept of it.

Python tells by the second of a change and by the size whether what it has compiled is out of date. Somebody who saves
twice within a second, "one" and then "two", would be served the first of both for ever. So what was kept of a file that
is known to have changed is dropped.

Rules: it is dropped when nobody is left who might keep the old anew: after the end of one worker, before the start of
the next. The import itself is left as it is: what has not changed is read as fast as ever, and the program finds no
setting changed.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from importlib.util import cache_from_source

__all__ = ["drop_bytecode"]


def drop_bytecode(paths: Iterable[str]) -> None:
    """Remove what Python keeps of these source files, as far as it may be removed."""
    for path in paths:
        if path.endswith(".py"):
            with suppress(OSError, NotImplementedError):  # the last: this Python keeps nothing
                os.unlink(cache_from_source(path))
