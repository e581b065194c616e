"""Quart: the routes of a row."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from cues import say, wait_until
from quart import Quart, Response, request, websocket

app = Quart(__name__)


@app.before_serving
async def start() -> None:
    say("started")


@app.after_serving
async def stop() -> None:
    say("stopped")


@app.post("/json")
async def show_json() -> dict[str, Any]:
    return {"got": await request.get_json(), "x": request.args["x"]}


@app.post("/upload")
async def take_upload() -> dict[str, Any]:
    file = (await request.files)["file"]
    content = file.read()
    name = (await request.form)["name"]
    return {"name": name, "file": file.filename, "size": len(content), "end": content[-9:].hex()}


@app.get("/stream")
async def send_stream() -> Response:
    async def pieces() -> AsyncIterator[bytes]:
        for number in range(100):
            yield b"%06d\n" % number * 2000

    return Response(pieces(), content_type="text/plain")


@app.get("/events")
async def send_events() -> Response:
    cue = request.args["cue"]

    async def events() -> AsyncIterator[bytes]:
        try:
            for number in range(3):
                await wait_until(f"{cue}-{number}")
                yield b"data: %d\n\n" % number
        finally:
            say("events are over")

    response = Response(events(), content_type="text/event-stream")
    response.timeout = None
    return response


@app.post("/later")
async def work_later() -> str:
    cue = request.args["cue"]

    async def work() -> None:
        await wait_until(cue)
        say("background work is done")

    app.add_background_task(work)
    return "accepted"


@app.get("/hold")
async def hold() -> str:
    say("holding")
    await wait_until(request.args["cue"])
    return "held"


@app.get("/fail")
async def fail() -> str:
    raise LookupError("this route always fails")


@app.websocket("/ws")
async def talk() -> None:
    try:
        while True:
            match await websocket.receive():
                case bytes() as data:
                    await websocket.send(data[::-1])
                case "bytes":
                    pass
                case "bye":
                    await websocket.close(4000)
                    return
                case text:
                    await websocket.send(f"you said {text}")
    except asyncio.CancelledError:
        # Quart cancels who listens when the client has left, and does not say with which code.
        say("left")
        raise
