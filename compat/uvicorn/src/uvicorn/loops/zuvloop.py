"""zuvloop, which must be installed."""

import asyncio
from collections.abc import Callable

import zuvloop  # type: ignore[import-not-found]

__all__ = ["zuvloop_loop_factory"]


def zuvloop_loop_factory(use_subprocess: bool = False) -> Callable[[], asyncio.AbstractEventLoop]:
    """Return what makes the loop."""
    factory: Callable[[], asyncio.AbstractEventLoop] = zuvloop.new_event_loop
    return factory
