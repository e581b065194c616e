"""Health: answers the probes of an orchestrator from the supervisor, where a blocked worker cannot fail them.

    /livez       200 as long as the supervisor's loop turns
    /startupz    200 once every worker was ready once, 503 before
    /readyz      200 while a worker is ready and the server is not told to stop, else 503

Probes are HTTP/1.1, spoken by the same engine as everything else, over sockets that never block. One request a
connection, and a few seconds for all of it: who dribbles, or does not read, is dropped. When too many come, the oldest
leave, since a probe is answered as soon as it is there.

Rules: what a client does raises nothing; the body is one line of JSON.
"""

import errno
import json
import selectors
import socket
import time
from collections.abc import Callable, Sequence
from typing import Final

from licorne.engine.connection import Closing, Connection
from licorne.engine.defaults import DefaultHeaders
from licorne.engine.exchange import Exchange
from licorne.engine.http1 import new_connection_factory
from licorne.engine.limits import Limits
from licorne.server.listening.listeners import Listener
from licorne.supervisor.modes import FleetStatus
from licorne.supervisor.stations import Station

__all__ = ["HealthStation", "answer_of"]

MAX_CLIENTS: Final = 64
CLIENT_SECONDS: Final = 5.0
_ACCEPTS_PER_TURN: Final = 64
_READ_BYTES: Final = 16 * 1024
_PAUSE_SECONDS: Final = 1.0
_BACKLOG: Final = 1024
_LIMITS: Final = Limits(
    max_line_bytes=4096, max_head_bytes=16 * 1024, max_body_bytes=1, max_requests=1, linger_timeout=1.0
)
_OUT_OF_FILES: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class HealthStation(Station):
    """Serve the probes on listeners that are bound; for a loop that calls when there is something to do."""

    def __init__(
        self,
        listeners: Sequence[Listener],
        status: Callable[[], FleetStatus],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raises StartupError if an address turns out to be in use."""
        self.listeners = list(listeners)
        self._status = status
        self._clock = clock
        self._defaults = DefaultHeaders([])
        self._new_connection = new_connection_factory(_LIMITS, "native", self._defaults, takes_websocket=False)
        self._selector = selectors.DefaultSelector()
        #: Every client, the oldest first.
        self._clients: dict[_Client, None] = {}
        self._is_accepting = False
        self._is_closed = False
        #: When to try again after there were no descriptors.
        self._accept_at = 0.0
        for listener in self.listeners:
            listener.listen(_BACKLOG)
        self._accept_again()

    def fileno(self) -> int:
        """Return a descriptor that is readable when `on_readable` has something to do, -1 when all is let go of."""
        return -1 if self._is_closed else self._selector.fileno()

    def on_readable(self) -> None:
        """Serve whoever is ready."""
        now = self._clock()
        for key, _ in self._selector.select(0):
            if isinstance(key.data, Listener):
                self._accept(key.data, now)
            elif key.data in self._clients:  # not dropped by one before it
                self._serve(key.data, now)

    def on_tick(self, now: float) -> float:
        """Drop whoever takes too long; return when to look again, in the seconds of `now`."""
        for client in [client for client in self._clients if client.deadline <= now]:
            self._drop(client)
        if not self._is_accepting and now >= self._accept_at:
            self._accept_again()
        due = min((client.deadline for client in self._clients), default=float("inf"))
        return due if self._is_accepting else min(due, self._accept_at)

    def close(self) -> None:
        """Let go of all sockets, and of the paths of UNIX sockets."""
        self.abandon()
        for listener in self.listeners:
            listener.close()

    def abandon(self) -> None:
        """Let go of all sockets in a process that was forked, in which the station goes on."""
        # What is unregistered in one process would be in both.
        self._is_closed = True
        self._selector.close()
        for client in self._clients:
            client.sock.close()
        for listener in self.listeners:
            listener.sock.close()

    # --- clients ---------------------------------------------------------------------------------------------

    def _accept(self, listener: Listener, now: float) -> None:
        for _ in range(_ACCEPTS_PER_TURN):
            try:
                sock, _ = listener.sock.accept()
            except ConnectionAbortedError:
                continue
            except OSError as error:
                if error.errno in _OUT_OF_FILES:
                    self._stop_accepting(now)
                return
            sock.setblocking(False)
            if len(self._clients) >= MAX_CLIENTS:
                self._drop(next(iter(self._clients)))
            client = _Client(sock, self._new_connection(), now)
            self._clients[client] = None
            self._selector.register(sock, selectors.EVENT_READ, client)
            self._serve(client, now)

    def _stop_accepting(self, now: float) -> None:
        """Leave newcomers in the queue for a while, instead of failing at once again."""
        if not self._is_accepting:  # another listener has found out first
            return
        self._is_accepting = False
        self._accept_at = now + _PAUSE_SECONDS
        for listener in self.listeners:
            self._selector.unregister(listener.sock)

    def _accept_again(self) -> None:
        self._is_accepting = True
        for listener in self.listeners:
            self._selector.register(listener.sock, selectors.EVENT_READ, listener)

    def _serve(self, client: "_Client", now: float) -> None:
        client.receive(now)
        while exchange := client.connection.next_exchange(now):
            self._defaults.refresh(time.time())
            _answer(exchange, self._status())
        if not client.send():
            self._drop(client)
            return
        wanted = selectors.EVENT_WRITE if client.unsent else selectors.EVENT_READ
        if self._selector.get_key(client.sock).events != wanted:
            self._selector.modify(client.sock, wanted, client)

    def _drop(self, client: "_Client") -> None:
        del self._clients[client]
        self._selector.unregister(client.sock)
        client.sock.close()


class _Client:
    """Be one connection of a prober."""

    __slots__ = ("connection", "deadline", "has_finished", "sock", "unsent")

    def __init__(self, sock: socket.socket, connection: Connection, now: float) -> None:
        self.sock = sock
        self.connection = connection
        self.deadline = now + CLIENT_SECONDS
        self.unsent = b""
        #: Whether our end of the connection is closed.
        self.has_finished = False
        connection.start(now)

    def receive(self, now: float) -> None:
        """Read what is there, once; the selector tells when there is more."""
        try:
            data = self.sock.recv(_READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self.connection.lost()
            return
        if data:
            self.connection.receive_data(data, now)
        else:
            self.connection.receive_eof(now)

    def send(self) -> bool:
        """Write what can be written; return whether the connection goes on."""
        connection = self.connection
        self.unsent += b"".join(connection.data_to_send())
        try:
            self.unsent = self.unsent[self.sock.send(self.unsent) :] if self.unsent else b""
        except (BlockingIOError, InterruptedError):
            pass
        except OSError:
            return False
        if self.unsent or connection.closing == Closing.OPEN:
            return connection.closing != Closing.ABORT
        return connection.closing == Closing.LINGER and self._finish()

    def _finish(self) -> bool:
        """Say that nothing more comes; a close now could take the answer away from a client that still sends."""
        if not self.has_finished:
            self.has_finished = True
            try:
                self.sock.shutdown(socket.SHUT_WR)
            except OSError:
                return False
        return True


def _answer(exchange: Exchange, status: FleetStatus) -> None:
    code, body = answer_of(exchange.target, status)
    headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store"), (b"connection", b"close")]
    if exchange.method not in ("GET", "HEAD"):
        code, body = 405, b""
        headers.append((b"allow", b"GET, HEAD"))
    headers.append((b"content-length", b"%d" % len(body)))
    exchange.start_response(code, headers)
    exchange.write(body, True)


def answer_of(target: bytes, status: FleetStatus) -> tuple[int, bytes]:
    """Return the status code and the body that a probe of a target gets."""
    match target.split(b"?", 1)[0]:
        case b"/livez":
            code, word = 200, "live"
        case b"/startupz":
            code, word = (200, "started") if status.is_started else (503, "starting")
        case b"/readyz" if status.is_stopping:
            code, word = 503, "stopping"
        case b"/readyz":
            code, word = (200, "ready") if status.ready else (503, "not ready")
        case _:
            return 404, b""
    return code, json.dumps({"status": word, "ready": status.ready, "wanted": status.wanted}).encode() + b"\n"
