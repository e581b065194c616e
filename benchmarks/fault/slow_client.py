"""A client that sends its head a byte at a time and notes when, and with what, it is thrown out."""

import socket
import time

__all__ = ["SlowClient"]


class SlowClient:
    """Drip into one connection until the other end closes it."""

    __slots__ = ("_connection", "_received", "closed_at")

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._received = b""
        self.closed_at: float | None = None
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
        connection.setblocking(False)

    @property
    def is_open(self) -> bool:
        """Tell whether the server still bears us."""
        return self.closed_at is None

    @property
    def status(self) -> int:
        """Return the status we were answered, 0 when there was none."""
        parts = self._received.split(b" ", 2)
        return int(parts[1]) if len(parts) > 1 and parts[1].isdigit() else 0

    def fileno(self) -> int:
        """Return the descriptor, for a selector."""
        return self._connection.fileno()

    def drip(self) -> None:
        """Send one more byte, unless the connection has ended."""
        if not self.is_open:
            return
        try:
            self._connection.send(b"x")
        except BlockingIOError:
            return
        except OSError:
            self.closed_at = time.monotonic()

    def close(self) -> None:
        """Free the descriptor."""
        self._connection.close()

    def listen(self) -> None:
        """Take what has come; note when it is the end."""
        try:
            data = self._connection.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self._received += data
        if not data:
            self.closed_at = time.monotonic()
