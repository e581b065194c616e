"""Django: the routes of a row, as asynchronous views."""

import asyncio
import json
from collections.abc import AsyncIterator

from cues import say, wait_until
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path

#: asyncio keeps no hold of a task.
TASKS: set[asyncio.Task[None]] = set()


def show_json(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"got": json.loads(request.body), "x": request.GET["x"]})


async def take_upload(request: HttpRequest) -> HttpResponse:
    file = request.FILES["file"]
    content = file.read()
    shown = {"name": request.POST["name"], "file": file.name, "size": file.size, "end": content[-9:].hex()}
    return JsonResponse(shown)


async def send_stream(request: HttpRequest) -> StreamingHttpResponse:
    async def pieces() -> AsyncIterator[bytes]:
        for number in range(100):
            yield b"%06d\n" % number * 2000

    return StreamingHttpResponse(pieces(), content_type="text/plain")


async def send_events(request: HttpRequest) -> StreamingHttpResponse:
    async def events() -> AsyncIterator[str]:
        try:
            for number in range(3):
                await wait_until(f"{request.GET['cue']}-{number}")
                yield f"data: {number}\n\n"
        finally:
            say("events are over")

    return StreamingHttpResponse(events(), content_type="text/event-stream")


async def work_later(request: HttpRequest) -> HttpResponse:
    async def work() -> None:
        await wait_until(request.GET["cue"])
        say("background work is done")

    task = asyncio.create_task(work())
    TASKS.add(task)
    task.add_done_callback(TASKS.discard)
    return HttpResponse("accepted")


async def hold(request: HttpRequest) -> HttpResponse:
    say("holding")
    await wait_until(request.GET["cue"])
    return HttpResponse("held", content_type="text/plain")


def fail(request: HttpRequest) -> HttpResponse:
    raise LookupError("this route always fails")


urlpatterns = [
    path("json", show_json),
    path("upload", take_upload),
    path("stream", send_stream),
    path("events", send_events),
    path("later", work_later),
    path("hold", hold),
    path("fail", fail),
]
