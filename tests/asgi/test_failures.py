"""Applications that fail: the client is never left hanging and never takes a cut answer for a whole one."""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from licorne.errors import ClientDisconnected
from tests.support.peer import Peer
from tests.support.stage import GET, POST, Receive, Scope, Send, Stage, hello

IS_FOR_HTTP2 = True

START = {"type": "http.response.start", "status": 200, "headers": []}
PIECE = {"type": "http.response.body", "body": b"part", "more_body": True}
QUERY = b"GET /a%0ab?c=d HTTP/1.1\r\nHost: a\r\n\r\n"


class FaultError(Exception):
    """What the application raises."""


async def ask(stage: Stage, app: Any, request: bytes = GET) -> Peer:
    """Return a peer that has sent a request."""
    peer = await stage.connect(app)
    peer.send(request)
    return peer


def failing(*messages: dict[str, Any], error: BaseException | None = None, turns: int = 0) -> Callable[..., Any]:
    """Make an application that sends messages, waits some turns of the loop, and raises or returns."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for message in messages:
            await send(message)
        for _ in range(turns):
            await asyncio.sleep(0)
        if error is not None:
            raise error

    return app


def only(records: list[logging.LogRecord]) -> logging.LogRecord:
    """Return the one record that was logged."""
    (record,) = records
    assert record.levelno == logging.ERROR
    return record


# --- before the response ------------------------------------------------------------------------------------


@pytest.mark.http1
@pytest.mark.parametrize("turns", [0, 2])
async def test_exception_before_the_start_is_a_500_with_a_traceback(stage: Stage, turns: int) -> None:
    error = FaultError("x")
    peer = await ask(stage, failing(error=error, turns=turns), QUERY)
    answer = await peer.answer()
    assert answer.status == 500
    assert answer.body == b"Internal Server Error"
    assert (b"connection", b"close") in answer.fields
    assert await peer.rest() == b""
    record = only(stage.take_log())
    assert record.getMessage() == "Exception in ASGI application (GET /a%0ab?c=d)\n"
    assert record.exc_info is not None
    assert record.exc_info[1] is error


@pytest.mark.http1
async def test_500_tells_nothing_of_the_error(stage: Stage) -> None:
    peer = await ask(stage, failing(error=FaultError("secret")))
    assert b"secret" not in await peer.rest()
    stage.take_log()


@pytest.mark.http1
async def test_exception_after_the_start_but_before_any_body_is_a_500(stage: Stage) -> None:
    peer = await ask(stage, failing(START, error=FaultError()))
    assert (await peer.answer()).status == 500
    assert await peer.rest() == b""
    only(stage.take_log())


async def test_return_without_start(stage: Stage) -> None:
    peer = await ask(stage, failing())
    assert (await peer.answer()).status == 500
    assert only(stage.take_log()).getMessage() == "ASGI callable returned without starting response (GET /)."


async def test_return_without_completing(stage: Stage) -> None:
    peer = await ask(stage, failing(START, PIECE))
    assert not looks_whole(await peer.rest())
    assert only(stage.take_log()).getMessage() == "ASGI callable returned without completing response (GET /)."


async def test_failure_with_a_body_that_has_not_come_is_answered_at_once(stage: Stage) -> None:
    peer = await ask(stage, failing(error=FaultError()), POST)
    assert (await peer.answer("POST")).status == 500
    only(stage.take_log())


# --- in the middle of the response --------------------------------------------------------------------------


@pytest.mark.http1
@pytest.mark.parametrize("turns", [0, 2])
@pytest.mark.parametrize(
    "start", [START, {**START, "headers": [(b"content-length", b"8")]}], ids=["chunked", "content-length"]
)
async def test_exception_in_the_middle_cuts_the_connection(stage: Stage, start: dict[str, Any], turns: int) -> None:
    peer = await ask(stage, failing(start, PIECE, error=FaultError(), turns=turns), GET + GET)
    sent = await peer.rest()
    assert sent.startswith(b"HTTP/1.1 200 OK\r\n")
    assert sent.count(b"HTTP/1.1") == 1
    assert not looks_whole(sent)
    only(stage.take_log())


def looks_whole(sent: bytes) -> bool:
    """Tell whether a client would take these bytes for a whole answer."""
    head, mark, body = sent.partition(b"\r\n\r\n")
    if not mark:
        return False
    return body.endswith(b"0\r\n\r\n") if b"chunked" in head else len(body) >= 8


async def test_exception_after_a_whole_response_is_logged_and_the_connection_kept(stage: Stage) -> None:
    peer = await ask(stage, failing(START, {"type": "http.response.body", "body": b"ok"}, error=FaultError()))
    assert (await peer.answer()).body == b"ok"
    peer.send(GET)
    assert (await peer.answer()).body == b"ok"
    assert len(stage.take_log()) == 2


# --- odd exceptions -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("turns", [0, 2])
@pytest.mark.parametrize("kind", [asyncio.CancelledError, GeneratorExit, TimeoutError, OSError, StopAsyncIteration])
async def test_odd_exceptions_are_failures_like_others(stage: Stage, kind: type[BaseException], turns: int) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        raise kind()

    peer = await ask(stage, app)
    assert (await peer.answer()).status == 500
    record = only(stage.take_log())
    assert record.getMessage() == "Exception in ASGI application (GET /)\n"


async def test_application_that_cancels_itself_is_told_of(stage: Stage) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(START)
        await send(PIECE)
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)

    peer = await ask(stage, app)
    assert not looks_whole(await peer.rest())
    only(stage.take_log())


async def test_exception_group(stage: Stage) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(receive())  # type: ignore[arg-type]
            raise FaultError

    peer = await ask(stage, app, POST)
    assert (await peer.answer("POST")).status == 500
    record = only(stage.take_log())
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], ExceptionGroup)


# --- odd applications ---------------------------------------------------------------------------------------


class InstanceApp:
    """Be an application that is an instance."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await hello(scope, receive, send)


