"""Channel: one end of the socket between a worker and its supervisor.

It knows no event loop: whoever owns it watches `fileno()`, calls `receive()` when there is something to read, and
`flush()` when `wants_write` and there is room.

Rules: nothing here blocks or raises because of the other end, which may be gone, or be stopped and read nothing.
`send()` may be called from any thread, because a thread is what watches a blocked event loop, and from a signal's
handler, which may interrupt another call. What cannot be sent waits in a queue that is bounded: numbers that the
next second brings anew are forgotten first, what changes the state of a worker never is. Broadcasts wait in a queue of
their own, which everything else overtakes; where that is full the oldest is lost, and counted. Who can wait asks for
`has_room` before.
"""

import selectors
import socket
import threading
from collections import deque
from time import monotonic

from licorne.server.attached.messages import Broadcast, Decoder, Message, encode

__all__ = ["Channel"]

_MAX_QUEUE_BYTES = 1024 * 1024
_MAX_BROADCAST_BYTES = 4 * 1024 * 1024
#: Up to so much of what waits is sent at a time: as much more urgent messages have to wait behind.
_PORTION_BYTES = 64 * 1024
_READ_BYTES = 64 * 1024
#: What one call of receive() reads at most, so that a flood cannot keep its caller.
_READS_PER_CALL = 32
_HIGHEST_RANK = 2

#: What stands for the rank of a broadcast.
_BROADCAST_RANK = -1

_Frame = tuple[int, bytes]


