"""Which HTTP a peer speaks: what TLS has agreed on (ALPN), else the first bytes that it sends (RFC 9113 §3).

    ALPN         h2: HTTP/2; anything else, or nothing: HTTP/1
    cleartext    the preface of HTTP/2 (prior knowledge, RFC 9113 §3.3): HTTP/2; anything else: HTTP/1

A connection begins undecided and names its successor, which is told all that was heard so far, once it knows. What
speaks HTTP/1 in clear may be another engine than behind TLS: one that takes up an offer to change to HTTP/2
(`Upgrade: h2c`). By default none does: RFC 9113 has dropped it, and proxies that pass it on let requests through that
they never saw.
"""

from collections.abc import Callable

from licorne.engine.connection import NEVER, Closing, Connection
from licorne.engine.exchange import Exchange
from licorne.errors import RemoteProtocolError

__all__ = ["Engines", "UndecidedConnection", "new_connection_factory"]

_NEVER = NEVER
_FLUSH = int(Closing.FLUSH)
_ABORT = int(Closing.ABORT)

# RFC 9113 §3.4: what no HTTP/1 request begins with; HTTP/2 judges the rest of its preface itself.
_MARK = b"PRI * HTTP/2.0\r\n"
_H2 = "h2"

# As long as HTTP/1 waits for the first request of a new connection once the server drains, in seconds.
_GRACE = 1.0


class Engines:
    """Hold what makes the engine of a connection, for each HTTP version, and the time that its first bytes may take."""

    __slots__ = ("head_timeout", "new_clear_http1", "new_http1", "new_http2")

    def __init__(
        self,
        new_http1: Callable[[], Connection],
        new_http2: Callable[[], Connection],
        head_timeout: float,
        new_clear_http1: Callable[[], Connection] | None = None,
    ) -> None:
        """Take a factory for each version, seconds (0: no limit), and one for HTTP/1 in clear if it is another."""
        self.new_http1 = new_http1
        self.new_http2 = new_http2
        self.new_clear_http1 = new_clear_http1 or new_http1
        self.head_timeout = head_timeout or NEVER


class UndecidedConnection(Connection):
    """Be the engine of a connection until it is known what its peer speaks."""

    __slots__ = ("engines", "first", "is_retiring", "shut_at", "started_at")

    # construction

    def __init__(self, engines: Engines) -> None:
        super().__init__()
        self.engines = engines
        #: What has come: a part of the preface.
        self.first = b""
        self.is_retiring = False
        self.started_at = 0.0
        #: When the server began to drain; NEVER while it does not.
        self.shut_at = NEVER

    # input

    def agree(self, protocol: str | None) -> None:
        """Take what TLS has agreed on: from now on it is decided."""
        self.successor = engine = self.engines.new_http2() if protocol == _H2 else self.engines.new_http1()
        if self.is_retiring:
            engine.retire()

    def start(self, now: float) -> None:
        self.started_at = now
        self.idle_since = now + _GRACE
        self.deadline = now + self.engines.head_timeout

    def receive_data(self, data: bytes, now: float) -> None:
        if self.closing:
            return
        self.first = first = self.first + data if self.first else data
        if first.startswith(_MARK):
            self._decide(self.engines.new_http2(), now)
        elif not _MARK.startswith(first):
            self._decide(self.engines.new_clear_http1(), now)

    def receive_eof(self, now: float) -> None:
        self.close()

    def lost(self) -> None:
        self.closing = _ABORT
        self.deadline = _NEVER

    def expire(self, now: float) -> None:
        if now < self.deadline:
            return
        if not self.first:
            self.close()
            return
        engine = self._decide(self.engines.new_http1(), now)
        engine.expire(now)

    def shutdown(self, now: float) -> None:
        self.shut_at = min(self.shut_at, now)
        self.deadline = min(self.deadline, self.shut_at + _GRACE)

    def retire(self) -> None:
        self.is_retiring = True

    def close(self) -> None:
        self.closing = max(self.closing, _FLUSH)
        self.deadline = _NEVER

    def refuse(self, error: RemoteProtocolError, now: float) -> None:
        self._decide(self.engines.new_http1(), now).refuse(error, now)

    # output

    def next_exchange(self, now: float) -> Exchange | None:
        return None

    def data_to_send(self) -> list[bytes]:
        return []

    def pending_bytes(self) -> int:
        return 0

    # predicates

    def wants_data(self) -> bool:
        return not self.closing

    def ends_with_connection(self) -> bool:
        return False

    def is_idle(self) -> bool:
        return not self.closing and not self.first

    # internals

    def _decide(self, engine: Connection, now: float) -> Connection:
        """Tell the engine that goes on all that was heard so far."""
        self.successor = engine
        engine.start(self.started_at)
        if self.is_retiring:
            engine.retire()
        if self.shut_at != _NEVER:
            engine.shutdown(self.shut_at)
        if self.first:
            engine.receive_data(self.first, now)
        return engine


def new_connection_factory(
    new_http1: Callable[[], Connection],
    new_http2: Callable[[], Connection],
    head_timeout: float,
    new_clear_http1: Callable[[], Connection] | None = None,
) -> Callable[[], Connection]:
    """Return a function that makes connections which speak what their peer does.

    `head_timeout` is in seconds, 0 for none. `new_clear_http1` makes the engine for HTTP/1 without TLS, if it differs.
    """
    engines = Engines(new_http1, new_http2, head_timeout, new_clear_http1)

    def new_connection() -> Connection:
        return UndecidedConnection(engines)

    return new_connection
