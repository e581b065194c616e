"""asyncio's own loop."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable

__all__ = ["asyncio_loop_factory"]


def asyncio_loop_factory(use_subprocess: bool = False) -> Callable[[], asyncio.AbstractEventLoop]:
    """Return the class of the loop."""
    if sys.platform == "win32" and not use_subprocess:
        return asyncio.ProactorEventLoop
    return asyncio.SelectorEventLoop
