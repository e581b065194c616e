"""Exchange: one request and its response, the same for every HTTP version (RFC 9113 §8.1).

An engine makes an exchange when a request head is complete, appends body to it and tells it when the peer
has gone. The ASGI layer takes the body out and writes the response in; what it writes is checked here (order,
names, values, lengths) and passed to the exchange's `ResponseSink`, the writing half of one protocol.

Rules: the application is not trusted. It owns no framing, splits no response, and sends no more bytes than
it promised. A fault of the application raises `LocalProtocolError` and reaches no wire.
"""

from collections.abc import Iterable
from typing import Any

from licorne.engine.framing import has_no_content
from licorne.engine.received import BodyBuffer, RequestHead
from licorne.engine.response_fields import ResponseFields
from licorne.engine.sink import HAS_NO_CONTENT, HAS_TRAILERS, UNKNOWN_LENGTH, WANTS_CLOSE, ResponseSink
from licorne.engine.tunnel import Tunnel
from licorne.errors import ClientDisconnected, LocalProtocolError

__all__ = ["Exchange"]

# The same once more, typed in the `.pxd`: a name that is typed there is not visible from outside.
_UNKNOWN_LENGTH = UNKNOWN_LENGTH
_HAS_NO_CONTENT = HAS_NO_CONTENT
_HAS_TRAILERS = HAS_TRAILERS
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

# In place of a list that has nothing in it; nothing is ever added to it.
_NO_FIELDS: list[tuple[bytes, bytes]] = []
_MIN_STATUS = 200
_MAX_STATUS = 599
_SWITCHING_PROTOCOLS = 101
_OK = 200


class Exchange(ResponseFields):
    """Carry one request to the application and one response back."""

    __slots__ = (
        "body",
        "bytes_sent",
        "gate",
        "is_aborted",
        "is_disconnected",
        "is_leaving",
        "is_released",
        "response_headers",
        "sink",
        "state",
        "status",
        "write_gate",
    )

    # construction

    def begin(self, head: RequestHead, body: BodyBuffer, sink: ResponseSink) -> None:
        """Set every attribute of a new exchange; cheaper than a constructor with arguments."""
        self._begin_fields(head)
        self.body = body
        self.sink = sink
        #: Opened once and forgotten: for body, and for room behind a sink that was full.
        self.gate: Any = None
        self.write_gate: Any = None
        self.state = _IDLE
        self.status = 0
        self.response_headers = _NO_FIELDS
        self.bytes_sent = 0
        self.is_aborted = False
        #: The transport is gone: nothing that is written can arrive.
        self.is_disconnected = False
        #: The peer said that it leaves, or the server stops: `receive()` tells, writing still works.
        self.is_leaving = False
        #: Nobody works on it any more.
        self.is_released = False

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
        self.open_write_gate()

    def leave(self) -> None:
        """Take a half-close of the peer, or the server's stop: the application should end, and may still answer."""
        self.is_leaving = True
        self._open_gate()

    def open_write_gate(self) -> None:
        """Wake who waits for room: the sink is not full any more."""
        if self.write_gate is not None:
            self.write_gate.open()
            self.write_gate = None

    def release(self) -> None:
        """Take note that the application has done with the exchange."""
        self.is_released = True

    # input: what the application takes

    def take_body(self) -> bytes:
        """Hand over the body bytes that have arrived."""
        data = self.body.take()
        if data:
            self.sink.on_change()
        return data

    def note_room(self) -> None:
        """Take note that the tunnel has room again: its messages were taken."""
        self.sink.on_change()

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
        self._forget_fields()
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
            fields = self._without_length(fields)
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

    def write_file(self, data: bytes) -> None:
        """Send bytes of what `start_file` opened, where the driver cannot (`can_send_files`).

        Raises:
            ClientDisconnected: The peer is gone.
        """
        if self.is_disconnected:
            raise ClientDisconnected("The client disconnected.")
        self.sink.send_data(data, False)

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
        self.sink.on_change()

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
        self._forget_fields()
        # RFC 9110 §8.6: no Content-Length in a 1xx, nor in what accepts a CONNECT.
        fields = self._without_length(self._check_fields(headers))
        # RFC 8441 §5: a version that has no 101 accepts by 200.
        self.status = _SWITCHING_PROTOCOLS if self.head.http_version == "1.1" else _OK
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

    def is_full(self) -> bool:
        """Tell whether the application should wait for `write_gate` before it sends more."""
        return self.state != _COMPLETE and not self.is_disconnected and self.sink.is_full()

    def can_send_files(self) -> bool:
        """Tell whether the driver may send what `start_file` opens; if not, it must come by `write_file`."""
        return self.sink.can_send_files()

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
        if self.write_gate is not None:
            self.open_write_gate()

    def _count(self, size: int, end: bool) -> None:
        """Hold the application to the length that it promised."""
        if self.is_disconnected:
            raise ClientDisconnected("The client disconnected.")
        if self.state != _BODY:
            raise LocalProtocolError("No response body is expected now.")
        if self.remaining != _UNKNOWN_LENGTH and not self.flags & _HAS_NO_CONTENT:
            self._count_off(size, end)
