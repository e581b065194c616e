"""The WebSocket clients of Python play the same scenes with every codec, and Chromium its own, also behind nginx."""

import json
import signal
import socket
import struct
import urllib.request
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from licorne.engine.websocket.codec import CODECS
from tests.clients.apps import pattern
from tests.clients.certificates import make_certificate
from tests.clients.conftest import APPS
from tests.clients.socket_callers import SOCKET_CALLERS, Closed, Refused, SocketCaller, WsprotoCaller
from tests.examples.deploying import deployed, socket_in
from tests.server.process import DEADLINE_SECONDS, ServerProcess
from tests.support.browser import browsing

MIB = 1024 * 1024
Connect = Callable[..., SocketCaller]
#: The first message that comes from an address.
SCOPE = "new Promise(done => { new WebSocket('%s').onmessage = event => done(event.data); })"


def serving(*options: str) -> ServerProcess:
    """Serve `sockets.py` on a port that others do not use."""
    return ServerProcess("sockets:app", "--port=0", "--no-access-log", *options, app_dir=APPS)


def exhaustive_but(first: str, names: Iterable[str]) -> list[Any]:
    """Return the names as parameters, of which one is played on every interpreter."""
    return [name if name == first else pytest.param(name, marks=pytest.mark.exhaustive) for name in names]


@pytest.fixture(scope="module", params=exhaustive_but("native", CODECS))
def sockets(request: pytest.FixtureRequest) -> Iterator[ServerProcess]:
    """Serve with each codec."""
    with serving(f"--ws={request.param}") as server:
        yield server


@pytest.fixture(params=SOCKET_CALLERS, ids=lambda caller: caller.__name__.removesuffix("Caller"))
def connect(request: pytest.FixtureRequest, sockets: ServerProcess) -> Connect:
    """Return what connects each of the clients to a path."""

    def connect_one(path: str, *subprotocols: str, **options: Any) -> SocketCaller:
        made: SocketCaller = request.param(f"ws://127.0.0.1:{sockets.port}{path}", subprotocols, **options)
        return made

    connect_one.kind = request.param  # type: ignore[attr-defined]
    return connect_one


@pytest.fixture
def name() -> str:
    """Return a name for a socket that no other has."""
    return uuid.uuid4().hex


