"""python-socketio on both sides: over WebSocket alone, over polling alone, and from one to the other."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import httpx
import pytest
import socketio

from tests.frameworks.conftest import Serve
from tests.server.process import ServerProcess

DEADLINE_SECONDS = 60.0
TRANSPORTS = {"websocket": ["websocket"], "polling": ["polling"], "upgrade": ["polling", "websocket"]}
Scene = Callable[[], Awaitable[None]]


@pytest.fixture(scope="module", params=["alone", "around"])
def server(request: pytest.FixtureRequest, serve: Serve) -> ServerProcess:
    """Serve the server on its own, and around another application."""
    return serve(f"socketio_apps:{request.param}")


# A polling client takes seconds to leave.
@pytest.fixture(params=["websocket", "upgrade", pytest.param("polling", marks=pytest.mark.exhaustive)])
def transports(request: pytest.FixtureRequest) -> list[str]:
    """Use each way."""
    return TRANSPORTS[request.param]


def play(scene: Scene) -> None:
    """Run a scene within the deadline."""

    async def bounded() -> None:
        async with asyncio.timeout(DEADLINE_SECONDS):
            await scene()

    asyncio.run(bounded())


@asynccontextmanager
async def connected(server: ServerProcess, transports: list[str], auth: Any = None) -> AsyncIterator[Any]:
    """Be a client, with `inbox` for what it is sent."""
    async with aiohttp.ClientSession(trust_env=False) as session:
        client: Any = socketio.AsyncClient(http_session=session, reconnection=False, request_timeout=DEADLINE_SECONDS)
        client.inbox = asyncio.Queue()
        client.on("*", lambda event, *data: client.inbox.put_nowait((event, *data)))
        # By default it waits no longer than a second.
        await client.connect(
            f"http://127.0.0.1:{server.port}", transports=transports, auth=auth, wait_timeout=DEADLINE_SECONDS
        )
        try:
            yield client
        finally:
            await client.disconnect()


def test_events_answers_and_binary_data(server: ServerProcess, transports: list[str]) -> None:
    async def scene() -> None:
        async with connected(server, transports) as client:
            assert client.transport() == transports[-1]
            for number in range(20):
                assert await client.call("add", [number, 1]) == number + 1
            await client.emit("turn", bytes(range(256)) * 100)
            assert await client.inbox.get() == ("turned", (bytes(range(256)) * 100)[::-1])

    play(scene)


def test_rooms(server: ServerProcess, transports: list[str]) -> None:
    async def scene() -> None:
        async with connected(server, transports) as ann, connected(server, transports) as bob:
            await ann.emit("enter", "kitchen")
            assert await ann.inbox.get() == ("entered", "kitchen")
            await bob.emit("enter", "kitchen")
            assert await ann.inbox.get() == await bob.inbox.get() == ("entered", "kitchen")

    play(scene)


def test_the_server_learns_that_a_client_left(server: ServerProcess, transports: list[str]) -> None:
    before = server.log.count("app: disconnected")

    async def scene() -> None:
        async with connected(server, transports):
            pass

    play(scene)
    server.wait_for("app: disconnected", before + 1)


def test_a_client_is_refused(server: ServerProcess, transports: list[str]) -> None:
    async def scene() -> None:
        with pytest.raises(socketio.exceptions.ConnectionError):
            async with connected(server, transports, auth={"ticket": "none"}):
                pass

    play(scene)


def test_the_other_application_is_served_too(serve: Serve) -> None:
    server = serve("socketio_apps:around")
    url = f"http://127.0.0.1:{server.port}/hello"
    assert httpx.get(url, trust_env=False, timeout=DEADLINE_SECONDS).text == "hello"


def test_a_stop_ends_with_clients_there(serve: Serve) -> None:
    server = serve("socketio_apps:alone")

    async def scene() -> None:
        async with connected(server, ["websocket"]) as client:
            assert await client.call("add", [1, 2]) == 3
            server.signal(signal.SIGTERM)
            await client.wait()

    play(scene)
    assert server.wait() == -signal.SIGTERM
    assert "Traceback" not in server.log
