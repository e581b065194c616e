"""WsgiCall: one call of a WSGI application, in its thread, by the rules of PEP 3333.

Rules:
- The head leaves with the first body bytes, or at the end without any: until then it can be replaced.
- A response that is there as a whole leaves as a whole; of all others each part leaves before the next is asked for.
- As soon as the announced length is reached the response is complete, whatever the application does afterwards.
- Without a body to send (HEAD, 204, 304) the application is asked for no more than the head.
- What the application does wrong is raised where it does it.
"""

from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, BinaryIO, Final

from licorne.adapters.wsgi.bridge import Bridge
from licorne.adapters.wsgi.environ import environ_of
from licorne.adapters.wsgi.files import FileWrapper, sendable_part
from licorne.errors import LocalProtocolError

__all__ = ["WsgiCall"]

_START: Final = "http.response.start"
_BODY: Final = "http.response.body"
_FILE: Final = "http.response.zerocopysend"

_ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]
_Write = Callable[[bytes], None]


class WsgiCall:
    """Call the application for one request and hand its response over."""

    __slots__ = (
        "app",
        "body",
        "bridge",
        "constants",
        "has_no_content",
        "head",
        "is_committed",
        "is_complete",
        "length",
        "scope",
        "sent",
    )

    def __init__(
        self, app: Callable[..., Iterable[bytes]], scope: dict[str, Any], body: BinaryIO, bridge: Bridge
    ) -> None:
        self.app = app
        self.scope = scope
        self.body = body
        self.bridge = bridge
        self.constants: dict[str, Any] = {}
        #: What start_response was called with, as the message to send.
        self.head: dict[str, Any] | None = None
        self.has_no_content = False
        #: The head has left.
        self.is_committed = False
        #: The end has left.
        self.is_complete = False
        #: The announced length.
        self.length: int | None = None
        self.sent = 0

    def run(self) -> None:
        """Do it all; raise nothing."""
        error = None
        if not self.bridge.is_gone:  # its client has not waited
            try:
                self._respond()
            except BaseException as raised:
                error = raised
        self.bridge.finish(error)
        if self.bridge.is_gone:
            self.bridge.report()

    # what the application calls

    def start_response(self, status: str, headers: list[tuple[str, str]], exc_info: _ExcInfo | None = None) -> _Write:
        """Take the head, or another one in place of one that has not left; return `write`."""
        if exc_info is not None:
            try:
                if self.is_committed:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None  # it holds this frame
        elif self.head is not None:
            raise LocalProtocolError("start_response was called a second time without exc_info.")
        code = _code_of(status)
        fields, self.length = _fields_of(headers)
        self.head = {"type": _START, "status": code, "headers": fields}
        self.has_no_content = self.scope["method"] == "HEAD" or code in (204, 304)
        return self.write

    def write(self, data: bytes) -> None:
        """Send a part of the body before what is returned."""
        if data:
            self._send(data)

    # internals

    def _respond(self) -> None:
        result: Any = self.app(environ_of(self.constants, self.scope, self.body), self.start_response)
        try:
            kind = type(result)
            if kind is list or kind is tuple:
                self._send_last(_joined(result))
            elif kind is not FileWrapper or not self._send_file(result):
                self._send_parts(result)
        finally:
            close = getattr(result, "close", None)
            if close is not None:
                close()

    def _send_parts(self, result: Iterable[bytes]) -> None:
        for part in result:
            if part:
                self._send(part)
                if self.has_no_content:
                    break
        if not self.is_complete:
            self._send_last(b"")

    def _send(self, part: bytes) -> None:
        """Send a part of the body; it is the last one if it reaches the announced length."""
        self._count(part)
        if self.is_complete:
            return
        is_last = self.sent == self.length
        message = {"type": _BODY, "body": part, "more_body": not is_last}
        if self.is_committed:
            self.bridge.tell_body(part, message)
        else:
            self.is_committed = True
            self.bridge.tell_body(part, self._taken_head(), message)
        self.is_complete = is_last

    def _send_last(self, part: bytes) -> None:
        """Send the rest of the body, for which nobody waits."""
        self._count(part)
        if self.is_complete:
            return
        message = {"type": _BODY, "body": part, "more_body": False}
        if self.is_committed:
            self.bridge.tell(message)
        else:
            self.is_committed = True
            self.bridge.tell(self._taken_head(), message)
        self.is_complete = True

    def _send_file(self, wrapper: FileWrapper) -> bool:
        """Leave a file to the server; False when it must be read."""
        if self.is_committed or self.head is None or self.has_no_content or not self._sends_files():
            return False
        found = sendable_part(wrapper, self.length)
        if found is None:
            return False
        file, offset, count = found
        self.is_committed = self.is_complete = True
        try:
            message = {"type": _FILE, "file": file, "offset": offset, "count": count, "more_body": False}
            self.bridge.tell(self.head, message)
        except BaseException:
            file.close()
            raise
        return True

    def _sends_files(self) -> bool:
        return _FILE in self.scope.get("extensions", ())

    def _taken_head(self) -> dict[str, Any]:
        if self.head is None:
            raise LocalProtocolError("The WSGI application has sent no head: it must call start_response first.")
        return self.head

    def _count(self, part: bytes) -> None:
        """Hold the application to bytes, to its head first, and to the length that it has announced."""
        if not isinstance(part, bytes):
            raise LocalProtocolError(f"A WSGI application must yield and write bytes, got {type(part).__name__}.")
        self._taken_head()
        self.sent += len(part)
        if self.length is not None and self.sent > self.length and not self.has_no_content:
            raise LocalProtocolError(
                f"The WSGI application has announced {self.length} bytes of body and sends {self.sent} or more."
            )


def _joined(parts: list[bytes] | tuple[bytes, ...]) -> bytes:
    if len(parts) == 1:
        return parts[0]
    try:
        return b"".join(parts)
    except TypeError as error:
        raise LocalProtocolError(f"A WSGI application must return bytes: {error}.") from None


def _code_of(status: Any) -> int:
    code = status[:3] if isinstance(status, str) else ""
    if not (code.isascii() and code.isdigit() and len(code) == 3 and status[3:4] in ("", " ")):
        raise LocalProtocolError(f"The status of a WSGI response must be a str like '200 OK', got {status!r}.")
    return int(code)


def _fields_of(headers: Iterable[tuple[str, str]]) -> tuple[list[tuple[bytes, bytes]], int | None]:
    fields = []
    length = None
    try:
        for name, value in headers:
            field = (name.lower().encode("latin-1"), value.encode("latin-1"))
            fields.append(field)
            if field[0] == b"content-length":
                length = int(value)
    except (AttributeError, TypeError, ValueError) as error:
        raise LocalProtocolError(
            f"The headers of a WSGI response must be a list of (str, str) within ISO-8859-1: {error}."
        ) from None
    return fields, length
