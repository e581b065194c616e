"""A Starlette application with the kinds of WebSocket routes that its documentation teaches."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.endpoints import WebSocketEndpoint
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect


def say(line: str) -> None:
    """Print a line where the test reads the log."""
    print(f"app: {line}", file=sys.stderr, flush=True)


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[dict[str, Any]]:
    """Give each socket the state."""
    yield {"words": ["from", "the", "lifespan"]}


class AddField(BaseHTTPMiddleware):
    """Be a middleware for HTTP, which leaves sockets alone."""

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        """Add a field."""
        response = await call_next(request)
        response.headers["x-middleware"] = "was here"
        return response


async def echo(socket: WebSocket) -> None:
    """Iterate over what comes, which ends when the client leaves."""
    await socket.accept()
    async for text in socket.iter_text():
        await socket.send_text(f"you said {text}")
    say(f"echo is over, {socket.client_state.name}")


async def catch(socket: WebSocket) -> None:
    """Learn from the exception how the client left."""
    await socket.accept()
    try:
        while True:
            await socket.send_bytes(await socket.receive_bytes())
    except WebSocketDisconnect as left:
        say(f"left with {left.code} {left.reason!r}")


async def push(socket: WebSocket) -> None:
    """Send and never receive, until the server says that nobody is there."""
    await socket.accept()
    try:
        while True:
            await socket.send_json({"more": "x" * 1000})
    except WebSocketDisconnect as left:
        say(f"pushing is over, {left.code}")


async def show(socket: WebSocket) -> None:
    """Accept with a subprotocol, fields and a cookie; show the scope."""
    headers = [(b"x-accepted", b"yes"), (b"set-cookie", b"a=b; Path=/")]
    await socket.accept(subprotocol=socket.scope["subprotocols"][0], headers=headers)
    shown = {
        "path": socket.path_params,
        "query": dict(socket.query_params),
        "cookies": socket.cookies,
        "agent": socket.headers["x-agent"],
        "words": socket.state.words,
        "url": str(socket.url),
        "has_client": socket.client is not None,
    }
    await socket.send_json(shown)
    await socket.send_json(shown, mode="binary")
    await socket.close(4000, "that was all")


async def refuse(socket: WebSocket) -> None:
    """Close before accepting."""
    await socket.close()


async def deny(socket: WebSocket) -> None:
    """Answer with a response."""
    await socket.send_denial_response(JSONResponse({"why": "no ticket"}, status_code=401, headers={"x-why": "ticket"}))


async def deny_slowly(socket: WebSocket) -> None:
    """Answer with a streamed response."""

    async def pieces() -> AsyncIterator[str]:
        for number in range(100):
            yield f"line {number}\n"

    await socket.send_denial_response(StreamingResponse(pieces(), status_code=429, media_type="text/plain"))


async def fail(socket: WebSocket) -> None:
    """Raise after accepting."""
    await socket.accept()
    raise LookupError("this route always fails")


async def fail_early(socket: WebSocket) -> None:
    """Raise before accepting."""
    raise LookupError("this route fails early")


class Calculator(WebSocketEndpoint):
    """Be an endpoint of a class."""

    encoding = "json"

    async def on_receive(self, websocket: WebSocket, data: Any) -> None:
        """Add numbers."""
        await websocket.send_json({"sum": sum(data)})

    async def on_disconnect(self, websocket: WebSocket, close_code: int) -> None:
        """Say how it ended."""
        say(f"calculator is over, {close_code}")


ROUTES = [
    WebSocketRoute("/echo", echo),
    WebSocketRoute("/catch", catch),
    WebSocketRoute("/push", push),
    WebSocketRoute("/show/{name}", show),
    WebSocketRoute("/refuse", refuse),
    WebSocketRoute("/deny", deny),
    WebSocketRoute("/deny-slowly", deny_slowly),
    WebSocketRoute("/fail", fail),
    WebSocketRoute("/fail-early", fail_early),
    Mount("/below", routes=[WebSocketRoute("/calculate", Calculator)]),
]
app = Starlette(routes=ROUTES, lifespan=lifespan)
middled = Starlette(routes=ROUTES, middleware=[Middleware(AddField)], lifespan=lifespan)
