"""ASGI applications under a WSGI server: bodies both ways, failures, the end, lifespan; with PEP 3333 checked."""

import asyncio
import io
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest

from licorne.adapters.asgi_to_wsgi import AsgiToWsgi
from licorne.errors import ClientDisconnected, LocalProtocolError, StartupError
from tests.support.peer import DEADLINE
from tests.support.stage import Receive, Scope, Send, hello

Environ = dict[str, Any]
Adapt = Callable[..., AsgiToWsgi]


@pytest.fixture
def adapt() -> Iterator[Adapt]:
    """Return a function that adapts an application until the end of the test."""
    adapters: list[AsgiToWsgi] = []

    def make(app: Any, lifespan: str = "off") -> AsgiToWsgi:
        adapters.append(AsgiToWsgi(app, lifespan))
        return adapters[-1]

    yield make
    for adapter in adapters:
        adapter.close()


class Answer:
    """Be what start_response is called with, and the body."""

    def __init__(self) -> None:
        self.status = ""
        self.headers: list[tuple[str, str]] = []
        self.body = b""

    def start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
        """Be start_response."""
        self.status, self.headers = status, headers
        return lambda data: None


def environ_of(body: bytes = b"", **variables: Any) -> Environ:
    """Return an environ."""
    environ: Environ = {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body)) if body else "", **variables}
    if not environ["CONTENT_LENGTH"]:
        del environ["CONTENT_LENGTH"]
    setup_testing_defaults(environ)
    return environ


def ask(app: Any, body: bytes = b"", **variables: Any) -> Answer:
    """Call a WSGI application as a server does; wsgiref looks on."""
    answer = Answer()
    environ = environ_of(body, QUERY_STRING=variables.pop("QUERY_STRING", ""), **variables)
    parts = validator(app)(environ, answer.start)
    try:
        answer.body = b"".join(parts)
    finally:
        parts.close()  # type: ignore[attr-defined]
    return answer


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Send back each part of the body as it comes."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    more = True
    while more:
        message = await receive()
        more = message.get("more_body", False)
        await send({"type": "http.response.body", "body": message["body"], "more_body": more})


