"""curl: the client that most people try first, with what it does differently from libraries."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.clients.apps import pattern
from tests.clients.conftest import APPS
from tests.server.process import ServerProcess
from tests.support.programs import run_program

MIB = 1024 * 1024


def curl(port: int, path: str, *options: str, stdin: bytes = b"") -> bytes:
    """Return what curl prints; fail if it is not content."""
    done = run_program("curl", "-sS", "--max-time", "60", *options, f"http://127.0.0.1:{port}{path}", stdin=stdin)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def shown(port: int, path: str, *options: str) -> dict[str, Any]:
    """Return what the application saw of a request."""
    request: dict[str, Any] = json.loads(curl(port, path, *options))
    return request


def facts(port: int, path: str, template: str, *options: str) -> str:
    """Return what curl tells of a transfer, without the body."""
    return curl(port, path, "-o", "/dev/null", "-w", template, *options).decode()


@pytest.fixture
def upload(tmp_path: Path) -> Path:
    """Make a file to upload."""
    path = tmp_path / "upload"
    path.write_bytes(pattern(4 * MIB))
    return path


# --- requests -----------------------------------------------------------------------------------------------


def test_get(port: int) -> None:
    assert curl(port, "/hello") == b"Hello, world!"
    assert facts(port, "/hello", "%{http_code} %{http_version} %{content_type}") == "200 1.1 text/plain"


def test_post(port: int) -> None:
    assert curl(port, "/echo", "--data", "a=1&b=2") == b"a=1&b=2"


def test_head_has_the_length_and_no_body(port: int) -> None:
    head = curl(port, "/sized/1000", "-I").decode().lower()
    assert head.startswith("http/1.1 200 ok\r\n")
    assert "content-length: 1000\r\n" in head
    assert head.endswith("\r\n\r\n")


def test_a_large_download_arrives_whole(port: int) -> None:
    for path in (f"/sized/{4 * MIB}", f"/unsized/{4 * MIB}"):
        assert curl(port, path) == pattern(4 * MIB)


def test_an_answer_that_is_cut_is_not_taken_for_a_whole_one(port: int) -> None:
    for path in ("/cut/sized", "/cut/unsized"):
        done = run_program("curl", "-sS", f"http://127.0.0.1:{port}{path}")
        assert done.returncode in (18, 56), done.stderr  # partial file; failure in receiving
        assert done.stdout == pattern(1000)


# --- bodies -------------------------------------------------------------------------------------------------


def test_a_chunked_upload_arrives_whole(port: int, upload: Path) -> None:
    received = curl(port, "/back", "-T", "-", "-H", "Expect:", stdin=upload.read_bytes())
    assert received == upload.read_bytes()


def test_expect_continue_is_answered_before_the_body(port: int, upload: Path) -> None:
    # curl would send the body after a second in any case; ten minutes show that it was told to.
    options = ("-v", "-T", str(upload), "-H", "Expect: 100-continue", "--expect100-timeout", "600")
    done = run_program("curl", "-sS", *options, f"http://127.0.0.1:{port}/digest")
    assert json.loads(done.stdout)["size"] == 4 * MIB
    assert b"< HTTP/1.1 100 Continue" in done.stderr


def test_an_answer_that_comes_before_the_body_spares_it(port: int, upload: Path) -> None:
    options = ("-T", str(upload), "-H", "Expect: 100-continue", "--expect100-timeout", "600")
    assert facts(port, "/refuse", "%{http_code} %{size_upload}", *options) == "403 0"


def test_an_answer_that_is_early_reaches_a_client_that_still_sends(port: int, upload: Path) -> None:
    done = run_program("curl", "-sS", "-T", str(upload), "-H", "Expect:", f"http://127.0.0.1:{port}/refuse")
    assert done.stdout == b"no"


def test_a_form_with_a_file(port: int, upload: Path) -> None:
    received = curl(port, "/echo", "-F", "name=value", "-F", f"file=@{upload};type=image/png")
    assert pattern(4 * MIB) in received
    assert b"Content-Type: image/png" in received


# --- connections and versions -------------------------------------------------------------------------------


def test_a_connection_serves_several_requests(port: int) -> None:
    others = [f"http://127.0.0.1:{port}/{path}" for path in ("unsized/100000", "nothing", "hello")]
    outputs = [option for _ in others for option in ("-o", "/dev/null")]
    assert facts(port, "/hello", "%{num_connects} ", *outputs, *others) == "1 0 0 0 "


def test_http_1_0(port: int) -> None:
    assert shown(port, "/x", "--http1.0")["http_version"] == "1.0"
    head = curl(port, "/unsized/200000", "--http1.0", "-D", "-", "-o", "/dev/null").lower()
    assert b"transfer-encoding" not in head
    assert b"connection: close" in head
    assert curl(port, "/unsized/200000", "--http1.0") == pattern(200000)


def test_an_interim_answer_comes_before_the_final_one(port: int) -> None:
    answer = curl(port, "/hint", "-i")
    assert answer.startswith(b"HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"hinted")


def test_trailers_come_to_who_asks_for_them(port: int) -> None:
    assert curl(port, "/trailers", "-i", "-H", "TE: trailers").endswith(b"\r\n\r\none, twox-digest: abc\r\n")
    assert curl(port, "/trailers") == b"one, two"


def test_a_unix_socket(tmp_path: Path) -> None:

    path = tmp_path / "licorne.sock"
    with ServerProcess("apps:app", "--uds", str(path), app_dir=APPS) as server:
        server.wait_for("Licorne running on ")
        answer = run_program("curl", "-sS", "--unix-socket", str(path), "http://localhost/x?y")
    assert json.loads(answer.stdout)["client"] is None


# --- targets ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("/a/../b/./c", "/a/../b/./c", ""),
        ("/%2e%2e/a", "/../a", ""),
        ("/a//b/", "/a//b/", ""),
        ("/caf%C3%A9%2Fx", "/café/x", ""),
        ("/x?a=b?c=/d&e=%zz", "/x", "a=b?c=/d&e=%zz"),
        ("/x?", "/x", ""),
    ],
)
def test_an_odd_target_arrives_as_it_was_sent(port: int, target: str, path: str, query: str) -> None:
    request = shown(port, target, "--path-as-is")
    assert request["path"] == path
    assert request["raw_path"] == target.partition("?")[0]
    assert request["query"] == query


def test_an_absolute_target_names_the_host(port: int) -> None:
    request = shown(port, "/", "--request-target", "http://example.org/x?y=z")
    assert request["path"] == "/x"
    assert ["host", "example.org"] in request["headers"]


def test_an_asterisk_asks_about_the_server(port: int) -> None:
    assert shown(port, "/", "-X", "OPTIONS", "--request-target", "*")["method"] == "OPTIONS"


@pytest.mark.parametrize("target", ["/a b", "/%zz", "no-slash"])
def test_a_malformed_target_is_refused_with_a_reason(port: int, target: str) -> None:
    answer = curl(port, "/", "-i", "--request-target", target)
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"\r\nconnection: close\r\n" in answer
    assert answer.partition(b"\r\n\r\n")[2].strip()


def test_a_request_line_that_is_too_long_is_refused(port: int) -> None:
    assert facts(port, "/" + "a" * 20000, "%{http_code}") == "414"


def test_an_application_that_raises_is_answered_500(port: int) -> None:
    assert curl(port, "/fail", "-w", " %{http_code}") == b"Internal Server Error 500"
