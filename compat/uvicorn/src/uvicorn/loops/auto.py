"""The best loop that is installed."""

import asyncio
from collections.abc import Callable

__all__ = ["auto_loop_factory"]


def auto_loop_factory(use_subprocess: bool = False) -> Callable[[], asyncio.AbstractEventLoop]:
    """Return what makes a loop of uvloop where that is installed, else one of asyncio."""
    try:
        from uvicorn.loops.uvloop import uvloop_loop_factory
    except ImportError:
        from uvicorn.loops.asyncio import asyncio_loop_factory

        return asyncio_loop_factory(use_subprocess)
    return uvloop_loop_factory(use_subprocess)
