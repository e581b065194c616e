"""How WebSockets end: the code and the reason that each side is told, and what is logged."""

import asyncio
import logging
from typing import Any

import pytest

from licorne.engine.websocket.options import SessionOptions
from licorne.errors import ClientDisconnected
from tests.support.peer import Peer
from tests.support.stage import Receive, Scope, Send, Stage
from tests.support.websocket import WebSocketClient, frame

IS_FOR_HTTP2 = True

ACCEPTED = {"type": "websocket.accept"}
TEXT = {"type": "websocket.send", "text": "x"}


class FaultError(Exception):
    """What the application raises."""


class WebSocketDisconnect(Exception):
    """Stand for Starlette's error."""


class Listener:
    """Accept, and keep what ends it."""

    def __init__(self) -> None:
        self.ends: list[dict[str, Any]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(ACCEPTED)
        while (message := await receive())["type"] == "websocket.receive":
            pass
        # It comes as often as it is asked for.
        self.ends += [message, await receive(), await receive()]


async def end_of(stage: Stage, listener: Listener) -> tuple[int, str]:
    """Return the code and the reason that the application was told, each time the same."""
    await stage.until(lambda: len(listener.ends) == 3)
    assert listener.ends[1:] == listener.ends[:2]
    assert listener.ends[0].keys() == {"type", "code", "reason"}
    assert listener.ends[0]["type"] == "websocket.disconnect"
    return listener.ends[0]["code"], listener.ends[0]["reason"]


def only(records: list[logging.LogRecord]) -> str:
    """Return the one error that was logged."""
    (record,) = records
    assert record.levelno == logging.ERROR
    return record.getMessage()


# --- the client ends it -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "told"),
    [((1000, ""), (1000, "")), ((1001, "bye ü"), (1001, "bye ü")), ((4000, "x" * 123), (4000, "x" * 123))],
)
async def test_code_and_reason_of_the_client_are_told_and_come_back(
    stage: Stage, sent: tuple[int, str], told: tuple[int, str]
) -> None:
    listener = Listener()
    client = await WebSocketClient.opened(stage, listener)
    client.close(*sent)
    assert await client.closing() == sent
    assert await end_of(stage, listener) == told
    assert await client.peer.rest() == b""


async def test_close_frame_without_a_code_is_1005(stage: Stage) -> None:
    listener = Listener()
    client = await WebSocketClient.opened(stage, listener)
    client.close(None)
    await client.closing()
    assert await end_of(stage, listener) == (1005, "")


@pytest.mark.parametrize("leave", [Peer.leave, Peer.reset, Peer.end], ids=lambda leave: leave.__name__)
async def test_client_lost_without_a_close_frame_is_1006(stage: Stage, leave: Any) -> None:
    listener = Listener()
    client = await WebSocketClient.opened(stage, listener)
    leave(client.peer)
    assert await end_of(stage, listener) == (1006, "")


async def test_client_lost_before_it_was_accepted_is_1006(stage: Stage) -> None:
    ends: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        ends.extend([await receive(), await receive()])
        with pytest.raises(ClientDisconnected):
            await send(ACCEPTED)

    client = await WebSocketClient.connect(stage, app)
    await stage.until(lambda: stage.running() == 1)
    client.peer.leave()
    await stage.until(lambda: not stage.running())
    assert ends == [{"type": "websocket.disconnect", "code": 1006, "reason": ""}] * 2


async def test_messages_before_the_close_frame_are_still_received(stage: Stage) -> None:
    got: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(ACCEPTED)
        while (message := await receive())["type"] == "websocket.receive":
            got.append(message["text"])

    client = await WebSocketClient.opened(stage, app)
    client.peer.send(frame(1, b"a") + frame(1, b"b") + frame(8, b"\x03\xe8"))
    assert await client.closing() == (1000, "")
    await stage.until(lambda: not stage.running())
    assert got == ["a", "b"]


@pytest.mark.parametrize(
    ("bad", "code"),
    [(frame(3), 1002), (frame(0, b"x"), 1002), (frame(1, b"\xff"), 1007), (frame(2, bytes(2000)), 1009)],
    ids=["opcode", "continuation", "utf-8", "size"],
)
async def test_client_that_breaks_a_rule_and_the_application_are_told_the_same_code(
    stage: Stage, bad: bytes, code: int
) -> None:
    listener = Listener()
    stage.prepare(listener, websocket=SessionOptions(max_size=1000))
    client = await WebSocketClient.opened(stage)
    client.peer.send(bad)
    assert (await client.closing())[0] == code
    assert (await end_of(stage, listener))[0] == code


