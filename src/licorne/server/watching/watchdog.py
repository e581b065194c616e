"""Watchdog: says what holds an event loop that does not turn, and what the process is doing when that lasts.

The loop beats, a thread looks whether it does (blocked.py decides), samples the thread of the loop once for each stall
and speaks: one warning with the request and the line, one line when the loop turns again, and one dump before whoever
watches the process from outside ends it (dump.py finds the words).

Rules: the thread owns nothing that the loop waits for. It begins when connections are let in and ends with the last
request, so that a long start or end is nobody's fault. It speaks through the error log, but past it when the loop's
thread stands inside logging.
"""

import asyncio
import contextlib
import logging
import os
import select
import sys
import threading
import time
from collections.abc import Sequence
from types import FrameType

from licorne.server.companion import Companion, Host
from licorne.server.watching.blocked import Ration, Stage, Stalls
from licorne.server.watching.census import Census
from licorne.server.watching.dump import describe_dump, frames_of, is_logging, is_loop_itself, place_of, request_in

__all__ = ["Watchdog"]

logger = logging.getLogger("licorne.error")

#: So many stalls are reported within so many seconds; of the others the number is said.
_REPORTS = 5
_REPORT_SECONDS = 60.0
_CENSUS_SECONDS = 0.2
_STDERR = 2
_PATIENCE_SECONDS = 0.3
#: The part of a freeze that the process computed for, from which it was no suspension.
_BUSY_SHARE = 0.5


class Backstop:
    """Be what speaks when no Python code can: at SIGABRT, and in a process that nobody watches by itself."""

    def look(self) -> None:
        """Take note that Python code runs."""

    def quieten(self) -> None:
        """Say nothing: it was said."""

    def listen(self) -> None:
        """Speak again."""


