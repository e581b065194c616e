"""The `http` scope of ASGI 2.5: every key, its exact type, and nothing shared between two scopes."""

import copy
import socket
from pathlib import Path
from typing import Any

import pytest

from licorne.asgi.run import AsgiOptions
from tests.support.stage import GET, Receive, Scope, Send, Stage, hello

IS_FOR_HTTP2 = True

MEMORY_CLIENT = ("192.0.2.1", 50000)
MEMORY_SERVER = ("192.0.2.2", 80)


class Keeper:
    """Keep the scopes that come, and answer."""

    def __init__(self) -> None:
        self.scopes: list[Scope] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scopes.append(scope)
        await hello(scope, receive, send)


async def scope_of(stage: Stage, request: bytes, root_path: str = "", **options: Any) -> Scope:
    """Return the scope of one request."""
    keeper = Keeper()
    stage.prepare(keeper, options=AsgiOptions(root_path=root_path), **options)
    peer = await stage.connect()
    peer.send(request)
    await peer.answer()
    (scope,) = keeper.scopes
    return scope


@pytest.mark.http1
async def test_scope_is_exactly_this(stage: Stage) -> None:
    request = b"GET /a%20b/c?d=%20e&f HTTP/1.1\r\nHost: a\r\nX-Y: 1\r\n\r\n"
    scope = await scope_of(stage, request, state={"key": "value"})
    client, server = scope.pop("client"), scope.pop("server")
    assert scope == {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/a b/c",
        "raw_path": b"/a%20b/c",
        "query_string": b"d=%20e&f",
        "root_path": "",
        "headers": [(b"host", b"a"), (b"x-y", b"1")],
        "state": {"key": "value"},
        "extensions": {
            "http.response.early_hint": {},
            "http.response.trailers": {},
            "http.response.pathsend": {},
            "http.response.zerocopysend": {},
        },
    }
    exact = {"type": str, "asgi": dict, "method": str, "scheme": str, "path": str, "raw_path": bytes}
    for key, kind in exact.items():
        assert type(scope[key]) is kind
    assert type(scope["http_version"]) is str
    for host, port in (client, server):
        assert type(host) is str
        assert type(port) is int


async def test_addresses_of_tcp(stage: Stage) -> None:
    scope = await scope_of(stage, GET)
    peer = stage.peers[0]
    if stage.kind == "memory":
        assert (scope["client"], scope["server"]) == (MEMORY_CLIENT, MEMORY_SERVER)
    else:
        assert scope["client"] == peer.transport.get_extra_info("sockname")
        assert scope["server"] == peer.transport.get_extra_info("peername")


async def test_addresses_of_ipv6(stage: Stage) -> None:
    assert socket.has_ipv6
    stage.address = ("::1", 0)
    scope = await scope_of(stage, GET)
    if stage.kind != "memory":
        assert scope["client"] == stage.peers[0].transport.get_extra_info("sockname")[:2]
        assert scope["server"] == stage.peers[0].transport.get_extra_info("peername")[:2]
        assert scope["client"][0] == "::1"


async def test_addresses_of_a_unix_socket(stage: Stage, tmp_path: Path) -> None:
    stage.address = str(tmp_path / "socket")
    scope = await scope_of(stage, GET)
    if stage.kind != "memory":
        assert scope["client"] is None
        assert scope["server"] == (stage.address, None)


@pytest.mark.http1
@pytest.mark.parametrize(("version", "seen"), [(b"1.0", "1.0"), (b"1.1", "1.1"), (b"1.2", "1.1")])
async def test_http_version(stage: Stage, version: bytes, seen: str) -> None:
    scope = await scope_of(stage, b"GET / HTTP/%b\r\nHost: a\r\n\r\n" % version)
    assert scope["http_version"] == seen


@pytest.mark.http1
@pytest.mark.parametrize(
    ("target", "path", "raw_path", "query"),
    [
        pytest.param(b"/", "/", b"/", b"", id="root"),
        pytest.param(b"/?", "/", b"/", b"", id="empty-query"),
        pytest.param(b"/a?b?c", "/a", b"/a", b"b?c", id="two-marks"),
        pytest.param(b"//a//b", "//a//b", b"//a//b", b"", id="double-slashes"),
        pytest.param(b"/%c3%a9", "/é", b"/%c3%a9", b"", id="utf8"),
        pytest.param(b"/%e9", "/\ufffd", b"/%e9", b"", id="not-utf8"),
        pytest.param(b"/%E2%82", "/\ufffd", b"/%E2%82", b"", id="cut-utf8"),
        pytest.param(b"/a%2Fb%3Fc", "/a/b?c", b"/a%2Fb%3Fc", b"", id="escaped-marks"),
        pytest.param(b"/%00", "/\x00", b"/%00", b"", id="nul"),
        pytest.param(b"/a+b", "/a+b", b"/a+b", b"", id="plus"),
        pytest.param(b"/a?%zz", "/a", b"/a", b"%zz", id="query-is-not-judged"),
        pytest.param(b"http://b/c?d", "/c", b"/c", b"d", id="absolute-form"),
    ],
)
async def test_path_and_query(stage: Stage, target: bytes, path: str, raw_path: bytes, query: bytes) -> None:
    scope = await scope_of(stage, b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % target)
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == (path, raw_path, query)


