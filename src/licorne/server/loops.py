"""Loops: which event loop a worker runs on.

Rules: `auto` is uvloop where it is installed, else asyncio's own; a loop that was asked for by name and cannot
be had is a StartupError, never replaced by another. uvloop aborts the process in places where it finds no descriptor
left, so it is seen to before that there are some.
"""

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable

from licorne.errors import StartupError
from licorne.server.application.importer import import_object

__all__ = ["LoopFactory", "choose_loop", "refuse_exhausted", "refuse_running_loop"]

#: More than a loop and a first connection take.
_DESCRIPTORS = 16

LoopFactory = Callable[[], asyncio.AbstractEventLoop]


def choose_loop(name: str) -> LoopFactory:
    """Return the factory of the event loop that the option `loop` names. Raises StartupError."""
    if name == "asyncio":
        return _asyncio_factory()
    if name in ("auto", "uvloop"):
        return _uvloop_factory(is_required=name == "uvloop")
    return _custom_factory(name)


def refuse_running_loop() -> None:
    """Raise a RuntimeError where a loop runs: no other can be started in its thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise RuntimeError("run() starts an event loop, and one is running here; use: await licorne.serve(…)")


def refuse_exhausted() -> None:
    """Raise a StartupError where the system lets this process open nothing more, or hardly anything."""
    try:
        with contextlib.ExitStack() as opened:
            for _ in range(_DESCRIPTORS):
                opened.callback(os.close, os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        raise StartupError(f"cannot start: {error.strerror or error}; see ulimit -n") from None


def _asyncio_factory() -> LoopFactory:
    # Named, because a policy that somebody has set would make another one of `new_event_loop()`.
    if sys.platform == "win32":
        return asyncio.ProactorEventLoop
    return asyncio.SelectorEventLoop


def _uvloop_factory(*, is_required: bool) -> LoopFactory:
    try:
        import uvloop
    except ImportError as error:
        if not is_required:
            return _asyncio_factory()
        advice = "install it with: pip install 'licorne[standard]'"
        raise StartupError(f"the event loop uvloop cannot be imported ({error}); {advice}") from None
    factory: LoopFactory = uvloop.new_event_loop
    return factory


def _custom_factory(name: str) -> LoopFactory:
    factory = import_object(name, f"the event loop {name}")
    if not callable(factory):
        raise StartupError(f"the event loop {name} is not callable; it must return an event loop when called")
    return lambda: _make(factory, name)


def _make(factory: Callable[[], object], name: str) -> asyncio.AbstractEventLoop:
    try:
        loop = factory()
    except Exception as error:
        raise StartupError(f"the event loop {name} failed: {type(error).__name__}: {error}") from error
    if not isinstance(loop, asyncio.AbstractEventLoop):
        raise StartupError(f"the event loop {name} returned a {type(loop).__name__}, which is no event loop")
    return loop
