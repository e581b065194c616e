"""Exchange: one request and its response, the same for every HTTP version (RFC 9113 §8.1).

An engine makes an exchange when a request head is complete, appends body to it and tells it when the peer
has gone. The ASGI layer takes the body out and writes the response in; what it writes is checked here (order,
names, values, lengths) and passed to the exchange's `ResponseSink`, the writing half of one protocol.

Rules: the application is not trusted. It owns no framing, splits no response, and sends no more bytes than
it promised. A fault of the application raises `LocalProtocolError` and reaches no wire.
"""

from collections.abc import Iterable
from typing import Any

from licorne.engine import _bytes
from licorne.engine.framing import has_no_content, parse_length
from licorne.engine.headers import FIELD_NAME, FIELD_TEXT, HOP_BY_HOP, LOWER_NAME, list_tokens
from licorne.engine.received import BodyBuffer, RequestHead
from licorne.engine.sink import (
    HAS_DATE,
    HAS_NO_CONTENT,
    HAS_SERVER,
    HAS_TRAILERS,
    NAMES_UPGRADE,
    UNKNOWN_LENGTH,
    WANTS_CLOSE,
    ResponseSink,
)
from licorne.engine.tunnel import Tunnel
from licorne.errors import ClientDisconnected, LocalProtocolError, RemoteProtocolError

__all__ = ["Exchange"]

# The same once more, typed in the `.pxd`: a name that is typed there is not visible from outside.
_UNKNOWN_LENGTH = UNKNOWN_LENGTH
_FIELD_NAME = FIELD_NAME
_FIELD_TEXT = FIELD_TEXT
_LOWER_NAME = LOWER_NAME
_HAS_DATE = HAS_DATE
_HAS_NO_CONTENT = HAS_NO_CONTENT
_HAS_SERVER = HAS_SERVER
_HAS_TRAILERS = HAS_TRAILERS
_NAMES_UPGRADE = NAMES_UPGRADE
_WANTS_CLOSE = WANTS_CLOSE

# The states of a response; the first four come in this order, the last one within _BODY.
_IDLE = 0
_BODY = 1
_TRAILERS = 2
_COMPLETE = 3
# The body, while the driver sends a file: nothing else may be written.
_FILE = 4
# Raw bytes both ways.
_TUNNEL = 5

_OWNED = HOP_BY_HOP | {b"content-length", b"date", b"server"}
# Most names are told apart from the owned ones by their length alone.
_OWNED_LENGTHS = bytes(1 if size in {len(name) for name in _OWNED} else 0 for size in range(256))
# In place of a list that has nothing in it; nothing is ever added to it.
_NO_FIELDS: list[tuple[bytes, bytes]] = []
_MIN_STATUS = 200
_MAX_STATUS = 599
_SWITCHING_PROTOCOLS = 101


