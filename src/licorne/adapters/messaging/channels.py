"""Channels: what a messaging application sends to and receives from, as the first Uvicorn had them.

Rules: a channel has a name, `send` or `receive`, and compares by identity, so that a set of them is a set of clients.
Whatever is not of the form that the interface has is a LocalProtocolError that says what was expected.
"""

import secrets
from collections.abc import Awaitable, Callable
from typing import Any, Final

from licorne.errors import ClientDisconnected, LocalProtocolError

__all__ = ["BodyChannel", "Channel", "HttpReply", "fields_of", "message_of"]

_Message = dict[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]

_NAME_BYTES: Final = 9
_KEYS: Final = (
    *("scheme", "root_path", "server", "client", "http_version", "method", "path", "raw_path", "query_string"),
)


class Channel:
    """Be a channel; a subclass says which way."""

    __slots__ = ("_name", "kind")

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._name = ""

    @property
    def name(self) -> str:
        """Return a name that no other channel has, on any machine."""
        if not self._name:
            self._name = f"{self.kind}:{secrets.token_urlsafe(_NAME_BYTES)}"
        return self._name

    async def send(self, message: _Message) -> None:
        """Send a message."""
        raise LocalProtocolError(f"Nothing can be sent to the channel '{self.kind}'.")

    async def receive(self) -> _Message:
        """Receive a message."""
        raise LocalProtocolError(f"Nothing can be received from the channel '{self.kind}'.")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"


class HttpReply(Channel):
    """Take the response to a request: `status`, `headers` and `content` first, then `content` alone."""

    __slots__ = ("_has_started", "_send")

    def __init__(self, send: _Send) -> None:
        super().__init__("reply")
        self._send = send
        self._has_started = False

    async def send(self, message: _Message) -> None:
        """Send the response, or the next part of it."""
        if not self._has_started:
            if "status" not in message:
                raise LocalProtocolError(f"The first reply to a request must have a 'status', got {_keys(message)}.")
            fields = fields_of(message)
            self._has_started = True
            await self._send({"type": "http.response.start", "status": message["status"], "headers": fields})
        elif "status" in message:
            raise LocalProtocolError("The reply to a request has started: it has no other 'status' any more.")
        content = message.get("content", b"")
        has_more = bool(message.get("more_content", False))
        await self._send({"type": "http.response.body", "body": content, "more_body": has_more})


class BodyChannel(Channel):
    """Give the body of a request part by part, as `content` and `more_content`."""

    __slots__ = ("_first", "_has_ended", "_receive")

    def __init__(self, receive: _Receive) -> None:
        super().__init__("body")
        self._receive = receive
        self._has_ended = False
        #: A message that was received already.
        self._first: _Message | None = None

    async def look(self) -> bool:
        """Wait for the first part; tell whether there is anything to receive."""
        message = self._first = await self._receive()
        return message["type"] != "http.request" or bool(message.get("body") or message.get("more_body"))

    async def receive(self) -> _Message:
        """Return the next part; behind the last one, parts without content. Raises ClientDisconnected."""
        if self._has_ended:
            return {"content": b"", "more_content": False}
        message, self._first = self._first, None
        if message is None:
            message = await self._receive()
        if message["type"] != "http.request":
            raise ClientDisconnected("The client disconnected while its request was read.")
        has_more = bool(message.get("more_body", False))
        self._has_ended = not has_more
        return {"content": message.get("body", b""), "more_content": has_more}


def fields_of(message: _Message) -> list[tuple[bytes, bytes]]:
    """Return the header fields of a reply with names in lower case, as ASGI has them."""
    try:
        return [(name.lower(), value) for name, value in message.get("headers") or ()]
    except (AttributeError, TypeError, ValueError):
        raise LocalProtocolError("The 'headers' of a reply must be a list of [name, value], both bytes.") from None


def message_of(scope: _Message, channel: str) -> _Message:
    """Return the message that stands for a request or a handshake."""
    message: _Message = {"channel": channel}
    for key in _KEYS:
        if key in scope:
            message[key] = scope[key]
    message.setdefault("method", "GET")
    message["headers"] = [[name, value] for name, value in scope["headers"]]
    return message


def _keys(message: _Message) -> str:
    return ", ".join(repr(key) for key in message) or "an empty message"
