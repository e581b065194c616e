"""Applications for the tests of the drop-in."""

import json
import os
from typing import Any


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answer 200 with what the scope says, and the number of the process."""
    if scope["type"] == "lifespan":
        await live(receive, send)
        return
    if scope["type"] == "websocket":
        await echo(receive, send)
        return
    told = {name: scope[name] for name in ("client", "scheme", "path", "root_path", "method", "http_version")}
    told["asgi"] = scope["asgi"]
    told["raw_path"] = scope["raw_path"].decode()
    told["host"] = dict(scope["headers"]).get(b"host", b"").decode()
    told["pid"] = os.getpid()
    await answer(send, json.dumps(told).encode())


async def live(receive: Any, send: Any) -> None:
    """Take part in the lifespan."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def echo(receive: Any, send: Any) -> None:
    """Accept a WebSocket and send back what comes."""
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})


async def answer(send: Any, body: bytes, status: int = 200) -> None:
    """Send a response."""
    fields = [(b"content-length", b"%d" % len(body)), (b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": body})


async def refusing(scope: Any, receive: Any, send: Any) -> None:
    """Fail to start."""
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "there is no database"})


async def silent(scope: Any, receive: Any, send: Any) -> None:
    """Take no part in the lifespan; answer."""
    if scope["type"] == "lifespan":
        raise NotImplementedError
    await answer(send, b"{}")


def new_app() -> Any:
    """Make an application."""
    return app


class Second:
    """Be an application of ASGI 2."""

    def __init__(self, scope: Any) -> None:
        self.scope = scope

    async def __call__(self, receive: Any, send: Any) -> None:
        await app(self.scope, receive, send)


def wsgi(environ: Any, start_response: Any) -> Any:
    """Be an application of WSGI."""
    start_response("200 OK", [("content-type", "application/json")])
    return [json.dumps({"path": environ["PATH_INFO"]}).encode()]


not_an_app = 7
