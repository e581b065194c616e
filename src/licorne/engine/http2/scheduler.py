"""Scheduler: which stream writes next (RFC 9218 §10).

    urgency        0 to 7; the lower number goes first, and the others wait until it has nothing to send
    sequential     in the order of their identifiers, each whole before the next: the peer needs all of one
    incremental    taking turns, a frame each: the peer can use the parts. Within one urgency the first of the
                   sequential ones takes turns with them

Only streams that can send are here. One that its own window holds back is not; one that only the window of the
connection holds back is put aside, until there is credit for all of them.
"""

from collections import deque
from operator import attrgetter

from licorne.engine.sink import ResponseSink

__all__ = ["DEFAULT_PRIORITY", "Scheduled", "Scheduler", "parse_priority"]

# RFC 9218 §4.1, §4.2
_DEFAULT_URGENCY = 3
_MAX_URGENCY = 7

#: A priority is `urgency * 2 + is_incremental`.
DEFAULT_PRIORITY = _DEFAULT_URGENCY * 2
_DEFAULT_PRIORITY = DEFAULT_PRIORITY

# Where a stream is.
_NOWHERE = 0
_WAITING = 1
_ASIDE = 2

_IDENTIFIER = attrgetter("id")


def parse_priority(value: bytes) -> int:
    """Return the priority that a `priority` field or a PRIORITY_UPDATE names (RFC 9218 §4, §5).

    What is not understood is ignored, as if it had not been said.
    """
    urgency, is_incremental = _DEFAULT_URGENCY, 0
    for member in value.split(b","):
        key, equals, rest = member.strip(b" \t").partition(b"=")
        said = rest.partition(b";")[0]
        if key == b"u" and len(said) == 1 and b"0" <= said <= b"7":
            urgency = said[0] - 48
        elif not equals and key.partition(b";")[0] == b"i":
            is_incremental = 1
        elif key == b"i" and said in (b"?0", b"?1"):
            is_incremental = said[1] - 48
    return urgency * 2 + is_incremental


class Scheduled(ResponseSink):
    """Be what a scheduler puts in order: something that has an identifier, a priority and bytes to send."""

    __slots__ = ("id", "place", "priority", "queued")

    id: int
    #: The scheduler's note of where this is.
    place: int
    priority: int
    #: Body bytes that wait.
    queued: int

    def begin_scheduled(self, stream_id: int) -> None:
        """Set every attribute of something new."""
        self.id = stream_id
        self.place = _NOWHERE
        self.priority = _DEFAULT_PRIORITY
        self.queued = 0

    def is_stuck(self) -> bool:
        """Tell whether body waits for a window; it has had its turn."""
        return self.queued > 0 and self.place != _WAITING


class Level:
    """Hold the streams of one urgency."""

    __slots__ = ("is_sorted", "last", "left", "sequence", "turns")

    def __init__(self) -> None:
        #: The sequential ones, the next first if `is_sorted`.
        self.sequence: list[Scheduled] = []
        self.is_sorted = True
        self.last = 0
        #: The incremental ones, the next first.
        self.turns: deque[Scheduled] = deque()
        #: How many of them have their turn before the first of the others has it again.
        self.left = 0

    def add(self, stream: Scheduled) -> None:
        """Let a stream wait behind those that come before it."""
        if stream.priority & 1:
            self.turns.append(stream)
            return
        if self.sequence and stream.id < self.last:
            self.is_sorted = False
        else:
            self.last = stream.id
        self.sequence.append(stream)

    def go_on(self, stream: Scheduled) -> None:
        """Let a stream wait that had its turn and has more."""
        if stream.priority & 1:
            self.turns.append(stream)
        else:
            if not self.sequence:
                self.last = stream.id
            self.sequence.insert(0, stream)

    def next(self) -> Scheduled:
        """Hand over the next; there is one."""
        if self.sequence and (self.left <= 0 or not self.turns):
            if not self.is_sorted:
                self.sequence.sort(key=_IDENTIFIER)
                self.last = self.sequence[-1].id
                self.is_sorted = True
            self.left = len(self.turns)
            return self.sequence.pop(0)
        self.left -= 1
        return self.turns.popleft()

    def remove(self, stream: Scheduled) -> None:
        """Forget a stream."""
        if stream.priority & 1:
            self.turns.remove(stream)
        else:
            self.sequence.remove(stream)

    def is_empty(self) -> bool:
        """Tell whether nobody waits."""
        return not self.sequence and not self.turns


