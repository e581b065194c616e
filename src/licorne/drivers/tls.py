"""TLS over any transport of asyncio, by OpenSSL's own buffers in memory (ssl.MemoryBIO).

One `TlsLayer` is the protocol of the transport beneath and the transport of the protocol above, which is made once the
handshake is done. What one read brings is decrypted and handed up together, and what it causes leaves in one write.

    GREETING   the handshake; a newcomer
    REFUSED    the peer spoke plain HTTP and was told so
    OPEN       both ways
    HALF       we have said that nothing more comes; the peer may go on, unheard
    ENDING     to close, once what waits is written
    CLOSED     nothing any more

Rules: what the transport beneath does not take is kept as it was given, and encrypted when there is room: a large body
costs its memory once. The end is announced by close_notify, and that of the peer is not waited for (RFC 8446 §6.1).
"""

import ssl
from collections import deque
from collections.abc import Callable
from typing import Any

from licorne.drivers.greeting import NO_APPLICATION_PROTOCOL, PLAIN_ANSWER, is_plain, offer_in
from licorne.engine.client_hello import ClientHelloReader

__all__ = ["TlsEntrance", "TlsLayer"]

_GREETING = 0
_REFUSED = 1
_OPEN = 2
_HALF = 3
_ENDING = 4
_CLOSED = 5

# RFC 8446 §5.1: what one record holds at most; SSL_write takes no more at a time.
_RECORD_BYTES = 16 * 1024
# What is encrypted before it is written: 64 KiB, and what frames and records add to that, leave in one write. The
# C library keeps so much at hand; what is larger than twice that it would take from the system each time.
_SLICE_BYTES = 72 * 1024
# Records that are decrypted before others have their turn: one may hold a single byte, and a read thousands of them.
_MAX_RECORDS = 128
# Behind a read of this size uvloop reads on at once, up to 32 times.
_GREEDY_BYTES = 256_000
# Why nothing is read: what speaks above does not want it now, or others have their turn.
_NOT_WANTED = 1
_OTHERS_FIRST = 2
_WantRead = ssl.SSLWantReadError
_Failure = ssl.SSLError


class TlsEntrance:
    """Hold what the TLS layers of one worker share."""

    __slots__ = ("context", "new_protocol", "on_failure", "on_plain", "protocols", "runtime", "timeout")

    def __init__(
        self, runtime: Any, context: ssl.SSLContext, new_protocol: Callable[[], Any], timeout: float = 0.0
    ) -> None:
        """Take the runtime, what to speak with, what makes the protocol above, and how long a handshake may take."""
        self.runtime = runtime
        #: It may be replaced: connections that begin from then on use the new one.
        self.context = context
        self.new_protocol = new_protocol
        self.timeout = timeout
        #: What is spoken, by ALPN: who offers only other things is refused. Empty if whoever made the context knows.
        self.protocols: frozenset[bytes] = frozenset()
        #: Called when a handshake has failed, with why, and the address of the peer.
        self.on_failure: Callable[[Exception, Any], object] | None = None
        #: Called when a peer speaks plain HTTP, with its address.
        self.on_plain: Callable[[Any], object] | None = None

    def protocol_factory(self) -> "TlsLayer":
        """Make the protocol of a new connection, for the loop's create_server()."""
        return TlsLayer(self)


