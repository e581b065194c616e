"""AsgiToWsgi: what the WSGI server calls.

Rules: `start_response` is called with the first part of the body, so that an application that fails before it raises
where the server can still answer 500. Fields that are the server's (hop-by-hop, PEP 3333) are left out. Where a
response has no body (HEAD, 204, 304), what the application sends of one is dropped.
"""

import threading
import weakref
from collections.abc import Awaitable, Callable, Iterable, Iterator
from http import HTTPStatus
from types import TracebackType
from typing import Any, Final, Self

from licorne.adapters.asgi_to_wsgi.conversation import BODY, END, HEAD, READ, Conversation
from licorne.adapters.asgi_to_wsgi.loop import LoopThread
from licorne.adapters.asgi_to_wsgi.scope import length_of, scope_of
from licorne.errors import LocalProtocolError

__all__ = ["AsgiToWsgi"]

_READ_BYTES: Final = 64 * 1024
# PEP 3333, "Other HTTP Features"; RFC 2616 §13.5.1
_HOP_BY_HOP: Final = {
    *(b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"te", b"trailer"),
    *(b"transfer-encoding", b"upgrade"),
}


class AsgiToWsgi:
    """Be a WSGI application made of an ASGI 3 one. `lifespan` is "auto", "on" or "off".

    The application starts with the first request, or with `start`; it ends with `close`, or with the process.
    """

    def __init__(self, app: Callable[..., Awaitable[None]], lifespan: str = "auto") -> None:
        if lifespan not in ("auto", "on", "off"):
            raise ValueError(f"lifespan must be 'auto', 'on' or 'off', got {lifespan!r}")
        self.app = app
        self.lifespan = lifespan
        self._lock = threading.Lock()
        self._thread: LoopThread | None = None
        self._finalizer: weakref.finalize[..., Any] | None = None

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Serve a request. Raises StartupError, and what the application raises."""
        thread = self._running()
        assert thread.loop is not None
        length = length_of(environ)
        conversation = Conversation(thread.loop, length != 0)
        response = Response(conversation, environ, length)
        conversation.begin(self.app, scope_of(environ, thread.state))
        try:
            return response.begin(start_response)
        except BaseException:
            response.close()
            raise

    def start(self) -> None:
        """Start the application. Raises StartupError."""
        self._running()

    def close(self) -> None:
        """End the application; the next request would start it anew."""
        with self._lock:
            self._thread = None
            finalizer, self._finalizer = self._finalizer, None
        if finalizer is not None:
            finalizer()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"AsgiToWsgi({self.app!r})"

    def _running(self) -> LoopThread:
        with self._lock:
            thread = self._thread
            if thread is None or not thread.is_usable():
                thread = LoopThread(self.app, self.lifespan)
                thread.start()
                self._thread = thread
                # Also at the end of the process, and when nobody holds this adapter any more.
                self._finalizer = weakref.finalize(self, thread.stop)
            return thread


class Response:
    """Be the iterable that the server takes, in its thread."""

    __slots__ = ("_conversation", "_environ", "_first", "_has_ended", "_head", "_is_bodiless", "_left")

    def __init__(self, conversation: Conversation, environ: dict[str, Any], length: int | None) -> None:
        self._conversation = conversation
        self._environ = environ
        #: How much of the request body is still to be read, None: as much as there is.
        self._left = length
        self._head: tuple[int, Any] | None = None
        self._first: bytes | None = None
        self._has_ended = False
        self._is_bodiless = environ["REQUEST_METHOD"] == "HEAD"

    def begin(self, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Wait for the beginning of the response; return what is to be iterated over."""
        part = self._next_part()
        if self._head is None:
            raise LocalProtocolError("ASGI callable returned without starting response.")
        if part is None and not self._has_ended:
            raise LocalProtocolError("ASGI callable returned without completing response.")
        status, headers = self._head
        self._is_bodiless = self._is_bodiless or status in (204, 304)
        start_response(_line_of(status), _fields_of(headers))
        self._first = part
        return self

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        part, self._first = self._first, None
        while part is None and not self._has_ended:
            part = self._next_part()
            if part is None and not self._has_ended:
                raise LocalProtocolError("ASGI callable returned without completing response.")
        if part is None:
            raise StopIteration
        self._conversation.took(len(part))
        return b"" if self._is_bodiless else part

    def close(self) -> None:
        """Take note that the server wants nothing any more."""
        if not self._has_ended:
            self._has_ended = True
            self._conversation.leave()

    def _next_part(self) -> bytes | None:
        """Return the next part of the body, None when the application returned; read the request meanwhile."""
        while True:
            fact = self._conversation.next_fact()
            kind = fact[0]
            if kind is READ:
                self._read()
            elif kind is HEAD:
                self._head = fact[1:]
            elif kind is BODY:
                self._has_ended = not fact[2]
                part: bytes = fact[1]
                return part
            elif kind is END and fact[1] is not None:
                raise fact[1]
            else:
                return None

    def _read(self) -> None:
        size = _READ_BYTES if self._left is None else min(self._left, _READ_BYTES)
        stream = self._environ["wsgi.input"]
        try:
            # What is there is worth more than a full buffer, where the server can tell.
            data = getattr(stream, "read1", stream.read)(size) if size else b""
        except BaseException:
            self._conversation.break_off()
            raise
        if self._left is not None:
            if not data and self._left:
                self._conversation.break_off()  # it was announced, and does not come
                return
            self._left -= len(data)
        self._conversation.give(data, bool(data) if self._left is None else self._left > 0)


def _line_of(status: int) -> str:
    try:
        return f"{int(status)} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"{int(status)} Unknown"


def _fields_of(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    fields = [(bytes(name).lower(), bytes(value)) for name, value in headers]
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in fields if name not in _HOP_BY_HOP]