class Scheduler:
    """Hold the streams of one connection that can send."""

    __slots__ = ("aside", "bytes", "count", "has_held", "has_waiters", "has_window", "lanes", "levels", "queued")

    def __init__(self) -> None:
        self.levels: list[Level | None] = [None] * (_MAX_URGENCY + 1)
        #: Bit n says that somebody of urgency n waits.
        self.lanes = 0
        #: How many wait, and how many body bytes they have.
        self.count = 0
        self.bytes = 0
        #: Those that the window of the connection holds back.
        self.aside: list[Scheduled] = []
        #: The connection has a window.
        self.has_window = True
        #: A stream has something to send and no window; who has looked at it sets this back.
        self.has_held = False
        #: Body bytes of all streams of the connection, also of those that are not here.
        self.queued = 0
        #: An application was told to wait although its own stream has little queued.
        self.has_waiters = False

    def add(self, stream: Scheduled) -> None:
        """Let a stream wait that can send now, unless it waits already."""
        if stream.place == _NOWHERE:
            stream.place = _WAITING
            self.count += 1
            self.bytes += stream.queued
            self._level(stream.priority).add(stream)

    def go_on(self, stream: Scheduled) -> None:
        """Let a stream that had its turn wait for the next one."""
        stream.place = _WAITING
        self.count += 1
        self.bytes += stream.queued
        self._level(stream.priority).go_on(stream)

    def grow(self, stream: Scheduled, size: int) -> None:
        """Take note of `size` bytes that were added to what a stream has to send."""
        stream.queued += size
        self.queued += size
        if stream.place == _WAITING:
            self.bytes += size

    def shrink(self, stream: Scheduled, size: int) -> None:
        """Take note of `size` bytes that a stream has no more; it has its turn, or is not here."""
        stream.queued -= size
        self.queued -= size

    def next(self) -> Scheduled:
        """Hand over the stream whose turn it is; it waits no more. There is one."""
        urgency = 0
        while not self.lanes >> urgency & 1:
            urgency += 1
        level = self._level(urgency * 2)
        stream = level.next()
        if level.is_empty():
            self.lanes &= ~(1 << urgency)
        stream.place = _NOWHERE
        self.count -= 1
        self.bytes -= stream.queued
        return stream

    def is_shared(self, stream: Scheduled) -> bool:
        """Tell whether others of its urgency take turns with that stream, which is no longer waiting."""
        level = self.levels[stream.priority >> 1]
        if level is None:
            return False
        return bool(level.turns) or (stream.priority & 1 != 0 and bool(level.sequence))

    def put_aside(self, stream: Scheduled) -> None:
        """Keep a stream that only the window of the connection holds back."""
        stream.place = _ASIDE
        self.aside.append(stream)
        self.has_held = True

    def take_back(self) -> None:
        """Let all wait again that were put aside."""
        streams = self.aside
        self.aside = []
        for stream in streams:
            stream.place = _NOWHERE
            self.add(stream)

    def remove(self, stream: Scheduled) -> None:
        """Forget a stream, wherever it is."""
        if stream.place == _WAITING:
            level = self._level(stream.priority)
            level.remove(stream)
            if level.is_empty():
                self.lanes &= ~(1 << (stream.priority >> 1))
            self.count -= 1
            self.bytes -= stream.queued
        elif stream.place == _ASIDE:
            self.aside.remove(stream)
        stream.place = _NOWHERE

    def hold(self, stream: Scheduled) -> None:
        """Let a stream wait no more that has lost its window."""
        self.remove(stream)
        self.has_held = True

    def reprioritize(self, stream: Scheduled, priority: int) -> None:
        """Give a stream another priority (RFC 9218 §7)."""
        if stream.place == _WAITING:
            self.remove(stream)
            stream.priority = priority
            self.add(stream)
        else:
            stream.priority = priority

    def _level(self, priority: int) -> Level:
        """Return the level that a stream is about to wait on, or waits on."""
        urgency = priority >> 1
        self.lanes |= 1 << urgency
        level = self.levels[urgency]
        if level is None:
            level = self.levels[urgency] = Level()
        return level