async def test_asterisk(stage: Stage) -> None:
    scope = await scope_of(stage, b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "/api")
    assert (scope["method"], scope["path"], scope["raw_path"]) == ("OPTIONS", "*", b"*")


@pytest.mark.http1
async def test_headers_keep_order_and_repetition(stage: Stage) -> None:
    fields = b"B: 1\r\nHOST: a\r\nA: 2\r\nb: 3\r\nX-Obs: \xe9\xff\r\nEmpty:\r\n"
    scope = await scope_of(stage, b"GET / HTTP/1.1\r\n" + fields + b"\r\n")
    assert [tuple(pair) for pair in scope["headers"]] == [
        (b"b", b"1"),
        (b"host", b"a"),
        (b"a", b"2"),
        (b"b", b"3"),
        (b"x-obs", b"\xe9\xff"),
        (b"empty", b""),
    ]


@pytest.mark.http1
async def test_absolute_form_replaces_the_host(stage: Stage) -> None:
    scope = await scope_of(stage, b"GET http://b:81/ HTTP/1.1\r\nX: 1\r\nHost: a\r\n\r\n")
    assert scope["headers"] == [(b"host", b"b:81"), (b"x", b"1")]


@pytest.mark.parametrize(
    ("root_path", "target", "path", "raw_path"),
    [
        pytest.param("/api", b"/users", "/api/users", b"/api/users", id="stripped-by-the-proxy"),
        pytest.param("/api", b"/api/users", "/api/users", b"/api/users", id="kept-by-the-proxy"),
        pytest.param("/api", b"/api", "/api", b"/api", id="the-mount-point"),
        pytest.param("/api", b"/apis", "/api/apis", b"/api/apis", id="only-looks-alike"),
        pytest.param("/api", b"/", "/api/", b"/api/", id="its-root"),
        pytest.param("/api/", b"/users", "/api/users", b"/api/users", id="trailing-slash"),
        pytest.param("/é", b"/users", "/é/users", b"/%C3%A9/users", id="not-ascii"),
        pytest.param("/a b", b"/%20", "/a b/ ", b"/a%20b/%20", id="space"),
    ],
)
async def test_root_path(stage: Stage, root_path: str, target: bytes, path: str, raw_path: bytes) -> None:
    scope = await scope_of(stage, b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % target, root_path)
    assert scope["root_path"] == root_path.rstrip("/")
    assert (scope["path"], scope["raw_path"]) == (path, raw_path)


async def test_asgi2_applications_see_their_version(stage: Stage) -> None:
    keeper = Keeper()
    stage.prepare(keeper, options=AsgiOptions(asgi_version="2.0"))
    peer = await stage.connect()
    peer.send(GET)
    await peer.answer()
    assert keeper.scopes[0]["asgi"] == {"version": "2.0", "spec_version": "2.5"}


async def test_two_scopes_share_nothing_that_can_change(stage: Stage) -> None:
    keeper = Keeper()
    shared: dict[str, Any] = {"pool": object()}
    stage.prepare(keeper, state=shared)
    peer = await stage.connect()
    peer.send(GET)
    await peer.answer()
    first = keeper.scopes[0]
    pool = first["state"]["pool"]
    untouched = copy.deepcopy({**first, "state": {}}) | {"state": {"pool": pool}}
    spoil(first)
    peer.send(GET)
    await peer.answer()
    assert keeper.scopes[1] == untouched
    assert keeper.scopes[1]["state"]["pool"] is pool
    assert set(shared) == {"pool"}


def spoil(scope: Scope) -> None:
    """Change everything in a scope that can be changed; the versions are the same for ever."""
    for key, value in scope.items():
        if key != "asgi" and isinstance(value, dict):
            value["spoilt"] = True
        elif isinstance(value, list):
            value.append((b"spoilt", b"yes"))
    scope["path"] = "spoilt"
