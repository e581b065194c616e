"""Types of ASGI, for annotations: what applications import from here."""

import types
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Literal, NotRequired, Protocol, TypedDict

Environ = MutableMapping[str, Any]
ExcInfo = tuple[type[BaseException], BaseException, types.TracebackType | None]
StartResponse = Callable[[str, Iterable[tuple[str, str]], ExcInfo | None], None]
WSGIApp = Callable[[Environ, StartResponse], Iterable[bytes] | BaseException]

_Fields = Iterable[tuple[bytes, bytes]]


class ASGIVersions(TypedDict):
    """Be the versions in a scope."""

    spec_version: str
    version: Literal["2.0", "3.0"]


class _WWW(TypedDict):
    asgi: ASGIVersions
    http_version: str
    scheme: str
    path: str
    raw_path: bytes
    query_string: bytes
    root_path: str
    headers: _Fields
    client: tuple[str, int] | None
    server: tuple[str, int | None] | None
    state: NotRequired[dict[str, Any]]
    extensions: NotRequired[dict[str, dict[object, object]] | None]


class HTTPScope(_WWW):
    """Be the scope of a request."""

    type: Literal["http"]
    method: str


class WebSocketScope(_WWW):
    """Be the scope of a WebSocket."""

    type: Literal["websocket"]
    subprotocols: list[str]


class LifespanScope(TypedDict):
    """Be the scope of the lifespan."""

    type: Literal["lifespan"]
    asgi: ASGIVersions
    state: NotRequired[dict[str, Any]]


WWWScope = HTTPScope | WebSocketScope
Scope = HTTPScope | WebSocketScope | LifespanScope


class HTTPRequestEvent(TypedDict):
    """Be a part of a request body."""

    type: Literal["http.request"]
    body: bytes
    more_body: bool


class HTTPResponseDebugEvent(TypedDict):
    """Tell of a template, for tests."""

    type: Literal["http.response.debug"]
    info: dict[str, object]


class HTTPResponseEarlyHintEvent(TypedDict):
    """Send an early hint."""

    type: Literal["http.response.early_hint"]
    links: Iterable[bytes]


class HTTPResponseStartEvent(TypedDict):
    """Begin a response."""

    type: Literal["http.response.start"]
    status: int
    headers: NotRequired[_Fields]
    trailers: NotRequired[bool]


class HTTPResponseBodyEvent(TypedDict):
    """Send a part of a body."""

    type: Literal["http.response.body"]
    body: bytes
    more_body: NotRequired[bool]


class HTTPResponseTrailersEvent(TypedDict):
    """Send trailers."""

    type: Literal["http.response.trailers"]
    headers: _Fields
    more_trailers: bool


class HTTPServerPushEvent(TypedDict):
    """Push a resource."""

    type: Literal["http.response.push"]
    path: str
    headers: _Fields


class HTTPDisconnectEvent(TypedDict):
    """Tell that the client has gone."""

    type: Literal["http.disconnect"]


class WebSocketConnectEvent(TypedDict):
    """Tell that a client asks for a WebSocket."""

    type: Literal["websocket.connect"]


class WebSocketAcceptEvent(TypedDict):
    """Accept it."""

    type: Literal["websocket.accept"]
    subprotocol: NotRequired[str | None]
    headers: NotRequired[_Fields]


class WebSocketReceiveEvent(TypedDict):
    """Be a message from the client."""

    type: Literal["websocket.receive"]
    bytes: NotRequired[bytes | None]
    text: NotRequired[str | None]


class WebSocketSendEvent(TypedDict):
    """Be a message to the client."""

    type: Literal["websocket.send"]
    bytes: NotRequired[bytes | None]
    text: NotRequired[str | None]


class WebSocketResponseStartEvent(TypedDict):
    """Begin a response in place of a WebSocket."""

    type: Literal["websocket.http.response.start"]
    status: int
    headers: _Fields


class WebSocketResponseBodyEvent(TypedDict):
    """Send a part of its body."""

    type: Literal["websocket.http.response.body"]
    body: bytes
    more_body: NotRequired[bool]


class WebSocketDisconnectEvent(TypedDict):
    """Tell that the WebSocket has ended."""

    type: Literal["websocket.disconnect"]
    code: int
    reason: NotRequired[str | None]


class WebSocketCloseEvent(TypedDict):
    """End it."""

    type: Literal["websocket.close"]
    code: NotRequired[int]
    reason: NotRequired[str | None]


class LifespanStartupEvent(TypedDict):
    """Ask an application to start."""

    type: Literal["lifespan.startup"]


class LifespanShutdownEvent(TypedDict):
    """Ask an application to end."""

    type: Literal["lifespan.shutdown"]


class LifespanStartupCompleteEvent(TypedDict):
    """Tell that it has started."""

    type: Literal["lifespan.startup.complete"]


class LifespanStartupFailedEvent(TypedDict):
    """Tell that it could not start."""

    type: Literal["lifespan.startup.failed"]
    message: str


class LifespanShutdownCompleteEvent(TypedDict):
    """Tell that it has ended."""

    type: Literal["lifespan.shutdown.complete"]


class LifespanShutdownFailedEvent(TypedDict):
    """Tell that it could not end well."""

    type: Literal["lifespan.shutdown.failed"]
    message: str


WebSocketEvent = WebSocketReceiveEvent | WebSocketDisconnectEvent | WebSocketConnectEvent
ASGIReceiveEvent = (
    HTTPRequestEvent
    | HTTPDisconnectEvent
    | WebSocketConnectEvent
    | WebSocketReceiveEvent
    | WebSocketDisconnectEvent
    | LifespanStartupEvent
    | LifespanShutdownEvent
)
ASGISendEvent = (
    HTTPResponseStartEvent
    | HTTPResponseBodyEvent
    | HTTPResponseTrailersEvent
    | HTTPServerPushEvent
    | HTTPDisconnectEvent
    | WebSocketAcceptEvent
    | WebSocketSendEvent
    | WebSocketResponseStartEvent
    | WebSocketResponseBodyEvent
    | WebSocketCloseEvent
    | LifespanStartupCompleteEvent
    | LifespanStartupFailedEvent
    | LifespanShutdownCompleteEvent
    | LifespanShutdownFailedEvent
)
ASGIReceiveCallable = Callable[[], Awaitable[ASGIReceiveEvent]]
ASGISendCallable = Callable[[ASGISendEvent], Awaitable[None]]


class ASGI2Protocol(Protocol):
    """Be an ASGI 2 application: a class that is made for each scope."""

    def __init__(self, scope: Scope) -> None: ...

    async def __call__(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None: ...


ASGI2Application = type[ASGI2Protocol]
ASGI3Application = Callable[[Scope, ASGIReceiveCallable, ASGISendCallable], Awaitable[None]]
ASGIApplication = ASGI2Application | ASGI3Application
