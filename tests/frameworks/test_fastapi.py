"""FastAPI: what its documentation teaches works on licorne."""

import signal
from collections.abc import Iterator

import httpx
import pytest

from tests.frameworks.conftest import Serve, calling
from tests.server.process import Client, ServerProcess


@pytest.fixture(scope="module")
def server(serve: Serve) -> ServerProcess:
    """Serve the application."""
    return serve("fastapi_app:app")


@pytest.fixture
def client(server: ServerProcess) -> Iterator[httpx.Client]:
    """Be a client of it, on new connections."""
    with calling(server) as made:
        yield made


def test_json_is_checked_and_answered(client: httpx.Client) -> None:
    item = {"name": "horn", "price": 3.5, "tags": ["a", "é"]}
    answer = client.post("/items/7?is_new=yes", json=item)
    assert (answer.status_code, answer.json()) == (201, {"number": 7, "is_new": True, **item})
    assert answer.headers["x-middleware"] == "was here"


def test_what_does_not_fit_is_answered_422(client: httpx.Client) -> None:
    answer = client.post("/items/seven", json={"name": "horn"})
    assert answer.status_code == 422
    assert {error["loc"][-1] for error in answer.json()["detail"]} == {"number", "price"}


def test_requests_have_the_state_of_the_lifespan(client: httpx.Client) -> None:
    assert client.get("/rows/1").json() == "one"
    missing = client.get("/rows/2")
    assert (missing.status_code, missing.json()) == (404, {"detail": "no row 2"})


def test_a_function_runs_in_a_thread(client: httpx.Client) -> None:
    assert client.get("/blocking").json() == {"ran": "in a thread"}


def test_a_dependency_is_cleaned_up(client: httpx.Client, server: ServerProcess) -> None:
    assert client.get("/session").json() == ["opened"]
    server.wait_for("app: dependency is closed")  # FastAPI closes it behind the answer
    assert client.get("/session").json() == ["opened", "closed", "opened"]


def test_files_are_uploaded(client: httpx.Client) -> None:
    files = [("one", ("one.bin", b"x" * 3_000_000)), ("many", ("a.txt", b"a")), ("many", ("b.txt", b"b"))]
    answer = client.post("/upload", data={"name": "value"}, files=files)
    assert answer.json() == {"name": "value", "one": 3_000_000, "many": ["a.txt", "b.txt"]}


def test_a_response_is_streamed(client: httpx.Client) -> None:
    assert client.get("/stream").text.splitlines() == [str(number) for number in range(100)]


def test_background_tasks_delay_no_answer(client: httpx.Client, server: ServerProcess) -> None:
    assert client.post("/later").json() == "accepted"
    assert client.post("/next").json() == "next"
    server.wait_for("app: background work is done")


def test_the_documentation_is_shown(client: httpx.Client) -> None:
    assert "swagger" in client.get("/docs").text
    assert "/items/{number}" in client.get("/openapi.json").json()["paths"]


def test_an_exception_is_answered_500_and_logged(client: httpx.Client, server: ServerProcess) -> None:
    answer = client.get("/fail")
    assert (answer.status_code, answer.text) == (500, "Internal Server Error")
    server.wait_for(r"Exception in ASGI application \(GET /fail\)")
    server.wait_for("LookupError: this route always fails")


def test_a_stop_waits_for_background_tasks(serve: Serve) -> None:
    server = serve("fastapi_app:app")
    with Client(server.port) as client, Client(server.port) as other:
        other.sock.sendall(b"POST /next HTTP/1.1\r\nHost: localhost\r\nContent-Le")
        client.sock.sendall(b"POST /later HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
        client.read_response()
        server.signal(signal.SIGTERM)
        server.wait_for("Waiting for connections to close")
        other.sock.sendall(b"ngth: 0\r\n\r\n")
        assert other.read_to_the_end().endswith(b'"next"')
        assert server.wait() == -signal.SIGTERM
    assert server.log.index("app: background work is done") < server.log.index("app: lifespan is over")
    assert "Traceback" not in server.log
