"""Events of a WebSocket API: one call of the application for each connection, and what is posted to its client."""

import asyncio
from typing import Any

import pytest

from licorne.adapters.aws import EventError
from licorne.adapters.aws import calls as calls_module
from licorne.adapters.aws.connections import url_of
from licorne.errors import ClientDisconnected
from tests.aws.events import Context, http_api, websocket


class GoneException(Exception):
    """Be what boto3 raises for a connection that is gone."""


class Client:
    """Be a management API that remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.gone: set[str] = set()

    def post_to_connection(self, ConnectionId: str, Data: bytes) -> None:  # noqa: N803 - boto3's names
        if ConnectionId in self.gone:
            raise GoneException
        self.asked.append((ConnectionId, Data))

    def delete_connection(self, ConnectionId: str) -> None:  # noqa: N803 - boto3's names
        if ConnectionId in self.gone:
            raise GoneException
        self.asked.append((ConnectionId, "close"))


class AsyncClient(Client):
    """Be one with coroutines."""

    async def post_to_connection(self, **arguments: Any) -> None:  # type: ignore[override]
        await asyncio.sleep(0)
        super().post_to_connection(**arguments)

    async def delete_connection(self, **arguments: Any) -> None:  # type: ignore[override]
        super().delete_connection(**arguments)


class Echo:
    """Answer every message with itself, and remember what is received."""

    def __init__(self, subprotocol: str | None = None) -> None:
        self.subprotocol = subprotocol
        self.scopes: list[dict[str, Any]] = []
        self.received: list[dict[str, Any]] = []

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Serve one connection."""
        self.scopes.append(scope)
        self.received.append(await receive())
        await send({"type": "websocket.accept", "subprotocol": self.subprotocol})
        while True:
            message = await receive()
            self.received.append(message)
            if message["type"] == "websocket.disconnect":
                return
            await send({**message, "type": "websocket.send"})


@pytest.fixture
def client() -> Client:
    """Return a management API."""
    return Client()


def answers(handler: Any, *kinds: str, **changes: Any) -> list[int]:
    return [handler(websocket(kind, **changes), None)["statusCode"] for kind in kinds]


# --- one environment ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("made", [Client, AsyncClient])
def test_one_call_lives_as_long_as_its_connection(handle: Any, made: Any) -> None:
    client, app = made(), Echo()
    handler = handle(app, connections=client)
    assert answers(handler, "CONNECT") == [200]
    assert handler(websocket("MESSAGE", "L0SM9cOFvHcCIhw=", body="hello"))["statusCode"] == 200
    assert handler(websocket("MESSAGE", body="AP8=", isBase64Encoded=True))["statusCode"] == 200
    assert answers(handler, "DISCONNECT") == [200]
    assert len(app.scopes) == 1
    assert app.received == [
        {"type": "websocket.connect"},
        {"type": "websocket.receive", "text": "hello"},
        {"type": "websocket.receive", "bytes": b"\0\xff"},
        {"type": "websocket.disconnect", "code": 1001, "reason": "Going away"},
    ]
    assert client.asked == [("L0SM9cOFvHcCIhw=", b"hello"), ("L0SM9cOFvHcCIhw=", b"\0\xff")]


def test_scope_is_one_of_websocket(handle: Any, client: Client) -> None:
    app = Echo()
    answers(handle(app, connections=client), "CONNECT")
    scope = app.scopes[0]
    assert (scope["type"], scope["scheme"], scope["path"], scope["query_string"]) == (
        "websocket",
        "wss",
        "/",
        b"room=1",
    )
    assert scope["subprotocols"] == ["chat", "superchat"]
    assert scope["client"] == ("192.0.2.1", 0)
    assert scope["extensions"]["aws.websocket"] == {"connection_id": "L0SM9cOFvHcCIhw=", "is_resumed": False}
    assert scope["aws.event"]["requestContext"]["eventType"] == "CONNECT"


def test_subprotocol_is_told_to_the_client(handle: Any, client: Client) -> None:
    answer = handle(Echo("chat"), connections=client)(websocket("CONNECT"))
    assert answer == {"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": "chat"}}


def test_subprotocol_that_was_not_offered_is_a_fault(handle: Any, client: Client, caplog: Any) -> None:
    assert answers(handle(Echo("other"), connections=client), "CONNECT") == [500]
    assert "The subprotocol 'other' was not offered" in caplog.text