# --- the application ends it --------------------------------------------------------------------------------


async def test_close_sends_code_and_reason_and_is_told_at_once(stage: Stage) -> None:
    ends: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(ACCEPTED)
        await send({"type": "websocket.close", "code": 4321, "reason": "bye ü"})
        ends.extend([await receive(), await receive()])

    client = await WebSocketClient.opened(stage, app)
    assert await client.closing() == (4321, "bye ü")
    await stage.until(lambda: not stage.running())
    assert ends == [{"type": "websocket.disconnect", "code": 4321, "reason": "bye ü"}] * 2
    client.close(4321)
    assert await client.peer.rest() == b""


@pytest.mark.parametrize("keys", [{}, {"code": None, "reason": None}], ids=["absent", "none"])
async def test_close_is_1000_without_a_reason_by_default(stage: Stage, keys: dict[str, Any]) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(ACCEPTED)
        await send({"type": "websocket.close", **keys})

    client = await WebSocketClient.opened(stage, app)
    assert await client.closing() == (1000, "")


async def test_application_that_returns_when_it_has_closed_leaves_the_client_time_to_answer(stage: Stage) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(ACCEPTED)
        await send({"type": "websocket.close", "code": 4321})

    client = await WebSocketClient.opened(stage, app)
    assert await client.closing() == (4321, "")
    await stage.until(lambda: not stage.running())
    await asyncio.sleep(0.05)
    assert not client.peer.has_ended
    client.close(4321)
    assert await client.peer.rest() == b""


@pytest.mark.parametrize("reason", ["no ticket", [{"loc": ["path", "number"]}], "\ud800"])
async def test_reason_of_a_close_before_accept_goes_nowhere_and_may_be_anything(stage: Stage, reason: Any) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.close", "code": 1008, "reason": reason})

    client = await WebSocketClient.connect(stage, app)
    assert (await client.answer()).status == 403


@pytest.mark.http1
async def test_close_before_accept_is_403(stage: Stage) -> None:
    ends: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.close", "code": 1008})
        ends.append(await receive())

    client = await WebSocketClient.connect(stage, app)
    answer = await client.answer()
    assert (answer.status, answer.body) == (403, b"")
    assert (b"connection", b"close") in answer.fields
    assert await client.peer.rest() == b""
    await stage.until(lambda: not stage.running())
    assert ends == [{"type": "websocket.disconnect", "code": 1006, "reason": ""}]


async def test_close_wakes_a_task_that_receives(stage: Stage) -> None:
    ends: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(ACCEPTED)
        waiting = asyncio.ensure_future(receive())
        await asyncio.sleep(0)
        await send({"type": "websocket.close", "code": 4000})
        ends.append(await waiting)

    client = await WebSocketClient.opened(stage, app)
    assert await client.closing() == (4000, "")
    await stage.until(lambda: bool(ends))
    assert ends[0]["code"] == 4000