def end_of(port: int, name: str) -> Any:
    """Return the message by which the application learnt that a socket has ended."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://127.0.0.1:{port}/ended/{name}", timeout=DEADLINE_SECONDS) as response:
        return json.load(response)


def disconnect(code: int, reason: str = "") -> dict[str, Any]:
    """Return what the application should have learnt."""
    return {"type": "websocket.disconnect", "code": code, "reason": reason}


# --- messages -----------------------------------------------------------------------------------------------

TEXTS = ["hello", "", "héllo \U0001f984", "x" * 125, "x" * 126]
BINARIES = [b"", b"\x00\xff", bytes(125), bytes(126), bytes(65535), bytes(65536)]


def test_messages_come_back_as_they_are(connect: Connect, name: str) -> None:
    with connect(f"/echo/{name}") as caller:
        for message in [*TEXTS, *BINARIES]:
            caller.send(message)
            assert caller.receive() == message


def test_large_messages_come_back(connect: Connect, name: str) -> None:
    with connect(f"/echo/{name}") as caller:
        caller.send(pattern(4 * MIB))
        assert caller.receive() == pattern(4 * MIB)
        caller.send("many words " * 200_000)
        assert caller.receive() == "many words " * 200_000


def test_many_messages_in_flight_keep_their_order(connect: Connect, name: str) -> None:
    with connect(f"/echo/{name}") as caller:
        for number in range(500):
            caller.send(f"message {number}")
        assert [caller.receive() for _ in range(500)] == [f"message {number}" for number in range(500)]


def test_a_message_of_several_frames_is_one(connect: Connect, name: str) -> None:
    if connect.kind.can_fragment:  # type: ignore[attr-defined]
        with connect(f"/echo/{name}") as caller:
            caller.send_pieces(["hé", "", "llo ", "\U0001f984"])
            assert caller.receive() == "héllo \U0001f984"
            caller.send_pieces([pattern(100_000), pattern(7)])
            assert caller.receive() == pattern(100_000) + pattern(7)


def test_a_ping_is_answered(connect: Connect, name: str) -> None:
    with connect(f"/echo/{name}") as caller:
        caller.ping(b"are you there?")
        caller.send("still here")
        assert caller.receive() == "still here"


def test_the_server_may_send_first_and_close(connect: Connect) -> None:
    with connect("/count/300") as caller:
        assert [caller.receive() for _ in range(300)] == [str(number) for number in range(300)]
        with pytest.raises(Closed) as ended:
            caller.receive()
    assert (ended.value.code, ended.value.reason) == (1000, "")


def test_deflate_is_used_by_who_offers_it_and_by_nobody_else(connect: Connect, name: str) -> None:
    if connect.kind.can_compress:  # type: ignore[attr-defined]
        with connect(f"/echo/{name}", compresses=True) as caller:
            assert caller.fields["sec-websocket-extensions"].startswith("permessage-deflate")
            for number in range(20):
                caller.send(f"the same words, number {number}. " * 100)
                assert caller.receive() == f"the same words, number {number}. " * 100
    with connect(f"/echo/{name}-plain", compresses=False) as caller:
        assert "sec-websocket-extensions" not in caller.fields
        caller.send("the same words. " * 100)
        assert caller.receive() == "the same words. " * 100


# --- handshakes ---------------------------------------------------------------------------------------------


def test_the_application_chooses_a_subprotocol_and_sees_where_it_is(connect: Connect) -> None:
    with connect("/choose/here?x=1&y=2", "chat.v1", "chat.v2") as caller:
        assert caller.fields["sec-websocket-protocol"] == "chat.v2"
        message = caller.receive()
    assert isinstance(message, str)
    assert json.loads(message) == {
        "type": "websocket",
        "scheme": "ws",
        "path": "/choose/here",
        "http_version": "1.1",
        "subprotocols": ["chat.v1", "chat.v2"],
        "query": "x=1&y=2",
    }


def test_no_subprotocol_is_chosen_where_none_is_offered(connect: Connect) -> None:
    with connect("/choose") as caller:
        assert "sec-websocket-protocol" not in caller.fields


def test_acceptance_has_the_fields_of_the_application(connect: Connect, name: str) -> None:
    with connect(f"/echo/{name}") as caller:
        assert caller.fields["x-route"] == "echo"
        assert caller.fields["server"] == "licorne"


def test_closing_before_acceptance_is_answered_403(connect: Connect) -> None:
    with pytest.raises(Refused) as refused:
        connect("/refuse")
    assert refused.value.status == 403


def test_a_denial_is_the_answer_of_the_application(connect: Connect) -> None:
    with pytest.raises(Refused) as refused:
        connect("/deny")
    assert (refused.value.status, refused.value.headers["x-why"]) == (401, "no ticket")
    assert refused.value.body in (b"You need a ticket", None)


# --- ends ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("code", "reason"), [(1000, ""), (1001, "leaving"), (3000, "é" * 60), (4999, "")])
def test_the_application_learns_how_a_client_closes(
    connect: Connect, sockets: ServerProcess, name: str, code: int, reason: str
) -> None:
    with connect(f"/echo/{name}") as caller:
        caller.close(code, reason)
        assert end_of(sockets.port, name) == disconnect(code, reason)


@pytest.mark.parametrize(("code", "reason"), [(1000, ""), (1001, "going"), (1013, "later"), (4321, "é" * 60)])
def test_a_client_learns_how_the_application_closes(
    connect: Connect, sockets: ServerProcess, name: str, code: int, reason: str
) -> None:
    with connect(f"/echo/{name}") as caller:
        caller.send(f"close {code} {reason}".rstrip())
        with pytest.raises(Closed) as ended:
            caller.receive()
    assert (ended.value.code, ended.value.reason) == (code, reason)
    assert end_of(sockets.port, name) == disconnect(code, reason)


def test_a_return_closes_with_1000_and_an_exception_with_1011(connect: Connect, sockets: ServerProcess) -> None:
    for order, code in (("return", 1000), ("fail", 1011)):
        with connect("/echo/ending") as caller:
            caller.send(order)
            with pytest.raises(Closed) as ended:
                caller.receive()
        assert ended.value.code == code
    sockets.wait_for("LookupError: this route fails when it is told to")


def test_a_client_that_is_lost_is_1006_to_the_application(sockets: ServerProcess, name: str) -> None:
    with WsprotoCaller(f"ws://127.0.0.1:{sockets.port}/echo/{name}") as caller:
        caller.send("hello")
        assert caller.receive() == "hello"
        caller.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert end_of(sockets.port, name) == disconnect(1006)


def test_a_close_frame_without_a_code_is_1005_to_the_application(sockets: ServerProcess, name: str) -> None:
    with WsprotoCaller(f"ws://127.0.0.1:{sockets.port}/echo/{name}") as caller:
        caller.sock.sendall(b"\x88\x80\x00\x00\x00\x00")
        assert caller.sock.recv(100) == b"\x88\x00"
        assert caller.sock.recv(100) == b""
    assert end_of(sockets.port, name) == disconnect(1005)


@pytest.mark.parametrize("codec", exhaustive_but("native", CODECS))
def test_a_message_that_is_too_large_closes_with_1009(codec: str) -> None:
    with serving(f"--ws={codec}", "--ws-max-size=64KiB") as server:
        for kind in SOCKET_CALLERS:
            with kind(f"ws://127.0.0.1:{server.port}/echo/large") as caller, pytest.raises(Closed) as ended:
                caller.send(pattern(65_536))
                assert caller.receive() == pattern(65_536)
                caller.send(pattern(65_537))
                caller.receive()
            assert ended.value.code == 1009


def test_a_server_that_stops_closes_with_1012() -> None:
    for kind in SOCKET_CALLERS:
        with serving() as server, kind(f"ws://127.0.0.1:{server.port}/echo/stopped") as caller:
            caller.send("hello")
            assert caller.receive() == "hello"
            server.signal(signal.SIGTERM)
            with pytest.raises(Closed) as ended:
                caller.receive()
            assert ended.value.code == 1012
            assert server.wait() == -signal.SIGTERM
            assert "Traceback" not in server.log


# --- Chromium -----------------------------------------------------------------------------------------------


def check_browser(report: Any) -> None:
    """Compare what a page of `sockets.py` reports with what it should have seen."""
    extensions = report.pop("extensions")
    assert extensions.startswith("permessage-deflate")
    assert report == {
        "text": "héllo \U0001f984",
        "bytes": [0, 1, 254, 255],
        "long": True,
        "matching": 1000,
        "closed": [3456, "enough", True],
        "told": [4321, "go away", True],
        "protocol": "chat.v2",
        "refused": "refused",
    }


def test_chromium_speaks_websocket(sockets: ServerProcess, tmp_path: Path, name: str) -> None:
    with browsing(tmp_path) as browser, browser.page(f"http://127.0.0.1:{sockets.port}/page") as page:
        check_browser(page.ask(f"play('{name}')"))
    assert end_of(sockets.port, name) == disconnect(3456, "enough")
    assert end_of(sockets.port, f"{name}-told") == disconnect(4321, "go away")


def test_chromium_speaks_websocket_over_http2(tmp_path: Path, name: str) -> None:
    certificate = make_certificate(tmp_path, "localhost")
    files = (f"--ssl-certfile={certificate}", f"--ssl-keyfile={certificate}")
    with serving(*files) as server:
        url = f"https://localhost:{server.wait_for(r'Licorne running on https://[^ ]+:([0-9]+) ')[1]}"
        with browsing(tmp_path, "--ignore-certificate-errors") as browser, browser.page(f"{url}/page") as page:
            check_browser(page.ask(f"play('{name}')"))
            shown = page.ask(SCOPE % f"{url.replace('https', 'wss')}/choose")
            ended = page.ask(f"fetch('{url}/ended/{name}').then(answer => answer.json())")
    assert json.loads(shown)["http_version"] == "2"
    assert ended == disconnect(3456, "enough")


@pytest.mark.parametrize("proxy", ["nginx", "haproxy"])
def test_a_page_behind_a_proxy_speaks_websocket(proxy: str, tmp_path: Path, name: str) -> None:
    with ServerProcess("sockets:app", "--uds", str(socket_in(tmp_path)), app_dir=APPS) as server:
        server.wait_for("Licorne running on ")
        with deployed(proxy, tmp_path) as port, browsing(tmp_path) as browser:
            with browser.page(f"http://127.0.0.1:{port}/page") as page:
                check_browser(page.ask(f"play('{name}')"))
            assert end_of(port, name) == disconnect(3456, "enough")
            assert end_of(port, f"{name}-told") == disconnect(4321, "go away")
