"""Broadcast: one client says something, everybody hears it, and then it says it again.

Rules: what is counted is deliveries; latency is the time until the last client has a message. Browsers offer
compression, and a server may compress for each of them: then frames are counted in place of bytes, each answer is a
frame of its own, and only the first of each connection is inflated and compared.
"""

import time

from ..load import LoadError
from .conversation import Conversation, Talk, expect
from .frames import BINARY, DEFLATED, FIN, TEXT, Frame, Inflater, client_frame, server_frame
from .opening import Opened

__all__ = ["Broadcast", "OfferedBroadcast"]


class Broadcast(Conversation):
    """Say the next as soon as everybody has heard the last."""

    __slots__ = ("_frame", "_head", "_length", "_under_way")

    def __init__(self, talk: Talk, everybody: list[Opened]) -> None:
        super().__init__(talk, everybody)
        self._head = FIN | (TEXT if talk.is_text else BINARY)
        self._frame = client_frame(self._head, talk.payload)
        self._length = len(server_frame(self._head, talk.payload))
        #: Bytes that have not yet come of what was said.
        self._under_way = 0

    def prove(self) -> None:
        """Say something and compare what everybody hears."""
        self._everybody[0].socket.sendall(self._frame)
        for opened in self._everybody:
            expect(opened, self._head, self._talk.payload)

    def _talk_until(self, end: float) -> int:
        take, poll, clock = self._take, self._poll, time.perf_counter
        round_bytes, latencies = len(self._everybody) * self._length, self._latencies
        total, now = 0, clock()
        while now < end:
            if not self._under_way:
                self._everybody[0].socket.send(self._frame)
                self._under_way, sent_at = round_bytes, clock()
            came = 0
            for number, _ in poll():
                came += take(number)
            now = clock()
            total += came
            self._under_way -= came
            if not self._under_way:
                latencies.append(now - sent_at)
        return total // self._length

    def _fall_silent(self) -> None:
        while self._under_way:
            for number, _ in self._poll():
                self._under_way -= self._take(number)
            if self._under_way < 0:
                raise LoadError("more was heard than was said")


class OfferedBroadcast(Broadcast):
    """Say it to clients that have offered compression; whether it is used is the server's choice."""

    __slots__ = ("_is_proved",)

    def __init__(self, talk: Talk, everybody: list[Opened]) -> None:
        super().__init__(talk, everybody)
        self._length = 1
        self._is_proved = False

    def prove(self) -> None:
        """Say something and look at what everybody hears: at its content the first time, then at its kind."""
        self._everybody[0].socket.sendall(self._frame)
        for opened in self._everybody:
            frame = opened.read()
            is_right = frame.head & ~DEFLATED == self._head and (
                self._is_proved or self._content(frame) == self._talk.payload
            )
            if not is_right:
                raise LoadError(f"not what was sent: {frame.head:#04x}, {frame.payload[:80]!r}")
        self._is_proved = True

    def _content(self, frame: Frame) -> bytes:
        return Inflater().inflate(frame.payload) if frame.head & DEFLATED else frame.payload

    def _take(self, number: int) -> int:
        """Return how many frames came."""
        size, view, count, place = super()._take(number), self._view, 0, 0
        while place < size:
            place += 2 + view[place + 1]
            count += 1
        if place != size:
            raise LoadError("a frame did not come whole")
        return count
