"""The lifespan protocol 2.0: what an application may do with it, and what the server makes of that."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from licorne.asgi import lifespan as lifespan_module
from licorne.asgi.lifespan import Lifespan
from licorne.errors import LocalProtocolError

App = Callable[..., Awaitable[None]]

LOGGER = logging.getLogger("tests.lifespan")
UNSUPPORTED = "ASGI 'lifespan' protocol appears unsupported."
COMPLETE = {"type": "lifespan.startup.complete"}


@pytest.fixture(autouse=True)
def listening(caplog: pytest.LogCaptureFixture) -> None:
    """Hear everything from info on."""
    caplog.set_level(logging.INFO, LOGGER.name)


def run(app: App, mode: str = "auto") -> Lifespan:
    """Start an application, stop it if it started, and return its lifespan. Nothing may take longer than 10 s."""

    async def start_and_stop() -> Lifespan:
        lifespan = Lifespan(app, mode, LOGGER)
        outcomes.append(await lifespan.startup())
        if outcomes[-1]:
            outcomes.append(await lifespan.shutdown())
        return lifespan

    outcomes: list[bool] = []
    lifespan = asyncio.run(asyncio.wait_for(start_and_stop(), 10))
    lifespan.state["outcomes"] = outcomes
    return lifespan


def outcomes_of(app: App, mode: str = "auto") -> list[bool]:
    """Return whether the start and, after a good one, the end went well."""
    outcomes: list[bool] = run(app, mode).state["outcomes"]
    return outcomes


def errors_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what was logged as an error, with the type of the exception that was shown."""
    errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
    return [
        record.getMessage().strip() + (f" {type(record.exc_info[1]).__name__}" if record.exc_info else "")
        for record in errors
    ]


async def polite(scope: Any, receive: Any, send: Any) -> None:
    assert await receive() == {"type": "lifespan.startup"}
    await send(COMPLETE)
    assert await receive() == {"type": "lifespan.shutdown"}
    await send({"type": "lifespan.shutdown.complete"})


# --- the good way -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["auto", "on"])
def test_a_polite_application_starts_and_stops(mode: str, caplog: pytest.LogCaptureFixture) -> None:
    assert outcomes_of(polite, mode) == [True, True]
    assert caplog.messages == [
        "Waiting for application startup.",
        "Application startup complete.",
        "Waiting for application shutdown. (CTRL+C to force quit)",
        "Application shutdown complete.",
    ]


def test_the_scope_holds_type_versions_and_an_empty_state() -> None:
    seen = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(dict(scope))

    run(app)
    assert seen == [{"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": seen[0]["state"]}]


def test_the_scope_of_an_asgi2_application_says_so() -> None:
    seen = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["asgi"])

    async def start() -> None:
        await Lifespan(app, "auto", LOGGER, "2.0").startup()

    asyncio.run(start())
    assert seen == [{"version": "2.0", "spec_version": "2.0"}]


def test_the_state_is_taken_by_reference() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["state"]["pool"] = "early"
        await polite(scope, receive, send)
        scope["state"]["pool"] = "late"

    assert run(app).state["pool"] == "late"


