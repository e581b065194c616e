"""A Starlette application with a route for each thing that leans on the server."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

HERE = Path(__file__).parent
#: What the tests ask for with `/seen`: what happened behind the server's back.
SEEN: dict[str, Any] = {}
RELEASED = asyncio.Event()


def say(line: str) -> None:
    """Print a line where the test reads the log."""
    print(f"app: {line}", file=sys.stderr, flush=True)


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[dict[str, Any]]:
    """Give each request the state, and say when it is over."""
    yield {"words": ["from", "the", "lifespan"], "visits": []}
    say("lifespan is over")


class NoteMessages:
    """Take note of the types of ASGI messages that each path sends."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass everything on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        kinds = SEEN[scope["path"]] = []

        async def send_on(message: Any) -> None:
            kinds.append(message["type"])
            await send(message)

        await self.app(scope, receive, send_on)


class AddField(BaseHTTPMiddleware):
    """Be one of the middlewares that people write."""

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        """Read the body of some requests, and add a field to each response."""
        if request.headers.get("x-read-first"):
            SEEN["read first"] = len(await request.body())
        response = await call_next(request)
        response.headers["x-middleware"] = "was here"
        return response


# --- routes -------------------------------------------------------------------------------------------------


async def show_json(request: Request) -> Response:
    """Answer with what was posted."""
    return JSONResponse({"got": await request.json(), "client": request.client is not None, "url": str(request.url)})


async def show_state(request: Request) -> Response:
    """Answer with the state of the lifespan."""
    request.state.visits.append(1)
    request.state.own = "not shared"
    return JSONResponse({"words": request.state.words, "visits": len(request.state.visits)})


async def show_seen(request: Request) -> Response:
    """Answer with what was taken note of."""
    return JSONResponse(SEEN.get(request.query_params["of"]))


async def take_form(request: Request) -> Response:
    """Answer with what a form held."""
    async with request.form() as form:
        shown = {}
        for name, value in form.items():
            shown[name] = (
                value if isinstance(value, str) else [value.filename, value.size, (await value.read())[:5].hex()]
            )
        return JSONResponse(shown)


async def count_stream(request: Request) -> Response:
    """Answer with how much came, without keeping it."""
    say("counting")
    size = 0
    async for piece in request.stream():
        size += len(piece)
    return PlainTextResponse(str(size))


async def send_stream(request: Request) -> Response:
    """Answer in pieces."""

    async def pieces() -> AsyncIterator[bytes]:
        for number in range(200):
            yield b"piece %03d of many\n" % number

    return StreamingResponse(pieces(), media_type="text/plain")


async def send_endless(request: Request) -> Response:
    """Answer in pieces for as long as somebody listens."""

    async def pieces() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x" * 65536
                await asyncio.sleep(0)
        finally:
            say("the stream is over")

    return StreamingResponse(pieces(), media_type="text/plain")


async def send_events(request: Request) -> Response:
    """Send events for as long as somebody listens, one for each POST to /next."""

    async def events() -> AsyncIterator[str]:
        number = 0
        try:
            while True:
                yield f"data: {number}\n\n"
                number += 1
                await RELEASED.wait()
                RELEASED.clear()
        finally:
            say("events are over")

    return StreamingResponse(events(), media_type="text/event-stream")


async def send_file(request: Request) -> Response:
    """Answer with a file."""
    return FileResponse(request.query_params["path"])


async def work_later(request: Request) -> Response:
    """Answer, then wait in the background until /next is asked."""

    async def work() -> None:
        await RELEASED.wait()
        RELEASED.clear()
        say("background work is done")

    return PlainTextResponse("accepted", background=BackgroundTask(work))


async def go_on(request: Request) -> Response:
    """Let one who waits go on."""
    RELEASED.set()
    return PlainTextResponse("next")


async def wait_for_leave(request: Request) -> Response:
    """Wait until the client has left."""
    say("waiting for the client to leave")
    while not await request.is_disconnected():
        await asyncio.sleep(0.01)
    say("the client has left")
    return PlainTextResponse("nobody hears this")


async def fail(request: Request) -> Response:
    """Raise."""
    raise LookupError("this route always fails")


async def refuse(request: Request) -> Response:
    """Raise what is not a fault."""
    raise HTTPException(418, "a teapot", headers={"x-pot": "tea"})


async def fail_half_way(request: Request) -> Response:
    """Raise in the middle of a stream."""

    async def pieces() -> AsyncIterator[bytes]:
        yield b"so far so good"
        raise LookupError("the stream always fails")

    return StreamingResponse(pieces())


ROUTES = [
    Route("/json", show_json, methods=["POST"]),
    Route("/state", show_state),
    Route("/seen", show_seen),
    Route("/form", take_form, methods=["POST"]),
    Route("/count", count_stream, methods=["POST"]),
    Route("/stream", send_stream),
    Route("/endless", send_endless),
    Route("/events", send_events),
    Route("/file", send_file),
    Route("/later", work_later, methods=["POST"]),
    Route("/next", go_on, methods=["POST"]),
    Route("/leave", wait_for_leave),
    Route("/fail", fail),
    Route("/refuse", refuse),
    Route("/half", fail_half_way),
    Mount("/static", StaticFiles(directory=HERE)),
]

app = Starlette(routes=ROUTES, middleware=[Middleware(NoteMessages)], lifespan=lifespan)
middled = Starlette(routes=ROUTES, middleware=[Middleware(AddField)], lifespan=lifespan)
zipped = Starlette(routes=ROUTES, middleware=[Middleware(GZipMiddleware)], lifespan=lifespan)
debugging = Starlette(routes=ROUTES, debug=True)
