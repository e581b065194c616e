"""Applications that `licorne` serves in the tests of the adapters: one of each interface that is no ASGI."""

import os
import threading
from collections.abc import Iterable, Iterator
from typing import Any

GO_ON = threading.Event()


def wsgi(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Answer with what the path asks for."""
    path = environ["PATH_INFO"]
    if path == "/slow":
        print("slow has begun", flush=True)
        return slow(start_response)
    if path == "/fail":
        raise KeyError("oops")
    body = environ["wsgi.input"].read() or str(environ.get(path[1:], "")).encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Pid", str(os.getpid()))])
    return [body]


def slow(start_response: Any) -> Iterator[bytes]:
    """Answer a little later."""
    GO_ON.wait(0.5)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "4")])
    yield b"done"


class Unclear:
    """Be a WSGI application whose signature does not say so."""

    def __call__(self, *arguments: Any) -> Iterable[bytes]:
        """Serve."""
        return wsgi(*arguments)


unclear = Unclear()


async def messaging(message: dict[str, Any], channels: dict[str, Any]) -> None:
    """Answer requests, and echo what comes through a WebSocket."""
    if message["channel"] == "http.request":
        headers = [[b"content-type", b"text/plain"]]
        await channels["reply"].send({"status": 200, "headers": headers, "content": b"messaging"})
    elif message["channel"] == "websocket.receive":
        await channels["reply"].send({"text": message["text"]})
