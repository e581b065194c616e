"""nghttp, h2load and curl: clients of HTTP/2 that others have written, in clear by prior knowledge, and over TLS."""

import json
import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from tests.clients.apps import pattern
from tests.clients.certificates import make_certificate
from tests.clients.conftest import APPS
from tests.server.process import ServerProcess
from tests.support.programs import run_program

MIB = 1024 * 1024


@pytest.fixture(scope="module", params=["clear", "tls"])
def origin(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, port: int) -> Iterator[str]:
    """Serve in clear, or over TLS; return where."""
    if request.param == "clear":
        yield f"http://127.0.0.1:{port}"
        return
    certificate = make_certificate(tmp_path_factory.mktemp("certificate"), "localhost")
    files = (f"--ssl-certfile={certificate}", f"--ssl-keyfile={certificate}")
    with ServerProcess("apps:app", "--port=0", "--no-access-log", *files, app_dir=APPS) as server:
        yield server.wait_for(r"Licorne running on (https://\S+:\d+) ")[1]


@pytest.fixture
def upload(tmp_path: Path) -> Path:
    """Make a file to upload."""
    path = tmp_path / "upload"
    path.write_bytes(pattern(4 * MIB))
    return path


# --- curl ---------------------------------------------------------------------------------------------------


def curl(origin: str, path: str, *options: str, stdin: bytes = b"") -> bytes:
    """Return what curl prints; fail if it is not content."""
    version = "--http2-prior-knowledge" if origin.startswith("http:") else "--http2"
    fixed = ("-sSk", version, "--max-time", "60")
    done = run_program("curl", *fixed, *options, f"{origin}{path}", stdin=stdin)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def test_curl_is_answered(origin: str) -> None:
    facts = "%{http_code} %{http_version} %{content_type} %{size_download}"
    assert curl(origin, "/hello", "-o", "/dev/null", "-w", facts) == b"200 2 text/plain 13"
    assert curl(origin, "/nothing", "-w", "%{http_code}") == b"204"
    assert json.loads(curl(origin, "/x?y=z"))["query"] == "y=z"


def test_curl_sees_no_field_of_http1(origin: str) -> None:
    head = curl(origin, "/unsized/100000", "-D", "-", "-o", "/dev/null").decode()
    assert head.startswith("HTTP/2 200 \r\n")
    assert not re.search(r"(?i)transfer-encoding|connection|keep-alive", head)


def test_curl_asks_for_the_head_alone(origin: str) -> None:
    head = curl(origin, "/sized/1000", "-I").decode()
    assert "content-length: 1000\r\n" in head
    assert head.endswith("\r\n\r\n")


def test_curl_downloads(origin: str) -> None:
    for path in (f"/sized/{4 * MIB}", f"/unsized/{4 * MIB}"):
        assert curl(origin, path) == pattern(4 * MIB)


def test_curl_uploads(origin: str, upload: Path) -> None:
    digest = {"size": 4 * MIB, "sha256": sha256(upload.read_bytes()).hexdigest()}
    assert json.loads(curl(origin, "/digest", "-T", str(upload))) == digest
    assert json.loads(curl(origin, "/digest", "-T", "-", stdin=upload.read_bytes())) == digest
    assert curl(origin, "/back", "-T", str(upload)) == upload.read_bytes()


def test_curl_is_told_to_go_on(origin: str, upload: Path) -> None:
    # curl would send the body after a second in any case; ten minutes show that it was told to.
    options = ("-T", str(upload), "-H", "Expect: 100-continue", "--expect100-timeout", "600")
    assert json.loads(curl(origin, "/digest", *options))["size"] == 4 * MIB


def test_curl_gets_an_early_answer_to_an_upload(origin: str, upload: Path) -> None:
    assert curl(origin, "/refuse", "-T", str(upload), "-w", " %{http_code}") == b"no 403"


def test_curl_sees_interim_answers_and_trailers(origin: str) -> None:
    assert curl(origin, "/hint", "-i").startswith(
        b"HTTP/2 103 \r\nlink: </style.css>; rel=preload\r\n\r\nHTTP/2 200 \r\n"
    )
    assert curl(origin, "/trailers", "-D", "-", "-H", "TE: trailers").endswith(b"one, twox-digest: abc\r\n")


def test_curl_does_not_take_an_answer_that_is_cut_for_a_whole_one(origin: str) -> None:
    version = "--http2-prior-knowledge" if origin.startswith("http:") else "--http2"
    for path in ("/cut/sized", "/cut/unsized"):
        done = run_program("curl", "-sSk", version, f"{origin}{path}")
        assert done.returncode == 92, done.stderr  # an error of the stream
        assert pattern(1000).startswith(done.stdout)