class Watchdog(Companion):
    """Watch the loop of one server; `warn` and `limit` are seconds, 0 is never."""

    def __init__(self, warn: float, limit: float) -> None:
        self.backstop = Backstop()
        self._stalls = Stalls(warn, limit)
        self.interval = self._stalls.interval
        self._census = Census(lambda: None if self._server is None else self._server.runtime)
        self._counted_at = 0.0
        self._ration = Ration(_REPORTS, _REPORT_SECONDS)
        self._server: Host | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._seat = _Seat()
        self._beats = 0
        #: What was said of the stall that goes on, "" if nothing was.
        self._said = ""
        self._over = threading.Event()

    # --- called by the loop ----------------------------------------------------------------------------------

    def begun(self, server: Host) -> None:
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._seat = _Seat.here()

    def ready(self) -> None:
        if not self._stalls.is_idle:
            self._look()  # from now on, even if the thread gets its first turn late
            threading.Thread(target=self._watch, name="licorne-watchdog", daemon=True).start()

    def tick(self, now: float) -> None:
        self._beats += 1
        present = time.monotonic()
        self._seat.beat(present)
        if present - self._counted_at >= _CENSUS_SECONDS:
            self._counted_at = present
            self._census.take(present)

    def drained(self) -> None:
        self._over.set()  # no request is left that could wait

    def ended(self) -> None:
        self._over.set()
        self._server = self._loop = None
        self._seat = _Seat()

    # --- called by anybody -----------------------------------------------------------------------------------

    def last_words(self, frame: FrameType | None) -> None:
        """Say what the process is doing, its main thread being at `frame`, unless that was said of this stall."""
        if self._stalls.said is not Stage.DUMP:
            frames = frames_of(frame, self._seat.base)
            self._dump(f"SIGABRT at {self._where(frames)}", frames)

    # --- the thread ------------------------------------------------------------------------------------------

    def _watch(self) -> None:
        while not self._over.wait(self._stalls.interval):
            try:
                self._look()
            except Exception:
                logger.exception("The watchdog has failed; the event loop is watched no longer")
                return

    def _look(self) -> None:
        self.backstop.look()
        beats, computed = self._beats, self._seat.take_computed()
        match self._stalls.look(beats, time.monotonic()):
            case Stage.WARN if self._is_still_blocked(beats):
                self._warn()
            case Stage.DUMP if self._is_still_blocked(beats):
                self._dump_blocked()
            case Stage.OVER:
                self._finish()
            case Stage.FROZEN:
                self._say_frozen(self._stalls.frozen, computed)

    def _is_still_blocked(self, beats: int) -> bool:
        """Tell whether nothing has changed since; where the loop may just wait for work, a beat is waited for."""
        if is_loop_itself(self._seat.frames()):
            self._over.wait(self._stalls.interval * 2)
        return self._beats == beats and not self._over.is_set()

    def _warn(self) -> None:
        frames = self._seat.frames()
        where = self._where(frames)
        if self._said or self._ration.allows(time.monotonic()):
            withheld = self._ration.take_withheld()
            more = f"; {withheld} other stalls were not reported" if withheld else ""
            self._said = where
            self._say(logging.WARNING, f"{self._heading(where)}{more}", frames)

    def _dump_blocked(self) -> None:
        frames = self._seat.frames()
        where = self._said = self._where(frames)
        self._dump(self._heading(where), frames)
        self.backstop.quieten()

    def _dump(self, heading: str, frames: Sequence[FrameType]) -> None:
        present = time.monotonic()
        task = self._current_task()
        waiting = [flight for flight in self._census.flights(present) if flight.task is not task]
        try:
            text = describe_dump(frames, self._seat.thread, waiting, self._loop)
        except Exception as error:
            text = f"What it is doing cannot be told: {type(error).__name__}: {error}"
        self._say(logging.CRITICAL, f"{heading}\n{text}", frames)

    def _finish(self) -> None:
        said, self._said = self._said, ""
        gap = self._seat.take_gap()
        self.backstop.listen()
        if said:
            # Between two beats there is an interval in any case.
            seconds = max(gap - self.interval, 0.0)
            logger.warning("The event loop turns again after %.1f s at %s", seconds, said)

    def _say_frozen(self, seconds: float, computed: float) -> None:
        if not self._ration.allows(time.monotonic()):
            return
        if computed > seconds * _BUSY_SHARE:
            logger.warning("No Python code could run for %.1f s: C code held the GIL", seconds)
        else:
            line = "No Python code could run for %.1f s: the process was suspended, or C code held the GIL and waited"
            logger.info(line, seconds)

    def _heading(self, where: str) -> str:
        return f"The event loop has stood still for {self._stalls.quiet:.1f} s at {where}"

    def _where(self, frames: Sequence[FrameType]) -> str:
        # The census has seen a request that had to wait before, and knows its age.
        flight = self._census.flight_of(self._current_task(), time.monotonic())
        request = request_in(frames) if flight is None else str(flight)
        return f"{place_of(frames)}{f' ({request})' if request else ''}"

    def _current_task(self) -> object:
        return None if self._loop is None else asyncio.current_task(self._loop)

    def _say(self, level: int, text: str, frames: Sequence[FrameType]) -> None:
        if is_logging(frames):
            _write(f"{logging.getLevelName(level)}: {text}\n")
        else:
            logger.log(level, "%s", text)


class _Seat:
    """Know the thread of a loop, the frames that run it, its beats, and what the process computes."""

    __slots__ = ("_computed", "_gap", "_last", "base", "thread")

    def __init__(self, thread: int = 0, base: Sequence[FrameType] = ()) -> None:
        self.thread = thread
        self.base = base
        self._last = time.monotonic()
        self._gap = 0.0
        self._computed = 0.0

    @classmethod
    def here(cls) -> "_Seat":
        """Return that of the calling thread, whose loop turns."""
        return cls(threading.get_ident(), frames_of(sys._getframe(1)))

    def frames(self) -> list[FrameType]:
        """Return where the thread is, the innermost frame first."""
        return frames_of(sys._current_frames().get(self.thread), self.base)

    def beat(self, now: float) -> None:
        """Take note that the loop turns."""
        self._gap = max(self._gap, now - self._last)
        self._last = now

    def take_gap(self) -> float:
        """Return the longest time between two beats since this was asked, in seconds."""
        gap, self._gap = self._gap, 0.0
        return gap

    def take_computed(self) -> float:
        """Return the seconds that all threads have computed since this was asked."""
        before, self._computed = self._computed, time.process_time()
        return self._computed - before


def _write(text: str) -> None:
    """Write to standard error by its descriptor, if somebody takes it soon."""
    with contextlib.suppress(OSError, ValueError):
        if select.select((), (_STDERR,), (), _PATIENCE_SECONDS)[1]:
            os.write(_STDERR, text.encode("utf-8", "backslashreplace"))
