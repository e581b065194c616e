"""nginx and haproxy as reverse proxies that keep their connections: nobody behind them sees a 502."""

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from hashlib import sha256

import httpx
import pytest

from tests.clients.apps import PIECE_BYTES, pattern
from tests.clients.conftest import APPS
from tests.clients.proxies import PROXIES, running_proxy
from tests.server.process import ServerProcess

MIB = 1024 * 1024
THREADS = 8


@contextmanager
def client_behind(name: str, *upstreams: str) -> Iterator[httpx.Client]:
    """Be a client of a proxy in front of some addresses."""
    with running_proxy(name, *upstreams) as front:
        transport = httpx.HTTPTransport(uds=front, limits=httpx.Limits(max_connections=THREADS))
        with httpx.Client(transport=transport, base_url="http://site", timeout=60.0) as client:
            yield client


def serving(*options: str) -> ServerProcess:
    """Serve on a port that others do not use."""
    return ServerProcess("apps:app", *options, app_dir=APPS)


@pytest.fixture(scope="module", params=PROXIES)
def proxy(request: pytest.FixtureRequest, port: int) -> Iterator[httpx.Client]:
    """Be a client of each proxy."""
    with client_behind(request.param, f"127.0.0.1:{port}") as client:
        yield client


def upstream_port(client: httpx.Client, path: str = "/x") -> int:
    """Return the port that the proxy asked from, as the application saw it."""
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return int(answer.json()["client"][1])


# --- connections --------------------------------------------------------------------------------------------


def test_connections_to_the_server_are_used_again(proxy: httpx.Client) -> None:
    ports = {upstream_port(proxy) for _ in range(100)}
    # A request may come before the proxy has put the last connection back.
    assert len(ports) <= 20


def test_many_requests_at_once(proxy: httpx.Client) -> None:
    with ThreadPoolExecutor(THREADS) as threads:
        ports = list(threads.map(lambda number: upstream_port(proxy, f"/x/{number}"), range(400)))
    assert len(ports) == 400
    assert len(set(ports)) <= 16 * THREADS


def test_all_kinds_of_answers_on_the_same_connections(proxy: httpx.Client) -> None:
    expected = {"/hello": (200, 13), "/nothing": (204, 0), "/fail": (500, 21), "/refuse": (403, 2)}
    for _ in range(10):
        for path, (status, size) in expected.items():
            answer = proxy.get(path)
            assert (path, answer.status_code, len(answer.content)) == (path, status, size)
        answer = proxy.head("/sized/1000")
        assert (answer.status_code, answer.headers["content-length"], answer.content) == (200, "1000", b"")
        # An unbuffered nginx may close the client's connection after an answer that came before the body.
        assert proxy.post("/refuse", content=b"not read", headers={"connection": "close"}).status_code == 403


# --- bodies -------------------------------------------------------------------------------------------------


def test_large_bodies_go_up(proxy: httpx.Client) -> None:
    data = pattern(8 * MIB)
    expected = {"size": len(data), "sha256": sha256(data).hexdigest()}
    assert proxy.post("/digest", content=data).json() == expected
    pieces = (data[start : start + PIECE_BYTES] for start in range(0, len(data), PIECE_BYTES))
    assert proxy.post("/digest", content=pieces).json() == expected


def test_large_bodies_come_down(proxy: httpx.Client) -> None:
    for path in (f"/sized/{8 * MIB}", f"/unsized/{8 * MIB}"):
        assert proxy.get(path).content == pattern(8 * MIB)


def test_an_answer_that_is_cut_is_not_made_whole(proxy: httpx.Client) -> None:
    for framing in ("sized", "unsized"):
        with pytest.raises(httpx.RemoteProtocolError):
            proxy.get(f"/cut/{framing}")
    assert proxy.get("/hello").status_code == 200


# --- servers that close -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PROXIES)
def test_a_server_that_limits_requests_for_a_connection_causes_no_error(name: str) -> None:
    limit = "--limit-keep-alive-requests=3"
    with serving("--port=0", limit) as server, client_behind(name, f"127.0.0.1:{server.port}") as client:
        # No proxy may repeat a POST, so each must be answered at its first try.
        answers = [client.post("/echo", content=b"words") for _ in range(60)]
    assert {(answer.status_code, answer.content) for answer in answers} == {(200, b"words")}


@pytest.mark.parametrize("name", PROXIES)
def test_a_server_may_stop_while_another_goes_on(name: str) -> None:
    with ExitStack() as stack:
        servers = [stack.enter_context(serving("--port=0")) for _ in range(2)]
        upstreams = [f"127.0.0.1:{server.port}" for server in servers]
        client = stack.enter_context(client_behind(name, *upstreams))
        threads = stack.enter_context(ThreadPoolExecutor(THREADS))
        asked = [threads.submit(client.get, f"/unsized/{number * 100}") for number in range(300)]
        asked[50].result()
        servers[0].signal(signal.SIGTERM)
        answers = [future.result() for future in asked]
        assert servers[0].wait() == -signal.SIGTERM
    assert {answer.status_code for answer in answers} == {200}
    assert [len(answer.content) for answer in answers] == [number * 100 for number in range(300)]


def test_a_unix_socket_behind_nginx(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("s") / "s"
    with serving("--uds", str(path)) as server:
        server.wait_for("Licorne running on ")
        with client_behind("nginx", f"unix:{path}") as client:
            assert client.get("/x").json()["client"] is None


def test_haproxy_takes_hints_and_sees_a_server_come_and_go() -> None:
    with serving("--port=0") as server, client_behind("haproxy", f"127.0.0.1:{server.port}") as client:
        # nginx before 1.29 takes a 103 for the answer.
        assert client.get("/hint").content == b"hinted"
        # Its checks are HTTP/1.0 and name no host.
        server.wait_for(r'"GET /hello HTTP/1\.0" 200', count=3)
        assert client.get("/hello").status_code == 200
        server.signal(signal.SIGTERM)
        server.wait()
        assert client.get("/hello").status_code == 503
