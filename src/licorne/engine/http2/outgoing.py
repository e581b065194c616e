"""The writing half of an HTTP/2 connection: it takes turns from the scheduler and makes frames of them.

What is ready in one pull leaves in one piece, unless it is large: heads and short bodies are put into one buffer,
longer bodies are joined with what stands around them, so that nothing is copied twice. A pull hands over a bounded
number of body bytes, so that what becomes urgent later need not wait for all that came before.
"""

from typing import Any

from licorne.engine.defaults import DefaultHeaders
from licorne.engine.http2.frames import (
    DATA,
    DEFAULT_MAX_FRAME,
    END_STREAM,
    RST_STREAM,
    put_head,
    put_headers,
    put_word,
)
from licorne.engine.http2.hpack.encoder import Encoder
from licorne.engine.http2.response import (
    CROWDED_BYTES,
    END_DUE,
    ENDED,
    HEAD_DUE,
    HEAD_LEFT,
    INTERIM_DUE,
    IS_CUT,
    RESET_DUE,
)
from licorne.engine.http2.scheduler import Scheduler
from licorne.engine.http2.stream import Http2Stream
from licorne.engine.limits import Limits

__all__ = ["Outgoing"]

_DATA = DATA
_END_STREAM = END_STREAM
_RST_STREAM = RST_STREAM
_DEFAULT_MAX_FRAME = DEFAULT_MAX_FRAME
_END_DUE = END_DUE
_ENDED = ENDED
_HEAD_DUE = HEAD_DUE
_HEAD_LEFT = HEAD_LEFT
_INTERIM_DUE = INTERIM_DUE
_IS_CUT = IS_CUT
_RESET_DUE = RESET_DUE

# In place of the fields of a head that has left; nothing is ever added to it.
_NO_FIELDS: list[tuple[bytes, bytes]] = []
# RFC 9113 §6.9.2
_INITIAL_WINDOW = 65535
# RFC 9113 §4.1: what stands before the payload of a frame. A body that is longer than a pull leaves room for it, so
# that its frames fill records of TLS (RFC 8446 §5.1); of a shorter one that would make more frames.
_FRAME_HEAD_BYTES = 9
# Body bytes from which on a pull ends, and what a turn without any counts as. The transport has them before the next
# pull is made: few pages are used again and again, where more would be given back to the system each time.
_MAX_PULL = 64 * 1024
_TURN_BYTES = 64
_CROWDED_BYTES = CROWDED_BYTES
# A body from this size on is not copied into the buffer of heads.
_MIN_OWN_BYTES = 2048
# What is joined into one piece for the transport.
_MAX_JOINED_BYTES = 64 * 1024
# A frame when nobody else waits, if the peer takes such.
_MAX_LONE_FRAME = 64 * 1024


