"""An endless stream of events, by sse-starlette."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from sse_starlette.sse import EventSourceResponse
from starlette.applications import Starlette
from starlette.routing import Route


async def events() -> AsyncIterator[dict[str, str]]:
    """Yield events for ever."""
    while True:
        yield {"data": "tick"}
        await asyncio.sleep(0.05)


async def stream(request: Any) -> EventSourceResponse:
    """Answer with events."""
    return EventSourceResponse(events())


app = Starlette(routes=[Route("/", stream)])
