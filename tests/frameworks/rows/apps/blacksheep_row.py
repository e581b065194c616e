"""BlackSheep: the routes of a row."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from blacksheep import Application, Request, Response, WebSocket, WebSocketDisconnectError, get, post, text, ws
from blacksheep.contents import StreamedContent
from blacksheep.server.sse import ServerSentEventsResponse, TextServerSentEvent
from cues import say, wait_until

app = Application()
#: asyncio keeps no hold of a task.
TASKS: set[asyncio.Task[None]] = set()


@app.on_start
async def start(application: Application) -> None:
    say("started")


@app.on_stop
async def stop(application: Application) -> None:
    say("stopped")


@post("/json")
async def show_json(request: Request, x: str) -> dict[str, Any]:
    return {"got": await request.json(), "x": x}


@post("/upload")
async def take_upload(request: Request) -> dict[str, Any]:
    parts = {part.name: part for part in await request.multipart()}
    file = parts[b"file"]
    content = file.data
    shown = {"file": file.file_name.decode(), "size": len(content), "end": content[-9:].hex()}
    return {"name": parts[b"name"].data.decode(), **shown}


@get("/stream")
async def send_stream() -> Response:
    async def pieces() -> AsyncIterator[bytes]:
        for number in range(100):
            yield b"%06d\n" % number * 2000

    return Response(200, content=StreamedContent(b"text/plain", pieces))


@get("/events")
async def send_events(cue: str) -> Response:
    async def events() -> AsyncIterator[TextServerSentEvent]:
        try:
            for number in range(3):
                await wait_until(f"{cue}-{number}")
                yield TextServerSentEvent(str(number))
        finally:
            say("events are over")

    return ServerSentEventsResponse(events)


@post("/later")
async def work_later(cue: str) -> Response:
    async def work() -> None:
        await wait_until(cue)
        say("background work is done")

    task = asyncio.create_task(work())
    TASKS.add(task)
    task.add_done_callback(TASKS.discard)
    return text("accepted")


@get("/hold")
async def hold(cue: str) -> Response:
    say("holding")
    await wait_until(cue)
    return text("held")


@get("/fail")
async def fail() -> None:
    raise LookupError("this route always fails")


@ws("/ws")
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
                case said:
                    await socket.send_text(f"you said {said}")
    except WebSocketDisconnectError as left:
        say(f"left with {left.code}")