class Channel:
    """Send messages to the other end and receive those from there."""

    __slots__ = (
        "_broadcast_size",
        "_broadcasts",
        "_decoder",
        "_frames",
        "_inbox",
        "_is_broken",
        "_lock",
        "_received",
        "_rest",
        "_size",
        "_sock",
        "is_closed",
        "lost",
    )

    def __init__(self, sock: socket.socket) -> None:
        """Take one end of a connected pair of stream sockets, for good."""
        sock.setblocking(False)
        self._sock = sock
        #: Nothing more comes from the other end, and all that came was received.
        self.is_closed = False
        self._decoder = Decoder()
        #: Messages that `receive_first` has left.
        self._received: list[Message] = []
        #: Nothing can be sent any more; what the other end has sent before can still be received.
        self._is_broken = False
        self._lock = threading.Lock()
        #: Frames that anybody has left here, each with the rank of its message.
        self._inbox: deque[_Frame] = deque()
        #: The same in order; this, its size and the rest of the frame that is half sent belong to who has the lock.
        self._frames: deque[_Frame] = deque()
        self._size = 0
        self._rest = b""
        #: Broadcasts in order, and their size; they belong to who has the lock too.
        self._broadcasts: deque[bytes] = deque()
        self._broadcast_size = 0
        #: How many broadcasts were lost because the other end does not read.
        self.lost = 0

    def fileno(self) -> int:
        """Return the descriptor; -1 when this end was closed."""
        return self._sock.fileno()

    @property
    def failure(self) -> str:
        """Return what was wrong with what the other end sent, "" if nothing was; it is closed by that."""
        return self._decoder.failure

    # --- sending ---------------------------------------------------------------------------------------------

    @property
    def wants_write(self) -> bool:
        """Tell whether something waits to be sent."""
        return bool(self._rest or self._frames or self._inbox or self._broadcasts) and not self._is_broken

    @property
    def has_room(self) -> bool:
        """Tell whether a broadcast of any size can be queued without one being lost."""
        return self._broadcast_size <= _MAX_BROADCAST_BYTES // 2

    def send(self, message: Message) -> None:
        """Queue a message and send what can be sent. Raises ChannelError when it is too large or no JSON."""
        self._inbox.append((_BROADCAST_RANK if isinstance(message, Broadcast) else message.rank, encode(message)))
        self.flush()

    def queue_broadcast(self, frame: bytes) -> None:
        """Queue a broadcast that is encoded already; whoever does so flushes afterwards."""
        self._inbox.append((_BROADCAST_RANK, frame))

    def flush(self) -> bool:
        """Send what can be sent; tell whether nothing is left."""
        while self.wants_write:
            # A caller who comes in between, on another thread or in a signal's handler, may leave at once:
            # who has the lock looks again after letting go of it.
            if not self._lock.acquire(blocking=False):
                return False
            try:
                has_room = self._write()
            finally:
                self._lock.release()
            if not has_room:
                return not self.wants_write
        return True

    def flush_within(self, seconds: float) -> bool:
        """Send what is left, waiting for room at most so long; tell whether nothing is left."""
        if self.flush():
            return True
        deadline = monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self._sock, selectors.EVENT_WRITE)
            while not self.flush():
                left = deadline - monotonic()
                if left <= 0:
                    return False
                selector.select(left)
        return True

    def _write(self) -> bool:
        """Send until all is sent or there is no room; tell whether there was room for all."""
        self._sort_in()
        while self._rest or self._frames or self._broadcasts:
            if not self._rest:
                self._rest = self._next_portion()
            try:
                sent = self._sock.send(self._rest)
            except (BlockingIOError, InterruptedError):
                return False
            except OSError:
                self._break()
                return False
            self._rest = self._rest[sent:]
        return True

    def _next_portion(self) -> bytes:
        if self._frames:
            _, frame = self._frames.popleft()
            self._size -= len(frame)
            return frame
        portion = [self._broadcasts.popleft()]
        size = len(portion[0])
        while self._broadcasts and size + len(self._broadcasts[0]) <= _PORTION_BYTES:
            portion.append(self._broadcasts.popleft())
            size += len(portion[-1])
        self._broadcast_size -= size
        return b"".join(portion) if len(portion) > 1 else portion[0]

    def _sort_in(self) -> None:
        while self._inbox:
            rank, data = self._inbox.popleft()
            if rank == _BROADCAST_RANK:
                self._broadcasts.append(data)
                self._broadcast_size += len(data)
            else:
                self._frames.append((rank, data))
                self._size += len(data)
        while self._broadcast_size > _MAX_BROADCAST_BYTES:
            self._broadcast_size -= len(self._broadcasts.popleft())
            self.lost += 1
        for rank in range(_HIGHEST_RANK, 0, -1):
            if self._size > _MAX_QUEUE_BYTES:
                self._forget(rank)

    def _forget(self, rank: int) -> None:
        self._frames = deque(frame for frame in self._frames if frame[0] != rank)
        self._size = sum(len(data) for _, data in self._frames)

    def _break(self) -> None:
        self._is_broken = True
        self._rest = b""
        self._frames.clear()
        self._broadcasts.clear()
        self._inbox.clear()
        self._size = self._broadcast_size = 0

    # --- receiving -------------------------------------------------------------------------------------------

    def receive(self, reads: int = _READS_PER_CALL) -> list[Message]:
        """Return the messages that are there, after so many reads at most. `is_closed` becomes True at their end."""
        messages, self._received = self._received, []
        for _ in range(reads):
            data = self._read()
            if data is None:
                break
            messages += self._decoder.feed(data)
            if not data or self._decoder.failure:
                self.is_closed = True
                break
        return messages

    def receive_first(self) -> Message | None:
        """Wait for one message and leave the others to `receive`; return None when none comes any more."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._sock, selectors.EVENT_READ)
            while not (messages := self.receive()):
                if self.is_closed:
                    return None
                selector.select()
        self._received = messages[1:]
        return messages[0]

    def _read(self) -> bytes | None:
        """Return bytes, b"" at the end, None when there are none yet."""
        if self.is_closed:
            return None
        try:
            return self._sock.recv(_READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return None
        except OSError:
            return b""

    def close(self) -> None:
        """Let go of the socket; what was not sent is lost."""
        self.is_closed = True
        self._is_broken = True
        self._sock.close()
