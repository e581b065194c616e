"""Links of an application that lives under a path: right behind proxies that cut the path off and that leave it there.

The application is Starlette's, with mounts of its own; nginx and haproxy are in front, over HTTP/1 and HTTP/2.
"""

import json
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from tests.clients.test_trusted_proxies import CLIENT, NGINX_HTTP, Upstream, haproxy, nginx

#: What nginx says of its clients, and of WebSockets.
TELLING = """
proxy_http_version 1.1;
proxy_set_header Upgrade $http_upgrade;
proxy_set_header Connection $http_connection;
proxy_set_header X-Forwarded-For $remote_addr;
proxy_set_header X-Forwarded-Proto https;
proxy_set_header X-Forwarded-Host $http_host;
proxy_set_header X-Forwarded-Prefix "{prefix}";
proxy_set_header Forwarded "";
"""
HAPROXY_RULES = """
    http-request set-header X-Forwarded-For %[src]
    http-request set-header X-Forwarded-Proto https
    http-request set-header X-Forwarded-Host %[req.hdr(host)]
    http-request del-header Forwarded
    http-request set-header X-Forwarded-Prefix /shop
    http-request set-header Host site
"""
#: Cuts the prefix off.
STRIPPING = r"    http-request replace-path /shop(/.*) \1"
#: How licorne learns of the prefix: from the proxy, or by its own option.
MANNERS = {"told": ("/shop", []), "option": ("", ["--root-path", "/shop"])}


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder for the files of a proxy."""
    return tmp_path_factory.mktemp("p")


def upstream_of(folder: Path, *options: str) -> Upstream:
    """Return a licorne that serves the application."""
    return Upstream("ipv4", folder, *options, app="mounted_app:app")


def ask(port: int, path: str) -> Any:
    """Return what the application sees of a request."""
    transport = httpx.HTTPTransport(local_address=CLIENT)
    with httpx.Client(transport=transport, timeout=60, follow_redirects=False) as client:
        answer = client.get(f"http://127.0.0.1:{port}{path}", headers={"Host": "a.example"})
    assert answer.status_code == 200, (answer.status_code, answer.text)
    return answer.json()


def talk(port: int) -> Any:
    """Return what the application sees of a WebSocket."""
    sock = socket.create_connection(("127.0.0.1", port), timeout=60, source_address=(CLIENT, 0))
    with connect("ws://a.example/shop/talk", sock=sock) as websocket:
        return json.loads(websocket.recv(timeout=60))


def expected(path: str, scheme: str = "https") -> dict[str, object]:
    """Return what it should see of a path under its own."""
    base = "https://a.example/shop"
    links = {"item": f"{base}/shelf/item/7", "home": f"{base}/"}
    return {
        "url": f"{scheme}://a.example/shop{path}",
        "base_url": f"{scheme}://a.example/shop/",
        "client": CLIENT,
        **links,
    }


@pytest.mark.parametrize("manner", MANNERS)
@pytest.mark.parametrize("stripped", ["", "/"], ids=["kept", "stripped"])
def test_links_are_right_behind_nginx(folder: Path, manner: str, stripped: str) -> None:
    prefix, options = MANNERS[manner]
    upstream = upstream_of(folder, *options)
    fields = TELLING.format(prefix=prefix)
    with upstream.server, nginx(upstream, folder, NGINX_HTTP, fields=fields, stripped=stripped, path="/shop/") as port:
        for path in ("/", "/shelf/item/3", "/shelf/item/shop"):
            assert ask(port, f"/shop{path}") == expected(path) | {"version": "1.1"}
        redirected = httpx.get(f"http://127.0.0.1:{port}/shop/shelf/slash", headers={"Host": "a.example"})
        assert redirected.headers["location"] == "https://a.example/shop/shelf/slash/"
        assert talk(port) == expected("/talk", "wss") | {"version": "1.1"}


@pytest.mark.parametrize("rules", ["", STRIPPING], ids=["kept", "stripped"])
@pytest.mark.parametrize(("send", "version"), [("", "1.1"), ("proto h2", "2")])
def test_links_are_right_behind_haproxy(folder: Path, rules: str, send: str, version: str) -> None:
    upstream = upstream_of(folder)
    with upstream.server, haproxy(upstream, folder, rules=HAPROXY_RULES + rules, send=send) as port:
        for path in ("/", "/shelf/item/3"):
            assert ask(port, f"/shop{path}") == expected(path) | {"version": version}
        assert talk(port) == expected("/talk", "wss") | {"version": version}


def test_a_path_whose_prefix_is_escaped_needlessly_has_it(folder: Path) -> None:
    upstream = upstream_of(folder)
    fields = TELLING.format(prefix="/shop")
    with upstream.server, nginx(upstream, folder, NGINX_HTTP, fields=fields, stripped="", path="/shop/") as port:
        assert ask(port, "/%73hop/shelf/item/3")["item"] == "https://a.example/shop/shelf/item/7"