@pytest.mark.http1
async def test_denial_response_is_streamed(stage: Stage) -> None:
    may_go_on = asyncio.Event()
    ends: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        headers = [(b"X-Why", b"tired")]
        await send({"type": "websocket.http.response.start", "status": 401, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": b"first", "more_body": True})
        await may_go_on.wait()
        await send({"type": "websocket.http.response.body", "body": bytearray(b"last")})
        ends.append(await receive())

    client = await WebSocketClient.connect(stage, app)
    await client.peer.until(lambda: b"first" in client.peer.received, "the first part")
    assert b"last" not in client.peer.received
    may_go_on.set()
    answer = await client.answer()
    assert (answer.status, answer.body) == (401, b"firstlast")
    assert (b"x-why", b"tired") in answer.fields
    assert (b"connection", b"close") in answer.fields
    await stage.until(lambda: not stage.running())
    assert ends == [{"type": "websocket.disconnect", "code": 1006, "reason": ""}]


async def test_return_after_accept_is_1000(stage: Stage) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(ACCEPTED)
        await send(TEXT)

    client = await WebSocketClient.opened(stage, app)
    assert await client.message() == "x"
    assert await client.closing() == (1000, "")


# --- the application fails ----------------------------------------------------------------------------------


async def test_exception_after_accept_is_1011_and_a_traceback(stage: Stage) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(ACCEPTED)
        await receive()
        raise FaultError("secret")

    client = await WebSocketClient.opened(stage, app)
    client.send_text("x")
    assert await client.closing() == (1011, "")
    assert only(stage.take_log()) == "Exception in ASGI application (WebSocket /)\n"


@pytest.mark.http1
async def test_exception_before_accept_is_a_500_and_a_traceback(stage: Stage) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise FaultError("secret")

    client = await WebSocketClient.connect(stage, app)
    answer = await client.answer()
    assert (answer.status, answer.body) == (500, b"Internal Server Error")
    assert await client.peer.rest() == b""
    assert only(stage.take_log()) == "Exception in ASGI application (WebSocket /)\n"


async def test_return_before_accept_is_a_500(stage: Stage) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()

    client = await WebSocketClient.connect(stage, app)
    assert (await client.answer()).status == 500
    assert only(stage.take_log()) == "ASGI callable returned without completing handshake (WebSocket /)."


async def test_return_in_the_middle_of_a_denial_cuts_it(stage: Stage) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.http.response.start", "status": 401})
        await send({"type": "websocket.http.response.body", "body": b"part", "more_body": True})
        await asyncio.sleep(0)

    client = await WebSocketClient.connect(stage, app)
    assert not (await client.peer.rest()).endswith(b"0\r\n\r\n")
    assert only(stage.take_log()) == "ASGI callable returned without completing response (WebSocket /)."


async def test_exception_between_start_and_body_of_a_denial_is_a_500(stage: Stage) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.http.response.start", "status": 401})
        raise FaultError

    client = await WebSocketClient.connect(stage, app)
    assert (await client.answer()).status == 500
    only(stage.take_log())


async def test_application_that_cancels_itself_is_1011(stage: Stage) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(ACCEPTED)
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await receive()

    client = await WebSocketClient.opened(stage, app)
    assert await client.closing() == (1011, "")
    only(stage.take_log())


# --- after the end ------------------------------------------------------------------------------------------


async def test_send_after_the_client_left_raises_and_is_not_logged(stage: Stage) -> None:
    caught: list[Exception] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(ACCEPTED)
        while (await receive())["type"] == "websocket.receive":
            pass
        for message in (TEXT, {"type": "websocket.close"}):
            try:
                await send(message)
            except OSError as error:
                caught.append(error)
        await send(TEXT)

    client = await WebSocketClient.opened(stage, app)
    client.peer.reset()
    await stage.until(lambda: not stage.running())
    assert [type(error) for error in caught] == [ClientDisconnected] * 2


async def test_send_after_the_client_closed_raises_although_nobody_received(stage: Stage) -> None:
    caught: list[Exception] = []
    may_go_on = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(ACCEPTED)
        await may_go_on.wait()
        try:
            await send(TEXT)
        except OSError as error:
            caught.append(error)
            raise

    client = await WebSocketClient.opened(stage, app)
    client.close()
    await client.closing()
    may_go_on.set()
    await stage.until(lambda: not stage.running())
    assert isinstance(caught[0], ClientDisconnected)


@pytest.mark.parametrize("error", [WebSocketDisconnect(), asyncio.CancelledError(), FaultError()], ids=repr)
async def test_error_after_the_client_left_is_logged_if_it_is_none_of_the_loss(
    stage: Stage, error: BaseException
) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(ACCEPTED)
        await receive()
        raise error

    client = await WebSocketClient.opened(stage, app)
    client.close()
    await stage.until(lambda: not stage.running())
    assert len(stage.take_log()) == isinstance(error, FaultError)


async def test_application_that_never_listens_is_cancelled_when_its_client_left(stage: Stage) -> None:
    if stage.kind == "memory":
        return  # it cancels nobody
    ends: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(ACCEPTED)
        try:
            await asyncio.Event().wait()
        finally:
            ends.append("cancelled")

    stage.prepare(app, driver={"disconnect_timeout": 0.05})
    client = await WebSocketClient.opened(stage)
    client.peer.reset()
    await stage.until(lambda: bool(ends))


async def test_work_after_the_applications_own_close_goes_on(stage: Stage) -> None:
    if stage.kind == "memory":
        return  # it cancels nobody
    ends: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(ACCEPTED)
        await send({"type": "websocket.close"})
        await asyncio.sleep(0.3)
        ends.append("done")

    stage.prepare(app, driver={"disconnect_timeout": 0.05})
    client = await WebSocketClient.opened(stage)
    await client.closing()
    client.peer.reset()
    await stage.until(lambda: bool(ends))


async def test_keep_alive_ends_a_client_that_answers_no_ping(stage: Stage) -> None:
    if stage.kind == "memory":
        return  # its time stands still
    listener = Listener()
    stage.prepare(listener, websocket=SessionOptions(ping_interval=0.05, ping_timeout=0.05))
    client = await WebSocketClient.opened(stage)
    opcode, _ = await client.frame()
    assert opcode == 9
    while (await client.frame())[0] == 9:
        pass
    assert await end_of(stage, listener) == (1011, "keepalive ping timeout")


async def test_what_is_sent_alone_puts_the_idle_timeout_off(stage: Stage) -> None:
    if stage.kind == "memory":
        return  # its time stands still

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        for _ in range(12):
            await asyncio.sleep(0.1)
            await send({"type": "websocket.send", "text": "still here"})

    stage.prepare(app, websocket=SessionOptions(idle_timeout=0.6, ping_interval=0))
    client = await WebSocketClient.opened(stage)
    for _ in range(12):
        assert await client.frame() == (1, b"still here")
    assert (await client.closing())[0] == 1000


# --- the server stops ---------------------------------------------------------------------------------------


async def test_stop_of_the_server_is_1012_for_both(stage: Stage) -> None:
    if stage.runtime is None and stage.kind == "memory":
        return  # it does not stop
    listener = Listener()
    client = await WebSocketClient.opened(stage, listener)
    assert stage.runtime is not None
    stage.runtime.begin_drain()
    assert (await client.closing())[0] == 1012
    assert (await end_of(stage, listener))[0] == 1012


async def test_stop_of_the_server_before_accept_is_1012_and_a_503(stage: Stage) -> None:
    if stage.kind == "memory":
        return  # it does not stop
    ends: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        ends.append(await receive())

    client = await WebSocketClient.connect(stage, app)
    await stage.until(lambda: stage.running() == 1)
    assert stage.runtime is not None
    stage.runtime.begin_drain()
    stage.runtime.announce_shutdown()
    assert (await client.answer()).status == 503
    assert ends[0]["code"] == 1012


# --- the log ------------------------------------------------------------------------------------------------


class Lines(logging.Handler):
    """Keep every line."""

    def __init__(self) -> None:
        super().__init__(5)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@pytest.fixture
def lines() -> Any:
    """Return the lines of the log from the level "trace" on."""
    logger = logging.getLogger("licorne.error")
    handler, level = Lines(), logger.level
    logger.addHandler(handler)
    logger.setLevel(5)
    yield handler.lines
    logger.setLevel(level)
    logger.removeHandler(handler)


@pytest.mark.http1
async def test_lines_of_an_accepted_websocket(stage: Stage, lines: list[str]) -> None:
    logged: list[int] = []
    listener = Listener()
    stage.prepare(listener, log_access=lambda exchange, link, started, ended: logged.append(exchange.status))
    client = await WebSocketClient.opened(stage)
    client.send_text("ü")
    client.close(4000)
    await client.closing()
    await stage.until(lambda: not stage.running())
    address = lines[0].partition(" ")[0]
    assert lines[:3] == [
        f"{address} - Upgrading to WebSocket",
        f'{address} - "WebSocket /" [accepted]',
        f"{address} - WebSocket connection made",
    ]
    head, _, rest = lines[3].partition(" after ")
    assert head == f'{address} - "WebSocket /" [closed 4000'
    assert rest.partition("s; ")[2] == "messages in/out: 1/0, bytes: 2/0]"
    assert lines[4:] == [f"{address} - WebSocket connection lost"]
    assert logged == [101]


async def test_line_of_a_refused_websocket(stage: Stage, lines: list[str]) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.close"})

    client = await WebSocketClient.connect(stage, app)
    assert (await client.answer()).status == 403
    assert lines[1].endswith(' - "WebSocket /" 403')
    assert len(lines) == 2
