"""What every talk over many WebSockets shares: its shape, its connections, its clock.

Rules: a fixed number of messages is under way; frames are made beforehand and answers only counted, by length,
while the clock runs; contents are proved before it starts and after it stops. Anything unexpected ends the talk:
there are no half-good figures. One thread and epoll load any server that has one CPU; `busy` tells whether they did.
"""

import select
import time
from dataclasses import dataclass
from enum import Enum

from ..load import Load, LoadError
from .opening import BUFFER_BYTES, Opened

__all__ = ["Conversation", "Flow", "Talk", "expect", "percentiles"]

STALL_SECONDS = 10.0


class Flow(Enum):
    """Say what becomes of a message: back to its sender, the same compressed, to everybody, or to browsers."""

    ECHO = "echo"
    DEFLATED = "deflated"
    BROADCAST = "broadcast"
    OFFERED_BROADCAST = "offered-broadcast"

    @property
    def offers_compression(self) -> bool:
        """Tell whether the clients offer permessage-deflate, as browsers do."""
        return self in (Flow.DEFLATED, Flow.OFFERED_BROADCAST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """Say what is said: what kind of messages, how long, how many under way, over how many connections."""

    flow: Flow = Flow.ECHO
    size: int = 64
    is_text: bool = True
    in_flight: int = 1
    connections: int = 32

    @property
    def path(self) -> str:
        """Return where the application for it is."""
        return "/broadcast" if self.flow in (Flow.BROADCAST, Flow.OFFERED_BROADCAST) else "/"

    @property
    def payload(self) -> bytes:
        """Return the message of talks that have but one."""
        return (b"0123456789abcdef" * (self.size // 16 + 1))[: self.size]


class Conversation:
    """Hold the connections of one talk; `run` may be called again and again."""

    __slots__ = ("_epoll", "_everybody", "_latencies", "_receive", "_send", "_talk", "_view")

    def __init__(self, talk: Talk, everybody: list[Opened]) -> None:
        self._talk = talk
        self._everybody = everybody
        self._view = memoryview(bytearray(BUFFER_BYTES))
        self._receive = {opened.socket.fileno(): opened.socket.recv_into for opened in everybody}
        self._send = {opened.socket.fileno(): opened.socket.send for opened in everybody}
        self._epoll = select.epoll()
        for opened in everybody:
            self._epoll.register(opened.socket, select.EPOLLIN)
        #: Seconds; of one connection only.
        self._latencies: list[float] = []

    def run(self, seconds: float) -> Load:
        """Talk for so long and return what was counted."""
        self._latencies.clear()
        begun, busy = time.perf_counter(), time.process_time()
        count = self._talk_until(begun + seconds)
        took, busy = time.perf_counter() - begun, time.process_time() - busy
        self._fall_silent()
        self.prove()
        p50, p99, highest = percentiles(self._latencies)
        return Load(requests=count, seconds=took, p50=p50, p99=p99, max=highest, errors={}, busy=busy / took)

    def prove(self) -> None:
        """Raise LoadError unless what comes back is, byte by byte, what must come back."""
        raise NotImplementedError

    def close(self) -> None:
        """Leave."""
        self._epoll.close()
        for opened in self._everybody:
            opened.close()

    @property
    def _watched(self) -> int:
        """Return the descriptor of the connection whose latency is measured."""
        return self._everybody[0].socket.fileno()

    def _talk_until(self, end: float) -> int:
        """Start, go on until `end`, and return how many answers had come by then."""
        raise NotImplementedError

    def _fall_silent(self) -> None:
        """Take what is still under way."""
        raise NotImplementedError

    def _poll(self) -> list[tuple[int, int]]:
        events = self._epoll.poll(STALL_SECONDS)
        if not events:
            raise LoadError(f"nothing came for {STALL_SECONDS:.0f} s while messages were under way")
        return events

    def _take(self, number: int) -> int:
        size = self._receive[number](self._view)
        if not size:
            raise LoadError("the server closed a connection")
        return size


def expect(opened: Opened, head: int, payload: bytes) -> None:
    """Read one frame and raise LoadError unless it is this one."""
    frame = opened.read()
    if frame.head != head or frame.payload != payload:
        raise LoadError(f"not what was sent: {frame.head:#04x}, {len(frame.payload)} bytes, {frame.payload[:80]!r}")


def percentiles(seconds: list[float]) -> tuple[int, int, int]:
    """Return the median, the 99th percentile and the highest, in microseconds."""
    if not seconds:
        return 0, 0, 0
    ordered = sorted(seconds)
    places = (len(ordered) // 2, len(ordered) * 99 // 100, -1)
    p50, p99, highest = (round(ordered[place] * 1e6) for place in places)
    return p50, p99, highest
