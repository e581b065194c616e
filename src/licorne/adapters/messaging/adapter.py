"""MessagingToAsgi: an ASGI 3 application made of one of the first Uvicorn's interface.

Rules: the message of a request has the keys that it had then, and `raw_path` besides. There is a channel `body` only
if there is a body to read. Lifespan is answered here, since those applications know none.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from licorne.adapters.messaging.channels import BodyChannel, HttpReply, message_of
from licorne.adapters.messaging.websocket import Consumers
from licorne.errors import LocalProtocolError

__all__ = ["MessagingToAsgi"]

_Message = dict[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]

_BODY_FIELDS: Final = (b"content-length", b"transfer-encoding")


class MessagingToAsgi:
    """Be an ASGI 3 application made of `async def app(message, channels)`."""

    __slots__ = ("app",)

    def __init__(self, app: Callable[[_Message, dict[str, Any]], Awaitable[None]]) -> None:
        self.app = app

    async def __call__(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        """Serve a request or a WebSocket, or take part in the lifespan."""
        kind = scope["type"]
        if kind == "http":
            await self._serve(scope, receive, send)
        elif kind == "websocket":
            await Consumers(self.app, scope, receive, send).run()
        elif kind == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
        else:
            raise LocalProtocolError(f"A messaging application serves no scope of type {kind!r}.")

    def __repr__(self) -> str:
        return f"MessagingToAsgi({self.app!r})"

    async def _serve(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        channels: dict[str, Any] = {"reply": HttpReply(send)}
        body = BodyChannel(receive)
        if await _has_body(scope, body):
            channels["body"] = body
        await self.app(message_of(scope, "http.request"), channels)


async def _has_body(scope: _Message, body: BodyChannel) -> bool:
    if scope["http_version"] in ("1.0", "1.1"):
        return any(name in _BODY_FIELDS and value != b"0" for name, value in scope["headers"])
    # RFC 9113 §8.1: a body needs no field that announces it. Only the first message tells whether there is one.
    return await body.look()
