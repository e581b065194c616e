"""Compressed echo: JSON messages that differ, and answers whose lengths their headers tell.

Rules: a message is compressed by itself, which every negotiated window and takeover allows; the server compresses
as it agreed. All that one connection is answered is kept, and read when the clock has stopped; the others are read
once, before it starts, since a stream that was not read from its beginning cannot be read later.
"""

import itertools
import json
import random
import time
from collections.abc import Callable

from ..load import LoadError
from .conversation import Conversation, Talk
from .frames import DEFLATED, FIN, TEXT, Frame, Inflater, client_frame, deflate, read_frame
from .opening import Opened

__all__ = ["DeflatedEcho"]

# More than the largest window holds, so that no message finds itself in it.
MESSAGES = 64
WORDS = ("name", "created", "price", "stock", "tags", "owner", "colour", "active", "city", "score")


class DeflatedEcho(Conversation):
    """Send the next message as soon as the last one has come back."""

    __slots__ = ("_awaited", "_inflater", "_kept", "_next", "_part")

    def __init__(self, talk: Talk, everybody: list[Opened]) -> None:
        super().__init__(talk, everybody)
        messages = [_json_message(talk.size, number) for number in range(MESSAGES)]
        frames = [client_frame(FIN | DEFLATED | TEXT, deflate(message)) for message in messages]
        self._next: dict[int, Callable[[], bytes]] = {number: itertools.cycle(frames).__next__ for number in self._send}
        self._inflater = Inflater()
        #: What the kept connection will be answered, and what it was.
        self._awaited = itertools.cycle(messages)
        self._kept: list[bytes] = []
        #: What came of an answer that is not there whole.
        self._part: dict[int, bytes] = {}
        self._prove_first(messages[0])

    def prove(self) -> None:
        """Compare all that the kept connection was answered since the last time."""
        data, start = b"".join(self._kept), 0
        self._kept.clear()
        while frame := read_frame(data, start):
            start = frame.end
            _expect(frame, self._inflater, next(self._awaited))
        if start != len(data):
            raise LoadError("an answer did not come whole")

    def _prove_first(self, message: bytes) -> None:
        for opened in self._everybody:
            opened.socket.sendall(self._next[opened.socket.fileno()]())
        _expect(self._everybody[0].read(), self._inflater, next(self._awaited))
        for opened in self._everybody[1:]:
            _expect(opened.read(), Inflater(), message)

    def _talk_until(self, end: float) -> int:
        poll, receive, send, view, clock = self._poll, self._receive, self._send, self._view, time.perf_counter
        following, watched, kept, latencies = self._next, self._watched, self._kept, self._latencies
        for number, start in send.items():
            start(following[number]())
        count, now = 0, clock()
        sent_at = now
        while now < end:
            for number, _ in poll():
                size = receive[number](view)
                if number == watched:
                    kept.append(bytes(view[:size]))
                if size != view[1] + 2 and not self._has_ended(number, size):
                    continue
                send[number](following[number]())
                count += 1
                if number == watched:
                    now = clock()
                    latencies.append(now - sent_at)
                    sent_at = now
            now = clock()
        return count

    def _has_ended(self, number: int, size: int) -> bool:
        """Tell whether what came, with what had come of it before, is an answer."""
        if not size:
            raise LoadError("the server closed a connection")
        data = self._part.pop(number, b"") + self._view[:size]
        frame = read_frame(data)
        if frame is None:
            self._part[number] = data
        elif frame.end != len(data):
            raise LoadError("more came back than was sent")
        return frame is not None

    def _fall_silent(self) -> None:
        waiting = set(self._send)
        while waiting:
            for number, _ in self._poll():
                size = self._take(number)
                if number == self._watched:
                    self._kept.append(bytes(self._view[:size]))
                if self._has_ended(number, size):
                    waiting.remove(number)


def _json_message(size: int, number: int) -> bytes:
    """Return JSON of about that size, as an interface would answer: keys that repeat, values that differ."""
    random_source = random.Random(number)
    items: list[dict[str, int]] = []
    while len(text := json.dumps({"id": number, "items": items})) < size:
        items.append({word: random_source.randrange(10**6) for word in random_source.sample(WORDS, 4)})
    return text.encode()


def _expect(frame: Frame, inflater: Inflater, message: bytes) -> None:
    is_compressed = bool(frame.head & DEFLATED)
    payload = inflater.inflate(frame.payload) if is_compressed else frame.payload
    if frame.head & ~DEFLATED != FIN | TEXT or payload != message:
        raise LoadError(f"not what was sent: {frame.head:#04x}, {payload[:80]!r}")
    if not is_compressed:
        raise LoadError("it agreed to compress and did not")
