"""uvloop, which must be installed."""

import asyncio
from collections.abc import Callable

import uvloop

__all__ = ["uvloop_loop_factory"]


def uvloop_loop_factory(use_subprocess: bool = False) -> Callable[[], asyncio.AbstractEventLoop]:
    """Return what makes the loop."""
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory
