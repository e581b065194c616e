"""wrk: many requests on few connections, and not one of them may fail."""

import re
from pathlib import Path

import pytest

from tests.support.programs import run_program

SCRIPTS = {
    "get": "",
    "post": 'wrk.method = "POST"\nwrk.body = string.rep("x", 5000)\nwrk.path = "/echo"\n',
    "pipelined": """
init = function(args) pipelined = string.rep(wrk.format("GET", "/hello"), 8) end
request = function() return pipelined end
""",
    "streamed": 'wrk.path = "/unsized/200000"\n',
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_request_fails(port: int, tmp_path: Path, name: str) -> None:
    script = tmp_path / "load.lua"
    script.write_text(SCRIPTS[name])
    options = ("--threads=1", "--connections=32", "--duration=1s", "--timeout=60s", "--script", str(script))
    report = run_program("wrk", *options, f"http://127.0.0.1:{port}/hello").stdout.decode()
    count = re.search(r"(\d+) requests in", report)
    assert count, report
    assert int(count[1]) > 0
    assert "Non-2xx" not in report
    assert "Socket errors" not in report
