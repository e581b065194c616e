"""Litestar: the routes of a row."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from cues import say, wait_until
from litestar import Litestar, MediaType, Request, Response, WebSocket, get, post, websocket
from litestar.background_tasks import BackgroundTask
from litestar.datastructures import UploadFile
from litestar.enums import RequestEncodingType
from litestar.exceptions import WebSocketDisconnect
from litestar.logging import LoggingConfig
from litestar.params import Body
from litestar.response import ServerSentEvent, Stream


@asynccontextmanager
async def lifespan(app: Litestar) -> AsyncIterator[None]:
    say("started")
    yield
    say("stopped")


@post("/json", status_code=200)
async def show_json(request: Request[Any, Any, Any], x: str) -> dict[str, Any]:
    return {"got": await request.json(), "x": x}


@post("/upload", status_code=200)
async def take_upload(
    data: Annotated[dict[str, Any], Body(media_type=RequestEncodingType.MULTI_PART)],
) -> dict[str, Any]:
    file: UploadFile = data["file"]
    content = await file.read()
    return {"name": data["name"], "file": file.filename, "size": len(content), "end": content[-9:].hex()}


@get("/stream")
async def send_stream() -> Stream:
    async def pieces() -> AsyncIterator[bytes]:
        for number in range(100):
            yield b"%06d\n" % number * 2000

    return Stream(pieces(), media_type=MediaType.TEXT)


@get("/events")
async def send_events(cue: str) -> ServerSentEvent:
    async def events() -> AsyncIterator[str]:
        try:
            for number in range(3):
                await wait_until(f"{cue}-{number}")
                yield str(number)
        finally:
            say("events are over")

    return ServerSentEvent(events())


@post("/later", status_code=200)
async def work_later(cue: str) -> Response[str]:
    async def work() -> None:
        await wait_until(cue)
        say("background work is done")

    return Response("accepted", background=BackgroundTask(work))


@get("/hold", media_type=MediaType.TEXT)
async def hold(cue: str) -> str:
    say("holding")
    await wait_until(cue)
    return "held"


@get("/fail")
async def fail() -> None:
    raise LookupError("this route always fails")


@websocket("/ws")
async def talk(socket: WebSocket[Any, Any, Any]) -> None:
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


app = Litestar(
    [show_json, take_upload, send_stream, send_events, work_later, hold, fail, talk],
    lifespan=[lifespan],
    # By default exceptions are logged when debugging only.
    logging_config=LoggingConfig(log_exceptions="always"),
)
