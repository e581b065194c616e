"""Invocation: one event as the ASGI layer sees it, a link in memory, with a sink that keeps the whole response.

Rules: no I/O. What was sent can always be taken back until the reply is made, so that an application which fails
halfway gives a whole 500, never half a response that looks whole.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from licorne.engine.exchange import Exchange
from licorne.engine.received import BodyBuffer, RequestHead
from licorne.engine.sink import HAS_NO_CONTENT, ResponseSink
from licorne.link import Cycle, Gate, Link

__all__ = ["BufferedSink", "Field", "Invocation", "LoopGate", "Stream", "new_head", "new_invocation"]

Field = tuple[bytes, bytes]
Reply = Callable[[int, list[Field], bytes], Any]
Prelude = Callable[[int, list[Field]], dict[str, Any]]

_FAILURE_FIELDS = [(b"content-type", b"text/plain; charset=utf-8")]
_FAILURE_BODY = b"Internal Server Error"


class LoopGate(Gate):
    """Let tasks of the running loop wait."""

    __slots__ = ("event",)

    def __init__(self) -> None:
        self.event = asyncio.Event()

    def open(self) -> None:
        self.event.set()

    async def wait(self) -> None:
        await self.event.wait()


class Stream:
    """Be what takes a response while it is made."""

    __slots__ = ()

    def pump(self) -> None:
        """Write what the sink has."""
        raise NotImplementedError

    def drain(self) -> Awaitable[None] | None:
        """Return None while writing may go on, else an awaitable that ends when it may."""
        raise NotImplementedError


class Invocation(Link):
    """Be one event, with the request that is in it and the way to answer it."""

    __slots__ = ("_exchange", "body", "context", "event", "given", "head", "prelude", "reply", "stream")

    head: RequestHead
    body: bytes
    event: dict[str, Any]
    context: Any
    #: The scope that a custom handler made; None for our own.
    given: dict[str, Any] | None
    #: Makes the document that answers the event.
    reply: Reply
    #: Makes what stands before a streamed body; None where nothing can be streamed.
    prelude: Prelude | None
    #: What takes the response while it is made; None where it is kept.
    stream: "Stream | None"

    def begin(self, head: RequestHead, body: bytes, client: Any, server: Any, is_secure: bool) -> None:
        """Set what the request says."""
        self.client = client
        self.server = server
        self.is_secure = is_secure
        self.head = head
        self.body = body
        self.given = None
        self.prelude = None
        self.stream = None
        self._exchange: Exchange | None = None

    def exchange(self, sink: ResponseSink) -> Exchange:
        """Return the exchange of the request, whose whole body has come."""
        body = BodyBuffer(0)
        if self.body:
            body.append(self.body)
        body.has_ended = True
        exchange = Exchange.__new__(Exchange)
        exchange.begin(self.head, body, sink)
        self._exchange = exchange
        return exchange

    def lose(self) -> None:
        """Take the loss of whom the response was for."""
        if self._exchange is not None:
            self._exchange.disconnect()

    # the link

    def pump(self) -> None:
        if self.stream is not None:
            self.stream.pump()

    def flush(self) -> None:
        self.pump()

    def drain(self) -> Awaitable[None] | None:
        return None if self.stream is None else self.stream.drain()

    def gate(self) -> Gate:
        return LoopGate()

    def turn(self) -> Awaitable[None]:
        return asyncio.sleep(0)

    def start(self, cycle: Cycle) -> None:
        raise NotImplementedError  # no request is held back: there is one at a time


class BufferedSink(ResponseSink):
    """Keep a response."""

    __slots__ = ("drops_content", "fields", "parts", "status")

    def __init__(self) -> None:
        self.status = 0
        self.fields: list[Field] = []
        self.parts: list[bytes] = []
        self.drops_content = False

    def content(self) -> bytes:
        """Return the body."""
        parts = self.parts
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def send_informational(self, status: int, fields: list[Field]) -> None:
        """Drop it: Lambda knows no interim responses."""

    def can_inform(self) -> bool:
        return False

    def send_head(self, status: int, fields: list[Field], length: int, flags: int) -> None:
        self.status = status
        self.fields = fields
        self.drops_content = bool(flags & HAS_NO_CONTENT)

    def send_data(self, data: bytes, end: bool) -> None:
        if data and not self.drops_content:
            self.parts.append(data)

    def send_trailers(self, fields: list[Field]) -> None:
        """Drop them: Lambda knows none, and the scope does not offer them."""

    def can_send_files(self) -> bool:
        return False

    def withdraw(self) -> bool:
        self.parts.clear()
        return True

    def abort(self) -> None:
        self.status = 500
        self.fields = _FAILURE_FIELDS
        self.parts = [_FAILURE_BODY]


def new_invocation(event: dict[str, Any], context: Any, reply: Reply) -> Invocation:
    """Return the invocation of an event whose request is still to be set; nothing is known of its link."""
    invocation = Invocation.__new__(Invocation)
    invocation.account = None
    invocation.scope = None
    invocation.standing = 0
    invocation.tls = None
    invocation.event = event
    invocation.context = context
    invocation.reply = reply
    return invocation


def new_head(method: str, path: bytes, query: bytes, fields: list[Field], size: int) -> RequestHead:
    """Return the head of a request; `path` is percent-encoded."""
    head = RequestHead.__new__(RequestHead)
    head.method = method
    head.path = path
    head.query = query
    head.target = path + b"?" + query if query else path
    head.headers = fields
    head.http_version = "1.1"
    head.content_length = size
    head.asks_websocket = False
    head.is_websocket = False
    head.expects_continue = False
    head.is_plain = True
    head.takes_trailers = False
    return head
