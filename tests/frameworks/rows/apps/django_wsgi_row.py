"""Django by WSGI: the routes of a row."""

import json
import threading
from collections.abc import Iterator

from cues import block_until, say
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path
from django_settings import set_up


def show_json(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"got": json.loads(request.body), "x": request.GET["x"]})


def take_upload(request: HttpRequest) -> HttpResponse:
    file = request.FILES["file"]
    content = file.read()
    shown = {"name": request.POST["name"], "file": file.name, "size": file.size, "end": content[-9:].hex()}
    return JsonResponse(shown)


def send_stream(request: HttpRequest) -> StreamingHttpResponse:
    pieces = (b"%06d\n" % number * 2000 for number in range(100))
    return StreamingHttpResponse(pieces, content_type="text/plain")


def send_events(request: HttpRequest) -> StreamingHttpResponse:
    def events() -> Iterator[str]:
        try:
            for number in range(3):
                block_until(f"{request.GET['cue']}-{number}")
                yield f"data: {number}\n\n"
        finally:
            say("events are over")

    return StreamingHttpResponse(events(), content_type="text/event-stream")


def work_later(request: HttpRequest) -> HttpResponse:
    def work() -> None:
        block_until(request.GET["cue"])
        say("background work is done")

    threading.Thread(target=work).start()
    return HttpResponse("accepted")


def hold(request: HttpRequest) -> HttpResponse:
    say("holding")
    block_until(request.GET["cue"])
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

set_up(__name__)
application = get_wsgi_application()
