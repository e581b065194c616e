"""A Starlette application with mounts inside of it, which says where it thinks that it lives."""

import json

from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket

__all__ = ["app"]


def seen(asked: HTTPConnection) -> dict[str, object]:
    """Return what the request looks like from in here."""
    return {
        "url": str(asked.url),
        "base_url": str(asked.base_url),
        "item": str(asked.url_for("shelf:item", number=7)),
        "home": str(asked.url_for("home")),
        "client": asked.client.host if asked.client else None,
        "version": asked.scope["http_version"],
    }


async def show(request: Request) -> Response:
    """Answer a request."""
    return JSONResponse(seen(request))


async def talk(socket: WebSocket) -> None:
    """Say it to a WebSocket."""
    await socket.accept()
    await socket.send_text(json.dumps(seen(socket)))
    await socket.close()


shelf = Mount("/shelf", name="shelf", routes=[Route("/item/{number}", show, name="item"), Route("/slash/", show)])
app = Starlette(routes=[Route("/", show, name="home"), shelf, WebSocketRoute("/talk", talk)])