class Exchange:
    """Carry one request to the application and one response back."""

    __slots__ = (
        "body",
        "bytes_sent",
        "flags",
        "gate",
        "head",
        "is_aborted",
        "is_disconnected",
        "is_leaving",
        "remaining",
        "response_headers",
        "sink",
        "state",
        "status",
        "tunnel",
    )

    # construction

    def begin(self, head: RequestHead, body: BodyBuffer, sink: ResponseSink) -> None:
        """Set every attribute of a new exchange; cheaper than a constructor with arguments."""
        self.head = head
        self.body = body
        self.sink = sink
        self.gate: Any = None
        self.state = _IDLE
        self.status = 0
        self.response_headers = _NO_FIELDS
        self.flags = 0
        self.remaining = _UNKNOWN_LENGTH
        self.bytes_sent = 0
        #: What the exchange carries if it is accepted as a tunnel.
        self.tunnel: Tunnel | None = None
        self.is_aborted = False
        #: The transport is gone: nothing that is written can arrive.
        self.is_disconnected = False
        #: The peer said that it leaves, or the server stops: `receive()` tells, writing still works.
        self.is_leaving = False

    # input: what the engine says

    def append_body(self, data: bytes) -> None:
        """Take body bytes from the wire and wake who waits for them."""
        self.body.append(data)
        self._open_gate()

    def finish_body(self) -> None:
        """Take the end of the body."""
        self.body.has_ended = True
        self._open_gate()

    def disconnect(self) -> None:
        """Take the loss of the peer: writing raises from now on."""
        if self.state != _COMPLETE:
            self.is_disconnected = True
            self.is_aborted = True
        tunnel = self.tunnel  # it leaves us, and must live until it has returned
        if tunnel is not None:
            tunnel.lost()
        self._open_gate()

    def leave(self) -> None:
        """Take a half-close of the peer, or the server's stop: the application should end, and may still answer."""
        self.is_leaving = True
        self._open_gate()

    # input: what the application takes

    def take_body(self) -> bytes:
        """Hand over the body bytes that have arrived."""
        return self.body.take()

    # output

    def send_continue(self) -> None:
        """Answer `Expect: 100-continue` once, unless body or the response came first (RFC 9110 §10.1.1)."""
        if self.head.expects_continue:
            self.head.expects_continue = False
            if self.state == _IDLE and not self.body.first and not self.body.has_ended and not self.is_disconnected:
                self.sink.send_informational(100, [])

    def send_informational(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Send an interim response such as 103 (RFC 8297).

        Raises:
            LocalProtocolError: A field is not allowed.
            ClientDisconnected: The peer is gone.
        """
        if self.is_disconnected:
            raise ClientDisconnected("The client disconnected.")
        fields = self._check_fields(headers)
        # RFC 9110 §15.2: a 1.0 client must not be sent any. After the final head it is too late, and no fault.
        if self.head.http_version != "1.0" and self.sink.can_inform():
            self.sink.send_informational(status, fields)

    def start_response(self, status: object, headers: Iterable[tuple[bytes, bytes]], trailers: bool = False) -> None:
        """Begin the final response.

        Raises:
            LocalProtocolError: The response has begun already, or its status, a field or its length is not allowed.
            ClientDisconnected: The peer is gone.
        """
        if self.is_disconnected:
            raise ClientDisconnected("The client disconnected.")
        if self.state != _IDLE:
            raise LocalProtocolError("The response has already started.")
        if not isinstance(status, int) or not _MIN_STATUS <= status <= _MAX_STATUS:
            raise LocalProtocolError(f"The response status must be an integer from 200 to 599, got {status!r}.")
        self.remaining = _UNKNOWN_LENGTH
        self.flags = 0
        fields = self._check_fields(headers)
        self.status = int(status)  # HTTPStatus and its like are integers too
        self.response_headers = fields
        if trailers:
            self.flags |= _HAS_TRAILERS
        if self.head.expects_continue and not self.body.has_ended:
            # RFC 9110 §10.1.1: without the 100 the peer need not send the body, so nothing can follow it.
            self.flags |= _WANTS_CLOSE
        if status in (204, 205) and self.remaining != _UNKNOWN_LENGTH:
            # RFC 9110 §8.6, §15.3.6: no Content-Length in a 204, and no other than 0 in a 205.
            fields = [field for field in fields if field[0] != b"content-length"]
            self.remaining = _UNKNOWN_LENGTH
        if has_no_content(self.head.method, self.status):
            self.flags |= _HAS_NO_CONTENT
        self.state = _BODY
        self.sink.send_head(self.status, fields, self.remaining, self.flags)

    def write(self, data: bytes, end: bool) -> None:
        """Send body bytes; `end` says that they are the last.

        Raises:
            LocalProtocolError: No response is open, or the bytes do not add up to its Content-Length.
            ClientDisconnected: The peer is gone.
        """
        size = len(data)
        self._count(size, end)
        if not self.flags & _HAS_NO_CONTENT:
            self.bytes_sent += size
        self.sink.send_data(data, end and not self.flags & _HAS_TRAILERS)
        if end:
            self._finish()

    def write_trailers(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Send trailer fields and end the response.

        Raises:
            LocalProtocolError: No trailers are due, or a field is not allowed.
            ClientDisconnected: The peer is gone.
        """
        if self.state != _TRAILERS:
            raise LocalProtocolError(
                "Trailers must come after the last body message of a response that announced them."
            )
        if self.is_disconnected:
            raise ClientDisconnected("The client disconnected.")
        # RFC 9110 §6.5.1: no framing in a trailer section. The other fields that we own are left out by the check.
        fields = [field for field in self._check_fields(headers) if field[0] != b"content-length"]
        self.sink.send_trailers(fields if self.head.takes_trailers else [])
        self._complete()

    def start_file(self, count: int, end: bool) -> bool:
        """Announce `count` bytes from a file; False when this response has no content to send.

        Raises:
            LocalProtocolError: As `write`.
            ClientDisconnected: The peer is gone.
        """
        self._count(count, end)
        if count == 0 or self.flags & _HAS_NO_CONTENT:
            return False
        self.bytes_sent += count
        self.state = _FILE
        self.sink.start_file(count, end and not self.flags & _HAS_TRAILERS)
        return True

    def finish_file(self, end: bool) -> None:
        """Close what `start_file` opened; `end` as in `write`."""
        self.state = _BODY
        self.sink.finish_file(end and not self.flags & _HAS_TRAILERS)
        if end:
            self._finish()

    def finish_empty(self) -> None:
        """End a response whose last file has no bytes to send."""
        self.sink.send_data(b"", not self.flags & _HAS_TRAILERS)
        self._finish()

    def offer_tunnel(self, tunnel: Tunnel) -> None:
        """Take what this exchange carries if it is accepted as a tunnel: its clocks run from now on."""
        self.tunnel = tunnel

    def start_tunnel(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Accept the exchange as a tunnel for what was offered.

        Raises:
            LocalProtocolError: The response has begun already, or a field is not allowed.
            ClientDisconnected: The peer is gone.
        """
        if self.is_disconnected:
            raise ClientDisconnected("The client disconnected.")
        if self.state != _IDLE:
            raise LocalProtocolError("The response has already started.")
        self.flags = 0
        # RFC 9110 §8.6: no Content-Length in a 1xx.
        fields = [field for field in self._check_fields(headers) if field[0] != b"content-length"]
        self.status = _SWITCHING_PROTOCOLS
        # A tunnel may be kept for long, and nobody asks for the answer to a key again.
        self.response_headers = [field for field in fields if field[0] != b"sec-websocket-accept"] or _NO_FIELDS
        self.state = _TUNNEL
        self.sink.start_tunnel(fields, self.flags)

    def send_raw(self, data: bytes) -> None:
        """Send bytes through the tunnel; they are not copied.

        Raises:
            LocalProtocolError: There is no tunnel, or it was finished.
            ClientDisconnected: The peer is gone.
        """
        if self.is_disconnected:
            raise ClientDisconnected("The client disconnected.")
        if self.state != _TUNNEL:
            raise LocalProtocolError("The exchange is not an open tunnel.")
        self.bytes_sent += len(data)
        self.sink.send_data(data, False)

    def finish_tunnel(self) -> None:
        """End our side of the tunnel; once is enough."""
        if self.state == _TUNNEL:
            self.sink.send_data(b"", True)
            self._complete()

    def withdraw(self) -> bool:
        """Take a response back of which nothing has left, so that another can be given; tell whether that went."""
        if self.state == _BODY and not self.is_disconnected and self.sink.withdraw():
            self.state = _IDLE
            self.bytes_sent = 0
        return self.state == _IDLE

    def abort(self) -> None:
        """Give the response up: what was sent must not look whole to the peer."""
        if self.state != _COMPLETE:
            self.is_aborted = True
            self.sink.abort()
            tunnel = self.tunnel
            self._complete()
            if tunnel is not None:
                tunnel.lost()

    # predicates

    def is_websocket(self) -> bool:
        """Tell whether the request asks to open a WebSocket."""
        return self.head.is_websocket

    def is_tunnel(self) -> bool:
        """Tell whether the exchange is an open tunnel."""
        return self.state == _TUNNEL

    def has_started(self) -> bool:
        """Tell whether the final response has begun."""
        return self.state != _IDLE

    def is_complete(self) -> bool:
        """Tell whether the response is complete, or was given up."""
        return self.state == _COMPLETE

    def awaits_trailers(self) -> bool:
        """Tell whether the body is complete and trailers are due."""
        return self.state == _TRAILERS

    @property
    def is_body_complete(self) -> bool:
        """Tell whether the whole request body has arrived and was taken."""
        return self.body.has_ended and not self.body.first

    @property
    def method(self) -> str:
        """Return the request method."""
        return self.head.method

    @property
    def target(self) -> bytes:
        """Return the request target as received."""
        return self.head.target

    @property
    def http_version(self) -> str:
        """Return "1.0", "1.1", "2" or "3"."""
        return self.head.http_version

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """Return the request fields, names in lower case."""
        return self.head.headers

    # internals

    def _open_gate(self) -> None:
        if self.gate is not None:
            self.gate.open()
            self.gate = None

    def _finish(self) -> None:
        if self.flags & _HAS_TRAILERS:
            self.state = _TRAILERS
            self._open_gate()
        else:
            self._complete()

    def _complete(self) -> None:
        self.state = _COMPLETE
        self.tunnel = None  # which knows this exchange: neither should keep the other
        self._open_gate()

    def _count(self, size: int, end: bool) -> None:
        """Hold the application to the length that it promised."""
        if self.is_disconnected:
            raise ClientDisconnected("The client disconnected.")
        if self.state != _BODY:
            raise LocalProtocolError("No response body is expected now.")
        if self.remaining == _UNKNOWN_LENGTH or self.flags & _HAS_NO_CONTENT:
            return
        if size > self.remaining:
            raise LocalProtocolError("Response content longer than Content-Length")
        self.remaining -= size
        if end and self.remaining:
            raise LocalProtocolError("Response content shorter than Content-Length")

    def _check_fields(self, headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """Return the fields that may go to the wire, names in lower case; take note of those that we own."""
        fields = []
        for pair in headers:
            first, second = pair
            if type(first) is not bytes or type(second) is not bytes:
                raise LocalProtocolError(f"A header must be a pair of bytes, got {pair!r}.")
            name, value = first, second
            if not name or not _bytes.is_all(name, 0, len(name), _LOWER_NAME):
                name = self._lower(name)
                pair = (name, value)
            if not _bytes.is_all(value, 0, len(value), _FIELD_TEXT):
                raise LocalProtocolError(f"Invalid HTTP header value: {value!r} of {name.decode()!r}.")
            if len(name) < 256 and _OWNED_LENGTHS[len(name)] and not self._keeps(name, value):
                continue
            fields.append(pair if type(pair) is tuple else (name, value))
        return fields

    def _lower(self, name: bytes) -> bytes:
        lowered = _bytes.translated(name, 0, len(name), _FIELD_NAME)
        if lowered is None:
            raise LocalProtocolError(f"Invalid HTTP header name: {name!r}.")
        return lowered

    def _keeps(self, name: bytes, value: bytes) -> bool:
        """Note what a field says if it is an owned one; tell whether it goes to the wire as it is."""
        if name == b"content-length":
            return self._note_length(value)
        if name == b"date":
            self.flags |= _HAS_DATE
            return True
        if name == b"server":
            self.flags |= _HAS_SERVER
            return True
        if name == b"connection" and b"close" in list_tokens(value):
            self.flags |= _WANTS_CLOSE
        if name == b"upgrade" and self.head.is_websocket and self.tunnel is None:
            self.flags |= _NAMES_UPGRADE  # no application was asked yet: it is the refusal of a handshake
        # Framing and connection fields are the server's: the ASGI specification says to ignore the application's.
        return name not in HOP_BY_HOP

    def _note_length(self, value: bytes) -> bool:
        try:
            length = parse_length(value)
        except RemoteProtocolError:
            raise LocalProtocolError(f"The Content-Length of the response is not a number: {value!r}.") from None
        if self.remaining != _UNKNOWN_LENGTH and self.remaining != length:
            raise LocalProtocolError("The response has two different Content-Length headers.")
        is_first = self.remaining == _UNKNOWN_LENGTH
        self.remaining = length
        return is_first