def test_curl_shares_a_connection(origin: str) -> None:
    # By prior knowledge curl 7.88 breaks its own second request, whoever serves it.
    if origin.startswith("https:"):
        others = [f"{origin}/{path}" for path in ("unsized/100000", "fail", "nothing", "hello")]
        outputs = [option for _ in others for option in ("-o", "/dev/null")]
        connects = curl(origin, "/hello", "-o", "/dev/null", "-w", "%{num_connects} ", *outputs, *others)
        assert connects == b"1 0 0 0 0 "


def test_curl_may_still_speak_http1(origin: str) -> None:
    done = run_program("curl", "-sSk", "--http1.1", f"{origin}/x")
    assert json.loads(done.stdout)["http_version"] == "1.1"


# --- nghttp and h2load --------------------------------------------------------------------------------------


def nghttp(origin: str, *arguments: str) -> str:
    """Return what nghttp prints, which is every frame."""
    done = run_program("nghttp", "-v", *arguments)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode(errors="replace")


def test_nghttp_gets_many_at_once(origin: str) -> None:
    printed = nghttp(origin, "-n", *[f"{origin}/sized/{size}" for size in range(1000, 51000, 1000)])
    assert printed.count(":status: 200") == 50
    assert "recv RST_STREAM" not in printed
    assert "recv GOAWAY" not in printed


def test_nghttp_gets_all_through_tiny_windows(origin: str) -> None:
    printed = nghttp(origin, "-n", "-w8", "-W8", f"{origin}/sized/20000", f"{origin}/unsized/20000")
    sizes = [int(size) for size in re.findall(r"recv DATA frame <length=(\d+)", printed)]
    assert sum(sizes) == 40000
    assert max(sizes) <= 255


def test_nghttp_uploads_with_padding_and_trailers(origin: str, upload: Path) -> None:
    options = ("--data", str(upload), "--padding=100", "--trailer=x-sum: 1")
    printed = nghttp(origin, *options, f"{origin}/digest")
    assert f'"size": {4 * MIB}' in printed
    assert sha256(upload.read_bytes()).hexdigest() in printed


def test_nghttp_expects_to_be_told_to_go_on(origin: str, upload: Path) -> None:
    printed = nghttp(origin, "--expect-continue", "--data", str(upload), f"{origin}/digest")
    assert printed.index(":status: 100") < printed.index("send DATA frame")
    assert f'"size": {4 * MIB}' in printed


def test_nghttp_splits_its_head(origin: str) -> None:
    printed = nghttp(origin, "--continuation", f"{origin}/hello")
    assert ":status: 200" in printed


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("/hello", ("-n2000", "-c8", "-m64")),
        ("/sized/500000", ("-n64", "-c4", "-m16", "-w16", "-W18")),
        ("/unsized/100000", ("-n200", "-c2", "-m100")),
    ],
)
def test_h2load_fails_nowhere(origin: str, path: str, shape: tuple[str, ...]) -> None:
    done = run_program("h2load", "-t1", *shape, f"{origin}{path}")
    printed = done.stdout.decode()
    number = int(shape[0].removeprefix("-n"))
    assert f"{number} succeeded, 0 failed, 0 errored, 0 timeout" in printed, printed
    assert f"{number} 2xx" in printed


def test_h2load_uploads(origin: str, upload: Path) -> None:
    done = run_program("h2load", "-t1", "-n32", "-c4", "-m8", f"--data={upload}", f"{origin}/digest")
    assert b"32 succeeded, 0 failed" in done.stdout, done.stdout


# --- Upgrade: h2c -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def upgrading() -> Iterator[str]:
    """Serve in clear, changing to HTTP/2 when that is offered; return where."""
    with ServerProcess("apps:app", "--port=0", "--no-access-log", "--h2c-upgrade", app_dir=APPS) as server:
        yield f"http://127.0.0.1:{server.port}"


def test_curl_changes_to_http2_where_it_may(upgrading: str, upload: Path) -> None:
    facts = ("-sS", "--http2", "--max-time", "60", "-o", "/dev/null", "-w", "%{http_code} %{http_version} ")
    done = run_program("curl", *facts, f"{upgrading}/sized/{4 * MIB}", "-o", "/dev/null", f"{upgrading}/hello")
    assert done.stdout == b"200 2 200 2 ", done.stderr
    assert run_program("curl", *facts, "-T", str(upload), f"{upgrading}/digest").stdout == b"200 1.1 "


def test_curl_goes_on_in_http1_where_it_may_not(port: int) -> None:
    facts = ("-sS", "--http2", "--max-time", "60", "-o", "/dev/null", "-w", "%{http_code} %{http_version} ")
    assert run_program("curl", *facts, f"http://127.0.0.1:{port}/hello").stdout == b"200 1.1 "


def test_nghttp_changes_to_http2(upgrading: str, upload: Path) -> None:
    printed = nghttp(upgrading, "-u", *[f"{upgrading}/sized/{size}" for size in (1000, 70000, 3000)])
    assert "HTTP Upgrade success" in printed
    assert printed.count(":status: 200") == 3
    assert f'"size": {4 * MIB}' in nghttp(upgrading, "-u", "--data", str(upload), f"{upgrading}/digest")
