"""One call of a handler: faults, the lifespan, the time limit, and the loop that is left between events."""

import asyncio
import gc
import sys
import threading
import warnings
from typing import Any

import pytest

from licorne.adapters.aws import LambdaHandler
from licorne.errors import ConfigError, LicorneError, StartupError
from tests.aws.apps import Recorder, answering
from tests.aws.events import Context, http_api

START = {"type": "http.response.start", "status": 200, "headers": []}
END = {"type": "http.response.body", "body": b"hello"}


# --- options --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"lifespan": "yes"}, "lifespan: must be auto, on or off, got 'yes'"),
        ({"text_mime_types": "text/"}, "text_mime_types: must be a list of strings"),
        ({"exclude_headers": [1]}, "exclude_headers: must be a list of strings"),
        ({"custom_handlers": [object]}, "custom_handlers: each must be a class"),
        ({"api_gateway_base_path": 1}, "api_gateway_base_path: must be a path"),
        ({"deadline_margin": -1}, "deadline_margin: must be a number of seconds"),
        ({"base_path": "/"}, "LambdaHandler has no option 'base_path'"),
    ],
)
def test_wrong_option_is_one_line(options: Any, words: str) -> None:
    with pytest.raises(ConfigError) as raised:
        LambdaHandler(Recorder(), **options)
    assert words in str(raised.value)


def test_application_must_be_callable() -> None:
    with pytest.raises(ConfigError, match="must be an ASGI application"):
        LambdaHandler("main:app")


@pytest.mark.parametrize("base", [None, "", "/"])
def test_empty_base_path_is_none(handle: Any, base: Any) -> None:
    assert handle(Recorder(), api_gateway_base_path=base)(http_api("/a"))["statusCode"] == 200


# --- faults of the application --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("app", "words"),
    [
        (answering(error=ValueError("oops")), "ValueError: oops"),
        (answering(START, error=ValueError("oops")), "ValueError: oops"),
        (answering(START, {**END, "more_body": True}, error=ValueError("oops")), "ValueError: oops"),
        (answering(error=SystemExit(3)), "SystemExit"),
        (answering(), "ASGI callable returned without starting response (GET /path)"),
        (answering(START), "ASGI callable returned without completing response (GET /path)"),
        (answering(END), "Expected ASGI message 'http.response.start', but got 'http.response.body'"),
        (answering(START, START), "Expected ASGI message 'http.response.body', but got 'http.response.start'"),
        (answering({**START, "status": 99}), "The response status must be an integer from 200 to 599"),
        (answering({**START, "headers": [("a", "b")]}), "A header must be a pair of bytes"),
        (answering({**START, "headers": [(b"a\r\n", b"b")]}), "Invalid HTTP header name"),
        (answering({**START, "headers": [(b"content-length", b"9")]}, END), "shorter than Content-Length"),
        (answering(START, {**END, "body": "text"}), "The body of a response must be bytes"),
        (answering({"type": "http.push"}), "Expected ASGI message 'http.response.start'"),
    ],
)
def test_fault_of_the_application_is_a_whole_500_and_logged(handle: Any, caplog: Any, app: Any, words: str) -> None:
    reply = handle(app)(http_api())
    assert (reply["statusCode"], reply["body"]) == (500, "Internal Server Error")
    assert reply["headers"]["content-type"] == "text/plain; charset=utf-8"
    assert words in caplog.text


def test_fault_behind_the_response_is_only_logged(handle: Any, caplog: Any) -> None:
    reply = handle(answering(START, END, error=ValueError("late")))(http_api())
    assert (reply["statusCode"], reply["body"]) == (200, "hello")
    assert "ValueError: late" in caplog.text


def test_next_event_is_answered_after_a_fault(handle: Any) -> None:
    calls: list[int] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        calls.append(1)
        if len(calls) == 1:
            raise ValueError("oops")
        await answering(START, END)(scope, receive, send)

    handler = handle(app)
    assert [handler(http_api())["statusCode"] for _ in range(3)] == [500, 200, 200]


def test_response_in_pieces_is_joined(handle: Any) -> None:
    start = {**START, "headers": [(b"content-type", b"text/plain")]}
    app = answering(start, *({**END, "more_body": True} for _ in range(3)), {**END, "body": memoryview(b"!")})
    assert handle(app)(http_api())["body"] == "hellohellohello!"


def test_hop_by_hop_fields_are_left_out(handle: Any) -> None:
    fields = [(b"connection", b"close"), (b"transfer-encoding", b"chunked"), (b"x-a", b"1")]
    assert handle(Recorder(b"", fields))(http_api())["headers"] == {"x-a": "1"}


