"""Bottle by WSGI: the routes of a row."""

import threading
from collections.abc import Iterator
from typing import Any

from bottle import Bottle, request, response
from cues import block_until, say

app = Bottle()


@app.post("/json")
def show_json() -> dict[str, Any]:
    return {"got": request.json, "x": request.query.x}


@app.post("/upload")
def take_upload() -> dict[str, Any]:
    upload = request.files["file"]
    content = upload.file.read()
    name = request.forms.name
    return {"name": name, "file": upload.raw_filename, "size": len(content), "end": content[-9:].hex()}


@app.get("/stream")
def send_stream() -> Iterator[bytes]:
    response.content_type = "text/plain"
    return (b"%06d\n" % number * 2000 for number in range(100))


@app.get("/events")
def send_events() -> Iterator[str]:
    response.content_type = "text/event-stream"
    cue = request.query.cue

    def events() -> Iterator[str]:
        try:
            for number in range(3):
                block_until(f"{cue}-{number}")
                yield f"data: {number}\n\n"
        finally:
            say("events are over")

    return events()


@app.post("/later")
def work_later() -> str:
    def work(cue: str) -> None:
        block_until(cue)
        say("background work is done")

    threading.Thread(target=work, args=[request.query.cue]).start()
    return "accepted"


@app.get("/hold")
def hold() -> str:
    say("holding")
    block_until(request.query.cue)
    return "held"


@app.get("/fail")
def fail() -> str:
    raise LookupError("this route always fails")
