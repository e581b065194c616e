"""Starlette: streams, files, events, background work, forms and middleware, as its users write them."""

import contextlib
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.frameworks.conftest import Serve, calling
from tests.server.process import Client, ServerProcess

LARGE = bytes(range(256)) * 16384


@pytest.fixture(scope="module", params=["app", "middled"])
def server(request: pytest.FixtureRequest, serve: Serve) -> ServerProcess:
    """Serve the application, bare and behind a BaseHTTPMiddleware."""
    # Applications that do not ask whether their client is there are cancelled after this; by default, three seconds.
    return serve(f"starlette_app:{request.param}", "--timeout-disconnect=500ms")


@pytest.fixture
def client(server: ServerProcess) -> Iterator[httpx.Client]:
    """Be a client of it, on new connections."""
    with calling(server) as made:
        yield made


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """Make a file of 4 MiB."""
    path = tmp_path / "large.bin"
    path.write_bytes(LARGE)
    return path


# --- requests -----------------------------------------------------------------------------------------------


def test_json(client: httpx.Client) -> None:
    for number in range(3):
        answer = client.post("/json", json={"number": number})
        assert answer.json() == {"got": {"number": number}, "client": True, "url": str(answer.url)}


def test_requests_have_the_state_of_the_lifespan(client: httpx.Client) -> None:
    first, second = client.get("/state").json(), client.get("/state").json()
    assert first["words"] == ["from", "the", "lifespan"]
    # Each has a copy, but not of what is in it.
    assert second["visits"] == first["visits"] + 1


def test_a_form_with_files(client: httpx.Client) -> None:
    files = {"small": ("small.txt", b"hello"), "large": ("large.bin", LARGE)}
    answer = client.post("/form", data={"name": "value"}, files=files)
    assert answer.json() == {
        "name": "value",
        "small": ["small.txt", 5, b"hello".hex()],
        "large": ["large.bin", len(LARGE), LARGE[:5].hex()],
    }
    assert client.post("/form", data={"name": "a b&c"}).json() == {"name": "a b&c"}


def test_a_body_is_streamed(client: httpx.Client) -> None:
    pieces = (LARGE[start : start + 10000] for start in range(0, len(LARGE), 10000))
    assert client.post("/count", content=pieces).text == str(len(LARGE))


# --- responses ----------------------------------------------------------------------------------------------


def test_a_response_is_streamed(client: httpx.Client) -> None:
    with client.stream("GET", "/stream") as answer:
        assert answer.headers["transfer-encoding"] == "chunked"
        lines = list(answer.iter_lines())
    assert lines == [f"piece {number:03} of many" for number in range(200)]


def test_a_file_is_sent(client: httpx.Client, large: Path) -> None:
    for _ in range(2):
        answer = client.get("/file", params={"path": str(large)})
        assert answer.headers["content-length"] == str(len(LARGE))
        assert answer.content == LARGE
    head = client.head("/file", params={"path": str(large)})
    assert (head.status_code, head.headers["content-length"], head.content) == (200, str(len(LARGE)), b"")


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-99", slice(0, 100)),
        ("bytes=1000000-", slice(1000000, None)),
        ("bytes=-5", slice(-5, None)),
    ],
)
def test_a_part_of_a_file_is_sent(client: httpx.Client, large: Path, asked: str, part: slice) -> None:
    answer = client.get("/file", params={"path": str(large)}, headers={"Range": asked})
    assert answer.status_code == 206
    assert answer.content == LARGE[part]


def test_parts_that_a_file_does_not_have_are_refused(client: httpx.Client, large: Path) -> None:
    answer = client.get("/file", params={"path": str(large)}, headers={"Range": "bytes=99999999-"})
    assert answer.status_code == 416


def test_several_parts_of_a_file_are_sent(client: httpx.Client, large: Path) -> None:
    answer = client.get("/file", params={"path": str(large)}, headers={"Range": "bytes=0-9,100-109"})
    assert answer.status_code == 206
    assert answer.headers["content-type"].startswith("multipart/byteranges")
    assert answer.content.count(b"Content-Range: bytes ") == 2
    assert len(answer.content) == int(answer.headers["content-length"])


