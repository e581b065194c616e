"""Echo: the same message over and over, and answers that all have one length.

Rules: where one read ends a frame and one read is one frame, a message costs two system calls and no arithmetic.
"""

import time

from ..load import LoadError
from .conversation import Conversation, Talk, expect
from .frames import BINARY, FIN, TEXT, client_frame, server_frame
from .opening import Opened

__all__ = ["Echo"]


class Echo(Conversation):
    """Send a message again as soon as it has come back."""

    __slots__ = ("_bursts", "_head", "_length", "_rest")

    def __init__(self, talk: Talk, everybody: list[Opened]) -> None:
        super().__init__(talk, everybody)
        self._head = FIN | (TEXT if talk.is_text else BINARY)
        # As many frames leave in one write as answers came in one read.
        self._bursts = [client_frame(self._head, talk.payload) * count for count in range(talk.in_flight + 1)]
        self._length = len(server_frame(self._head, talk.payload))
        #: Bytes of a frame that has not come whole.
        self._rest = dict.fromkeys(self._send, 0)

    def prove(self) -> None:
        """Send one message over each connection and compare what comes back."""
        for opened in self._everybody:
            opened.socket.sendall(self._bursts[1])
        for opened in self._everybody:
            expect(opened, self._head, self._talk.payload)

    def _talk_until(self, end: float) -> int:
        poll, receive, send, view, clock = self._poll, self._receive, self._send, self._view, time.perf_counter
        single, length, watched = self._bursts[1], self._length, self._watched
        latencies = self._latencies if self._talk.in_flight == 1 else []
        for start in send.values():
            start(self._bursts[-1])
        count, now = 0, clock()
        sent_at = now
        while now < end:
            for number, _ in poll():
                size = receive[number](view)
                if size == length:
                    # Right also in the middle of a frame: as much is missing afterwards as was before.
                    answers = 1
                    send[number](single)
                else:
                    answers = self._take_part(number, size)
                count += answers
                if number == watched and answers:
                    now = clock()
                    latencies.append(now - sent_at)
                    sent_at = now
            now = clock()
        return count

    def _take_part(self, number: int, size: int) -> int:
        """Take less or more than one answer; send a message for each that is whole."""
        if not size:
            raise LoadError("the server closed a connection")
        whole, self._rest[number] = divmod(self._rest[number] + size, self._length)
        if whole > self._talk.in_flight:
            raise LoadError("more came back than was sent")
        if whole:
            self._send[number](self._bursts[whole])
        return whole

    def _fall_silent(self) -> None:
        under_way = self._talk.in_flight * self._length
        missing = {number: under_way - size for number, size in self._rest.items()}
        while any(missing.values()):
            for number, _ in self._poll():
                missing[number] -= self._take(number)
                if missing[number] < 0:
                    raise LoadError("more came back than was sent")
        self._rest = dict.fromkeys(self._rest, 0)
