"""Clients that ask in a loop and know exactly which of their requests were answered.

Rules: one thread drives all of them, so that "sent before the signal" has one meaning; a request counts as sent
when the kernel has all of it, as answered when its whole body has come.
"""

import selectors
import socket
from dataclasses import dataclass

__all__ = ["Asker", "Crowd"]

RECEIVE_BYTES = 65536


class Asker:
    """Ask for one path over and over, on one connection or on a new one each time."""

    __slots__ = ("_address", "_is_fresh", "_received", "_request", "connection", "is_waiting")

    def __init__(self, port: int, path: str, *, is_fresh: bool) -> None:
        self._address = ("127.0.0.1", port)
        self._is_fresh = is_fresh
        self._received = b""
        self._request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        self.connection: socket.socket | None = None
        self.is_waiting = False

    def ask(self) -> bool:
        """Send one request; return False when the server takes none any more."""
        try:
            if self.connection is None:
                self.connection = socket.create_connection(self._address, timeout=2)
                self.connection.setblocking(False)
            self.connection.send(self._request)
        except OSError:
            self.leave()
            return False
        self.is_waiting = True
        return True

    def listen(self) -> bool | None:
        """Take what has come; return True for a whole answer, False for a closed connection, None to wait on."""
        assert self.connection is not None
        try:
            data = self.connection.recv(RECEIVE_BYTES)
        except BlockingIOError:
            return None
        except OSError:
            data = b""
        if not data:
            self.leave()
            return False
        self._received += data
        return self._take_answer()

    def leave(self) -> None:
        """Close the connection, if there is one."""
        if self.connection is not None:
            self.connection.close()
            self.connection = None
        self._received = b""

    def _take_answer(self) -> bool | None:
        head, separator, body = self._received.partition(b"\r\n\r\n")
        if not separator:
            return None
        lines = head.lower().split(b"\r\n")
        length = next(int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:"))
        if len(body) < length:
            return None
        self._received = b""
        self.is_waiting = False
        if self._is_fresh or b"connection: close" in lines:
            self.leave()
        return True


@dataclass(slots=True)
class Tally:
    """Count a crowd's requests."""

    answered: int = 0
    lost_before: int = 0
    unanswered_after: int = 0


class Crowd:
    """Drive many askers; after `mark` tell requests sent before it from those sent after it."""

    __slots__ = ("_askers", "_selector", "_sent_before", "_watched", "is_marked", "tally")

    def __init__(self, askers: list[Asker]) -> None:
        self._askers = askers
        self._selector = selectors.DefaultSelector()
        self._watched: dict[Asker, socket.socket] = {}
        self._sent_before: set[Asker] = set()
        self.is_marked = False
        self.tally = Tally()
        for asker in askers:
            self._ask(asker)

    @property
    def is_over(self) -> bool:
        """Tell whether every asker has been turned away."""
        return not self._watched

    def mark(self) -> int:
        """Remember which requests are under way; return how many."""
        self.is_marked = True
        self._sent_before = {asker for asker in self._askers if asker.is_waiting}
        return len(self._sent_before)

    def turn(self, seconds: float) -> None:
        """Take the answers that come within a time, and ask again after each."""
        for key, _ in self._selector.select(seconds):
            asker: Asker = key.data
            was_waiting = asker.is_waiting
            outcome = asker.listen()
            if outcome is None:
                continue
            self._unwatch(asker)
            self._count(asker, outcome, was_waiting)
            if outcome or not self.is_marked:
                self._ask(asker)

    def close(self) -> None:
        """Leave; whatever was sent before the mark and never answered is lost."""
        self.tally.lost_before += len(self._sent_before)
        self._sent_before.clear()
        for asker in self._askers:
            asker.leave()
        self._selector.close()

    def _ask(self, asker: Asker) -> None:
        if asker.ask():
            assert asker.connection is not None
            self._selector.register(asker.connection, selectors.EVENT_READ, asker)
            self._watched[asker] = asker.connection

    def _unwatch(self, asker: Asker) -> None:
        # A socket that was closed knows its number no more; the selector looks it up by the object.
        self._selector.unregister(self._watched.pop(asker))

    def _count(self, asker: Asker, is_answered: bool, was_waiting: bool) -> None:
        was_sent_before = asker in self._sent_before
        self._sent_before.discard(asker)
        if is_answered:
            self.tally.answered += 1
        elif was_sent_before or not self.is_marked:
            self.tally.lost_before += 1
        elif was_waiting:
            self.tally.unanswered_after += 1
        asker.is_waiting = False
