"""Applications without a framework, in every form that one may have."""

import re
import signal
from collections.abc import Iterator

import httpx
import pytest

from tests.frameworks.conftest import APPS, Serve, calling
from tests.server.process import Client, ServerProcess

FORMS = {
    "function": ["plain_apps:app"],
    "instance": ["plain_apps:instance"],
    "class": ["plain_apps:Classic", "--interface=asgi2"],
    "asgi2": ["plain_apps:legacy"],
    "factory": ["plain_apps:make_app", "--factory"],
}


@pytest.fixture(scope="module", params=FORMS)
def server(request: pytest.FixtureRequest, serve: Serve) -> ServerProcess:
    """Serve each form."""
    return serve(*FORMS[request.param])


@pytest.fixture
def client(server: ServerProcess) -> Iterator[httpx.Client]:
    """Be a client of it, on new connections."""
    with calling(server) as made:
        yield made


def test_json_and_the_state_of_the_lifespan(client: httpx.Client, server: ServerProcess) -> None:
    shown = client.post("/json", json={"a": ["b", 1, None]}).json()
    assert shown["got"] == {"a": ["b", 1, None]}
    assert shown["state"] == {"greeting": "hello"}
    assert shown["asgi"]["spec_version"] == "2.5"
    assert shown["asgi"]["version"] in ("2.0", "3.0")


def test_a_form_and_a_query(client: httpx.Client) -> None:
    answer = client.post("/form?x=1&x=2", data={"name": "a b&c", "é": "ü"})
    assert answer.json() == {"form": {"name": ["a b&c"], "é": ["ü"]}, "query": {"x": ["1", "2"]}}


def test_a_response_is_streamed(client: httpx.Client) -> None:
    for _ in range(2):
        assert client.get("/stream").content == b"".join(b"%d," % number for number in range(100))


def test_a_page_that_is_not_there(client: httpx.Client) -> None:
    answer = client.get("/nowhere")
    assert (answer.status_code, answer.json()) == (404, {"missing": "/nowhere"})


def test_an_exception_is_answered_500_and_logged(client: httpx.Client, server: ServerProcess) -> None:
    answer = client.get("/fail")
    assert (answer.status_code, answer.text) == (500, "Internal Server Error")
    server.wait_for(r"Exception in ASGI application \(GET /fail\)")
    server.wait_for("LookupError: this route always fails")
    assert client.get("/stream").status_code == 200


def test_no_answer_is_answered_500_and_logged(client: httpx.Client, server: ServerProcess) -> None:
    assert client.get("/silent").status_code == 500
    server.wait_for(re.escape("ASGI callable returned without starting response (GET /silent)."))


def test_an_application_without_lifespan(serve: Serve) -> None:
    server = serve("plain_apps:without_lifespan")
    with calling(server) as client:
        assert client.post("/json", json=1).json()["state"] == {}
    assert "Traceback" not in server.log


def test_an_application_without_lifespan_does_not_start_when_it_must_have_one() -> None:
    with ServerProcess("plain_apps:without_lifespan", "--port=0", "--lifespan=on", app_dir=APPS) as server:
        assert server.wait() == 3
    assert "Application startup failed. Exiting." in server.log


def test_a_stop_waits_for_who_is_busy(serve: Serve) -> None:
    server = serve("plain_apps:app")
    with Client(server.port) as client:
        client.sock.sendall(b"POST /json HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\ntr")
        server.wait_for("app: reading")
        server.signal(signal.SIGTERM)
        server.wait_for("Waiting for connections to close")
        client.sock.sendall(b"ue")
        assert b'{"got": true' in client.read_to_the_end()
    assert server.wait() == -signal.SIGTERM
    assert "app: lifespan is over" in server.log
