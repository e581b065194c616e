"""A FastAPI application with WebSocket routes as its documentation teaches them."""

import sys
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Cookie, Depends, FastAPI, Query, WebSocket, WebSocketDisconnect, WebSocketException, status

app = FastAPI()


def say(line: str) -> None:
    """Print a line where the test reads the log."""
    print(f"app: {line}", file=sys.stderr, flush=True)


class Room:
    """Hold who is there."""

    def __init__(self) -> None:
        self.members: list[WebSocket] = []

    async def tell(self, line: str) -> None:
        """Send a line to everyone."""
        for member in self.members:
            await member.send_text(line)


ROOM = Room()


async def ticket_of(
    socket: WebSocket, session: Annotated[str | None, Cookie()] = None, ticket: Annotated[str | None, Query()] = None
) -> str:
    """Need a cookie or a ticket."""
    if session is None and ticket is None:
        raise WebSocketException(status.WS_1008_POLICY_VIOLATION, "no ticket")
    return session or ticket or ""


async def connection() -> AsyncIterator[str]:
    """Open before a socket and close after it."""
    say("dependency is open")
    try:
        yield "a connection"
    finally:
        say("dependency is closed")


@app.websocket("/items/{number}")
async def items(
    socket: WebSocket,
    number: int,
    ticket: Annotated[str, Depends(ticket_of)],
    opened: Annotated[str, Depends(connection)],
    q: int = 0,
) -> None:
    """Use a path, a query, a cookie and dependencies."""
    await socket.accept()
    while True:
        said = await socket.receive_json()
        await socket.send_json({"number": number, "q": q, "ticket": ticket, "opened": opened, "said": said})


@app.websocket("/room/{name}")
async def join(socket: WebSocket, name: str) -> None:
    """Pass on what one says to everyone, until they leave."""
    await socket.accept()
    ROOM.members.append(socket)
    try:
        while True:
            await ROOM.tell(f"{name}: {await socket.receive_text()}")
    except WebSocketDisconnect as left:
        ROOM.members.remove(socket)
        await ROOM.tell(f"{name} left with {left.code}")


@app.websocket("/judge")
async def judge(socket: WebSocket) -> None:
    """Close with an exception of FastAPI's after accepting."""
    await socket.accept()
    await socket.receive_text()
    raise WebSocketException(4004, "not like this")
