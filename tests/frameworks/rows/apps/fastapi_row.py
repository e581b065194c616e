"""FastAPI: the routes of a row."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from cues import say, wait_until
from fastapi import BackgroundTasks, Body, FastAPI, File, Form, UploadFile, WebSocket, WebSocketDisconnect
from fastapi.responses import PlainTextResponse, StreamingResponse


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    say("started")
    yield
    say("stopped")


app = FastAPI(lifespan=lifespan)


@app.post("/json")
async def show_json(got: Annotated[Any, Body()], x: str) -> dict[str, Any]:
    return {"got": got, "x": x}


@app.post("/upload")
async def take_upload(name: Annotated[str, Form()], file: Annotated[UploadFile, File()]) -> dict[str, Any]:
    content = await file.read()
    return {"name": name, "file": file.filename, "size": len(content), "end": content[-9:].hex()}


@app.get("/stream")
async def send_stream() -> StreamingResponse:
    async def pieces() -> AsyncIterator[bytes]:
        for number in range(100):
            yield b"%06d\n" % number * 2000

    return StreamingResponse(pieces(), media_type="text/plain")


@app.get("/events")
async def send_events(cue: str) -> StreamingResponse:
    async def events() -> AsyncIterator[str]:
        try:
            for number in range(3):
                await wait_until(f"{cue}-{number}")
                yield f"data: {number}\n\n"
        finally:
            say("events are over")

    return StreamingResponse(events(), media_type="text/event-stream")


@app.post("/later")
async def work_later(cue: str, tasks: BackgroundTasks) -> str:
    async def work() -> None:
        await wait_until(cue)
        say("background work is done")

    tasks.add_task(work)
    return "accepted"


@app.get("/hold", response_class=PlainTextResponse)
async def hold(cue: str) -> str:
    say("holding")
    await wait_until(cue)
    return "held"


@app.get("/fail")
async def fail() -> None:
    raise LookupError("this route always fails")


@app.websocket("/ws")
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
