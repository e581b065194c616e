"""Starlette: the routes of a row."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from cues import say, wait_until
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[dict[str, str]]:
    say("started")
    yield {"word": "from the lifespan"}
    say("stopped")


async def show_json(request: Request) -> Response:
    return JSONResponse({"got": await request.json(), "x": request.query_params["x"]})


async def take_upload(request: Request) -> Response:
    async with request.form() as form:
        content = await form["file"].read()
        shown = {"name": form["name"], "file": form["file"].filename, "size": len(content), "end": content[-9:].hex()}
    return JSONResponse(shown)


async def send_stream(request: Request) -> Response:
    async def pieces() -> AsyncIterator[bytes]:
        for number in range(100):
            yield b"%06d\n" % number * 2000

    return StreamingResponse(pieces(), media_type="text/plain")


async def send_events(request: Request) -> Response:
    async def events() -> AsyncIterator[str]:
        try:
            for number in range(3):
                await wait_until(f"{request.query_params['cue']}-{number}")
                yield f"data: {number}\n\n"
        finally:
            say("events are over")

    return StreamingResponse(events(), media_type="text/event-stream")


async def work_later(request: Request) -> Response:
    async def work() -> None:
        await wait_until(request.query_params["cue"])
        say("background work is done")

    return JSONResponse("accepted", background=BackgroundTask(work))


async def hold(request: Request) -> Response:
    say("holding")
    await wait_until(request.query_params["cue"])
    return PlainTextResponse("held")


async def fail(request: Request) -> Response:
    raise LookupError("this route always fails")


async def talk(socket: WebSocket) -> None:
    await socket.accept()
    try:
        while True:
            match await socket.receive_text():
                case "bytes":
                    await socket.send_bytes((await socket.receive_bytes())[::-1])
                case "bye":
                    await socket.close(4000)
                    return
                case text:
                    await socket.send_text(f"you said {text}")
    except WebSocketDisconnect as left:
        say(f"left with {left.code}")


app = Starlette(
    lifespan=lifespan,
    routes=[
        Route("/json", show_json, methods=["POST"]),
        Route("/upload", take_upload, methods=["POST"]),
        Route("/stream", send_stream),
        Route("/events", send_events),
        Route("/later", work_later, methods=["POST"]),
        Route("/hold", hold),
        Route("/fail", fail),
        WebSocketRoute("/ws", talk),
    ],
)
