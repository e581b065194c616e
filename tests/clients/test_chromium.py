"""Chromium loads a page with 50 assets, follows an event stream, posts, and reports what it got."""

import json
import os
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.clients.apps import ASSETS
from tests.support.programs import find_program, variables_without_proxies

DEADLINE_SECONDS = 100.0
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
def browsing(url: str, profile: Path) -> Iterator[None]:
    """Have a browser of its own show a page meanwhile."""
    command = [find_program("chromium"), *OPTIONS, f"--user-data-dir={profile}", url]
    with (profile / "output").open("wb") as output:
        browser = subprocess.Popen(
            command, stdout=output, stderr=output, env=variables_without_proxies(), start_new_session=True
        )
    try:
        yield
    finally:
        os.killpg(browser.pid, signal.SIGKILL)
        browser.wait()


def report_of(port: int, visit: str) -> Any:
    """Wait until the browser has reported; return that and what the server counted."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://127.0.0.1:{port}/report/{visit}", timeout=DEADLINE_SECONDS) as response:
        return json.load(response)


def test_a_page_with_50_assets_loads(port: int, tmp_path: Path) -> None:
    with browsing(f"http://127.0.0.1:{port}/page/first", tmp_path):
        shown = report_of(port, "first")
    assert shown["report"] == {
        "scripts": 17,
        "styles": 17,
        "images": 16,
        "echoed": 300000,
        "events": ["event 0", "event 1", "event 2"],
    }
    assert len(set(shown["assets"])) == len(shown["assets"]) == ASSETS
    # A browser opens six connections at most, and uses them again.
    assert shown["connections"] <= 6
