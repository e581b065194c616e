"""python-socketio around a Starlette application: events, binary data, pushes and background work."""

from typing import Any

import socketio
from cues import say, wait_until
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

server = socketio.AsyncServer(async_mode="asgi")


async def start() -> None:
    say("started")


async def stop() -> None:
    say("stopped")


@server.event
async def connect(sid: str, environ: dict[str, Any], auth: Any) -> None:
    say(f"connected by {server.transport(sid)}")


@server.event
async def disconnect(sid: str, reason: str) -> None:
    say("left")


@server.event
async def echo(sid: str, data: Any) -> dict[str, Any]:
    return {"got": data}


@server.event
async def turn(sid: str, data: bytes) -> None:
    await server.emit("turned", data[::-1], to=sid)


@server.event
async def count(sid: str, cue: str) -> None:
    for number in range(3):
        await wait_until(f"{cue}-{number}")
        await server.emit("number", number, to=sid)


@server.event
async def later(sid: str, cue: str) -> str:
    async def work() -> None:
        await wait_until(cue)
        say("background work is done")

    server.start_background_task(work)
    return "accepted"


@server.event
async def fail(sid: str) -> None:
    raise LookupError("this event always fails")


async def hold(request: Request) -> PlainTextResponse:
    say("holding")
    await wait_until(request.query_params["cue"])
    return PlainTextResponse("held")


async def fail_page(request: Request) -> PlainTextResponse:
    raise LookupError("this route always fails")


pages = Starlette(routes=[Route("/hold", hold), Route("/fail", fail_page)])
app = socketio.ASGIApp(server, pages, on_startup=start, on_shutdown=stop)
