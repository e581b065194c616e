"""The writing half of an HTTP/2 stream: response calls in, a queue that the connection takes frames from.

The head waits for the first body bytes, as in HTTP/1, so that both leave together and a response that is complete at
once says its length. Nothing is encoded here: header compression has a state, so blocks must be made in the order in
which they leave, which is the scheduler's.
"""

from collections import deque
from typing import Any

from licorne.engine import _bytes
from licorne.engine.http2.frames import INTERNAL_ERROR
from licorne.engine.http2.scheduler import Scheduled, Scheduler
from licorne.engine.sink import HAS_NO_CONTENT, UNKNOWN_LENGTH

__all__ = [
    "CROWDED_BYTES",
    "ENDED",
    "END_DUE",
    "HEAD_DUE",
    "HEAD_LEFT",
    "INTERIM_DUE",
    "IS_CUT",
    "IS_TUNNEL",
    "RESET_DUE",
    "Http2Response",
]

# What there is to say about the response, as marks that add up.
#: The head waits for the first body bytes.
HEAD_KNOWN = 1
#: The head is ready to leave.
HEAD_DUE = 2
HEAD_LEFT = 4
#: Nothing comes behind what is queued.
END_DUE = 8
#: The end has left.
ENDED = 16
INTERIM_DUE = 32
#: The stream is given up: nothing of it leaves any more, but its RST_STREAM.
RESET_DUE = 64
IS_TUNNEL = 128
#: The application has failed: what is queued leaves as far as the windows go now, then RST_STREAM.
IS_CUT = 256

_HEAD_KNOWN = HEAD_KNOWN
_HEAD_DUE = HEAD_DUE
_HEAD_LEFT = HEAD_LEFT
_END_DUE = END_DUE
_ENDED = ENDED
_INTERIM_DUE = INTERIM_DUE
_RESET_DUE = RESET_DUE
_IS_TUNNEL = IS_TUNNEL
_IS_CUT = IS_CUT
_HAS_HEAD = HEAD_KNOWN | HEAD_DUE | HEAD_LEFT
_IS_READY = HEAD_DUE | INTERIM_DUE | RESET_DUE | IS_CUT

_NO_RESET = -1
_INTERNAL_ERROR = INTERNAL_ERROR
_UNKNOWN_LENGTH = UNKNOWN_LENGTH
_HAS_NO_CONTENT = HAS_NO_CONTENT
_OK = 200
_RESET_CONTENT = 205
_TRAILERS = 0
# A cut of at least this size is not copied twice.
_MIN_VIEW_BYTES = 2048
#: When all streams of a connection together have so much queued, each may have only so much more than nothing.
CROWDED_BYTES = 1024 * 1024
_FAIR_BYTES = 16 * 1024
# Pieces below this size are gathered.
_MIN_PIECE_BYTES = 1024
_NO_FIELDS: list[tuple[bytes, bytes]] = []
_TEXT = (b"content-type", b"text/plain; charset=utf-8")


