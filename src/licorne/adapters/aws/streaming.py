"""Streaming: a response that leaves while it is made, through the runtime API.

What leaves is one document and a body: the head as JSON, eight NUL bytes, then the body as it comes, in chunks. The
head leaves with the first bytes of the body, so that a response which fails before can still be a whole 500. One that
fails later ends with trailers that tell Lambda so; the client sees it cut.

Rules: writing never blocks the loop; an application that is faster than Lambda waits in `send`.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from licorne.adapters.aws.api import NextEvent, RuntimeApi, error_trailers
from licorne.adapters.aws.invocation import Field, Invocation, Stream
from licorne.engine.sink import HAS_NO_CONTENT, ResponseSink
from licorne.errors import LicorneError

__all__ = ["ResponseStream", "StreamedSink"]

_SEPARATOR = b"\0" * 8
_LAST_CHUNK = b"0\r\n"


class BrokenResponse(LicorneError):
    """Say that an application did not complete a response of which a part has left."""


class StreamedSink(ResponseSink):
    """Queue a response until it is written."""

    __slots__ = ("drops_content", "fields", "has_ended", "has_left", "is_aborted", "parts", "status")

    def __init__(self) -> None:
        self.status = 0
        self.fields: list[Field] = []
        self.parts: list[bytes] = []
        self.drops_content = False
        self.has_left = False
        self.has_ended = False
        self.is_aborted = False

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
        self.has_ended = end

    def send_trailers(self, fields: list[Field]) -> None:
        self.has_ended = True

    def can_send_files(self) -> bool:
        return False

    def withdraw(self) -> bool:
        if not self.has_left:
            self.parts.clear()
        return not self.has_left

    def abort(self) -> None:
        self.is_aborted = True


class ResponseStream(Stream):
    """Write what a sink has to the runtime API."""

    __slots__ = ("_api", "_buffer", "_event", "_invocation", "_is_flushing", "_lose", "_sink", "_socket")

    def __init__(
        self, api: RuntimeApi, event: NextEvent, invocation: Invocation, sink: StreamedSink, lose: Callable[[], None]
    ) -> None:
        """Take where to write, and what to call when that is lost."""
        self._api = api
        self._event = event
        self._invocation = invocation
        self._sink = sink
        self._lose = lose
        self._buffer = bytearray()
        self._is_flushing = False
        self._socket: Any = None

    def pump(self) -> None:
        sink = self._sink
        if sink.is_aborted or not (sink.parts or sink.has_ended):
            return
        parts, sink.parts = sink.parts, []
        try:
            if not sink.has_left:
                self._open()
            self._buffer += b"".join([b"%x\r\n%b\r\n" % (len(part), part) for part in parts])
            if sink.has_ended:
                self._buffer += _LAST_CHUNK + b"\r\n"
                sink.is_aborted = True  # nothing follows
            if not self._is_flushing:
                self._write_some()
        except OSError:
            self._break_off()

    def drain(self) -> Awaitable[None] | None:
        return self._flush() if self._buffer else None

    def finish(self) -> None:
        """Write what is left, and take Lambda's word. Raises OSError, RuntimeApiError."""
        sink = self._sink
        if self._socket is None:
            raise BrokenResponse("the application gave no response")
        self._socket.setblocking(True)
        if not sink.has_ended:
            error = BrokenResponse("the application did not complete its response")
            self._buffer += _LAST_CHUNK + error_trailers(error) + b"\r\n"
        self._socket.sendall(self._buffer)
        self._api.end_stream()

    # internals

    def _open(self) -> None:
        sink, prelude = self._sink, self._invocation.prelude
        head = {} if prelude is None else prelude(sink.status, sink.fields)
        data = json.dumps(head).encode() + _SEPARATOR
        sink.has_left = True
        self._socket = self._api.open_stream(self._event).sock
        self._socket.setblocking(False)
        self._buffer += b"%x\r\n%b\r\n" % (len(data), data)

    def _write_some(self) -> None:
        try:
            while self._buffer:
                del self._buffer[: self._socket.send(self._buffer)]
        except BlockingIOError:
            return

    async def _flush(self) -> None:
        if self._is_flushing:
            await asyncio.sleep(0)
            return
        self._is_flushing = True
        try:
            while self._buffer:
                data = bytes(self._buffer)
                self._buffer.clear()
                await asyncio.get_running_loop().sock_sendall(self._socket, data)
        except OSError:
            self._break_off()
        finally:
            self._is_flushing = False

    def _break_off(self) -> None:
        self._buffer.clear()
        self._sink.is_aborted = True
        self._lose()
