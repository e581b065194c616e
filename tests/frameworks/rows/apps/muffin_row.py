"""Muffin: the routes of a row."""

from collections.abc import AsyncIterator
from typing import Any

from asgi_tools import ResponseSSE, ResponseStream, ResponseWebSocket
from cues import say, wait_until
from muffin import Application, Request

app = Application()


@app.on_startup
async def start() -> None:
    say("started")


@app.on_shutdown
async def stop() -> None:
    say("stopped")


@app.route("/json", methods=["POST"])
async def show_json(request: Request) -> dict[str, Any]:
    return {"got": await request.json(), "x": request.query["x"]}


@app.route("/upload", methods=["POST"])
async def take_upload(request: Request) -> dict[str, Any]:
    form = await request.form()
    content = form["file"].read()
    return {"name": form["name"], "file": form["file"].name, "size": len(content), "end": content[-9:].hex()}


@app.route("/stream")
async def send_stream(request: Request) -> ResponseStream:
    async def pieces() -> AsyncIterator[bytes]:
        for number in range(100):
            yield b"%06d\n" % number * 2000

    return ResponseStream(pieces(), content_type="text/plain")


@app.route("/events")
async def send_events(request: Request) -> ResponseSSE:
    async def events() -> AsyncIterator[dict[str, int]]:
        try:
            for number in range(3):
                await wait_until(f"{request.query['cue']}-{number}")
                yield {"data": number}
        finally:
            say("events are over")

    return ResponseSSE(events())


@app.route("/later", methods=["POST"])
async def work_later(request: Request) -> str:
    async def work() -> None:
        await wait_until(request.query["cue"])
        say("background work is done")

    app.run_after_response(work())
    return "accepted"


@app.route("/hold")
async def hold(request: Request) -> str:
    say("holding")
    await wait_until(request.query["cue"])
    return "held"


@app.route("/fail")
async def fail(request: Request) -> None:
    raise LookupError("this route always fails")


@app.route("/ws")
async def talk(request: Request) -> ResponseWebSocket:
    socket = ResponseWebSocket(request)
    await socket.accept()
    while socket.connected:
        match await socket.receive(raw=True):
            case {"type": "websocket.disconnect", "code": code}:
                say(f"left with {code}")
            case {"text": "bytes"}:
                pass
            case {"text": "bye"}:
                await socket.close(4000)
            case {"text": str(text)}:
                await socket.send(f"you said {text}")
            case {"bytes": data}:
                await socket.send(data[::-1])
    return socket
