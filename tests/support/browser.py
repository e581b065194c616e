"""Headless Chromium, driven over its DevTools protocol: tests open pages and ask them questions in JavaScript.

Each browser has a profile and a process group of its own, and is killed at the end with all its children.
"""

import json
import os
import re
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from tests.support.programs import find_program, variables_without_proxies

__all__ = ["OPTIONS", "Browser", "Page", "browsing"]

DEADLINE_SECONDS = 60.0
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
)


@contextmanager
def browsing(profile: Path, *options: str) -> Iterator["Browser"]:
    """Run a browser that keeps everything in a folder of its own."""
    command = [find_program("chromium"), *OPTIONS, *options, "--remote-debugging-port=0", f"--user-data-dir={profile}"]
    with (profile / "output").open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, env=variables_without_proxies(), start_new_session=True
        )
    try:
        yield Browser(await_port(profile / "output", process))
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def await_port(output: Path, process: "subprocess.Popen[bytes]") -> int:
    """Wait until the browser has said where it listens."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not (found := re.search(r"DevTools listening on ws://127\.0\.0\.1:(\d+)/", output.read_text())):
        assert process.poll() is None, output.read_text()
        assert time.monotonic() < deadline, output.read_text()
        time.sleep(0.02)
    return int(found[1])


class Browser:
    """Open pages."""

    def __init__(self, port: int) -> None:
        self.port = port

    @contextmanager
    def page(self, url: str) -> Iterator["Page"]:
        """Open a page, and wait until it has loaded."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/json/new?about:blank", method="PUT")
        with opener.open(request, timeout=DEADLINE_SECONDS) as response:
            address = json.load(response)["webSocketDebuggerUrl"]
        with connect(address, max_size=None, proxy=None, open_timeout=DEADLINE_SECONDS) as peer:
            page = Page(peer)
            page.call("Page.navigate", url=url)
            page.wait_for("document.readyState == 'complete' && location.href != 'about:blank'")
            yield page


class Page:
    """Ask one page."""

    def __init__(self, peer: ClientConnection) -> None:
        self.peer = peer
        self.count = 0

    def call(self, method: str, **parameters: Any) -> Any:
        """Call a method of the protocol and return its result."""
        self.count += 1
        self.peer.send(json.dumps({"id": self.count, "method": method, "params": parameters}))
        while (answer := json.loads(self.peer.recv(DEADLINE_SECONDS))).get("id") != self.count:
            pass
        assert "result" in answer, answer
        return answer["result"]

    def ask(self, expression: str) -> Any:
        """Return the value of an expression, or that of the promise that it is."""
        result = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def wait_for(self, expression: str) -> Any:
        """Ask until the answer is true, and return it."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not (value := self.ask(expression)):
            assert time.monotonic() < deadline, f"{expression} stays {value!r}"
            time.sleep(0.02)
        return value
