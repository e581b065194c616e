"""A FastAPI application as its documentation teaches it."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import BackgroundTasks, Depends, FastAPI, File, Form, HTTPException, Request, UploadFile
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

RELEASED = asyncio.Event()
LOG: list[str] = []


class Item(BaseModel):
    """Be posted."""

    name: str
    price: float
    tags: list[str] = []


def say(line: str) -> None:
    """Print a line where the test reads the log."""
    print(f"app: {line}", file=sys.stderr, flush=True)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
    """Give each request the state, and say when it is over."""
    yield {"database": {"1": "one"}}
    say("lifespan is over")


app = FastAPI(lifespan=lifespan)


@app.middleware("http")
async def add_field(request: Request, call_next: Any) -> Any:
    """Add a field to each response."""
    response = await call_next(request)
    response.headers["x-middleware"] = "was here"
    return response


async def session() -> AsyncIterator[list[str]]:
    """Open before a request and close after it."""
    LOG.append("opened")
    yield LOG
    LOG.append("closed")
    say("dependency is closed")


@app.post("/items/{number}", status_code=201)
async def make_item(number: int, item: Item, is_new: bool = False) -> dict[str, Any]:
    """Answer with what was checked."""
    return {"number": number, "is_new": is_new, **item.model_dump()}


@app.get("/rows/{key}")
async def show_row(key: str, request: Request) -> str:
    """Look something up in the state of the lifespan."""
    try:
        return str(request.state.database[key])
    except KeyError:
        raise HTTPException(404, f"no row {key}") from None


@app.get("/blocking")
def block() -> dict[str, str]:
    """Run in a thread."""
    return {"ran": "in a thread"}


@app.get("/session")
async def use_session(log: Annotated[list[str], Depends(session)]) -> list[str]:
    """Use a dependency that is cleaned up afterwards."""
    return list(log)


@app.post("/upload")
async def upload(
    name: Annotated[str, Form()], one: Annotated[UploadFile, File()], many: list[UploadFile]
) -> dict[str, Any]:
    """Take files."""
    return {"name": name, "one": len(await one.read()), "many": [part.filename for part in many]}


@app.get("/stream")
async def stream() -> StreamingResponse:
    """Answer in pieces."""

    async def pieces() -> AsyncIterator[str]:
        for number in range(100):
            yield f"{number}\n"
            await asyncio.sleep(0)

    return StreamingResponse(pieces(), media_type="text/plain")


@app.post("/later")
async def work_later(tasks: BackgroundTasks) -> str:
    """Answer, then work until /next is asked."""

    async def work() -> None:
        await RELEASED.wait()
        RELEASED.clear()
        say("background work is done")

    tasks.add_task(work)
    return "accepted"


@app.post("/next")
async def go_on() -> str:
    """Let the background work go on."""
    RELEASED.set()
    return "next"


@app.get("/fail")
async def fail() -> None:
    """Raise."""
    raise LookupError("this route always fails")
