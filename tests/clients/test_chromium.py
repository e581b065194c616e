"""Chromium loads a page with 50 assets, follows an event stream, posts, and reports what it got."""

import json
import urllib.request
from pathlib import Path
from typing import Any

from tests.clients.apps import ASSETS
from tests.clients.certificates import make_certificate
from tests.clients.conftest import APPS
from tests.server.process import ServerProcess
from tests.support.browser import browsing

DEADLINE_SECONDS = 100.0
PROTOCOLS = "[...new Set(performance.getEntriesByType('resource').map(entry => entry.nextHopProtocol))]"


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


def test_over_tls_all_of_a_page_shares_a_connection_of_http2(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path, "localhost")
    files = (f"--ssl-certfile={certificate}", f"--ssl-keyfile={certificate}")
    with ServerProcess("apps:app", "--port=0", "--no-access-log", *files, app_dir=APPS) as server:
        port = int(server.wait_for(r"Licorne running on https://\S+:(\d+) ")[1])
        url = f"https://localhost:{port}/page/encrypted"
        with browsing(tmp_path, "--ignore-certificate-errors") as browser, browser.page(url) as page:
            shown = json.loads(page.ask("fetch('/report/encrypted').then(answer => answer.text())"))
            protocols = page.ask(PROTOCOLS)
    assert (shown["report"]["echoed"], shown["report"]["images"]) == (300000, 16)
    assert len(set(shown["assets"])) == ASSETS
    assert shown["connections"] == 1
    assert protocols == ["h2"]
    assert "Traceback" not in server.log