def test_connections_do_not_mix(handle: Any, client: Client) -> None:
    app = Echo()
    handler = handle(app, connections=client)
    for connection in "ab":
        assert handler(websocket("CONNECT", connection))["statusCode"] == 200
    for connection in "ba":
        handler(websocket("MESSAGE", connection, body=f"to {connection}"))
    assert client.asked == [("b", b"to b"), ("a", b"to a")]
    assert len(app.scopes) == 2


def test_what_is_sent_before_the_connection_exists_waits_for_it(handle: Any, client: Client) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": "welcome"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"]})

    handler = handle(app, connections=client)
    assert answers(handler, "CONNECT") == [200]
    assert client.asked == []
    assert answers(handler, "MESSAGE", body="hello") == [200]
    assert [data for _, data in client.asked] == [b"welcome", b"hello"]


# --- refusals -------------------------------------------------------------------------------------------------


def app_of(*messages: dict[str, Any], error: BaseException | None = None) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        for message in messages:
            await send(message)
        if error is not None:
            raise error

    return app


@pytest.mark.parametrize(
    ("messages", "answer"),
    [
        ([{"type": "websocket.close", "code": 1008}], {"statusCode": 403}),
        ([{"type": "websocket.accept"}, {"type": "websocket.close"}], {"statusCode": 403}),
        ([{"type": "websocket.accept"}], {"statusCode": 403}),
        (
            [
                {"type": "websocket.http.response.start", "status": 401, "headers": []},
                {"type": "websocket.http.response.body", "body": b"who ", "more_body": True},
                {"type": "websocket.http.response.body", "body": b"are you?"},
            ],
            {"statusCode": 401, "body": "who are you?"},
        ),
        ([], {"statusCode": 500}),
        ([{"type": "websocket.send", "text": "early"}], {"statusCode": 500}),
        ([{"type": "websocket.close", "code": 1}], {"statusCode": 500}),
        ([{"type": "websocket.http.response.start", "status": 9}], {"statusCode": 500}),
    ],
)
def test_connection_is_refused_as_the_application_says(handle: Any, client: Client, messages: Any, answer: Any) -> None:
    handler = handle(app_of(*messages), connections=client)
    assert handler(websocket("CONNECT")) == answer
    assert client.asked == []


