"""Send an abuse for some time, on several connections: each that the server ends is made anew.

One thread drives all of them without ever waiting for the server. What comes back is read, or left, and only looked
at for how it ends.
"""

import selectors
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator

from tests.faults.http2_abuses import Abuse
from tests.support.http2_frames import GOAWAY, PREFACE, RST_STREAM, settings, settings_ack

__all__ = ["Attack"]

READ_BYTES = 262144
RECEIVE_BUFFER = 65536
TURN_SECONDS = 0.02
PAUSE_SECONDS = 0.002
HEAD_BYTES = 9


class Assailant:
    """Be one connection of an abuse."""

    __slots__ = ("_waves", "is_reading", "pending", "received", "skipped", "sock")

    def __init__(self, port: int, abuse: Abuse) -> None:
        self.sock = socket.socket()
        if not abuse.is_reading:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        self.sock.settimeout(10)
        self.sock.connect(("127.0.0.1", port))
        self.sock.setblocking(False)
        self._waves: Iterator[bytes] = abuse.waves()
        self.is_reading = abuse.is_reading
        self.pending = memoryview(_greeting(abuse))
        self.received = b""
        #: So many bytes of the payload of a frame are still to come, and of no interest.
        self.skipped = 0

    def push(self) -> int:
        """Send what is taken; return how much, -1 when there is nothing more to send."""
        if not self.pending:
            self.pending = memoryview(next(self._waves, b""))
        if not self.pending:
            return -1
        sent = self.sock.send(self.pending)
        self.pending = self.pending[sent:]
        return sent

    def hear(self) -> Iterator[tuple[int, int]]:
        """Yield kind and code of each RST_STREAM and GOAWAY that has come; raise ConnectionError at the end."""
        data = self.sock.recv(READ_BYTES)
        if not data:
            raise ConnectionResetError
        at = min(self.skipped, len(data))
        self.skipped -= at
        data = self.received + data[at:]
        at = 0
        while len(data) - at >= HEAD_BYTES:
            kind, end = data[at + 3], at + HEAD_BYTES + int.from_bytes(data[at : at + 3], "big")
            if kind in (RST_STREAM, GOAWAY):
                if end > len(data):
                    break
                start = at + HEAD_BYTES + (4 if kind == GOAWAY else 0)
                yield kind, int.from_bytes(data[start : start + 4], "big")
            at = end
        self.skipped += max(0, at - len(data))
        self.received = data[at:]


def _greeting(abuse: Abuse) -> bytes:
    if abuse.preface != PREFACE:
        return abuse.preface
    return PREFACE + settings(*abuse.settings) + settings_ack()


class Attack:
    """Be all connections of an abuse, and count."""

    def __init__(self, port: int, abuse: Abuse, rate: float = float("inf")) -> None:
        """Take so many bytes a second as all connections together may send."""
        self.port = port
        self.abuse = abuse
        self.rate = rate
        self.sent = 0
        #: How many connections were made.
        self.made = 0
        #: How many RST_STREAM and GOAWAY came, by code.
        self.resets: Counter[int] = Counter()
        self.farewells: Counter[int] = Counter()
        self._selector = selectors.DefaultSelector()
        #: Those who neither send nor read any more.
        self._held: list[socket.socket] = []

    def run(
        self,
        seconds: float,
        meanwhile: Callable[[], object] = lambda: None,
        *,
        until: Callable[[], bool] = lambda: False,
        stays: bool = False,
    ) -> None:
        """Send for so many seconds, or until something is so; then leave, or stay and be silent."""
        begun = time.monotonic()
        try:
            for _ in range(self.abuse.connections):
                self._connect()
            while (passed := time.monotonic() - begun) < seconds and not until():
                meanwhile()
                if self.sent > self.rate * passed:
                    time.sleep(PAUSE_SECONDS)
                else:
                    self.turn()
        finally:
            if not stays:
                self.leave()

    def turn(self) -> None:
        """Send and hear what is possible now."""
        for key, events in self._selector.select(TURN_SECONDS):
            assailant: Assailant = key.data
            try:
                if events & selectors.EVENT_READ:
                    self._hear(assailant)
                if events & selectors.EVENT_WRITE:
                    self._push(assailant)
            except BlockingIOError:
                continue
            except OSError:
                self._selector.unregister(assailant.sock)
                assailant.sock.close()
                self._connect()

    def leave(self) -> None:
        """Close all connections."""
        for key in list(self._selector.get_map().values()):
            key.data.sock.close()
        for sock in self._held:
            sock.close()
        self._selector.close()

    def _connect(self) -> None:
        assailant = Assailant(self.port, self.abuse)
        self.made += 1
        reading = selectors.EVENT_READ if assailant.is_reading else 0
        self._selector.register(assailant.sock, reading | selectors.EVENT_WRITE, assailant)

    def _hear(self, assailant: Assailant) -> None:
        for kind, code in assailant.hear():
            (self.farewells if kind == GOAWAY else self.resets)[code] += 1

    def _push(self, assailant: Assailant) -> None:
        sent = assailant.push()
        if sent >= 0:
            self.sent += sent
        elif self.abuse.is_leaving:
            raise ConnectionResetError
        elif assailant.is_reading:
            self._selector.modify(assailant.sock, selectors.EVENT_READ, assailant)
        else:
            self._selector.unregister(assailant.sock)
            self._held.append(assailant.sock)
