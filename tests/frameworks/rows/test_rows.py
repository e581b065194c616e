"""What each framework is asked for, whatever it is: the columns of docs/reference/frameworks.md."""

import signal
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.frameworks.rows.table import Row
from tests.server.process import DEADLINE_SECONDS, Client, ServerProcess

LARGE = bytes(range(256)) * 2000


@pytest.mark.column("json")
def test_json_comes_and_goes(client: httpx.Client) -> None:
    for number in range(3):
        answer = client.post("/json", params={"x": "é &"}, json={"number": number, "text": "ü" * 10000})
        assert answer.json() == {"got": {"number": number, "text": "ü" * 10000}, "x": "é &"}


@pytest.mark.column("upload")
def test_a_form_with_a_file_is_uploaded(client: httpx.Client) -> None:
    answer = client.post("/upload", data={"name": "a b&c é"}, files={"file": ("large.bin", LARGE)})
    assert answer.json() == {"name": "a b&c é", "file": "large.bin", "size": len(LARGE), "end": LARGE[-9:].hex()}


@pytest.mark.column("stream")
def test_a_response_is_streamed(client: httpx.Client) -> None:
    with client.stream("GET", "/stream") as answer:
        assert answer.headers["content-type"].startswith("text/plain")
        assert "content-length" not in answer.headers
        assert answer.read() == b"".join(b"%06d\n" % number * 2000 for number in range(100))


@pytest.mark.column("events")
def test_events_come_one_by_one(client: httpx.Client, server: ServerProcess, cues: Path, cue: Callable) -> None:
    over = server.log.count("app: events are over")
    (cues / cue("events-0")).touch()
    with client.stream("GET", "/events", params={"cue": cue("events")}) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = (line for line in answer.iter_lines() if line)
        for number in range(3):
            # The next comes when this one was seen, so none can wait for company on its way.
            assert next(lines) == f"data: {number}"
            (cues / cue(f"events-{number + 1}")).touch()
        assert list(lines) == []
    server.wait_for("app: events are over", over + 1)


@pytest.mark.column("events")
def test_events_end_without_a_word_when_the_client_leaves(
    row: Row, client: httpx.Client, server: ServerProcess, cues: Path, cue: Callable
) -> None:
    over = server.log.count("app: events are over")
    (cues / cue("events-0")).touch()
    with client.stream("GET", "/events", params={"cue": cue("events")}) as answer:
        lines = answer.iter_lines()  # its end would be the answer's
        assert next(lines) == "data: 0"
        assert server.log.count("app: events are over") == over
    if row.is_threaded:
        # Nobody can cancel a thread: it learns that the client has left when it has more to say.
        for number in (1, 2):
            (cues / cue(f"events-{number}")).touch()
    server.wait_for("app: events are over", over + 1)
    assert client.post("/json?x=1", json=1).json() == {"got": 1, "x": "1"}
    assert "(GET /events" not in server.log


@pytest.mark.column("websocket")
def test_texts_and_bytes_are_exchanged_until_one_closes(row: Row, server: ServerProcess) -> None:
    left = server.log.count("app: left")
    url = f"ws://127.0.0.1:{server.port}/ws"
    with connect(url, proxy=None, open_timeout=DEADLINE_SECONDS) as peer:
        for number in range(20):
            peer.send(f"é {number}")
            assert peer.recv(DEADLINE_SECONDS) == f"you said é {number}"
        peer.send("bytes")
        peer.send(LARGE)
        assert peer.recv(DEADLINE_SECONDS) == LARGE[::-1]
        peer.close(3210)
    server.wait_for("app: left( with 3210)?$", left + 1)
    with connect(url, proxy=None, open_timeout=DEADLINE_SECONDS) as peer:
        peer.send("bye")
        with pytest.raises(ConnectionClosed) as ended:
            peer.recv(DEADLINE_SECONDS)
        assert ended.value.rcvd is not None
        assert ended.value.rcvd.code == 4000


@pytest.mark.column("background")
def test_background_work_delays_no_answer(
    client: httpx.Client, server: ServerProcess, cues: Path, cue: Callable
) -> None:
    done = server.log.count("app: background work is done")
    assert "accepted" in client.post("/later", params={"cue": cue("work")}).text
    assert client.post("/json?x=1", json=1).json() == {"got": 1, "x": "1"}
    assert server.log.count("app: background work is done") == done
    (cues / cue("work")).touch()
    server.wait_for("app: background work is done", done + 1)


@pytest.mark.column("error")
def test_an_exception_is_answered_500_and_the_server_goes_on(client: httpx.Client, server: ServerProcess) -> None:
    assert client.get("/fail").status_code == 500
    server.wait_for("LookupError.*this route always fails")
    assert client.get("/nowhere").status_code == 404
    assert client.post("/json?x=1", json=1).json() == {"got": 1, "x": "1"}


@pytest.mark.column("lifespan")
def test_startup_is_over_before_the_server_runs(server: ServerProcess) -> None:
    server.wait_for("Licorne running on ")
    assert server.log.index("app: started") < server.log.index("Licorne running on ")


@pytest.mark.column("stop")
def test_a_stop_waits_for_who_is_busy(row: Row, server: ServerProcess, cues: Path, cue: Callable) -> None:
    held = server.log.count("app: holding")
    with Client(server.port) as client:
        client.send_request(f"/hold?cue={cue('hold')}")
        server.wait_for("app: holding", held + 1)
        server.signal(signal.SIGTERM)
        server.wait_for("Waiting for connections to close")
        (cues / cue("hold")).touch()
        assert b"held" in client.read_to_the_end()
    assert server.wait() == -signal.SIGTERM
    assert server.log.count("app: stopped") == ("lifespan" not in row.lacks)
