"""StreamTable: the streams of one connection by identifier, and what must be known of those that are no more.

Of a stream that has ended nothing is kept but that its identifier was used (RFC 9113 §5.1.1). Two kinds are
remembered for a while, a bounded number of each: those that we have reset, on which frames may be under way, and
runs of identifiers that the peer has left out, which it must not come back to.
"""

from licorne.engine.connection import NEVER
from licorne.engine.exchange import Exchange
from licorne.engine.http2.stream import Http2Stream

__all__ = ["StreamTable"]

_NEVER = NEVER
_MAX_RESET = 1024
_MAX_GAPS = 16
_MAX_PRIORITIES = 1000
# So often, counted in those that are added, it is looked whose application has ended.
_TIDY_EVERY = 32


class StreamTable:
    """Find streams."""

    __slots__ = ("abandoned", "gaps", "highest", "limit", "priorities", "reset", "streams")

    def __init__(self, limit: int) -> None:
        """Take how many streams there may be at a time, 0 for any number."""
        self.limit = limit
        self.streams: dict[int, Http2Stream] = {}
        #: The highest identifier that the peer has used.
        self.highest = 0
        #: Exchanges whose stream is no more, and whose application works on: they count as streams.
        self.abandoned: list[Exchange] = []
        #: Identifiers that we have reset, the oldest first.
        self.reset: dict[int, None] = {}
        #: (first, last) of the runs that were left out.
        self.gaps: list[tuple[int, int]] = []
        #: Priorities of streams that are not there yet (RFC 9218 §7.1).
        self.priorities: dict[int, int] = {}

    def find(self, stream_id: int) -> Http2Stream | None:
        """Return a stream that has not ended."""
        return self.streams.get(stream_id)

    def note(self, stream_id: int) -> None:
        """Take note of an identifier that the peer uses, higher than all before (RFC 9113 §5.1.1)."""
        expected = self.highest + 2 if self.highest else 1
        if stream_id > expected:
            self.gaps.append((expected, stream_id - 2))
            del self.gaps[:-_MAX_GAPS]
        self.highest = stream_id

    def add(self, stream: Http2Stream) -> None:
        """Keep a stream."""
        self.streams[stream.id] = stream

    def remove(self, stream: Http2Stream) -> None:
        """Forget a stream that has ended."""
        self.streams.pop(stream.id, None)

    def remember_reset(self, stream_id: int) -> None:
        """Remember that we have reset a stream."""
        self.reset[stream_id] = None
        if len(self.reset) > _MAX_RESET:
            del self.reset[next(iter(self.reset))]

    def expect_priority(self, stream_id: int, priority: int) -> None:
        """Keep the priority of a stream that is to come, as many as there may be streams (RFC 9218 §7.1)."""
        priorities = self.priorities
        if len(priorities) >= (self.limit or _MAX_PRIORITIES) and stream_id not in priorities:
            del priorities[next(iter(priorities))]
        priorities[stream_id] = priority

    def abandon(self, exchange: Exchange) -> None:
        """Count an exchange whose stream is no more, for as long as its application works."""
        self.abandoned.append(exchange)
        if len(self.abandoned) % _TIDY_EVERY == 0:
            self._tidy()

    # clocks

    def stall_deadline(self, now: float, timeout: float) -> float:
        """Return when the stream is to be given up whose peer has let next to nothing out for longest.

        `timeout` is how long that may last, in seconds, 0 for ever.
        """
        since = _NEVER
        for stream in self.streams.values():
            if stream.queued:
                since = min(since, stream.watch(now))
            else:
                stream.watched_at = -1.0
        return since + (timeout or _NEVER)

    def stalled(self, now: float, timeout: float) -> list[Http2Stream]:
        """Return the streams whose peer has let next to nothing out for `timeout` seconds; 0 for ever."""
        if not timeout:
            return []
        return [stream for stream in self.streams.values() if stream.queued and stream.watch(now) + timeout <= now]

    # predicates

    def is_empty(self) -> bool:
        """Tell whether there is no stream."""
        return not self.streams

    def is_full(self) -> bool:
        """Tell whether the peer has as many streams open as it may."""
        if not self.limit or len(self.streams) + len(self.abandoned) < self.limit:
            return False
        self._tidy()
        return len(self.streams) + len(self.abandoned) >= self.limit

    def is_idle(self, stream_id: int) -> bool:
        """Tell whether an identifier was not used yet, nor left out."""
        return stream_id > self.highest

    def was_reset(self, stream_id: int) -> bool:
        """Tell whether we have reset that stream, not long ago."""
        return stream_id in self.reset

    def was_left_out(self, stream_id: int) -> bool:
        """Tell whether the peer has left that identifier out, not long ago."""
        return bool([first for first, last in self.gaps if first <= stream_id <= last])

    # internals

    def _tidy(self) -> None:
        self.abandoned = [exchange for exchange in self.abandoned if not exchange.is_released]
