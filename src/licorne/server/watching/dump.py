"""Dump: what a process is doing, in words: the line that holds the event loop, the request, the threads, the tasks.

Rules: made while the loop stands still, from another thread or from a signal handler, so nothing here waits for the
loop or takes a lock that its thread holds for long. Everything is bounded: what is the same many times, such as threads
that wait at one place, is one entry.
"""

import asyncio
import linecache
import logging
import os
import sys
import sysconfig
import textwrap
import threading
import traceback
from collections import Counter
from collections.abc import Iterable, Sequence
from types import CodeType, FrameType
from typing import Any

from licorne.server.watching.census import Flight, client_name

__all__ = ["describe_dump", "frames_of", "is_logging", "is_loop_itself", "place_of", "request_in"]

_MAX_FRAMES = 60
_MAX_THREAD_FRAMES = 12
_MAX_ENTRIES = 30
_MAX_LINE = 120
#: The longest chain of coroutines that wait for each other that is followed.
_MAX_DEPTH = 100

_OUR_THREADS = "licorne-"
_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_PATHS = sysconfig.get_paths()
_STDLIB = tuple({_PATHS[name] + os.sep for name in ("stdlib", "platstdlib")})
_PACKAGES = (*{_PATHS[name] + os.sep for name in ("purelib", "platlib")}, f"{os.sep}site-packages{os.sep}")
_LOGS = (os.path.dirname(os.path.abspath(logging.__file__)) + os.sep, os.path.join(_OURS, "logs") + os.sep)


# --- where a thread is ---------------------------------------------------------------------------------------


def frames_of(frame: FrameType | None, base: Iterable[FrameType] = ()) -> list[FrameType]:
    """Return the frames from the innermost outwards, up to those of `base`, which run the loop."""
    frames = []
    while frame is not None and not any(frame is outer for outer in base):
        frames.append(frame)
        frame = frame.f_back
    return frames


def is_loop_itself(frames: Sequence[FrameType]) -> bool:
    """Tell whether nobody's code runs but Python's and ours: perhaps the loop waits for something to do."""
    return all(_is_inner(frame.f_code.co_filename) for frame in frames)


def place_of(frames: Sequence[FrameType]) -> str:
    """Return the line of the application that a thread is at, such as "main.py:12 in view: time.sleep(5)"."""
    if not frames:
        return "a place that no Python frame shows"
    names = [frame.f_code.co_filename for frame in frames]
    chosen = next((i for i, name in enumerate(names) if not _is_inner(name) and not _is_package(name)), None)
    if chosen is None:
        chosen = next((i for i, name in enumerate(names) if not _is_inner(name)), 0)
    place = _line_of(frames[chosen])
    if chosen and not _is_inner(names[0]):
        place += f" (in {_name_of(frames[0].f_code, frames[0].f_lineno)})"
    return place


def request_in(frames: Iterable[FrameType]) -> str:
    """Return the request that a thread works for, by the scope that its functions were called with; "" if none."""
    found = None
    for frame in frames:  # the outermost one: further in, a scope may be that of a mounted application
        found = _scope_of(frame) or found
    return "" if found is None else _name_scope(found)


def is_logging(frames: Iterable[FrameType]) -> bool:
    """Tell whether a thread is inside logging, whose locks it may hold."""
    return any(frame.f_code.co_filename.startswith(_LOGS) for frame in frames)


def _is_inner(filename: str) -> bool:
    """Tell whether a file is Python's or ours."""
    return filename.startswith((_OURS, "<frozen")) or (filename.startswith(_STDLIB) and not _is_package(filename))


def _is_package(filename: str) -> bool:
    return any(part in filename for part in _PACKAGES)


def _line_of(frame: FrameType) -> str:
    source = linecache.getline(frame.f_code.co_filename, frame.f_lineno, frame.f_globals).strip()
    return f"{_name_of(frame.f_code, frame.f_lineno)}{f': {source[:_MAX_LINE]}' if source else ''}"


def _name_of(code: CodeType, line: int | None) -> str:
    return f"{_short(code.co_filename)}:{line} in {code.co_qualname}"


def _short(filename: str) -> str:
    try:
        return filename.removeprefix(os.getcwd() + os.sep)
    except OSError:  # the directory is gone
        return filename