def answering(status: int, headers: list[tuple[bytes, bytes]], *parts: bytes) -> Any:
    """Return an application that answers in parts."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": status, "headers": headers})
        for part in parts:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body"})

    return app


TYPE = [(b"content-type", b"text/plain")]


def test_hello(adapt: Adapt) -> None:
    answer = ask(adapt(answering(200, TYPE, b"Hello")))
    assert (answer.status, answer.headers, answer.body) == ("200 OK", [("content-type", "text/plain")], b"Hello")


@pytest.mark.parametrize("size", [0, 1, 70_000, 1_000_000])
def test_bodies_go_both_ways(adapt: Adapt, size: int) -> None:
    assert ask(adapt(echo), b"x" * size, REQUEST_METHOD="POST").body == b"x" * size


def test_a_body_without_length_is_read_where_it_ends_by_itself(adapt: Adapt) -> None:
    app = adapt(echo)
    environ = environ_of(REQUEST_METHOD="POST", **{"wsgi.input_terminated": True})
    environ["wsgi.input"] = io.BytesIO(b"to the end")
    assert b"".join(app(environ, Answer().start)) == b"to the end"
    environ["wsgi.input_terminated"] = False
    environ["wsgi.input"] = io.BytesIO(b"not ours")
    assert b"".join(app(environ, Answer().start)) == b""


def test_a_body_that_breaks_off_is_a_disconnect(adapt: Adapt) -> None:
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.extend([(await receive())["type"] for _ in range(3)])
        await hello(scope, receive, send)

    environ = environ_of(b"abc", REQUEST_METHOD="POST")
    environ["CONTENT_LENGTH"] = "10"
    b"".join(adapt(app)(environ, Answer().start))
    assert seen == ["http.request", "http.disconnect", "http.disconnect"]


def test_parts_come_one_by_one(adapt: Adapt) -> None:
    go_on = threading.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        await asyncio.to_thread(go_on.wait, DEADLINE)
        await send({"type": "http.response.body", "body": b"second"})

    parts = iter(adapt(app)(environ_of(), Answer().start))
    assert next(parts) == b"first"
    go_on.set()
    assert list(parts) == [b"second"]


def test_an_application_is_no_further_ahead_than_its_server_takes(adapt: Adapt) -> None:
    sent = [0]

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for number in range(100):
            await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": number < 99})
            sent[0] += 1

    taken = 0
    for part in adapt(app)(environ_of(), Answer().start):
        taken += len(part)
        assert sent[0] * 65536 - taken <= 3 * 65536
    assert taken == 100 * 65536


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
def test_no_body_where_there_is_none(adapt: Adapt, method: str, status: int) -> None:
    answer = Answer()
    parts = adapt(answering(status, [], b"body"))(environ_of(REQUEST_METHOD=method), answer.start)
    assert b"".join(parts) == b""
    assert answer.status.startswith(f"{status} ")


def test_fields_of_the_connection_are_left_to_the_server(adapt: Adapt) -> None:
    headers = [
        (b"connection", b"close"),
        (b"Transfer-Encoding", b"chunked"),
        (b"set-cookie", b"a"),
        (b"set-cookie", b"b"),
    ]
    answer = Answer()
    b"".join(adapt(answering(299, headers, b"x"))(environ_of(), answer.start))
    assert answer.headers == [("set-cookie", "a"), ("set-cookie", "b")]
    assert answer.status == "299 Unknown"


def test_the_scope_of_a_request(adapt: Adapt) -> None:
    seen: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope)
        await hello(scope, receive, send)

    variables = {
        "SCRIPT_NAME": "/api",
        "PATH_INFO": "/\xc3\xa9 b",
        "QUERY_STRING": "a=%20",
        "HTTP_X_THING": "\xe9",
        "CONTENT_TYPE": "text/plain",
        "REMOTE_ADDR": "192.0.2.1",
        "REMOTE_PORT": "50000",
        "SERVER_NAME": "a.example",
        "SERVER_PORT": "8443",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": "https",
    }
    b"".join(adapt(app)(environ_of(b"body", REQUEST_METHOD="POST", **variables), Answer().start))
    (scope,) = seen
    assert (scope["path"], scope["raw_path"], scope["root_path"]) == ("/api/é b", b"/api/%C3%A9%20b", "/api")
    assert (scope["query_string"], scope["scheme"], scope["http_version"]) == (b"a=%20", "https", "1.1")
    assert (scope["client"], scope["server"]) == (("192.0.2.1", 50000), ("a.example", 8443))
    assert {(b"x-thing", b"\xe9"), (b"content-type", b"text/plain"), (b"content-length", b"4")} <= set(scope["headers"])


# --- failures -----------------------------------------------------------------------------------------------


def failing(*messages: dict[str, Any], error: BaseException | None = None) -> Any:
    """Return an application that sends messages and then raises or returns."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for message in messages:
            await send(message)
        if error is not None:
            raise error

    return app


START = {"type": "http.response.start", "status": 200, "headers": []}
PART = {"type": "http.response.body", "body": b"x", "more_body": True}


@pytest.mark.parametrize("messages", [(), (START,)])
def test_an_exception_before_the_body_is_raised_to_the_server(adapt: Adapt, messages: Any) -> None:
    answer = Answer()
    with pytest.raises(KeyError, match="oops"):
        adapt(failing(*messages, error=KeyError("oops")))(environ_of(), answer.start)
    assert answer.status == ""


