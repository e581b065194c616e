"""Strawberry GraphQL: queries, uploads and subscriptions, by the protocols that its clients speak."""

import json
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from tests.server.process import DEADLINE_SECONDS, Client, ServerProcess

ROW = "strawberry"
LARGE = bytes(range(256)) * 2000
COUNT = "subscription ($cue: String!) { count(cue: $cue, upTo: 3) }"


def ask(client: httpx.Client, query: str, path: str = "/graphql", **variables: Any) -> httpx.Response:
    """Send a query by POST."""
    return client.post(path, json={"query": query, "variables": variables})


@pytest.mark.column("json")
def test_a_query_is_answered(client: httpx.Client) -> None:
    query = 'query ($value: JSON!) { echo(value: $value, x: "é &") }'
    answer = ask(client, query, value={"text": "ü" * 10000})
    assert answer.json() == {"data": {"echo": {"got": {"text": "ü" * 10000}, "x": "é &"}}}


@pytest.mark.column("upload")
def test_a_mutation_takes_a_file(client: httpx.Client) -> None:
    query = 'mutation ($file: Upload!) { upload(name: "a b", file: $file) }'
    form = {"operations": json.dumps({"query": query, "variables": {"file": None}}), "map": '{"0": ["variables.file"]}'}
    answer = client.post("/graphql", data=form, files={"0": ("large.bin", LARGE)})
    wanted = {"name": "a b", "file": "large.bin", "size": len(LARGE), "end": LARGE[-9:].hex()}
    assert answer.json() == {"data": {"upload": wanted}}


MULTIPART = 'multipart/mixed;boundary="graphql";subscriptionSpec=1.0,application/json'
FORMS = {"stream": MULTIPART, "events": "text/event-stream"}


@pytest.mark.parametrize("form", [pytest.param(form, marks=pytest.mark.column(form)) for form in FORMS])
def test_a_subscription_is_streamed_value_by_value(
    client: httpx.Client, server: ServerProcess, cues: Path, cue: Callable, form: str
) -> None:
    over = server.log.count("app: events are over")
    (cues / cue("value-0")).touch()
    body = {"query": COUNT, "variables": {"cue": cue("value")}}
    with client.stream("POST", "/graphql", json=body, headers={"Accept": FORMS[form]}) as answer:
        assert answer.headers["content-type"].split(";")[0] == FORMS[form].split(";")[0]
        values = (line for line in answer.iter_lines() if '"count"' in line)
        for number in range(3):
            assert re.search(r'"count": ?(\d)', next(values))[1] == str(number)
            (cues / cue(f"value-{number + 1}")).touch()
        assert list(values) == []
    server.wait_for("app: events are over", over + 1)


@contextmanager
def subscribed(server: ServerProcess, cue: str) -> Iterator[Any]:
    """Be a WebSocket on which a subscription has begun."""
    url = f"ws://127.0.0.1:{server.port}/graphql"
    with connect(url, proxy=None, open_timeout=DEADLINE_SECONDS, subprotocols=["graphql-transport-ws"]) as peer:
        assert peer.subprotocol == "graphql-transport-ws"
        peer.send('{"type": "connection_init"}')
        assert json.loads(peer.recv(DEADLINE_SECONDS))["type"] == "connection_ack"
        payload = {"query": COUNT, "variables": {"cue": cue}}
        peer.send(json.dumps({"id": "one", "type": "subscribe", "payload": payload}))
        yield peer


@pytest.mark.column("websocket")
def test_a_subscription_by_websocket_ends_with_its_last_value(server: ServerProcess, cues: Path, cue: Callable) -> None:
    for number in range(3):
        (cues / cue(f"whole-{number}")).touch()
    with subscribed(server, cue("whole")) as peer:
        said = [json.loads(peer.recv(DEADLINE_SECONDS)) for _ in range(4)]
    assert [message["payload"]["data"]["count"] for message in said[:3]] == [0, 1, 2]
    assert said[3]["type"] == "complete"


@pytest.mark.column("websocket")
def test_a_subscription_by_websocket_ends_when_its_client_leaves(
    server: ServerProcess, cues: Path, cue: Callable
) -> None:
    over = server.log.count("app: events are over")
    (cues / cue("left-0")).touch()
    with subscribed(server, cue("left")) as peer:
        assert json.loads(peer.recv(DEADLINE_SECONDS))["payload"]["data"] == {"count": 0}
        assert server.log.count("app: events are over") == over
    server.wait_for("app: events are over", over + 1)


@pytest.mark.column("background")
def test_background_work_delays_no_answer(
    client: httpx.Client, server: ServerProcess, cues: Path, cue: Callable
) -> None:
    answer = ask(client, "mutation ($cue: String!) { later(cue: $cue) }", cue=cue("work"))
    assert answer.json() == {"data": {"later": "accepted"}}
    assert "app: background work is done" not in server.log
    (cues / cue("work")).touch()
    server.wait_for("app: background work is done")


@pytest.mark.column("error")
def test_a_resolver_that_fails_is_an_error_and_a_context_that_fails_is_500(
    client: httpx.Client, server: ServerProcess
) -> None:
    answer = ask(client, "{ fail }")
    assert answer.json()["errors"][0]["message"] == "this field always fails"
    server.wait_for("LookupError: this field always fails")
    assert ask(client, "{ fail }", path="/graphql?broken=yes").status_code == 500
    server.wait_for("LookupError: this context always fails")
    assert ask(client, '{ echo(value: 1, x: "") }').status_code == 200


@pytest.mark.column("lifespan")
def test_startup_is_over_before_the_server_runs(server: ServerProcess) -> None:
    assert server.log.index("app: started") < server.log.index("Licorne running on ")


@pytest.mark.column("stop")
def test_a_stop_waits_for_a_query_and_ends_with_subscriptions_there(
    server: ServerProcess, cues: Path, cue: Callable
) -> None:
    (cues / cue("stop-0")).touch()
    held = server.log.count("app: holding")
    with subscribed(server, cue("stop")) as peer, Client(server.port) as client:
        peer.recv(DEADLINE_SECONDS)
        client.send_request(f"/graphql?query=%7Bhold(cue:%22{cue('hold')}%22)%7D")
        server.wait_for("app: holding", held + 1)
        server.signal(signal.SIGTERM)
        server.wait_for("Waiting for connections to close")
        (cues / cue("hold")).touch()
        assert b'"held"' in client.read_to_the_end()
    assert server.wait() == -signal.SIGTERM
    assert server.log.count("app: stopped") == 1
