"""Panther: the routes of a row."""

import os
from collections.abc import AsyncGenerator

from cues import say, wait_until
from panther import Panther
from panther.app import API, GenericAPI
from panther.background_tasks import BackgroundTask
from panther.events import Event
from panther.request import Request
from panther.response import PlainTextResponse, Response, StreamingResponse
from panther.websocket import GenericWebsocket

# With Redis its workers pass on messages to each other's sockets; without, Panther starts a process for that.
REDIS = {"class": "panther.db.connections.RedisConnection", "unix_socket_path": os.environ["REDIS_PATH"]}
BACKGROUND_TASKS = True


@Event.startup
async def start() -> None:
    say("started")


@Event.shutdown
async def stop() -> None:
    say("stopped")


@API(methods=["POST"])
async def show_json(request: Request) -> Response:
    return Response({"got": request.data, "x": request.query_params["x"]})


@API(methods=["POST"])
async def take_upload(request: Request) -> Response:
    file = request.data["file"]
    content = file.file
    shown = {"file": file.file_name, "size": len(content), "end": content[-9:].hex()}
    return Response({"name": request.data["name"], **shown})


class Lines(StreamingResponse):
    """Stream bytes as they are."""

    content_type = "text/plain"


class Events(StreamingResponse):
    """Stream events."""

    content_type = "text/event-stream"


@API(methods=["GET"])
async def send_stream() -> Response:
    async def pieces() -> AsyncGenerator[bytes, None]:
        for number in range(100):
            yield b"%06d\n" % number * 2000

    return Lines(pieces())


@API(methods=["GET"])
async def send_events(request: Request) -> Response:
    async def events() -> AsyncGenerator[bytes, None]:
        try:
            for number in range(3):
                await wait_until(f"{request.query_params['cue']}-{number}")
                yield b"data: %d\n\n" % number
        finally:
            say("events are over")

    return Events(events())


@API(methods=["POST"])
async def work_later(request: Request) -> Response:
    async def work(cue: str) -> None:
        await wait_until(cue)
        say("background work is done")

    BackgroundTask(work, request.query_params["cue"]).submit()
    return Response("accepted")


@API(methods=["GET"])
async def hold(request: Request) -> Response:
    say("holding")
    await wait_until(request.query_params["cue"])
    return PlainTextResponse("held")


class Fail(GenericAPI):
    """Raise."""

    async def get(self) -> None:
        raise LookupError("this route always fails")


class Talk(GenericWebsocket):
    """Answer what one says."""

    # Panther takes each annotation for a parameter's, also that of what is returned.
    async def connect(self):
        await self.accept()

    def change_state(self, state: str, message: str = "") -> None:
        if state == "Closed":
            say("left")
        super().change_state(state, message)

    async def receive(self, data: str | bytes) -> None:
        match data:
            case bytes():
                await self.send(data[::-1])
            case "bytes":
                pass
            case "bye":
                await self.close(4000)
            case text:
                await self.send(f"you said {text}")


URLs = {
    "json": show_json,
    "upload": take_upload,
    "stream": send_stream,
    "events": send_events,
    "later": work_later,
    "hold": hold,
    "fail": Fail,
    "ws": Talk,
}
app = Panther(__name__, configs=__name__, urls=URLs)
