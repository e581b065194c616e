"""ASGIAdapter and WSGIAdapter: a WSGI application for the messaging interface, and the other way about.

Their names are the first Uvicorn's, for whose README this interface was "ASGI".

Rules: both stand on the adapters between WSGI and ASGI 3, so they stream, and keep PEP 3333, as those do.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from licorne.adapters.asgi_to_wsgi import AsgiToWsgi
from licorne.adapters.messaging.adapter import MessagingToAsgi
from licorne.adapters.wsgi import DEFAULT_THREADS, WsgiToAsgi
from licorne.errors import LocalProtocolError

__all__ = ["ASGIAdapter", "WSGIAdapter"]

_Message = dict[str, Any]

_ASGI = {"version": "3.0", "spec_version": "2.5"}


class ASGIAdapter:
    """Be a messaging application made of a WSGI one, which runs in threads."""

    def __init__(self, wsgi: Callable[..., Iterable[bytes]], threads: int = DEFAULT_THREADS) -> None:
        self.wsgi = wsgi
        self._app = WsgiToAsgi(wsgi, threads)

    async def __call__(self, message: _Message, channels: dict[str, Any]) -> None:
        """Serve a request; WSGI has no WebSockets, which are refused."""
        channel = message["channel"]
        if channel == "http.request":
            await self._app(_scope_of(message), _Receiving(channels.get("body")), _Sending(channels["reply"]))
        elif channel == "websocket.connect":
            await channels["reply"].send({"accept": False})


class WSGIAdapter:
    """Be a WSGI application made of a messaging one, which runs in an event loop in a thread."""

    def __init__(self, asgi: Callable[[_Message, dict[str, Any]], Awaitable[None]]) -> None:
        self.asgi = asgi
        self._app = AsgiToWsgi(MessagingToAsgi(asgi))

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Serve a request."""
        return self._app(environ, start_response)

    def close(self) -> None:
        """End the event loop and its thread."""
        self._app.close()


class _Receiving:
    """Be ASGI's `receive` over a body channel."""

    __slots__ = ("_body",)

    def __init__(self, body: Any) -> None:
        self._body = body

    async def __call__(self) -> _Message:
        if self._body is None:
            return {"type": "http.request", "body": b"", "more_body": False}
        part = await self._body.receive()
        return {"type": "http.request", "body": part["content"], "more_body": part.get("more_content", False)}


class _Sending:
    """Be ASGI's `send` over a reply channel."""

    __slots__ = ("_head", "_reply")

    def __init__(self, reply: Any) -> None:
        self._reply = reply
        self._head: _Message = {}

    async def __call__(self, message: _Message) -> None:
        if message["type"] == "http.response.start":
            self._head = {"status": message["status"], "headers": message["headers"]}
        elif message["type"] == "http.response.body":
            head, self._head = self._head, {}
            await self._reply.send({**head, "content": message["body"], "more_content": message["more_body"]})
        else:
            raise LocalProtocolError(f"A reply channel takes no {message['type']!r}.")


def _scope_of(message: _Message) -> _Message:
    scope = {key: value for key, value in message.items() if key not in ("channel", "headers")}
    headers = [(bytes(name).lower(), bytes(value)) for name, value in message["headers"]]
    query = message.get("query_string", b"")
    query = query.encode("latin-1") if isinstance(query, str) else query
    usual = {"root_path": "", "http_version": "1.1", "scheme": "http", "extensions": {}}
    return {**usual, **scope, "type": "http", "asgi": _ASGI, "headers": headers, "query_string": query}
