"""Starlette's and FastAPI's WebSocket routes, asked by the library that most of their users have."""

import json
import signal
import socket
from collections.abc import Callable
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from tests.frameworks.conftest import Serve
from tests.server.process import DEADLINE_SECONDS, ServerProcess

Join = Callable[..., Any]


@pytest.fixture(scope="module", params=["app", "middled"])
def starlette(request: pytest.FixtureRequest, serve: Serve) -> ServerProcess:
    """Serve the Starlette application, bare and behind a BaseHTTPMiddleware."""
    return serve(f"starlette_sockets:{request.param}")


@pytest.fixture(scope="module")
def fastapi(serve: Serve) -> ServerProcess:
    """Serve the FastAPI application."""
    return serve("fastapi_sockets:app")


def join(server: ServerProcess, path: str, **options: Any) -> Any:
    """Return what connects to a path: a context."""
    return connect(f"ws://127.0.0.1:{server.port}{path}", proxy=None, open_timeout=DEADLINE_SECONDS, **options)


def refusal_of(server: ServerProcess, path: str) -> Any:
    """Return the response to a handshake that is refused."""
    with pytest.raises(InvalidStatus) as refused, join(server, path):
        pass
    return refused.value.response


def close_of(peer: Any) -> tuple[int, str]:
    """Return the code and the reason with which the server closes now."""
    with pytest.raises(ConnectionClosed) as ended:
        peer.recv(DEADLINE_SECONDS)
    assert ended.value.rcvd is not None, "there was no close frame"
    return ended.value.rcvd.code, ended.value.rcvd.reason


# --- Starlette ----------------------------------------------------------------------------------------------


def test_texts_are_iterated_until_the_client_leaves(starlette: ServerProcess) -> None:
    over = starlette.log.count("app: echo is over")
    with join(starlette, "/echo") as peer:
        for number in range(50):
            peer.send(f"word {number}")
        assert [peer.recv(DEADLINE_SECONDS) for _ in range(50)] == [f"you said word {number}" for number in range(50)]
    starlette.wait_for("app: echo is over, DISCONNECTED", over + 1)


def test_a_disconnect_is_an_exception_with_code_and_reason(starlette: ServerProcess) -> None:
    with join(starlette, "/catch") as peer:
        peer.send(b"bytes")
        assert peer.recv(DEADLINE_SECONDS) == b"bytes"
        peer.close(3210, "bye")
    starlette.wait_for("app: left with 3210 'bye'")


def test_who_only_sends_learns_that_the_client_left(starlette: ServerProcess) -> None:
    over = starlette.log.count("app: pushing is over")
    with join(starlette, "/push") as peer:
        peer.recv(DEADLINE_SECONDS)
        peer.socket.shutdown(socket.SHUT_RDWR)
    starlette.wait_for("app: pushing is over, 1006", over + 1)


def test_the_scope_is_what_starlette_makes_of_it(starlette: ServerProcess) -> None:
    fields = {"Cookie": "k=v", "X-Agent": "tests"}
    with join(starlette, "/show/horn?a=b", subprotocols=["one", "two"], additional_headers=fields) as peer:
        assert peer.subprotocol == "one"
        assert peer.response.headers["x-accepted"] == "yes"
        assert peer.response.headers["set-cookie"] == "a=b; Path=/"
        shown = json.loads(peer.recv(DEADLINE_SECONDS))
        assert json.loads(bytes(peer.recv(DEADLINE_SECONDS, decode=False))) == shown
        assert close_of(peer) == (4000, "that was all")
    assert shown == {
        "path": {"name": "horn"},
        "query": {"a": "b"},
        "cookies": {"k": "v"},
        "agent": "tests",
        "words": ["from", "the", "lifespan"],
        "url": f"ws://127.0.0.1:{starlette.port}/show/horn?a=b",
        "has_client": True,
    }


def test_a_socket_is_refused(starlette: ServerProcess) -> None:
    assert refusal_of(starlette, "/refuse").status_code == 403
    assert refusal_of(starlette, "/nowhere").status_code in (403, 404)


def test_a_denial_is_a_response_of_starlette(starlette: ServerProcess) -> None:
    response = refusal_of(starlette, "/deny")
    assert (response.status_code, response.headers["x-why"]) == (401, "ticket")
    assert json.loads(response.body) == {"why": "no ticket"}


def test_a_denial_may_be_streamed(starlette: ServerProcess) -> None:
    response = refusal_of(starlette, "/deny-slowly")
    assert response.status_code == 429
    assert response.body.splitlines() == [b"line %d" % number for number in range(100)]


def test_an_exception_closes_with_1011_and_is_logged(starlette: ServerProcess) -> None:
    with join(starlette, "/fail") as peer:
        assert close_of(peer)[0] == 1011
    starlette.wait_for("LookupError: this route always fails")


def test_an_exception_before_acceptance_is_answered_500(starlette: ServerProcess) -> None:
    assert refusal_of(starlette, "/fail-early").status_code == 500
    starlette.wait_for("LookupError: this route fails early")


def test_an_endpoint_below_a_mount(starlette: ServerProcess) -> None:
    over = starlette.log.count("app: calculator is over")
    with join(starlette, "/below/calculate") as peer:
        peer.send("[1, 2, 3]")
        assert json.loads(peer.recv(DEADLINE_SECONDS)) == {"sum": 6}
        peer.send("no JSON")
        assert close_of(peer)[0] == 1003
    starlette.wait_for("app: calculator is over", over + 1)


# --- FastAPI ------------------------------------------------------------------------------------------------


def test_a_path_a_query_a_cookie_and_dependencies(fastapi: ServerProcess) -> None:
    with join(fastapi, "/items/7?q=3", additional_headers={"Cookie": "session=abc"}) as peer:
        peer.send('{"a": [1, null, "é"]}')
        shown = json.loads(peer.recv(DEADLINE_SECONDS))
    assert shown == {"number": 7, "q": 3, "ticket": "abc", "opened": "a connection", "said": {"a": [1, None, "é"]}}
    fastapi.wait_for("app: dependency is closed")


def test_a_dependency_refuses(fastapi: ServerProcess) -> None:
    assert refusal_of(fastapi, "/items/7").status_code == 403
    assert refusal_of(fastapi, "/items/seven?ticket=x").status_code == 403


def test_a_room_hears_everyone_and_who_leaves(fastapi: ServerProcess) -> None:
    with join(fastapi, "/room/ann") as ann:
        ann.send("hello")
        assert ann.recv(DEADLINE_SECONDS) == "ann: hello"
        with join(fastapi, "/room/bob") as bob:
            bob.send("hello ann")
            assert ann.recv(DEADLINE_SECONDS) == bob.recv(DEADLINE_SECONDS) == "bob: hello ann"
            bob.close(1001)
        assert ann.recv(DEADLINE_SECONDS) == "bob left with 1001"


def test_a_websocket_exception_closes_with_its_code(fastapi: ServerProcess) -> None:
    with join(fastapi, "/judge") as peer:
        peer.send("so?")
        assert close_of(peer) == (4004, "not like this")


@pytest.mark.parametrize("app", ["starlette_sockets:app", "fastapi_sockets:app"])
def test_a_stop_closes_sockets_with_1012(serve: Serve, app: str) -> None:
    server = serve(app)
    path = "/echo" if app.startswith("starlette") else "/room/ann"
    with join(server, path) as peer:
        peer.send("hello")
        assert "hello" in peer.recv(DEADLINE_SECONDS)
        server.signal(signal.SIGTERM)
        assert close_of(peer)[0] == 1012
    assert server.wait() == -signal.SIGTERM
    assert "Traceback" not in server.log
