"""An MCP server with tools, served by streamable HTTP."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from cues import say, wait_until
from mcp.server.mcpserver import Context, MCPServer
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

#: asyncio keeps no hold of a task.
TASKS: set[asyncio.Task[None]] = set()


@asynccontextmanager
async def lifespan(server: MCPServer[None]) -> AsyncIterator[None]:
    say("started")
    yield
    say("stopped")


server = MCPServer("row", lifespan=lifespan)


@server.tool()
def echo(value: Any, x: str) -> dict[str, Any]:
    """Return what was sent."""
    return {"got": value, "x": x}


@server.tool()
async def count(cue: str, ctx: Context[Any, Any]) -> str:
    """Report progress, one step for each cue."""
    for number in range(3):
        await wait_until(f"{cue}-{number}")
        await ctx.report_progress(number, 3, f"step {number}")
    return "counted"


@server.tool()
async def later(cue: str) -> str:
    """Work in the background."""

    async def work() -> None:
        await wait_until(cue)
        say("background work is done")

    task = asyncio.create_task(work())
    TASKS.add(task)
    task.add_done_callback(TASKS.discard)
    return "accepted"


@server.tool()
async def hold(cue: str) -> str:
    """Answer when the cue is given."""
    say("holding")
    await wait_until(cue)
    return "held"


@server.tool()
def fail() -> str:
    """Raise."""
    raise LookupError("this tool always fails")


@server.resource("row://{name}")
def text_of(name: str) -> str:
    """Be a resource."""
    return f"the text of {name} " * 10000


@server.custom_route("/fail", methods=["GET"])
async def fail_page(request: Request) -> Response:
    """Raise where a page was asked for."""
    raise LookupError("this route always fails")


@server.custom_route("/health", methods=["GET"])
async def health(request: Request) -> Response:
    """Say that all is well."""
    return PlainTextResponse("well")


app = server.streamable_http_app()