class TlsLayer:
    """Be the protocol of one transport, and the transport of what speaks over it."""

    __slots__ = (
        "above",
        "backlog",
        "backlog_bytes",
        "entrance",
        "hello",
        "incoming",
        "inner",
        "is_deaf",
        "is_full",
        "outgoing",
        "pauses",
        "stage",
        "tls",
        "transport",
    )

    def __init__(self, entrance: TlsEntrance) -> None:
        self.entrance = entrance
        #: The protocol that speaks over this; None until the handshake is done.
        self.above: Any = None
        self.transport: Any = None
        #: Reads what the client offers; None before the first byte, and once that is known.
        self.hello: Any = None
        #: OpenSSL's side of the connection; made with the first byte, as it takes memory.
        self.tls: Any = None
        self.inner: Any = None
        self.incoming: Any = None
        self.outgoing: Any = None
        self.stage = _GREETING
        #: The peer has said that nothing more comes. What comes all the same is nobody's.
        self.is_deaf = False
        #: The transport beneath takes nothing for now; what waits meanwhile, not yet encrypted, and how much that is.
        self.is_full = False
        self.backlog: Any = None
        self.backlog_bytes = 0
        #: Why nothing is read for now, by bits.
        self.pauses = 0

    # what the transport beneath calls

    def connection_made(self, transport: Any) -> None:
        """Begin; nothing is sent before the peer does."""
        self.transport = transport
        self.entrance.runtime.newcomers.add(self, self.entrance.timeout)

    def data_received(self, data: bytes) -> None:
        """Decrypt what has come."""
        if self.stage == _OPEN:
            if not self.is_deaf:
                self.incoming.write(data)
                self._read()
        elif self.stage == _GREETING:
            self._greet(data)
        if len(data) == _GREEDY_BYTES:
            self._rest()

    def eof_received(self) -> bool:
        """Take the end of what the peer sends; tell whether the transport is to stay."""
        if self.above is None or self.stage >= _ENDING:
            return False
        self._hear_end()
        if self.stage == _HALF:
            self.close()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Take note that the transport is gone."""
        above = self.above
        self.stage = _CLOSED
        self.above = self.backlog = None
        self.backlog_bytes = 0
        self.entrance.runtime.newcomers.remove(self)
        if above is not None:
            above.connection_lost(exc)
        # The two know each other, and nobody else holds them any more.
        self.tls = self.inner = self.incoming = self.outgoing = self.hello = None

    def pause_writing(self) -> None:
        """Take note that there is no room."""
        self.is_full = True
        if self.above is not None:
            self.above.pause_writing()

    def resume_writing(self) -> None:
        """Write what waits, then let the protocol above go on."""
        self.is_full = False
        while self.backlog and not self.is_full:
            data = self.backlog.popleft()
            self.backlog_bytes -= len(data)
            self._encrypt(data, True)
        if self.is_full or self.above is None:
            return
        if self.stage == _HALF:
            self._end_half()
        elif self.stage == _ENDING:
            self._end()
        self.above.resume_writing()

    # a newcomer

    def expire(self) -> None:
        """End a handshake that takes too long."""
        if self.stage == _GREETING and self.tls is not None:
            self._report(TimeoutError("the handshake took too long"))
        self.abort()

    def _greet(self, data: bytes) -> None:
        if self.tls is None:
            if is_plain(data):
                self._refuse_plain()
                return
            self.hello = ClientHelloReader()
            self.incoming = ssl.MemoryBIO()
            self.outgoing = ssl.MemoryBIO()
            self.tls = self.entrance.context.wrap_bio(self.incoming, self.outgoing, server_side=True)
            # What lies within does the same without a frame of Python's around each call.
            self.inner = getattr(self.tls, "_sslobj", self.tls)
        if self.hello is not None and not self._is_acceptable(data):
            return
        self.incoming.write(data)
        try:
            self.tls.do_handshake()
        except _WantRead:
            self._send()
        except (_Failure, ValueError) as error:
            self._report(error)
            self._send()  # the alert that says why
            self.stage = _CLOSED
            self.transport.close()
        else:
            self._welcome()

    def _is_acceptable(self, data: bytes) -> bool:
        """Read on what the client offers; tell whether the handshake may go on, and end it if not."""
        offered = offer_in(self.hello, data)
        if offered is None:
            return True
        self.hello = None
        spoken = self.entrance.protocols
        if not offered or not spoken or not spoken.isdisjoint(offered):
            return True
        self._report(ValueError("the client speaks no protocol of ours (ALPN)"))
        self.transport.write(NO_APPLICATION_PROTOCOL)
        self.stage = _CLOSED
        self.transport.close()
        return False

    def _welcome(self) -> None:
        self.stage = _OPEN
        self.above = self.entrance.new_protocol()
        self.above.connection_made(self)
        self.entrance.runtime.newcomers.remove(self)
        # What comes with the end of the handshake is answered together with it.
        if self.stage == _OPEN:
            self._read()

    def _refuse_plain(self) -> None:
        self.stage = _REFUSED
        runtime = self.entrance.runtime
        runtime.newcomers.remove(self)
        runtime.newcomers.add(self, runtime.limits.linger_timeout)
        if self.entrance.on_plain is not None:
            self.entrance.on_plain(self.transport.get_extra_info("peername"))
        self.transport.write(PLAIN_ANSWER)
        # What the peer still sends is read: closing on it would reset the connection, and the answer with it.
        if self.transport.can_write_eof():
            self.transport.write_eof()

    def _report(self, error: Exception) -> None:
        if self.entrance.on_failure is not None:
            self.entrance.on_failure(error, self.transport.get_extra_info("peername"))

    # reading

    def _read(self) -> None:
        """Hand up what can be decrypted, as long as that is wanted."""
        has_more = True
        while has_more and self.stage == _OPEN and not self.pauses and not self.is_deaf:
            data, has_more = self._decrypt()
            if has_more and len(data) < _RECORD_BYTES:
                self._rest()
            if data:
                self.above.data_received(data)
        if self.outgoing.pending:
            self._send()

    def _decrypt(self) -> tuple[bytes, bool]:
        """Return what has come, small records together, and whether there may be more."""
        pieces: list[bytes] = []
        size = 0
        has_more = True
        while has_more and size < _RECORD_BYTES and len(pieces) < _MAX_RECORDS:
            # What is encrypted is never shorter than what it says.
            wanted = min(self.incoming.pending, _RECORD_BYTES) or _RECORD_BYTES
            try:
                piece = self.inner.read(wanted)
            except _WantRead:
                has_more = False
                break
            except _Failure:  # it breaks the rules of TLS
                self.stage = _CLOSED
                self._send()
                self.transport.close()
                piece = b""
            if not piece:
                has_more = self._ends_with(pieces)
                break
            size += len(piece)
            pieces.append(piece)
            has_more = self.incoming.pending > 0 or (len(piece) == wanted and self.inner.pending() > 0)
        if len(pieces) == 1:
            return pieces[0], has_more
        return b"".join(pieces), has_more

    def _ends_with(self, pieces: list[bytes]) -> bool:
        """Take the end of what the peer sends; False, or True if something has to be handed up before."""
        if pieces:
            return True
        if self.stage == _OPEN:
            self._hear_end()
        return False

    def _hear_end(self) -> None:
        """Take the end of what the peer sends, once: by close_notify, or by that of the transport."""
        if self.is_deaf:
            return
        self.is_deaf = True
        if not self.above.eof_received():
            self.close()

    def _rest(self) -> None:
        """Read nothing before others had their turn."""
        if not self.pauses & _OTHERS_FIRST and not self.transport.is_closing():
            self.pauses |= _OTHERS_FIRST
            self.transport.pause_reading()
            self.entrance.runtime.turns.add(self)

    def go_on(self) -> None:
        """Take up what was put off."""
        self.pauses &= ~_OTHERS_FIRST
        if not self.pauses and not self.transport.is_closing():
            self.transport.resume_reading()
        if self.stage == _OPEN:
            self._read()

    # writing

    def write(self, data: bytes) -> None:
        """Encrypt and write, or keep for later."""
        if self.stage != _OPEN:
            return
        if self.is_full or len(data) > _RECORD_BYTES:
            self._encrypt(data, True)
        elif data:
            self.inner.write(data)
            self.transport.write(self.outgoing.read())

    def writelines(self, pieces: list[bytes]) -> None:
        """Encrypt and write several pieces."""
        if self.stage != _OPEN:
            return
        for piece in pieces:
            self._encrypt(piece, False)
        self._send()

    def _encrypt(self, data: Any, is_last: bool) -> None:
        """Encrypt a piece and write it in slices as long as there is room; keep the rest."""
        view = memoryview(data)
        start = 0
        size = len(view)
        while start < size and not self.is_full:
            start += self.inner.write(view[start : start + _RECORD_BYTES])
            if self.outgoing.pending >= _SLICE_BYTES:
                self._send()
        if start < size:
            if self.backlog is None:
                self.backlog = deque()
            rest = view[start:]
            if start and self.backlog:
                self.backlog.appendleft(rest)
            else:
                self.backlog.append(rest)
            self.backlog_bytes += len(rest)
        if is_last:
            self._send()

    def _send(self) -> None:
        if self.outgoing is not None and self.outgoing.pending:
            self.transport.write(self.outgoing.read())

    # the transport, as the protocol above sees it

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what is known of the connection; "ssl_object" and "sslcontext" are here, the rest beneath."""
        if name == "ssl_object":
            return default if self.tls is None else self.tls
        if name == "sslcontext":
            return self.entrance.context if self.tls is None else self.tls.context
        if self.tls is not None and name in ("cipher", "compression", "peercert"):
            return self.tls.getpeercert() if name == "peercert" else getattr(self.tls, name)()
        return self.transport.get_extra_info(name, default)

    def is_closing(self) -> bool:
        """Tell whether it takes nothing any more."""
        return self.stage >= _ENDING or bool(self.transport.is_closing())

    def pause_reading(self) -> None:
        """Hand nothing up for now."""
        self.pauses |= _NOT_WANTED
        self.transport.pause_reading()

    def resume_reading(self) -> None:
        """Go on reading, with what was left."""
        self.pauses &= ~_NOT_WANTED
        if not self.pauses:
            self.transport.resume_reading()
            if self.stage == _OPEN and (self.incoming.pending or self.tls.pending()):
                self.entrance.runtime.turns.add(self)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Say how much may wait to be written before the protocol above hears of it, in bytes."""
        self.transport.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        """Return how many bytes wait to be written."""
        return int(self.transport.get_write_buffer_size()) + self.backlog_bytes

    def can_write_eof(self) -> bool:
        """Tell whether one side may end alone."""
        return bool(self.transport.can_write_eof())

    def write_eof(self) -> None:
        """Say that nothing more comes, and hear the peer no more but for its end."""
        if self.stage == _OPEN:
            self.stage = _HALF
            if not self.backlog:
                self._end_half()

    def close(self) -> None:
        """Close when all is written."""
        if self.stage == _OPEN:
            self.stage = _ENDING
            if not self.backlog:
                self._end()
        elif self.stage != _ENDING:
            is_half = self.stage == _HALF and self.backlog
            self.stage = _ENDING if is_half else _CLOSED
            if not is_half:
                self.transport.close()

    def abort(self) -> None:
        """Close at once."""
        self.stage = _CLOSED
        self.transport.abort()

    def _end_half(self) -> None:
        self._notify()
        self.transport.write_eof()

    def _end(self) -> None:
        self.stage = _CLOSED
        self._notify()
        self.transport.close()

    def _notify(self) -> None:
        """Announce our end, by close_notify."""
        try:
            self.tls.unwrap()
        except (_Failure, OSError):
            pass  # the peer has not announced its own yet
        self._send()
