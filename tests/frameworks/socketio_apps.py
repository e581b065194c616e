"""python-socketio servers: on their own, and around a Starlette application."""

import sys
from typing import Any

import socketio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

__all__ = ["alone", "around"]


def say(line: str) -> None:
    """Print a line where the test reads the log."""
    print(f"app: {line}", file=sys.stderr, flush=True)


def new_server() -> socketio.AsyncServer:
    """Make a server with events, answers, rooms and binary data."""
    # A polling client that disconnects waits until its last poll ends: by default, for 25 seconds.
    server = socketio.AsyncServer(async_mode="asgi", cors_allowed_origins="*", ping_interval=1, ping_timeout=2)

    async def connect(sid: str, environ: dict[str, Any], auth: Any) -> None:
        if auth == {"ticket": "none"}:
            raise socketio.exceptions.ConnectionRefusedError("no ticket")
        say(f"connected by {server.transport(sid)}")

    async def disconnect(sid: str, reason: str) -> None:
        say(f"disconnected, {reason}")

    async def add(sid: str, data: list[int]) -> int:
        return sum(data)

    async def turn(sid: str, data: bytes) -> None:
        await server.emit("turned", data[::-1], to=sid)

    async def enter(sid: str, room: str) -> None:
        await server.enter_room(sid, room)
        await server.emit("entered", room, room=room)

    for handler in (connect, disconnect, add, turn, enter):
        server.on(handler.__name__, handler)
    return server


async def hello(request: Request) -> PlainTextResponse:
    """Greet."""
    return PlainTextResponse("hello")


alone = socketio.ASGIApp(new_server())
around = socketio.ASGIApp(new_server(), Starlette(routes=[Route("/hello", hello)]))
