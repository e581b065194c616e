"""MessageQueue: a sink of frames as far as it holds the messages that wait, and knows whether they are too many."""

from licorne.engine.websocket.codec import FrameSink

__all__ = ["MessageQueue"]

# From how many messages on the gap before the first one is closed.
_MAX_GAP = 32


class MessageQueue(FrameSink):
    """Hold messages in order. One alone needs no list, since most of the time there is none or one."""

    __slots__ = ("at", "count", "first", "held", "max_bytes", "max_count", "more", "total", "total_bytes")

    def __init__(self, max_count: int, max_bytes: int) -> None:
        """Take the numbers of messages and of bytes from which on the queue is full."""
        self.max_count = max_count
        self.max_bytes = max_bytes
        self.first: str | bytes | None = None
        #: Those behind the first one, from `at` on.
        self.more: list[str | bytes | None] | None = None
        self.at = 0
        self.count = 0
        #: Bytes of binary and characters of text that are held.
        self.held = 0
        #: What has ever come in: messages, and their bytes.
        self.total = 0
        self.total_bytes = 0

    def append(self, message: str | bytes, size: int) -> None:
        """Add a message that was `size` bytes long."""
        self.total += 1
        self.total_bytes += size
        self.count += 1
        self.held += len(message)
        if self.first is None:
            self.first = message
        elif self.more is None:
            self.more = [message]
        else:
            self.more.append(message)

    def take(self) -> str | bytes | None:
        """Hand over the oldest message, None if there is none."""
        message = self.first
        if message is not None:
            self.count -= 1
            self.held -= len(message)
            self.first = None if self.more is None else self._next(self.more)
        return message

    def clear(self) -> None:
        """Drop all messages."""
        self.first = self.more = None
        self.at = self.count = self.held = 0

    def is_over(self) -> bool:
        """Tell whether enough messages wait."""
        return self.count >= self.max_count or self.held >= self.max_bytes

    def is_low(self) -> bool:
        """Tell whether so few wait that more should come; well below the mark, so that reading does not flutter."""
        return 2 * self.count <= self.max_count and 2 * self.held <= self.max_bytes

    def _next(self, more: list[str | bytes | None]) -> str | bytes | None:
        message = more[self.at]
        more[self.at] = None
        self.at += 1
        if self.at == len(more):
            self.more = None
            self.at = 0
        elif self.at >= _MAX_GAP and 2 * self.at >= len(more):
            del more[: self.at]
            self.at = 0
        return message