def _scope_of(frame: FrameType) -> dict[str, Any] | None:
    """Return the ASGI scope among the arguments of a function."""
    code = frame.f_code
    names = code.co_varnames[: code.co_argcount]
    if "scope" not in names and code.co_argcount not in (3, 4):
        return None
    values = frame.f_locals
    for name in ("scope", *names[:2]):
        value = values.get(name)
        if isinstance(value, dict) and value.get("type") in ("http", "websocket"):
            return value
    return None


def _name_scope(scope: dict[str, Any]) -> str:
    raw = scope.get("raw_path")
    path = raw.decode("ascii", "backslashreplace") if isinstance(raw, bytes) else str(scope.get("path", ""))
    client = client_name(scope.get("client"))
    return f"{scope.get('method') or 'WebSocket'} {path.partition('?')[0]}{f' from {client}' if client else ''}"


# --- everything ----------------------------------------------------------------------------------------------


def describe_dump(
    frames: Sequence[FrameType], thread: int, flights: Iterable[Flight], loop: asyncio.AbstractEventLoop | None
) -> str:
    """Return what a process does: `thread`, which runs the loop, is at `frames`, `flights` are what it had begun."""
    sections = {
        "Thread of the event loop, most recent call last": _stack(frames, _MAX_FRAMES),
        "Other threads": _bounded(_other_threads(thread)),
        "Requests that wait": _bounded([str(flight) for flight in flights]),
        "Tasks": _bounded(_tasks(loop)),
    }
    lines = []
    for title, entries in sections.items():
        if entries:
            lines.append(f"{title}:")
            lines += [textwrap.indent(entry, "  ") for entry in entries]
    return "\n".join(lines)


def _bounded(entries: list[str]) -> list[str]:
    left = len(entries) - _MAX_ENTRIES
    return entries if left <= 0 else [*entries[:_MAX_ENTRIES], f"and {left} more"]


def _stack(frames: Sequence[FrameType], limit: int) -> list[str]:
    pairs = [(frame, frame.f_lineno) for frame in reversed(frames[:limit])]
    return [textwrap.dedent(line).rstrip() for line in traceback.StackSummary.extract(iter(pairs)).format()]


def _other_threads(thread: int) -> list[str]:
    names = {found.ident: found.name for found in threading.enumerate()}
    groups: dict[str, list[str]] = {}
    for ident, frame in sys._current_frames().items():
        name = names.get(ident) or f"thread {ident}"
        if ident not in (thread, threading.get_ident()) and not name.startswith(_OUR_THREADS):
            # The outermost frames only begin the thread.
            frames = [outer for outer in frames_of(frame) if not outer.f_code.co_name.startswith("_bootstrap")]
            groups.setdefault("\n".join(_stack(frames, _MAX_THREAD_FRAMES)), []).append(name)
    return [f"{_owners(owners)}:\n{textwrap.indent(stack, '  ')}" for stack, owners in groups.items()]


def _owners(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{len(names)} threads ({names[0]}, …)"


def _tasks(loop: asyncio.AbstractEventLoop | None) -> list[str]:
    if loop is None:
        return []
    try:
        tasks = asyncio.all_tasks(loop)
        running = asyncio.current_task(loop)
    except RuntimeError:  # they change all the time: the loop turns again
        return []
    counts = Counter(f"{_coroutine_name(task)} {'runs' if task is running else _waiting_at(task)}" for task in tasks)
    return [text if count == 1 else f"{count} times {text}" for text, count in counts.most_common()]


def _coroutine_name(task: "asyncio.Task[Any]") -> str:
    coroutine = task.get_coro()
    return str(getattr(coroutine, "__qualname__", None) or type(coroutine).__name__)


def _waiting_at(task: "asyncio.Task[Any]") -> str:
    """Return where a suspended task waits: the innermost line of its coroutines that is not Python's own."""
    coroutine: Any = task.get_coro()
    place = ""
    for _ in range(_MAX_DEPTH):
        frame = getattr(coroutine, "cr_frame", None) or getattr(coroutine, "gi_frame", None)
        if frame is not None and not (place and _is_inner(frame.f_code.co_filename)):
            place = _name_of(frame.f_code, frame.f_lineno)
        coroutine = getattr(coroutine, "cr_await", None) or getattr(coroutine, "gi_yieldfrom", None)
        if coroutine is None:
            break
    return f"waits at {place}" if place else "waits"