def test_application_that_waits_without_an_answer_is_a_fault(handle: Any, client: Client, caplog: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await receive()

    assert answers(handle(app, connections=client), "CONNECT") == [500]
    assert "waits without accepting or refusing (WebSocket $connect of L0SM9cOFvHcCIhw=)" in caplog.text


# --- ends -----------------------------------------------------------------------------------------------------


def test_close_of_the_application_closes_the_connection(handle: Any, client: Client) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await receive()
        await send({"type": "websocket.close", "code": 1000})

    handler = handle(app, connections=client)
    assert answers(handler, "CONNECT", "MESSAGE", body="x") == [200, 200]
    assert client.asked == [("L0SM9cOFvHcCIhw=", "close")]


@pytest.mark.parametrize(("error", "status"), [(None, 200), (ValueError("oops"), 500)])
def test_end_of_the_application_closes_the_connection(
    handle: Any, client: Client, caplog: Any, error: Any, status: int
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await receive()
        if error is not None:
            raise error

    handler = handle(app, connections=client)
    assert answers(handler, "CONNECT", "MESSAGE", body="x") == [200, status]
    assert client.asked == [("L0SM9cOFvHcCIhw=", "close")]
    assert ("oops" in caplog.text) is (error is not None)


def test_client_that_is_gone_is_no_fault(handle: Any, client: Client, caplog: Any) -> None:
    raised: list[BaseException] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        try:
            while True:
                await receive()
                await send({"type": "websocket.send", "text": "x"})
        except ClientDisconnected as error:
            raised.append(error)
            raise

    handler = handle(app, connections=client)
    answers(handler, "CONNECT")
    client.gone.add("L0SM9cOFvHcCIhw=")
    assert answers(handler, "MESSAGE", body="x") == [200]
    assert len(raised) == 1
    assert "Exception" not in caplog.text


def test_failure_of_the_management_api_is_the_applications(handle: Any, client: Client, caplog: Any) -> None:
    def fail(**arguments: Any) -> None:
        raise ValueError("throttled")

    client.post_to_connection = fail  # type: ignore[method-assign,assignment]
    assert answers(handle(Echo(), connections=client), "CONNECT", "MESSAGE", body="x") == [200, 500]
    assert "throttled" in caplog.text


def test_application_that_does_not_end_is_cancelled_before_the_time_limit(handle: Any, client: Client) -> None:
    ends: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await receive()
        try:
            await asyncio.Event().wait()
        finally:
            ends.append("cancelled")

    handler = handle(app, connections=client)
    handler(websocket("CONNECT"), Context(60_000))
    handler(websocket("MESSAGE", body="x"), Context(60))
    assert ends == ["cancelled"]


def test_close_of_the_handler_ends_all_calls(handle: Any, client: Client) -> None:
    app = Echo()
    handler = handle(app, connections=client)
    handler(websocket("CONNECT", "a"))
    handler(websocket("CONNECT", "b"))
    handler.close()
    assert [message["code"] for message in app.received if message["type"] == "websocket.disconnect"] == [1006, 1006]


def test_calls_of_silent_connections_end(handle: Any, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    app = Echo()
    handler = handle(app, connections=client)
    handler(websocket("CONNECT", "a"))
    later = calls_module.monotonic() + 700
    monkeypatch.setattr(calls_module, "monotonic", lambda: later)
    handler(websocket("CONNECT", "b"))
    assert [message["type"] for message in app.received] == [
        "websocket.connect",
        "websocket.disconnect",
        "websocket.connect",
    ]


# --- several environments -------------------------------------------------------------------------------------


def test_message_in_another_environment_resumes_the_connection(handle: Any, client: Client) -> None:
    app = Echo("chat")
    handler = handle(app, connections=client)
    assert answers(handler, "MESSAGE", body="hello") == [200]
    assert app.scopes[0]["extensions"]["aws.websocket"]["is_resumed"] is True
    assert app.received == [{"type": "websocket.connect"}, {"type": "websocket.receive", "text": "hello"}]
    assert client.asked == [("L0SM9cOFvHcCIhw=", b"hello")]


def test_disconnect_in_another_environment_is_told(handle: Any, client: Client) -> None:
    app = Echo()
    assert answers(handle(app, connections=client), "DISCONNECT") == [200]
    assert app.received[-1] == {"type": "websocket.disconnect", "code": 1001, "reason": "Going away"}
    assert client.asked == []


# --- besides --------------------------------------------------------------------------------------------------


def test_http_and_websocket_events_share_an_environment(handle: Any, client: Client) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            return await Echo()(scope, receive, send)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        return await send({"type": "http.response.body", "body": b""})

    handler = handle(app, connections=client)
    assert answers(handler, "CONNECT") == [200]
    assert handler(http_api())["statusCode"] == 200
    assert answers(handler, "MESSAGE", "DISCONNECT", body="x") == [200, 200]
    assert [data for _, data in client.asked] == [b"x"]


@pytest.mark.parametrize(
    "event",
    [
        websocket("PING"),
        websocket("CONNECT", connection=7),  # type: ignore[arg-type]
        websocket("MESSAGE", body="%", isBase64Encoded=True),
        websocket("MESSAGE", body={"a": 1}),
        websocket("CONNECT", headers=["a"], multiValueHeaders=None),
    ],
)
def test_malformed_event_is_one_clear_error(handle: Any, client: Client, event: Any) -> None:
    with pytest.raises(EventError, match="a WebSocket API event"):
        handle(Echo(), connections=client)(event)


def test_management_api_is_below_the_stage() -> None:
    told = websocket("MESSAGE")["requestContext"]
    assert url_of(told) == "https://id.execute-api.eu-central-1.amazonaws.com/prod"


def test_management_api_of_a_domain_of_ones_own_is_that_of_the_api(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    told = websocket("MESSAGE")["requestContext"] | {"domainName": "chat.example.org"}
    assert url_of(told) == "https://id.execute-api.eu-west-1.amazonaws.com/prod"


def test_missing_boto3_says_what_to_do(handle: Any, monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    def missing(name: str) -> Any:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr("licorne.adapters.aws.connections.importlib.import_module", missing)
    assert answers(handle(Echo()), "CONNECT", "MESSAGE", body="x") == [200, 500]
    assert "boto3, which is not installed" in caplog.text


def test_starlette_endpoint_echoes(handle: Any, client: Client) -> None:
    applications = pytest.importorskip("starlette.applications")
    from starlette.routing import WebSocketRoute

    async def echo(socket: Any) -> None:
        await socket.accept("chat")
        async for text in socket.iter_text():
            await socket.send_text(text.upper())

    handler = handle(applications.Starlette(routes=[WebSocketRoute("/", echo)]), "auto", connections=client)
    assert answers(handler, "CONNECT") == [200]
    assert answers(handler, "MESSAGE", body="hello") == [200]
    assert answers(handler, "DISCONNECT") == [200]
    assert [data for _, data in client.asked] == [b"HELLO"]
