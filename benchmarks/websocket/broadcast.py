"""Broadcast: one client says something, everybody hears it, and then it says it again.

Rules: what is counted is deliveries; latency is the time until the last client has a message.
"""

import time

from ..load import LoadError
from .conversation import Conversation, Talk, expect
from .frames import BINARY, FIN, TEXT, client_frame, server_frame
from .opening import Opened

__all__ = ["Broadcast"]


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