def test_file_is_sent_by_its_path(handle: Any, tmp_path: Any) -> None:
    (tmp_path / "file").write_bytes(b"content")
    pathsend = {"type": "http.response.pathsend", "path": str(tmp_path / "file")}
    headers = [(b"content-type", b"text/plain")]
    assert handle(answering({**START, "headers": headers}, pathsend))(http_api())["body"] == "content"


def test_receive_gives_the_disconnect_behind_the_response(handle: Any) -> None:
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        async def watch() -> None:
            while not seen or seen[-1] != "http.disconnect":
                seen.append((await receive())["type"])

        watching = asyncio.create_task(watch())
        await asyncio.sleep(0)
        await send(START)
        await send(END)
        await watching

    assert handle(app)(http_api())["statusCode"] == 200
    assert seen == ["http.request", "http.disconnect"]


def test_access_is_logged_at_info(handle: Any, caplog: Any) -> None:
    caplog.set_level("INFO", "licorne.access")
    handle(Recorder())(http_api(rawQueryString="a=1"))
    assert '192.0.2.1:0 - "GET /path?a=1 HTTP/1.1" 200' in caplog.text


# --- lifespan -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["auto", "on"])
def test_application_starts_once_and_ends_once(handle: Any, mode: str) -> None:
    app = Recorder()
    handler = handle(app, mode)
    assert app.lifespan == []
    for _ in range(3):
        handler(http_api())
    assert app.lifespan == ["lifespan.startup"]
    assert [scope["state"] for scope in app.scopes] == [{"started": True}] * 3
    app.scopes[0]["state"]["mine"] = 1
    assert "mine" not in app.scopes[1]["state"]
    handler.close()
    handler.close()
    assert app.lifespan == ["lifespan.startup", "lifespan.shutdown"]


def test_application_can_be_started_before_the_first_event(handle: Any) -> None:
    app = Recorder()
    with handle(app, "on") as handler:
        assert app.lifespan == ["lifespan.startup"]
        handler(http_api())
    assert app.lifespan == ["lifespan.startup", "lifespan.shutdown"]


def test_event_after_the_close_starts_anew(handle: Any) -> None:
    app = Recorder()
    handler = handle(app, "on")
    handler(http_api())
    handler.close()
    assert handler(http_api())["statusCode"] == 200
    assert app.lifespan == ["lifespan.startup", "lifespan.shutdown", "lifespan.startup"]


def test_off_says_nothing_of_the_lifespan(handle: Any) -> None:
    app = Recorder()
    handle(app, "off")(http_api())
    assert app.lifespan == []


