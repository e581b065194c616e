"""Chromium loads a page with 50 assets, follows an event stream, posts, and reports what it got."""

import json
import urllib.request
from pathlib import Path
from typing import Any

from tests.clients.apps import ASSETS
from tests.support.browser import browsing

DEADLINE_SECONDS = 100.0


def report_of(port: int, visit: str) -> Any:
    """Wait until the browser has reported; return that and what the server counted."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://127.0.0.1:{port}/report/{visit}", timeout=DEADLINE_SECONDS) as response:
        return json.load(response)


def test_a_page_with_50_assets_loads(port: int, tmp_path: Path) -> None:
    with browsing(tmp_path) as browser, browser.page(f"http://127.0.0.1:{port}/page/first"):
        shown = report_of(port, "first")
    assert shown["report"] == {
        "scripts": 17,
        "styles": 17,
        "images": 16,
        "echoed": 300000,
        "events": ["event 0", "event 1", "event 2"],
    }
    assert len(set(shown["assets"])) == len(shown["assets"]) == ASSETS
    # A browser opens six connections at a time, more when one is slow to open, and uses them again.
    assert shown["connections"] <= 18
