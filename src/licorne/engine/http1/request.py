"""The reading half of an HTTP/1 connection: parser facts in, exchanges out.

Every parser ends here, so what a library forgives is refused here all the same: the fields that decide where
a message ends, the host, the target and the method are judged by our own rules (headers, framing, target).
"""

from licorne.engine.exchange import Exchange
from licorne.engine.framing import MAX_LENGTH, request_length
from licorne.engine.headers import is_host, list_tokens
from licorne.engine.http1.known import KnownFields
from licorne.engine.http1.parser import RequestSink
from licorne.engine.limits import Limits
from licorne.engine.received import BodyBuffer, RequestHead
from licorne.engine.sink import ResponseSink
from licorne.engine.target import check_connect, split_absolute, split_origin
from licorne.errors import RemoteProtocolError

__all__ = ["Http1Request"]

_METHODS = {name.encode(): name for name in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE")}

_SLASH = 47

# Shared by all requests without a body: it has ended, and nothing is ever added to it.
_NO_BODY = BodyBuffer(0)
_NO_BODY.has_ended = True


class Http1Request(RequestSink):
    """Judge heads, make exchanges, feed them their body."""

    __slots__ = (
        "body_bytes",
        "closes",
        "exchange",
        "high_water",
        "is_discarding",
        "known",
        "known_host",
        "max_body",
        "ready",
        "sink",
        "takes_websocket",
    )

    def __init__(self, limits: Limits, sink: ResponseSink, takes_websocket: bool = True) -> None:
        self.sink = sink
        self.high_water = limits.high_water_bytes or MAX_LENGTH
        self.max_body = limits.max_body_bytes
        self.is_full = False
        #: The exchange whose body is being read; None between two requests.
        self.exchange: Exchange | None = None
        #: The exchange that waits for the application.
        self.ready: Exchange | None = None
        #: Body bytes of this request received so far.
        self.body_bytes = 0
        #: What still comes of this body is of no use to anybody.
        self.is_discarding = False
        #: The peer wants the connection closed after this request (RFC 9112 §9.3).
        self.closes = False
        #: The last host that was found valid: most requests of a connection name the same.
        self.known_host: bytes | None = None
        self.known = KnownFields()
        #: A request for a WebSocket is told as one; otherwise it is a request as any other (RFC 9110 §7.8).
        self.takes_websocket = takes_websocket

    # input: facts from the parser

    def on_head(self, method: bytes, target: bytes, minor: int, fields: list[tuple[bytes, bytes]]) -> int:
        known = self.known
        known.gather(fields)
        head = self._head(method, target, minor, fields)
        length = request_length(known.length, known.transfer_encoding, minor)
        if self.max_body and length > self.max_body:
            raise RemoteProtocolError(413, "the request body is too large")
        head.content_length = length
        head.expects_continue = self._expects_continue(minor)
        head.is_plain = known.is_plain
        head.takes_trailers = known.te is not None and b"trailers" in list_tokens(known.te)
        head.asks_websocket = known.upgrade is not None and self._asks_websocket(head, minor)
        head.is_websocket = head.asks_websocket and self.takes_websocket
        if head.is_websocket and length:
            raise RemoteProtocolError(400, "a request for a WebSocket has a body")
        self.closes = self._is_last(minor)
        self._begin(head)
        return length

    def on_body(self, data: bytes) -> None:
        self.body_bytes += len(data)
        if self.is_discarding:
            return
        if self.max_body and self.body_bytes > self.max_body:
            raise RemoteProtocolError(413, "the request body is too large")
        if self.exchange is not None:
            self.exchange.append_body(data)

    def on_end(self) -> None:
        if self.exchange is not None:
            self.exchange.finish_body()
            self.exchange = None

    # output

    def take_ready(self) -> Exchange | None:
        """Hand over the exchange that waits for the application."""
        exchange = self.ready
        self.ready = None
        return exchange

    def drop(self) -> None:
        """Forget the request being read: nobody wants it any more."""
        self.ready = None
        self.exchange = None

    # internals

    def _head(self, method: bytes, target: bytes, minor: int, fields: list[tuple[bytes, bytes]]) -> RequestHead:
        head = RequestHead.__new__(RequestHead)
        head.method = self._method(method)
        head.target = target
        head.http_version = "1.1" if minor else "1.0"
        head.headers = fields
        self._check_host(minor)
        if target[0] == _SLASH and head.method != "CONNECT":
            head.path, head.query = split_origin(target)
        else:
            self._read_other_form(head, target)
        return head

    def _method(self, method: bytes) -> str:
        if method == b"GET":
            return "GET"
        known = _METHODS.get(method)
        if known is not None:
            return known
        # RFC 9110 §9.1: methods are case-sensitive, and ASGI promises upper case: "get" cannot be passed on.
        if method != method.upper():
            raise RemoteProtocolError(501, "a method with lower-case letters is not known here")
        return method.decode("ascii")

    def _check_host(self, minor: int) -> None:
        # RFC 9112 §3.2: exactly one, and valid, on HTTP/1.1.
        if self.known.host is None:
            if minor:
                raise RemoteProtocolError(400, "an HTTP/1.1 request without a Host header")
        elif self.known.host != self.known_host:
            if not is_host(self.known.host):
                raise RemoteProtocolError(400, "the Host header is not a host")
            self.known_host = self.known.host

    def _read_other_form(self, head: RequestHead, target: bytes) -> None:
        """Read a target that is not in origin-form (RFC 9112 §3.2.2 to §3.2.4)."""
        if head.method == "CONNECT":
            check_connect(target)
            raise RemoteProtocolError(501, "CONNECT is not supported")
        if target == b"*":
            if head.method != "OPTIONS":
                raise RemoteProtocolError(400, "only OPTIONS may have * as its target")
            head.path, head.query = target, b""
            return
        authority, origin = split_absolute(target)
        head.path, head.query = split_origin(origin)
        # RFC 9112 §3.2.2: the authority of the target replaces what Host said.
        others = [field for field in head.headers if field[0] != b"host"]
        head.headers = [(b"host", authority), *others]

    def _expects_continue(self, minor: int) -> bool:
        # RFC 9110 §10.1.1: a 1.0 client cannot mean it.
        if self.known.expect is None or not minor:
            return False
        if self.known.expect.lower() != b"100-continue":
            raise RemoteProtocolError(417, "the only expectation met here is 100-continue")
        return True

    def _asks_websocket(self, head: RequestHead, minor: int) -> bool:
        # RFC 6455 §4.1; RFC 9110 §7.8: an Upgrade that Connection does not name was not meant for us.
        known = self.known
        if known.upgrade is None or known.connection is None or not minor:
            return False
        is_asked = b"websocket" in list_tokens(known.upgrade) and b"upgrade" in list_tokens(known.connection)
        return is_asked and head.method == "GET"

    def _is_last(self, minor: int) -> bool:
        # RFC 9112 §9.3
        if self.known.connection is None:
            return minor == 0
        options = list_tokens(self.known.connection)
        return b"close" in options or (minor == 0 and b"keep-alive" not in options)

    def _begin(self, head: RequestHead) -> None:
        exchange = Exchange.__new__(Exchange)
        exchange.begin(head, BodyBuffer(self.high_water) if head.content_length else _NO_BODY, self.sink)
        self.exchange = self.ready = exchange
        self.body_bytes = 0
        self.is_discarding = False
        self.is_full = True
