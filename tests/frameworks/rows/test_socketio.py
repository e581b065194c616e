"""python-socketio: what its row has that `tests/frameworks/test_socketio.py` does not ask for already."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
import socketio

from tests.server.process import DEADLINE_SECONDS, Client, ServerProcess

ROW = "socketio"


def play(scene: Callable[[], Awaitable[None]]) -> None:
    """Run a scene within the deadline."""

    async def bounded() -> None:
        async with asyncio.timeout(DEADLINE_SECONDS):
            await scene()

    asyncio.run(bounded())


@asynccontextmanager
async def connected(server: ServerProcess) -> AsyncIterator[Any]:
    """Be a client, with `inbox` for what it is sent."""
    async with aiohttp.ClientSession(trust_env=False) as session:
        client: Any = socketio.AsyncClient(http_session=session, reconnection=False, request_timeout=DEADLINE_SECONDS)
        client.inbox = asyncio.Queue()
        client.on("*", lambda event, *data: client.inbox.put_nowait((event, *data)))
        url = f"http://127.0.0.1:{server.port}"
        await client.connect(url, transports=["websocket"], wait_timeout=DEADLINE_SECONDS)
        try:
            yield client
        finally:
            await client.disconnect()


@pytest.mark.column("json")
def test_an_event_is_answered(server: ServerProcess) -> None:
    async def scene() -> None:
        async with connected(server) as client:
            assert await client.call("echo", {"text": "ü" * 10000}) == {"got": {"text": "ü" * 10000}}

    play(scene)


@pytest.mark.column("websocket")
def test_binary_data_goes_both_ways_until_the_client_leaves(server: ServerProcess) -> None:
    left = server.log.count("app: left")

    async def scene() -> None:
        async with connected(server) as client:
            assert client.transport() == "websocket"
            await client.emit("turn", bytes(range(256)) * 1000)
            assert await client.inbox.get() == ("turned", (bytes(range(256)) * 1000)[::-1])

    play(scene)
    server.wait_for("app: left", left + 1)


@pytest.mark.column("stream")
def test_events_come_one_by_one(server: ServerProcess, cues: Path, cue: Callable) -> None:
    async def scene() -> None:
        async with connected(server) as client:
            await client.emit("count", cue("count"))
            for number in range(3):
                (cues / cue(f"count-{number}")).touch()
                assert await client.inbox.get() == ("number", number)

    play(scene)


@pytest.mark.column("events")
def test_events_come_one_by_one_by_polling(
    server: ServerProcess, client: httpx.Client, cues: Path, cue: Callable
) -> None:
    # Packet by packet, since a client that polls leaves only when its last poll has ended, after 45 seconds.
    polls: dict[str, str] = {"EIO": "4", "transport": "polling"}
    polls["sid"] = json.loads(client.get("/socket.io/", params=polls).text.removeprefix("0"))["sid"]
    for packet in ("40", f"42{json.dumps(['count', cue('count')])}"):
        assert client.post("/socket.io/", params=polls, content=packet).text.lower() == "ok"
    assert client.get("/socket.io/", params=polls).text.startswith("40")
    for number in range(3):
        (cues / cue(f"count-{number}")).touch()
        assert client.get("/socket.io/", params=polls).text == f'42["number",{number}]'
    assert client.post("/socket.io/", params=polls, content="1").text.lower() == "ok"


@pytest.mark.column("background")
def test_background_work_delays_no_answer(server: ServerProcess, cues: Path, cue: Callable) -> None:
    async def scene() -> None:
        async with connected(server) as client:
            assert await client.call("later", cue("work")) == "accepted"
            assert await client.call("echo", 1) == {"got": 1}

    play(scene)
    assert "app: background work is done" not in server.log
    (cues / cue("work")).touch()
    server.wait_for("app: background work is done")


@pytest.mark.column("error")
def test_an_exception_is_logged_and_the_server_goes_on(server: ServerProcess, client: httpx.Client) -> None:
    async def scene() -> None:
        async with connected(server) as client:
            await client.emit("fail")
            assert await client.call("echo", 1) == {"got": 1}

    play(scene)
    server.wait_for("LookupError: this event always fails")
    assert client.get("/fail").status_code == 500
    server.wait_for("LookupError: this route always fails")


@pytest.mark.column("lifespan")
def test_startup_is_over_before_the_server_runs(server: ServerProcess) -> None:
    assert server.log.index("app: started") < server.log.index("Licorne running on ")


@pytest.mark.column("stop")
def test_a_stop_waits_for_a_request_and_ends_with_clients_there(
    server: ServerProcess, cues: Path, cue: Callable
) -> None:
    held = server.log.count("app: holding")

    async def scene() -> None:
        async with connected(server) as client:
            assert await client.call("echo", 1) == {"got": 1}
            with Client(server.port) as other:
                other.send_request(f"/hold?cue={cue('hold')}")
                await asyncio.to_thread(server.wait_for, "app: holding", held + 1)
                server.signal(signal.SIGTERM)
                await asyncio.to_thread(server.wait_for, "Waiting for connections to close")
                (cues / cue("hold")).touch()
                assert b"held" in await asyncio.to_thread(other.read_to_the_end)
            await client.wait()

    play(scene)
    assert server.wait() == -signal.SIGTERM
    assert server.log.count("app: stopped") == 1