def test_auto_goes_on_without_an_application_that_knows_no_lifespan(handle: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await answering(START, END)(scope, receive, send)

    assert handle(app, "auto")(http_api())["statusCode"] == 200


@pytest.mark.parametrize("mode", ["auto", "on"])
def test_start_that_failed_is_raised_and_tried_again(handle: Any, mode: str) -> None:
    starts: list[int] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            return await answering(START, END)(scope, receive, send)
        await receive()
        starts.append(1)
        if len(starts) < 3:
            return await send({"type": "lifespan.startup.failed", "message": "no database"})
        await send({"type": "lifespan.startup.complete"})
        return await receive()

    handler = handle(app, mode)
    for _ in range(2):
        with pytest.raises(StartupError, match="the application did not start: no database"):
            handler(http_api())
    assert handler(http_api())["statusCode"] == 200


# --- the time limit -------------------------------------------------------------------------------------------


def test_application_is_told_before_the_time_limit_and_may_still_answer(handle: Any, caplog: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        await answering(START, {**END, "body": b"late"})(scope, receive, send)

    reply = handle(app, deadline_margin=30)(http_api(), Context(60))
    assert (reply["statusCode"], reply["body"]) == (200, "late")
    assert "The application has not answered GET /path" in caplog.text


def test_application_that_waits_on_is_cancelled_before_the_time_limit(handle: Any, caplog: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.Event().wait()

    handler = handle(app)
    assert handler(http_api(), Context(30))["statusCode"] == 503
    assert handler(http_api(), Context(30))["statusCode"] == 503


def test_application_that_refuses_to_end_is_left(handle: Any) -> None:
    is_over = False

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while not is_over:
            try:
                await asyncio.sleep(0.001)
            except asyncio.CancelledError:
                pass

    assert handle(app)(http_api(), Context(30))["statusCode"] == 503
    is_over = True


@pytest.mark.parametrize("context", [None, object(), Context(60_000)])
def test_waiting_within_the_limit_is_no_fault(handle: Any, context: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0.01)
        await answering(START, END)(scope, receive, send)

    assert handle(app)(http_api(), context)["statusCode"] == 200


# --- the loop -------------------------------------------------------------------------------------------------


def test_application_runs_in_a_task_of_a_running_loop(handle: Any) -> None:
    found: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        found.append((loop, loop.is_running(), task is not None and task.get_loop() is loop))
        async with asyncio.timeout(60):
            await answering(START, END)(scope, receive, send)

    handler = handle(app)
    handler(http_api())
    handler(http_api())
    assert found[0] == found[1]
    assert found[0][1:] == (True, True)


def test_no_loop_is_left_as_the_current_or_running_one(handle: Any) -> None:
    handle(Recorder(), "on")(http_api())
    with pytest.raises(RuntimeError):
        asyncio.get_running_loop()
    asyncio.run(asyncio.sleep(0))


def test_loop_is_closed_with_the_handler_and_without_a_warning() -> None:
    loops: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        loops.append(asyncio.get_running_loop())
        await answering(START, END)(scope, receive, send)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        handler = LambdaHandler(app)
        handler(http_api())
        del handler
        gc.collect()
    assert loops[-1].is_closed()


def test_tasks_beside_the_call_go_on_with_the_next_events(handle: Any) -> None:
    steps: list[int] = []
    kept: list[Any] = []

    async def beside() -> None:
        for step in range(3):
            steps.append(step)
            await asyncio.sleep(0)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if not kept:
            kept.append(asyncio.create_task(beside()))
        await answering(START, END)(scope, receive, send)

    handler = handle(app)
    for _ in range(4):
        handler(http_api())
    assert steps == [0, 1, 2]


def test_generators_are_closed_by_the_loop(handle: Any) -> None:
    closed: list[bool] = []

    async def numbers() -> Any:
        try:
            yield 1
            yield 2
        finally:
            await asyncio.sleep(0)
            closed.append(True)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        async for _ in numbers():
            break
        gc.collect()
        await answering(START, END)(scope, receive, send)

    handler = handle(app)
    handler(http_api())
    handler.close()
    assert closed == [True]


def test_policy_that_is_installed_makes_the_loop(handle: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class Other(asyncio.SelectorEventLoop):
        pass

    monkeypatch.setattr(asyncio, "new_event_loop", Other)
    loops: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        loops.append(asyncio.get_running_loop())
        await answering(START, END)(scope, receive, send)

    assert handle(app, "auto")(http_api())["statusCode"] == 200
    assert type(loops[-1]) is Other


@pytest.mark.skipif(sys.platform == "win32", reason="uvloop does not run on Windows")
def test_uvloop_makes_the_loop_where_its_policy_is_installed(handle: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    uvloop = pytest.importorskip("uvloop")
    monkeypatch.setattr(asyncio, "new_event_loop", uvloop.new_event_loop)
    app = Recorder()
    handler = handle(app, "on")
    assert [handler(http_api())["statusCode"] for _ in range(3)] == [200] * 3
    handler.close()
    assert app.lifespan == ["lifespan.startup", "lifespan.shutdown"]


def test_call_inside_a_running_loop_says_what_to_do(handle: Any) -> None:
    handler = handle(Recorder())

    async def call() -> Any:
        with pytest.raises(LicorneError, match=r"await asyncio\.to_thread\(handler, event, context\)"):
            handler(http_api())
        return await asyncio.to_thread(handler, http_api(), None)

    assert asyncio.run(call())["statusCode"] == 200


def test_threads_are_answered_one_after_the_other(handle: Any) -> None:
    inside: list[int] = []
    most: list[int] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        inside.append(1)
        await asyncio.sleep(0.001)
        most.append(len(inside))
        inside.pop()
        await answering(START, END)(scope, receive, send)

    handler = handle(app)
    threads = [threading.Thread(target=handler, args=(http_api(),)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 8


def test_starlette_and_its_background_tasks(handle: Any) -> None:
    applications = pytest.importorskip("starlette.applications")
    from starlette.background import BackgroundTask
    from starlette.responses import StreamingResponse
    from starlette.routing import Route

    ran: list[str] = []

    async def page(request: Any) -> Any:
        async def parts() -> Any:
            yield b"hello "
            await asyncio.sleep(0)
            yield (await request.body())

        return StreamingResponse(parts(), media_type="text/plain", background=BackgroundTask(ran.append, "task"))

    app = applications.Starlette(routes=[Route("/path", page, methods=["POST"])])
    reply = handle(app, "auto")(http_api(method="POST", body="world"))
    assert (reply["statusCode"], reply["body"], ran) == (200, "hello world", ["task"])
