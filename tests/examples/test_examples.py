"""Every program in examples/, served and asked as its docstring says."""

import json
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import connect

from tests.examples.playing import variables
from tests.server.process import DEADLINE_SECONDS, Client, ServerProcess
from tests.support.browser import Page, browsing
from tests.support.source import ROOT

EXAMPLES = ROOT / "examples"


@contextmanager
def served(app: str) -> Iterator[ServerProcess]:
    """Serve an example on a free port; see that it ended in good order."""
    with ServerProcess(app, "--port", "0", app_dir=EXAMPLES) as server:
        server.wait_for("Licorne running on ")
        yield server
        server.signal(signal.SIGINT)
        assert server.wait() == 0
        assert "ERROR" not in server.log


def test_every_example_is_tested_here() -> None:
    tested = Path(__file__).read_text(encoding="utf-8")
    names = [path.stem for path in EXAMPLES.glob("*.py")]
    assert names
    assert [name for name in names if f"{name}:app" not in tested and f"{name}.py" not in tested] == []


def test_hello_greets() -> None:
    with served("hello:app") as server, Client(server.port) as client:
        assert client.get().endswith(b"\r\n\r\nHello from licorne\n")


def test_stream_sends_line_by_line() -> None:
    with served("stream:app") as server, Client(server.port) as client:
        client.send_request()
        client.read_until(b"line 1\n")
        client.read_until(b"line 2\n")


def test_stream_counts_what_it_is_sent() -> None:
    body = b"x" * 300_000
    with served("stream:app") as server, Client(server.port) as client:
        client.sock.sendall(b"PUT / HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        assert client.read_response().endswith(b"\r\n\r\n300000 bytes\n")


def test_server_sent_events_shows_a_page_that_listens() -> None:
    with served("server_sent_events:app") as server, Client(server.port) as client:
        assert b'EventSource("/events")' in client.get()


def test_server_sent_events_pushes_until_the_client_leaves() -> None:
    with served("server_sent_events:app") as server:
        with Client(server.port) as client:
            client.send_request("/events")
            client.read_until(b"data: ")
        server.wait_for('"GET /events HTTP/1.1" 200')


def test_server_sent_events_ends_its_stream_when_the_server_stops() -> None:
    bound = ("--timeout-graceful-shutdown", "8s")
    with ServerProcess("server_sent_events:app", "--port", "0", *bound, app_dir=EXAMPLES) as server:
        server.wait_for("Licorne running on ")
        with Client(server.port) as client:
            client.send_request("/events")
            client.read_until(b"data: ")
            server.signal(signal.SIGINT)
            client.read_until(b"\r\n0\r\n\r\n")
        assert server.wait() == 0
        assert "Cancel " not in server.log


def test_websocket_echo_sends_everything_back() -> None:
    with served("websocket_echo:app") as server, connect(f"ws://127.0.0.1:{server.port}/", proxy=None) as peer:
        for message in ("hello", b"\x00\xff", "x" * 300_000):
            peer.send(message)
            assert peer.recv(DEADLINE_SECONDS) == message


def test_websocket_chat_passes_on_what_each_member_says(tmp_path: Path) -> None:
    with served("websocket_chat:app") as server, browsing(tmp_path) as browser:
        url = f"http://127.0.0.1:{server.port}/"
        with browser.page(url) as ann, browser.page(url) as bob, connect(f"ws{url[4:]}room", proxy=None) as cat:
            for page in (ann, bob):
                page.wait_for("socket.readyState == WebSocket.OPEN")
            say(ann, "hello, \U0001f984")
            assert cat.recv(DEADLINE_SECONDS) == "hello, \U0001f984"
            cat.send("<b>welcome</b>")
            for page in (ann, bob):
                page.wait_for("lines.children.length == 2")
                assert page.ask("[...lines.children].map(item => item.textContent)") == [
                    "<b>welcome</b>",
                    "hello, \U0001f984",
                ]


def say(page: Page, line: str) -> None:
    """Fill in a chat's form and send it."""
    page.ask(f"form.line.value = {json.dumps(line)}; form.requestSubmit()")


def test_websocket_chat_is_not_held_up_by_a_member_that_reads_nothing() -> None:
    with served("websocket_chat:app") as server:
        url = f"ws://127.0.0.1:{server.port}/room"
        options: dict[str, Any] = {"proxy": None, "compression": None, "close_timeout": 0.1}
        with connect(url, **options) as ann, connect(url, **options) as bob:
            bob.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            for number in range(150):
                ann.send(f"{number} ".ljust(100_000, "x"))
                assert ann.recv(DEADLINE_SECONDS).startswith(f"{number} ")


def test_broadcast_chat_joins_two_browsers(tmp_path: Path) -> None:
    with served("broadcast_chat:app") as server, browsing(tmp_path) as browser:
        url = f"http://127.0.0.1:{server.port}/"
        with browser.page(url) as ann, browser.page(url) as bob:
            for page in (ann, bob):
                page.wait_for("socket.readyState == WebSocket.OPEN")
            say(ann, "hello, \U0001f984")
            for page in (ann, bob):
                page.wait_for("lines.children.length == 1")
                assert page.ask("lines.children[0].textContent") == "hello, \U0001f984"


def test_live_clock_is_set_by_the_server_until_it_stops(tmp_path: Path) -> None:
    with ServerProcess("live_clock:app", "--port", "0", app_dir=EXAMPLES) as server:
        with browsing(tmp_path) as browser, browser.page(f"http://127.0.0.1:{server.port}/") as page:
            shown = page.wait_for(r"/^\d\d:\d\d:\d\d$/.test(clock.textContent) && clock.textContent")
            page.wait_for(f"clock.textContent != '{shown}'")
            server.signal(signal.SIGINT)
            page.wait_for("clock.textContent == 'closed: 1012'")
        assert server.wait() == 0
        assert "Cancel " not in server.log


def test_embed_ends_without_a_traceback_on_ctrl_c() -> None:
    text = (EXAMPLES / "embed.py").read_text(encoding="utf-8").replace("port=8000", "port=0")
    command = [sys.executable, "-c", text]
    with subprocess.Popen(command, cwd=EXAMPLES, env=variables(), stderr=subprocess.PIPE, text=True) as program:
        assert program.stderr is not None
        assert any("Licorne running on" in line for line in program.stderr)
        program.send_signal(signal.SIGINT)
        _, log = program.communicate(timeout=DEADLINE_SECONDS)
    assert program.returncode == 0
    assert "Finished server process" in log
    assert "Traceback" not in log


def test_embed_serves_beside_its_own_work_and_ends(tmp_path: Path) -> None:
    for name in ("embed.py", "hello.py"):
        shutil.copy(EXAMPLES / name, tmp_path)
    text = (tmp_path / "embed.py").read_text(encoding="utf-8")
    shortened = text.replace("port=8000", "port=0").replace("seconds=60", "seconds=1")
    assert text.count("port=8000") == text.count("seconds=60") == 1
    (tmp_path / "embed.py").write_text(shortened, encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "embed.py"],
        cwd=tmp_path,
        env=variables(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout
    assert "Licorne running on " in ended.stdout
    assert "Finished server process" in ended.stdout
