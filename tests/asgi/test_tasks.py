"""Background work and context variables: what one request leaves behind is no business of the next one."""

import asyncio
import contextvars
from typing import Any

import pytest

from tests.support.stage import GET, LOOPS, Receive, Scope, Send, Stage, hello

IS_FOR_HTTP2 = True

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


# --- background work ----------------------------------------------------------------------------------------


async def test_background_work_delays_neither_the_answer_nor_the_next_request(stage: Stage) -> None:
    may_end = asyncio.Event()
    done = 0

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal done
        await hello(scope, receive, send)
        await may_end.wait()
        done += 1

    peer = await stage.connect(app)
    for _ in range(3):
        peer.send(GET)
        assert (await peer.answer()).body == b"Hello"
    peer.send(GET + GET)
    await peer.answers("GET", "GET")
    assert (stage.running(), done) == (5, 0)
    may_end.set()
    await stage.until(lambda: done == 5)


async def test_background_work_goes_on_when_the_client_leaves(stage: Stage) -> None:
    may_end = asyncio.Event()
    done = False

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal done
        await hello(scope, receive, send)
        await may_end.wait()
        done = True

    stage.prepare(app, driver={"disconnect_timeout": 0.02})
    peer = await stage.connect()
    peer.send(GET)
    await peer.answer()
    peer.reset()
    await asyncio.sleep(0.2)  # long enough for a wrong cancellation to come
    may_end.set()
    await stage.until(lambda: done)


async def test_background_work_that_fails_is_logged(stage: Stage) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await hello(scope, receive, send)
        raise ValueError("in the background")

    peer = await stage.connect(app)
    peer.send(GET)
    await peer.answer()
    await stage.until(lambda: bool(stage.log.records))
    (record,) = stage.take_log()
    assert "GET /" in record.getMessage()


# --- context variables --------------------------------------------------------------------------------------


def keeping(seen: list[str], is_plain: bool) -> Any:
    """Make an application that notes what the variable was, and sets it."""

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(variable.get())
        variable.set("inner")
        await asyncio.sleep(0)
        assert variable.get() == "inner"
        await hello(scope, receive, send)

    def plain(scope: Scope, receive: Receive, send: Send) -> Any:
        seen.append(variable.get())
        variable.set("plain")
        return inner(scope, receive, send)

    return plain if is_plain else inner


@pytest.mark.parametrize("is_plain", [False, True], ids=["coroutine-function", "plain-function"])
async def test_requests_do_not_see_each_others_variables(stage: Stage, is_plain: bool) -> None:
    seen: list[str] = []
    peer = await stage.connect(keeping(seen, is_plain))
    peer.send(GET + GET)
    await peer.answers("GET", "GET")
    for _ in range(2):
        peer.send(GET)
        await peer.answer()
    other = await stage.connect()
    other.send(GET)
    await other.answer()
    expected = ["unset", "plain"] if is_plain else ["unset"]
    assert seen == 5 * expected
    assert variable.get() == "unset"


@pytest.mark.parametrize("resets", [False, True], ids=["inherits", "resets"])
async def test_variables_of_the_server_are_seen_unless_they_are_reset(stage: Stage, resets: bool) -> None:
    variable.set("server")
    seen: list[str] = []
    stage.prepare(keeping(seen, False), driver={"reset_contextvars": resets})
    peer = await stage.connect()
    peer.send(GET)
    await peer.answer()
    if stage.kind in LOOPS:
        assert seen == ["unset" if resets else "server"]


# --- the task -----------------------------------------------------------------------------------------------


async def test_application_runs_in_a_task_of_its_own(stage: Stage) -> None:
    tasks: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        tasks.append(asyncio.current_task())
        await hello(scope, receive, send)

    peer = await stage.connect(app)
    peer.send(GET + GET)
    await peer.answers("GET", "GET")
    assert len(set(tasks)) == 2
    assert all(isinstance(task, asyncio.Task) for task in tasks)
    assert asyncio.current_task() not in tasks


async def test_application_may_use_timeouts_and_task_groups_at_once(stage: Stage) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        async with asyncio.timeout(10), asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(0))
        await hello(scope, receive, send)

    peer = await stage.connect(app)
    peer.send(GET)
    assert (await peer.answer()).body == b"Hello"