def test_static_files_are_not_sent_twice(client: httpx.Client) -> None:
    answer = client.get("/static/starlette_app.py")
    assert answer.text.startswith('"""A Starlette application')
    again = client.get("/static/starlette_app.py", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/static/none").status_code == 404


def test_an_exception_of_http_is_an_answer(client: httpx.Client) -> None:
    answer = client.get("/refuse")
    assert (answer.status_code, answer.text, answer.headers["x-pot"]) == (418, "a teapot", "tea")


def test_an_exception_is_answered_500_and_logged(client: httpx.Client, server: ServerProcess) -> None:
    answer = client.get("/fail")
    assert (answer.status_code, answer.text) == (500, "Internal Server Error")
    server.wait_for(r"Exception in ASGI application \(GET /fail\)")
    server.wait_for("LookupError: this route always fails")
    assert client.get("/state").status_code == 200


def test_an_exception_in_a_stream_is_logged(client: httpx.Client, server: ServerProcess) -> None:
    with contextlib.suppress(httpx.RemoteProtocolError):
        client.get("/half")
    server.wait_for("LookupError: the stream always fails")


# --- what goes on meanwhile ---------------------------------------------------------------------------------


def test_background_work_delays_neither_its_answer_nor_the_next_request(server: ServerProcess) -> None:
    with Client(server.port) as client:
        for count in (1, 2):
            client.sock.sendall(b"POST /later HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
            assert client.read_response().endswith(b"accepted")
            client.sock.sendall(b"POST /next HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
            assert client.read_response().endswith(b"next")
            server.wait_for("app: background work is done", count)


def test_background_work_goes_on_when_the_client_leaves(server: ServerProcess, client: httpx.Client) -> None:
    done = server.log.count("app: background work is done")
    with Client(server.port) as leaving:
        leaving.sock.sendall(b"POST /later HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
        leaving.read_response()
    client.post("/next")
    server.wait_for("app: background work is done", done + 1)


def test_events_come_one_by_one_until_the_client_leaves(server: ServerProcess, client: httpx.Client) -> None:
    over = server.log.count("app: events are over")
    with client.stream("GET", "/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.iter_lines()
        for number in range(5):
            assert next(lines) == f"data: {number}"
            assert next(lines) == ""
            if number < 4:
                client.post("/next")
    server.wait_for("app: events are over", over + 1)


def test_a_stream_ends_without_a_word_when_the_client_leaves(server: ServerProcess) -> None:
    over = server.log.count("app: the stream is over")
    with Client(server.port) as client:
        client.send_request("/endless")
        client.read_until(b"xxx")
    server.wait_for("app: the stream is over", over + 1)
    server.wait_for('"GET /endless HTTP/1.1"', over + 1)
    assert "(GET /endless)" not in server.log


def test_an_upload_ends_without_a_word_when_the_client_leaves(server: ServerProcess) -> None:
    counting = server.log.count("app: counting")
    with Client(server.port) as client:
        client.sock.sendall(b"POST /count?left HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\na")
        server.wait_for("app: counting", counting + 1)
    server.wait_for('"POST /count.left HTTP/1.1"')
    assert "(POST /count?left)" not in server.log


# --- other ways to put it together --------------------------------------------------------------------------


def test_a_client_that_leaves_is_seen_to_be_gone(serve: Serve) -> None:
    # Not behind a BaseHTTPMiddleware: there, is_disconnected() is never true, whichever the server.
    server = serve("starlette_app:app")
    with Client(server.port) as client:
        client.send_request("/leave")
        server.wait_for("app: waiting for the client to leave")
    server.wait_for("app: the client has left")


def test_an_exception_in_a_stream_cuts_it(serve: Serve) -> None:
    # Not behind a BaseHTTPMiddleware, which ends the stream before it raises.
    with calling(serve("starlette_app:app")) as client, pytest.raises(httpx.RemoteProtocolError):
        client.get("/half")


def test_files_leave_by_pathsend(serve: Serve, large: Path) -> None:
    with calling(serve("starlette_app:app")) as client:
        client.get("/file", params={"path": str(large)})
        kinds = client.get("/seen", params={"of": "/file"}).json()
    assert kinds == ["http.response.start", "http.response.pathsend"]


def test_a_middleware_may_read_the_body_first(serve: Serve) -> None:
    with calling(serve("starlette_app:middled")) as client:
        answer = client.post("/json", json={"a": "b" * 200000}, headers={"X-Read-First": "yes"})
        assert len(answer.json()["got"]["a"]) == 200000
        assert answer.headers["x-middleware"] == "was here"
        assert client.get("/seen", params={"of": "read first"}).json() == 200008


def test_compressed_streams(serve: Serve) -> None:
    with calling(serve("starlette_app:zipped")) as client:
        answer = client.get("/stream")
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.text.splitlines()[199] == "piece 199 of many"


def test_an_error_page_for_developers(serve: Serve) -> None:
    with calling(serve("starlette_app:debugging")) as client:
        answer = client.get("/fail", headers={"Accept": "text/html"})
    assert answer.status_code == 500
    assert re.search(r"<h2>.*LookupError: this route always fails", answer.text, re.DOTALL)


@pytest.mark.parametrize("app", ["app", "middled"])
def test_a_stop_waits_for_who_is_busy(serve: Serve, app: str) -> None:
    server = serve(f"starlette_app:{app}")
    with Client(server.port) as client:
        client.sock.sendall(b"POST /count HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\na")
        server.wait_for("app: counting")
        server.signal(signal.SIGTERM)
        server.wait_for("Waiting for connections to close")
        client.sock.sendall(b"b")
        assert client.read_to_the_end().endswith(b"\r\n\r\n2")
    assert server.wait() == -signal.SIGTERM
    assert "app: lifespan is over" in server.log
    assert "Traceback" not in server.log