def test_off_never_calls_the_application(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError

    lifespan = run(app, "off")
    assert lifespan.state["outcomes"] == [True, True]
    assert caplog.messages == []


def test_an_answer_before_the_question_is_taken() -> None:
    async def hasty(scope: Any, receive: Any, send: Any) -> None:
        await send(COMPLETE)

    assert outcomes_of(hasty, "on") == [True, True]


def test_the_application_stays_in_one_task() -> None:
    tasks = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        tasks.append(asyncio.current_task())
        async with asyncio.timeout(10):  # leaves only in the task that entered
            await polite(scope, receive, send)
        tasks.append(asyncio.current_task())

    run(app)
    assert tasks[0] is tasks[1]


# --- applications that do not speak lifespan ----------------------------------------------------------------


async def raises_at_once(scope: Any, receive: Any, send: Any) -> None:
    raise ValueError(f"cannot serve {scope['type']}")


async def returns_at_once(scope: Any, receive: Any, send: Any) -> None: ...


async def returns_without_answer(scope: Any, receive: Any, send: Any) -> None:
    await receive()


async def raises_a_group_at_once(scope: Any, receive: Any, send: Any) -> None:
    raise BaseExceptionGroup("several", [ValueError(), asyncio.CancelledError()])


async def cancels_itself_at_once(scope: Any, receive: Any, send: Any) -> None:
    raise asyncio.CancelledError


def does_not_await(scope: Any, receive: Any, send: Any) -> Any:
    raise TypeError("not even a coroutine")


STRANGERS = [
    raises_at_once,
    returns_at_once,
    returns_without_answer,
    raises_a_group_at_once,
    cancels_itself_at_once,
    does_not_await,
]


@pytest.mark.parametrize("app", STRANGERS)
def test_auto_goes_on_without_an_application_that_does_not_speak_lifespan(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    assert outcomes_of(app, "auto") == [True, True]
    assert caplog.messages[0] == "Waiting for application startup."
    assert caplog.messages[-1] == UNSUPPORTED
    assert errors_in(caplog) == []


@pytest.mark.parametrize("app", STRANGERS)
def test_on_fails_without_an_application_that_speaks_lifespan(app: App, caplog: pytest.LogCaptureFixture) -> None:
    assert outcomes_of(app, "on") == [False]
    assert len(errors_in(caplog)) == 1


def test_on_shows_what_the_application_raised(caplog: pytest.LogCaptureFixture) -> None:
    outcomes_of(raises_at_once, "on")
    assert errors_in(caplog) == ["Exception in 'lifespan' protocol ValueError"]


def test_a_startup_taken_and_not_answered_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    outcomes_of(returns_without_answer)
    assert "The application returned from 'lifespan' without answering 'lifespan.startup'." in caplog.messages


# --- failing to start ---------------------------------------------------------------------------------------


def raiser(error: BaseException) -> App:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        raise error

    return app


@pytest.mark.parametrize("mode", ["auto", "on"])
@pytest.mark.parametrize("error", [ValueError("boom"), ExceptionGroup("all", [ValueError()]), asyncio.CancelledError()])
def test_an_exception_after_startup_was_taken_is_shown_and_fails(
    error: BaseException, mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    lifespan = run(raiser(error), mode)
    assert lifespan.state["outcomes"] == [False]
    assert lifespan.error is error
    assert errors_in(caplog) == [f"Exception in 'lifespan' protocol {type(error).__name__}"]


def test_the_traceback_begins_in_the_application(caplog: pytest.LogCaptureFixture) -> None:
    run(raiser(ValueError("boom")))
    exc_info = caplog.records[-1].exc_info
    assert exc_info is not None
    assert exc_info[2] is not None
    assert exc_info[2].tb_frame.f_code.co_name == "app"


def test_a_failed_startup_logs_its_message_and_nothing_more(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "Traceback: no database"})
        raise ValueError("what frameworks raise after that")

    assert outcomes_of(app) == [False]
    assert errors_in(caplog) == ["Traceback: no database"]


def test_a_failed_startup_without_message_shows_what_is_raised(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed"})
        raise ValueError("no database")

    assert outcomes_of(app) == [False]
    assert errors_in(caplog) == ["Exception in 'lifespan' protocol ValueError"]


def test_after_a_failed_startup_nothing_more_is_received() -> None:
    received = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed"})
        received.append(await receive())

    lifespan = run(app)
    assert isinstance(lifespan.error, LocalProtocolError)
    assert received == []


def test_an_application_that_stays_after_its_failure_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifespan_module, "RETURN_SECONDS", 0.01)
    cancelled = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed"})
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    assert outcomes_of(app) == [False]
    assert cancelled == [True]


@pytest.mark.parametrize("error", [SystemExit(7), KeyboardInterrupt()])
def test_an_exit_during_startup_is_kept_for_the_server(error: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    lifespan = run(raiser(error))
    assert lifespan.state["outcomes"] == [False]
    assert lifespan.error is error
    assert errors_in(caplog) == []


def test_a_startup_that_is_cancelled_cancels_the_application() -> None:
    cancelled = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.append(True)

    async def start_and_cancel() -> None:
        lifespan = Lifespan(app, "auto", LOGGER)
        startup = asyncio.ensure_future(lifespan.startup())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        startup.cancel()
        with pytest.raises(asyncio.CancelledError):
            await startup
        assert cancelled == [True]
        assert await lifespan.shutdown() is True

    asyncio.run(start_and_cancel())


async def reports_its_end(scope: Any, receive: Any, send: Any) -> None:
    """Answer as frameworks do: whatever ends the lifespan is reported as its failure."""
    await receive()
    stage = "startup"
    try:
        await asyncio.sleep(0 if scope["state"].get("starts") else 60)
        await send(COMPLETE)
        stage = "shutdown"
        await receive()
        await asyncio.sleep(60)
    except BaseException:
        await send({"type": f"lifespan.{stage}.failed", "message": "Traceback of 40 lines"})
        raise


@pytest.mark.parametrize("stage", ["starting", "serving", "stopping"])
def test_an_application_that_was_cancelled_may_report_it_and_nobody_hears_of_it(
    stage: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def start_and_abort() -> None:
        lifespan = Lifespan(reports_its_end, "auto", LOGGER)
        lifespan.state["starts"] = stage != "starting"
        if stage == "starting":
            await cancelled(lifespan.startup())
        else:
            assert await lifespan.startup()
        if stage == "stopping":
            await cancelled(lifespan.shutdown())
        await lifespan.abort()

    async def cancelled(work: Coroutine[Any, Any, bool]) -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(work, 0.02)

    asyncio.run(start_and_abort())
    assert errors_in(caplog) == []
    last = {
        "starting": "Waiting for application startup.",
        "serving": "Forced quit: lifespan.shutdown was skipped.",
        "stopping": "Forced quit: lifespan.shutdown was not waited for.",
    }
    assert caplog.messages[-1] == last[stage]


def test_what_an_application_raises_when_it_was_cancelled_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    async def breaks(receive: Any, send: Any) -> None:
        try:
            await receive()
        finally:
            raise ValueError("boom")

    async def start_and_abort() -> None:
        lifespan = Lifespan(serves_then(breaks), "auto", LOGGER)
        assert await lifespan.startup()
        await lifespan.abort()

    asyncio.run(start_and_abort())
    assert errors_in(caplog) == []


@pytest.mark.parametrize(
    ("raised", "message", "cause"),
    [
        (RuntimeError("db is down\nand more"), "Traceback…\nRuntimeError: db is down", "RuntimeError: db is down"),
        (RuntimeError("db is down"), None, "RuntimeError: db is down"),
        (None, "first\nno database", "no database"),
        (None, "", ""),
    ],
)
def test_the_cause_of_a_failed_start_is_one_line(raised: Exception | None, message: str | None, cause: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        if message is not None:
            await send({"type": "lifespan.startup.failed", "message": message})
        if raised is not None:
            raise raised

    assert run(app).cause == cause


# --- while it serves, and at the end ------------------------------------------------------------------------


def serves_then(end: Callable[[Any, Any], Awaitable[None]]) -> App:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(COMPLETE)
        await end(receive, send)

    return app


def test_an_application_that_ended_early_is_not_told_of_the_shutdown(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(COMPLETE)

    assert outcomes_of(app) == [True, True]
    assert "Waiting for application shutdown" not in caplog.text


def test_an_exception_while_it_serves_is_shown(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(receive: Any, send: Any) -> None:
        raise ValueError("boom")

    assert outcomes_of(serves_then(fail)) == [True, True]
    assert errors_in(caplog) == ["Exception in 'lifespan' protocol ValueError"]


def test_an_exception_during_shutdown_is_shown_and_fails(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(receive: Any, send: Any) -> None:
        await receive()
        raise ValueError("boom")

    assert outcomes_of(serves_then(fail)) == [True, False]
    assert errors_in(caplog) == [
        "Exception in 'lifespan' protocol ValueError",
        "Application shutdown failed. Exiting.",
    ]


def test_a_failed_shutdown_logs_its_message(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.shutdown.failed", "message": "queue not flushed"})

    assert outcomes_of(serves_then(fail)) == [True, False]
    assert errors_in(caplog) == ["queue not flushed", "Application shutdown failed. Exiting."]


def test_a_return_during_shutdown_is_an_answer(caplog: pytest.LogCaptureFixture) -> None:
    async def leave(receive: Any, send: Any) -> None:
        await receive()

    assert outcomes_of(serves_then(leave)) == [True, True]
    assert errors_in(caplog) == []


def test_an_application_that_receives_for_ever_ends_quietly(caplog: pytest.LogCaptureFixture) -> None:
    async def loop_for_ever(receive: Any, send: Any) -> None:
        while True:
            await receive()
            await send({"type": "lifespan.shutdown.complete"})

    assert outcomes_of(serves_then(loop_for_ever)) == [True, True]
    assert errors_in(caplog) == []


# --- messages that are wrong --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"type": "http.response.start"}, "Expected 'lifespan.startup.complete' or 'lifespan.startup.failed', but got"),
        ({"type": "lifespan.shutdown.complete"}, "Expected 'lifespan.startup.complete' or"),
        ({}, "but got None"),
    ],
)
def test_a_wrong_message_says_what_was_expected(message: dict[str, Any], expected: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(message)

    lifespan = run(app)
    assert lifespan.state["outcomes"] == [False]
    assert isinstance(lifespan.error, LocalProtocolError)
    assert expected in str(lifespan.error)


def test_a_second_answer_is_refused() -> None:
    async def again(receive: Any, send: Any) -> None:
        await send(COMPLETE)

    lifespan = run(serves_then(again))
    assert str(lifespan.error).startswith("Expected no message, but got 'lifespan.startup.complete'")