class Http2Response(Scheduled):
    """Queue one response."""

    __slots__ = (
        "capacity",
        "changed",
        "fields",
        "first",
        "flags",
        "length",
        "marks",
        "more",
        "offset",
        "reset_code",
        "scheduler",
        "sections",
        "send_window",
        "status",
    )

    # construction

    def begin_response(self, stream_id: int, scheduler: Scheduler, send_window: int, capacity: int) -> None:
        """Set every attribute of a new response; `capacity`: bytes that may wait before it `is_full`."""
        self.begin_scheduled(stream_id)
        self.scheduler = scheduler
        self.send_window = send_window
        self.capacity = capacity
        #: Where a stream notes itself of which something has changed; None if nobody asks, or it has.
        self.changed: list[Any] | None = None
        self.marks = 0
        self.status = 0
        self.fields = _NO_FIELDS
        self.flags = 0
        self.length = _UNKNOWN_LENGTH
        #: Body bytes that wait: one piece, how many of it have left, and what comes behind it. Short pieces are
        #: gathered.
        self.first = b""
        self.offset = 0
        self.more: deque[bytes | bytearray] | None = None
        #: Interim heads by status, then trailers by 0; None for none.
        self.sections: list[tuple[int, list[tuple[bytes, bytes]]]] | None = None
        #: What RST_STREAM says once it is due.
        self.reset_code = _NO_RESET

    # output: the ResponseSink contract

    def send_informational(self, status: int, fields: list[tuple[bytes, bytes]]) -> None:
        if self.sections is None:
            self.sections = []
        self.sections.append((status, fields))
        self.marks |= _INTERIM_DUE
        self.on_change()
        self.wake()

    def can_inform(self) -> bool:
        return not self.marks & (_HEAD_DUE | _HEAD_LEFT | _RESET_DUE)

    def send_head(self, status: int, fields: list[tuple[bytes, bytes]], length: int, flags: int) -> None:
        self.status = status
        self.fields = fields
        self.length = length
        self.flags = flags
        self.marks |= _HEAD_KNOWN

    def send_data(self, data: bytes, end: bool) -> None:
        marks = self.marks
        if marks & _HEAD_KNOWN:
            self._frame(len(data), end)
            marks = marks & ~_HEAD_KNOWN | _HEAD_DUE
        if end:
            marks |= _END_DUE
        self.marks = marks
        if data and not self.flags & _HAS_NO_CONTENT:
            self._queue(data)
        if self.changed is not None:
            self.on_change()
        self.wake()

    def send_trailers(self, fields: list[tuple[bytes, bytes]]) -> None:
        self.marks |= _END_DUE
        self.on_change()
        # RFC 9110 §6.5: trailers end content; where there must not be any, they have no place.
        if fields and not self.flags & _HAS_NO_CONTENT:
            if self.sections is None:
                self.sections = []
            self.sections.append((_TRAILERS, fields))
        self.wake()

    def start_file(self, count: int, end: bool) -> None:
        if self.marks & _HEAD_KNOWN and end and self.length == _UNKNOWN_LENGTH:
            self.length = count
            self.fields = [*self.fields, (b"content-length", b"%d" % count)]

    def finish_file(self, end: bool) -> None:
        self.send_data(b"", end)

    def start_tunnel(self, fields: list[tuple[bytes, bytes]], flags: int) -> None:
        # RFC 8441 §5: 200 accepts; what follows is nobody's to frame.
        self.send_head(_OK, fields, _UNKNOWN_LENGTH, flags)
        self.marks = self.marks & ~_HEAD_KNOWN | _HEAD_DUE | _IS_TUNNEL
        self.on_change()
        self.wake()

    def can_send_files(self) -> bool:
        return False

    def is_full(self) -> bool:
        if self.queued >= self.capacity:
            return True
        if self.queued >= _FAIR_BYTES and self.scheduler.queued >= CROWDED_BYTES:
            self.scheduler.has_waiters = True
            return True
        return False

    def on_change(self) -> None:
        changed = self.changed
        if changed is not None:
            self.changed = None
            changed.append(self)

    def withdraw(self) -> bool:
        self.marks &= ~_HEAD_KNOWN
        return not self.marks & _HAS_HEAD

    def abort(self) -> None:
        self.on_change()
        if not self.marks & (_HEAD_DUE | _HEAD_LEFT) or self.marks & (_ENDED | _RESET_DUE):
            self.reset(_INTERNAL_ERROR)
            return
        self.scheduler.remove(self)  # where it waits for a window it need not any more
        self.reset_code = _INTERNAL_ERROR
        self.marks = self.marks & ~_END_DUE | _IS_CUT
        self.wake()

    # output: the stream's side

    def reset(self, code: int) -> None:
        """Give the response up: RST_STREAM says `code`, and nothing else leaves."""
        if self.marks & (_ENDED | _RESET_DUE) == _ENDED:
            return  # it has its answer
        self.scheduler.remove(self)
        self.drop()
        self.reset_code = code
        self.marks |= _RESET_DUE
        self.wake()

    def refuse(self, status: int, reason: str) -> None:
        """Queue a complete answer of the server's in place of the application's, of which nothing has left."""
        self.scheduler.remove(self)
        self.drop()
        self.marks = 0
        data = (reason + "\n").encode("ascii", "replace")
        self.send_head(status, [_TEXT], _UNKNOWN_LENGTH, self.flags & _HAS_NO_CONTENT)
        self.send_data(data, True)

    def drop(self) -> None:
        """Forget what is queued."""
        self.scheduler.shrink(self, self.queued)
        self.first = b""
        self.offset = 0
        self.more = None
        self.sections = None

    def close(self) -> None:
        """Forget everything: the stream is no more, and what is still written goes nowhere."""
        self.scheduler.remove(self)
        self.drop()
        self.marks = _HEAD_LEFT | _ENDED

    def wake(self) -> None:
        """Wait for a turn if there is something that can leave."""
        if self.place:
            return
        scheduler = self.scheduler
        if not self.can_send():
            scheduler.has_held = scheduler.has_held or self.queued > 0
        elif self.queued and not scheduler.has_window and not self.marks & _IS_READY:
            scheduler.put_aside(self)
        else:
            scheduler.add(self)

    # what the connection takes

    def take_data(self, size: int) -> bytes | memoryview:
        """Hand over at most `size` body bytes, and at most what one piece has; there are some."""
        data = self.first
        start = self.offset
        left = len(data) - start
        if left > size:
            self.offset += size
            self.scheduler.shrink(self, size)
            return self._cut(data, start, start + size)
        self.scheduler.shrink(self, left)
        self.offset = 0
        self.first = b"" if self.more is None else self._next_piece(self.more)
        return self._cut(data, start, start + left) if start else data

    def take_sections(self) -> list[tuple[int, list[tuple[bytes, bytes]]]]:
        """Hand over the interim heads, or the trailers."""
        sections = self.sections or []
        self.sections = None
        self.marks &= ~_INTERIM_DUE
        return sections

    # predicates

    def can_send(self) -> bool:
        """Tell whether something could leave, as far as the stream's own window goes."""
        if self.marks & _IS_READY:
            return True
        if self.queued:
            return self.send_window > 0
        return self.marks & (_END_DUE | _ENDED) == _END_DUE

    def has_left(self) -> bool:
        """Tell whether the final head is on its way, so that no other can take its place."""
        return self.marks & _HEAD_LEFT != 0

    def has_ended(self) -> bool:
        """Tell whether the end is on its way."""
        return self.marks & _ENDED != 0

    def is_tunnel(self) -> bool:
        """Tell whether the stream was accepted as a tunnel."""
        return self.marks & _IS_TUNNEL != 0

    # internals

    def _queue(self, data: bytes) -> None:
        size = len(data)
        self.scheduler.grow(self, size)
        more = self.more
        if not self.first:
            self.first = data
        elif size >= _MIN_PIECE_BYTES:
            if more is None:
                more = self.more = deque()
            more.append(data)
        elif more and type(more[-1]) is bytearray:
            more[-1] += data
        else:
            if more is None:
                more = self.more = deque()
            more.append(bytearray(data))

    def _next_piece(self, more: deque[bytes | bytearray]) -> bytes:
        piece = bytes(more.popleft())
        if not more:
            self.more = None
        return piece

    def _frame(self, size: int, end: bool) -> None:
        """Say the length of a response that is complete at once (RFC 9110 §8.6)."""
        if self.length != _UNKNOWN_LENGTH or not end:
            return
        if self.flags & _HAS_NO_CONTENT:
            if self.status == _RESET_CONTENT:
                size = 0  # RFC 9110 §15.3.6
            elif not size or self.status in (204, 304):
                return  # nobody knows what a GET would have been told
        self.fields = [*self.fields, (b"content-length", b"%d" % size)]

    def _cut(self, data: bytes, start: int, end: int) -> bytes | memoryview:
        if end - start >= _MIN_VIEW_BYTES:
            return memoryview(data)[start:end]
        return _bytes.cut(data, start, end)