class ClassApp:
    """Be an application that is a class whose instances are awaited."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.arguments = (scope, receive, send)

    def __await__(self) -> Any:
        return hello(*self.arguments).__await__()


class OnlyAwaitable:
    """Be awaitable, and nothing more."""

    def __init__(self, inner: Awaitable[None]) -> None:
        self.inner = inner

    def __await__(self) -> Any:
        return self.inner.__await__()


def coroutine_app(scope: Scope, receive: Receive, send: Send) -> Any:
    """Be a plain function that returns a coroutine."""
    return hello(scope, receive, send)


def awaitable_app(scope: Scope, receive: Receive, send: Send) -> Any:
    """Be a plain function that returns something awaitable."""
    return OnlyAwaitable(hello(scope, receive, send))


def future_app(scope: Scope, receive: Receive, send: Send) -> Any:
    """Be a plain function that returns a task."""
    return asyncio.ensure_future(hello(scope, receive, send))


@pytest.mark.parametrize(
    "app", [InstanceApp(), ClassApp, coroutine_app, awaitable_app, future_app], ids=lambda app: type(app).__name__
)
async def test_applications_of_every_kind(stage: Stage, app: Any) -> None:
    peer = await ask(stage, app, GET + GET)
    for answer in await peer.answers("GET", "GET"):
        assert answer.body == b"Hello"


@pytest.mark.parametrize(
    "app",
    [
        pytest.param(lambda scope, receive, send: None, id="returns-none"),
        pytest.param(lambda scope, receive, send: 5, id="returns-a-number"),
        pytest.param(lambda scope: None, id="takes-one-argument"),
        pytest.param(None, id="is-no-callable"),
    ],
)
async def test_what_is_no_application_is_a_failure(stage: Stage, app: Any) -> None:
    stage.prepare(app)
    peer = await ask(stage, None)
    assert (await peer.answer()).status == 500
    assert isinstance(only(stage.take_log()).exc_info, tuple)


async def test_plain_function_runs_in_the_task_too(stage: Stage) -> None:
    tasks: list[Any] = []

    def app(scope: Scope, receive: Receive, send: Send) -> Any:
        tasks.append(asyncio.current_task())
        return hello(scope, receive, send)

    peer = await ask(stage, app)
    await peer.answer()
    assert isinstance(tasks[0], asyncio.Task)


# --- clients that leave -------------------------------------------------------------------------------------


async def test_send_after_the_client_left_raises_and_is_not_logged(stage: Stage) -> None:
    caught: list[Exception] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        for message in (START, PIECE, {"type": "x"}):
            try:
                await send(message)
            except OSError as error:
                caught.append(error)
        await send(START)

    peer = await ask(stage, app)
    await stage.until(lambda: bool(stage.running()))
    peer.reset()
    await stage.until(lambda: not stage.running())
    assert [type(error) for error in caught] == [ClientDisconnected] * 3


@pytest.mark.http1
async def test_send_in_the_middle_after_the_client_left_raises(stage: Stage) -> None:
    caught: list[Exception] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(START)
        await send(PIECE)
        while (await receive())["type"] != "http.disconnect":
            pass
        for message in (PIECE, {"type": "http.response.body", "body": b""}, START):
            try:
                await send(message)
            except OSError as error:
                caught.append(error)

    peer = await ask(stage, app)
    await peer.until(lambda: b"part" in peer.received, "the first piece")
    peer.reset()
    await stage.until(lambda: not stage.running())
    assert [type(error) for error in caught] == [ClientDisconnected] * 3


@pytest.mark.parametrize("ends", ["return", "raise", "error"])
async def test_end_after_the_client_left(stage: Stage, ends: str) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        if ends == "raise":
            await send(START)
        if ends == "error":
            raise FaultError

    peer = await ask(stage, app)
    await stage.until(lambda: bool(stage.running()))
    peer.reset()
    await stage.until(lambda: not stage.running())
    assert len(stage.take_log()) == (ends == "error")


async def test_client_that_leaves_after_its_answer_is_no_disconnect_for_send(stage: Stage) -> None:
    """A fault stays a fault: it must not depend on when the client goes."""
    caught: list[Exception] = []
    may_go_on = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await hello(scope, receive, send)
        await may_go_on.wait()
        try:
            await send(PIECE)
        except Exception as error:
            caught.append(error)

    peer = await ask(stage, app)
    await peer.answer()
    peer.leave()
    may_go_on.set()
    await stage.until(lambda: bool(caught))
    assert not isinstance(caught[0], OSError)


# Before Python 3.12 a task is started by the loop, which these two leave at once whoever raises them.
if sys.version_info >= (3, 12):

    @pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt])
    async def test_application_that_would_end_the_process_is_a_failure_like_others(
        stage: Stage, kind: type[BaseException]
    ) -> None:
        # A task that raised out of its constructor is nobody's, so the loop tells of its exception once more.
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
        peer = await ask(stage, failing(error=kind()))
        assert (await peer.answer()).status == 500
        assert only(stage.take_log()).getMessage() == "Exception in ASGI application (GET /)\n"
        other = await stage.connect()
        other.send(GET)
        assert (await other.answer()).status == 500
        stage.take_log()
