"""An MCP server by streamable HTTP, asked by the client of the package `mcp`, in both of the protocol's eras."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp import Client

from tests.server.process import DEADLINE_SECONDS, ServerProcess

ROW = "mcp"


@pytest.fixture(params=["auto", "legacy"])
def mode(request: pytest.FixtureRequest) -> str:
    """Speak the protocol without sessions, and the one with sessions."""
    return request.param


def play(server: ServerProcess, scene: Callable[[Any], Awaitable[None]], mode: str = "auto") -> None:
    """Run a scene with a client, within the deadline."""

    async def bounded() -> None:
        async with (
            asyncio.timeout(DEADLINE_SECONDS),
            Client(f"http://127.0.0.1:{server.port}/mcp", mode=mode) as client,
        ):
            await scene(client)

    asyncio.run(bounded())


@pytest.mark.column("json")
def test_a_tool_is_called(server: ServerProcess, mode: str) -> None:
    async def scene(client: Any) -> None:
        assert {tool.name for tool in (await client.list_tools()).tools} == {"echo", "count", "later", "hold", "fail"}
        for number in range(3):
            result = await client.call_tool("echo", {"value": {"n": number}, "x": "é" * 10000})
            assert result.structured_content == {"got": {"n": number}, "x": "é" * 10000}

    play(server, scene, mode)


@pytest.mark.column("stream")
def test_a_large_resource_is_read(server: ServerProcess, mode: str) -> None:
    async def scene(client: Any) -> None:
        result = await client.read_resource("row://horn")
        assert result.contents[0].text == "the text of horn " * 10000

    play(server, scene, mode)


@pytest.mark.column("events")
def test_progress_is_reported_step_by_step(server: ServerProcess, cues: Path, cue: Callable, mode: str) -> None:
    async def scene(client: Any) -> None:
        steps = []

        async def note(progress: float, total: float | None, message: str | None) -> None:
            steps.append((progress, total, message))
            (cues / cue(f"step-{len(steps)}")).touch()

        (cues / cue("step-0")).touch()
        result = await client.call_tool("count", {"cue": cue("step")}, progress_callback=note)
        assert result.content[0].text == "counted"
        assert steps == [(number, 3, f"step {number}") for number in range(3)]

    play(server, scene, mode)


@pytest.mark.column("background")
def test_background_work_delays_no_answer(server: ServerProcess, cues: Path, cue: Callable) -> None:
    async def scene(client: Any) -> None:
        assert (await client.call_tool("later", {"cue": cue("work")})).content[0].text == "accepted"

    play(server, scene)
    assert "app: background work is done" not in server.log
    (cues / cue("work")).touch()
    server.wait_for("app: background work is done")


@pytest.mark.column("error")
def test_a_tool_that_fails_is_an_error_and_a_route_that_fails_is_500(
    server: ServerProcess, client: httpx.Client
) -> None:
    async def scene(client: Any) -> None:
        assert (await client.call_tool("fail", {})).is_error
        assert (await client.call_tool("echo", {"value": 1, "x": ""})).structured_content == {"got": 1, "x": ""}

    play(server, scene)
    assert client.get("/fail").status_code == 500
    server.wait_for("LookupError: this route always fails")
    assert client.get("/health").text == "well"


@pytest.mark.column("lifespan")
def test_startup_is_over_before_the_server_runs(server: ServerProcess) -> None:
    assert server.log.index("app: started") < server.log.index("Licorne running on ")


@pytest.mark.column("stop")
def test_a_stop_waits_for_a_tool(server: ServerProcess, cues: Path, cue: Callable) -> None:
    held = server.log.count("app: holding")

    async def scene(client: Any) -> None:
        await client.list_tools()  # else it would ask for them when it has its answer
        calling = asyncio.create_task(client.call_tool("hold", {"cue": cue("hold")}))
        await asyncio.to_thread(server.wait_for, "app: holding", held + 1)
        server.signal(signal.SIGTERM)
        await asyncio.to_thread(server.wait_for, "Waiting for connections to close")
        (cues / cue("hold")).touch()
        assert (await calling).content[0].text == "held"

    play(server, scene)
    assert server.wait() == -signal.SIGTERM
    assert server.log.count("app: stopped") == 1
