"""WSGI applications on a stage, and the small ones that many tests share."""

import threading
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

from licorne.adapters.wsgi import WsgiToAsgi
from licorne.asgi.run import AsgiOptions
from tests.support.peer import DEADLINE, Peer
from tests.support.stage import GET, Stage

__all__ = ["TEXT", "Environ", "Opened", "StartResponse", "asking", "hello", "staged", "wait"]

Environ = dict[str, Any]
StartResponse = Callable[..., Callable[[bytes], None]]

TEXT = [("Content-Type", "text/plain")]


def hello(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Answer at once."""
    start_response("200 OK", TEXT)
    return [b"Hello"]


@asynccontextmanager
async def staged(
    stage: Stage, app: Any, *, threads: int = 4, options: AsgiOptions | None = None, **more: Any
) -> AsyncIterator[WsgiToAsgi]:
    """Serve a WSGI application; at the end its threads must end too."""
    adapter = WsgiToAsgi(app, threads)
    stage.prepare(adapter, options=options, **more)
    try:
        yield adapter
        for peer in stage.peers:
            peer.leave()
        await stage.until(lambda: not stage.running())
    finally:
        await adapter.stop()


@asynccontextmanager
async def asking(stage: Stage, app: Any, request: bytes = GET, **more: Any) -> AsyncIterator[Peer]:
    """Return a peer that has sent a request to a WSGI application."""
    async with staged(stage, app, **more):
        peer = await stage.connect()
        peer.send(request)
        yield peer


class Opened:
    """Be something to iterate over that notes whether it was closed."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self.parts = iter(parts)
        self.closed = threading.Event()
        self.closings = 0

    def __iter__(self) -> "Opened":
        return self

    def __next__(self) -> bytes:
        return next(self.parts)

    def close(self) -> None:
        """Take note."""
        self.closings += 1
        self.closed.set()


def wait(event: threading.Event) -> None:
    """Wait in a thread for what must come."""
    assert event.wait(DEADLINE)
