"""Flask by WSGI: the routes of a row."""

import threading
from collections.abc import Iterator
from typing import Any

from cues import block_until, say
from flask import Flask, Response, request, stream_with_context

app = Flask(__name__)


@app.post("/json")
def show_json() -> dict[str, Any]:
    return {"got": request.get_json(), "x": request.args["x"]}


@app.post("/upload")
def take_upload() -> dict[str, Any]:
    file = request.files["file"]
    content = file.read()
    return {"name": request.form["name"], "file": file.filename, "size": len(content), "end": content[-9:].hex()}


@app.get("/stream")
def send_stream() -> Response:
    return Response((b"%06d\n" % number * 2000 for number in range(100)), content_type="text/plain")


@app.get("/events")
def send_events() -> Response:
    def events() -> Iterator[str]:
        try:
            for number in range(3):
                block_until(f"{request.args['cue']}-{number}")
                yield f"data: {number}\n\n"
        finally:
            say("events are over")

    return Response(stream_with_context(events()), content_type="text/event-stream")


@app.post("/later")
def work_later() -> str:
    def work(cue: str) -> None:
        block_until(cue)
        say("background work is done")

    threading.Thread(target=work, args=[request.args["cue"]]).start()
    return "accepted"


@app.get("/hold")
def hold() -> str:
    say("holding")
    block_until(request.args["cue"])
    return "held"


@app.get("/fail")
def fail() -> str:
    raise LookupError("this route always fails")
