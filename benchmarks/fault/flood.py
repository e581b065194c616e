"""A WebSocket client that pushes bytes for as long as they are taken, reading what comes or leaving it.

Rules: it never waits for the server without an end; what it was told when it was thrown out is kept.
"""

import select
import time
from collections.abc import Callable

from ..websocket.frames import CLOSE, FIN, TEXT, Frame, read_frame
from ..websocket.opening import Opened

__all__ = ["Flood"]

WAIT_SECONDS = 0.05
READ_BYTES = 262144


class Flood:
    """Push into one open WebSocket, and know how much was taken and why it ended."""

    __slots__ = ("_opened", "_pending", "_unread", "code", "has_ended", "heard", "is_reading", "message", "sent")

    def __init__(self, opened: Opened, *, is_reading: bool = True) -> None:
        self._opened = opened
        #: What is still to be sent of a piece, so that no frame is left half.
        self._pending = memoryview(b"")
        self._unread = b""
        self.is_reading = is_reading
        self.sent = 0
        self.heard = 0
        #: The last text that was heard, and the code of the close frame, 0 while there was none.
        self.message = b""
        self.code = 0
        self.has_ended = False
        opened.socket.setblocking(False)

    def push(self, piece: bytes, seconds: float, meanwhile: Callable[[], object], limit: int = 1 << 62) -> None:
        """Send a piece again and again until the server closes, time is up or so many bytes were taken."""
        end = time.monotonic() + seconds
        while not self.has_ended and self.sent < limit and time.monotonic() < end:
            self._pending = self._pending or memoryview(piece)
            self._turn(is_writing=not self.code)
            meanwhile()

    def say(self, piece: bytes, seconds: float) -> None:
        """Send what is left of the last piece, and another one once."""
        self._pending = memoryview(bytes(self._pending) + piece)
        end = time.monotonic() + seconds
        while self._pending and not self.has_ended and time.monotonic() < end:
            self._turn(is_writing=True)

    def listen(
        self, seconds: float, meanwhile: Callable[[], object], *, is_enough: Callable[[], bool] = lambda: False
    ) -> None:
        """Read until the server closes, it is enough or time is up."""
        self.is_reading = True
        end = time.monotonic() + seconds
        while not self.has_ended and not is_enough() and time.monotonic() < end:
            self._turn(is_writing=False)
            meanwhile()

    def _turn(self, *, is_writing: bool) -> None:
        link = [self._opened.socket]
        reading, writing = link if self.is_reading else [], link if is_writing else []
        readable, writable, _ = select.select(reading, writing, [], WAIT_SECONDS)
        if readable:
            self._hear()
        if writable and not self.has_ended:
            self._send()

    def _send(self) -> None:
        try:
            count = self._opened.socket.send(self._pending)
        except BlockingIOError:
            return
        except OSError:
            self.has_ended = True
            return
        self.sent += count
        self._pending = self._pending[count:]

    def _hear(self) -> None:
        try:
            data = self._opened.socket.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self.has_ended = not data
        self.heard += len(data)
        self._read_frames(self._unread + data)

    def _read_frames(self, data: bytes) -> None:
        start = 0
        while frame := read_frame(data, start):
            start = frame.end
            self._take(frame)
        self._unread = data[start:]

    def _take(self, frame: Frame) -> None:
        if frame.head == FIN | TEXT:
            self.message = frame.payload
        elif frame.head == FIN | CLOSE:
            self.code = int.from_bytes(frame.payload[:2], "big")