class Outgoing:
    """Hold what waits to be sent, and what the peer lets us send."""

    __slots__ = (
        "defaults",
        "encoder",
        "finished",
        "initial_window",
        "max_frame",
        "out",
        "part_bytes",
        "parts",
        "pieces",
        "scheduler",
        "window",
    )

    # construction

    def __init__(self, limits: Limits, defaults: DefaultHeaders) -> None:
        self.defaults = defaults
        self.encoder = Encoder(limits.h2_table)
        self.scheduler = Scheduler()
        #: What the connection may still send, and what a new stream may.
        self.window = _INITIAL_WINDOW
        self.initial_window = _INITIAL_WINDOW
        self.max_frame = _DEFAULT_MAX_FRAME
        #: Frames that are ready: what cannot wait for a turn, such as settings and resets.
        self.out = bytearray()
        #: What a pull has made so far: whole pieces, and parts of the next.
        self.pieces: list[bytes] = []
        self.parts: list[bytes | memoryview] = []
        self.part_bytes = 0
        #: Streams of which the end has left since the last pull was begun.
        self.finished: list[Http2Stream] = []

    # input

    def widen(self, window: int) -> None:
        """Take the window of the connection as it is now."""
        self.window = window
        self.scheduler.has_window = window > 0
        if window > 0:
            self.scheduler.take_back()

    def reset(self, stream_id: int, code: int) -> None:
        """Queue RST_STREAM."""
        put_head(self.out, 4, _RST_STREAM, 0, stream_id)
        put_word(self.out, code)

    # output

    def is_crowded(self) -> bool:
        """Tell whether the streams together have as much queued as they should."""
        return self.scheduler.queued >= _CROWDED_BYTES

    def take_room(self) -> bool:
        """Tell, once, whether there is room again for applications that were told to wait for others."""
        scheduler = self.scheduler
        if not scheduler.has_waiters or scheduler.queued * 2 > _CROWDED_BYTES:
            return False
        scheduler.has_waiters = False
        return True

    def pending_bytes(self) -> int:
        """Return 0 if nothing can leave; otherwise about how much can, rather more."""
        scheduler = self.scheduler
        return len(self.out) + scheduler.count * _TURN_BYTES + scheduler.bytes

    def take(self) -> list[bytes]:
        """Hand over what is ready, as far as one pull goes."""
        scheduler = self.scheduler
        budget = _MAX_PULL
        # Without a window the rest costs nothing, and must not stay where it counts as ready.
        while scheduler.count and (budget > 0 or self.window <= 0):
            stream: Any = scheduler.next()
            budget -= self._take_turn(stream, budget)
        scheduler.has_window = self.window > 0
        if not self.parts and not self.pieces:
            out = bytes(self.out)
            self.out = bytearray()
            return [out] if out else []
        self._join()
        pieces = self.pieces
        self.pieces = []
        return pieces

    # internals: turns

    def _take_turn(self, stream: Http2Stream, budget: int) -> int:
        """Write what one turn of a stream allows; return what it counts as."""
        if stream.marks & _RESET_DUE:
            self.reset(stream.id, stream.reset_code)
            self._finish(stream)
            return _TURN_BYTES
        if stream.marks & _INTERIM_DUE:
            self._write_interim(stream)
        if stream.marks & _HEAD_DUE:
            self._write_head(stream)
        sent = self._write_body(stream, budget) if stream.queued else 0
        if stream.marks & _IS_CUT and (not stream.queued or stream.send_window <= 0 or self.window <= 0):
            stream.drop()
            self._end(stream)
            return sent + _TURN_BYTES
        if not stream.queued and stream.marks & (_END_DUE | _ENDED) == _END_DUE:
            self._write_end(stream)
        if stream.marks & _ENDED:
            self._end(stream)
        elif stream.can_send():
            if stream.queued and self.window <= 0:
                self.scheduler.put_aside(stream)
            else:
                self.scheduler.go_on(stream)
        elif stream.queued:
            self.scheduler.has_held = True
        return sent + _TURN_BYTES

    def _write_body(self, stream: Http2Stream, budget: int) -> int:
        """Write as much body as the windows and the turn allow; return how many bytes."""
        is_shared = self.scheduler.is_shared(stream)
        sent = 0
        while stream.queued and sent < budget:
            size = self._write_data(stream)
            sent += size
            if is_shared or not size:
                break
        exchange = stream.exchange
        if exchange is not None and exchange.write_gate is not None and stream.queued * 2 <= stream.capacity:
            exchange.open_write_gate()
        return sent

    def _end(self, stream: Http2Stream) -> None:
        """Let go of a stream whose end has left."""
        if stream.reset_code >= 0:
            self.reset(stream.id, stream.reset_code)
        self._finish(stream)

    def _finish(self, stream: Http2Stream) -> None:
        stream.marks |= _ENDED
        stream.finish_sending()
        self.finished.append(stream)

    # internals: frames

    def _write_interim(self, stream: Http2Stream) -> None:
        trailers: list[tuple[int, list[tuple[bytes, bytes]]]] = []
        for status, fields in stream.take_sections():
            if status:
                block = self.encoder.encode(status, fields)
                put_headers(self.out, stream.id, block, False, self.max_frame)
            else:
                trailers.append((status, fields))
        stream.sections = trailers or None

    def _write_head(self, stream: Http2Stream) -> None:
        ends = stream.marks & _END_DUE and not stream.queued and stream.sections is None
        fields = self.defaults.pairs(stream.flags) + stream.fields
        block = self.encoder.encode(stream.status, fields)
        put_headers(self.out, stream.id, block, bool(ends), self.max_frame)
        stream.fields = _NO_FIELDS
        stream.marks = stream.marks & ~_HEAD_DUE | (_HEAD_LEFT | _ENDED if ends else _HEAD_LEFT)

    def _write_data(self, stream: Http2Stream) -> int:
        """Write one DATA frame; return how many bytes it has, 0 when a window does not allow any."""
        longest = _DEFAULT_MAX_FRAME if self.scheduler.count else min(self.max_frame, _MAX_LONE_FRAME)
        if stream.queued > _MAX_PULL:
            longest -= _FRAME_HEAD_BYTES
        size = min(stream.queued, stream.send_window, self.window, longest)
        if size <= 0:
            return 0
        stream.send_window -= size
        stream.sent += size
        self.window -= size
        flags = 0
        if size == stream.queued and stream.marks & _END_DUE and stream.sections is None:
            flags = _END_STREAM
            stream.marks |= _ENDED
        put_head(self.out, size, _DATA, flags, stream.id)
        left = size
        while left > 0:
            part = stream.take_data(left)
            left -= len(part)
            self._put_body(part)
        return size

    def _write_end(self, stream: Http2Stream) -> None:
        """End a stream of which all body has left: with trailers, or without (RFC 9113 §8.1)."""
        if stream.sections is None:
            put_head(self.out, 0, _DATA, _END_STREAM, stream.id)
        else:
            for _, fields in stream.take_sections():
                put_headers(self.out, stream.id, self.encoder.encode_fields(fields), True, self.max_frame)
        stream.marks |= _ENDED

    # internals: pieces

    def _put_body(self, part: bytes | memoryview) -> None:
        size = len(part)
        if size < _MIN_OWN_BYTES:
            self.out += part
            return
        self.part_bytes += len(self.out) + size
        self.parts.append(bytes(self.out))
        self.parts.append(part)
        self.out = bytearray()
        if self.part_bytes >= _MAX_JOINED_BYTES:
            self._join()

    def _join(self) -> None:
        """Make a piece of all parts, and of what stands behind them."""
        if self.out:
            self.parts.append(bytes(self.out))
            self.out = bytearray()
        if self.parts:
            self.pieces.append(b"".join(self.parts))
            self.parts = []
            self.part_bytes = 0