def test_an_exception_in_the_body_is_raised_from_it(adapt: Adapt) -> None:
    parts = iter(adapt(failing(START, PART, error=KeyError("oops")))(environ_of(), Answer().start))
    assert next(parts) == b"x"
    with pytest.raises(KeyError, match="oops"):
        next(parts)


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ((), "without starting"),
        ((START,), "without completing"),
        ((START, PART), "without completing"),
        ((PART,), "Expected ASGI message 'http.response.start'"),
        ((START, START), "Expected ASGI message 'http.response.body'"),
    ],
)
def test_what_breaks_the_rules_says_which(adapt: Adapt, messages: Any, expected: str) -> None:
    with pytest.raises(LocalProtocolError, match=expected):
        b"".join(adapt(failing(*messages))(environ_of(), Answer().start))


def test_what_is_raised_behind_the_response_is_logged(adapt: Adapt, caplog: pytest.LogCaptureFixture) -> None:
    app = adapt(failing(START, {"type": "http.response.body", "body": b"x"}, error=KeyError("late")))
    assert b"".join(app(environ_of(), Answer().start)) == b"x"
    app.close()
    assert "Exception in ASGI application\n" in caplog.messages


def test_a_server_that_closes_early_is_a_disconnect(adapt: Adapt) -> None:
    heard: list[Any] = []
    ended = threading.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send(START)
        await send(PART)
        heard.append((await receive())["type"])
        try:
            await send(PART)
        except OSError as error:
            heard.append(type(error))
        ended.set()

    parts = adapt(app)(environ_of(), Answer().start)
    next(iter(parts))
    parts.close()  # type: ignore[attr-defined]
    assert ended.wait(DEADLINE)
    assert heard == ["http.disconnect", ClientDisconnected]


def test_background_work_goes_on_behind_the_response(adapt: Adapt) -> None:
    done = threading.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await hello(scope, receive, send)
        await asyncio.sleep(0)
        done.set()

    assert b"".join(adapt(app)(environ_of(), Answer().start)) == b"Hello"
    assert done.wait(DEADLINE)


# --- lifespan -----------------------------------------------------------------------------------------------


class Living:
    """Be an application with a lifespan."""

    def __init__(self, failure: str = "") -> None:
        self.failure = failure
        self.events: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self.events.append(scope["state"]["name"])
            await hello(scope, receive, send)
            return
        self.events.append((await receive())["type"])
        if self.failure:
            await send({"type": "lifespan.startup.failed", "message": self.failure})
            return
        scope["state"]["name"] = "state"
        await send({"type": "lifespan.startup.complete"})
        self.events.append((await receive())["type"])
        await send({"type": "lifespan.shutdown.complete"})


def test_an_application_lives_from_its_first_request_to_the_end() -> None:
    living = Living()
    with AsgiToWsgi(living) as app:
        for _ in range(2):
            b"".join(app(environ_of(), Answer().start))
    assert living.events == ["lifespan.startup", "state", "state", "lifespan.shutdown"]


def test_a_startup_that_fails_is_said(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    with pytest.raises(StartupError, match="no database"):
        AsgiToWsgi(Living("no database"), "on").start()


def test_lifespan_is_one_of_three() -> None:
    with pytest.raises(ValueError, match="'auto', 'on' or 'off', got 'maybe'"):
        AsgiToWsgi(hello, "maybe")


def test_it_starts_anew_behind_its_end() -> None:
    living = Living()
    app = AsgiToWsgi(living)
    for _ in range(2):
        b"".join(app(environ_of(), Answer().start))
        app.close()
    assert living.events.count("lifespan.shutdown") == 2


def test_many_threads_of_a_server_share_one_loop(adapt: Adapt) -> None:
    app = adapt(echo)
    bodies: list[bytes] = []

    def call(number: int) -> None:
        bodies.append(b"".join(app(environ_of(b"%d" % number, REQUEST_METHOD="POST"), Answer().start)))

    threads = [threading.Thread(target=call, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    assert sorted(bodies, key=int) == [b"%d" % number for number in range(16)]
