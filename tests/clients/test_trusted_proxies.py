"""nginx and haproxy tell whose request it is, in header fields and by the PROXY protocol, over every kind of socket."""

import http.client
import json
import ssl
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.clients.certificates import make_certificate
from tests.clients.conftest import APPS
from tests.examples.deploying import kept_port, wait_for_port
from tests.server.process import ServerProcess
from tests.support.programs import find_program

#: Where clients come from, so that they are told from the proxy, which is 127.0.0.1.
CLIENT = "127.0.0.9"
STREAM_MODULE = Path("/usr/lib/nginx/modules/ngx_stream_module.so")

NGINX = """
{module}
daemon off; master_process off; pid {folder}/pid; error_log {folder}/log; events {{ }}
{block}
"""
NGINX_HTTP = """
http {{
    access_log off;
    client_body_temp_path {folder}/client; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    upstream site {{ server {upstream}; }}
    server {{
        listen 127.0.0.1:{port};
        listen [::1]:{port};
        location {path} {{
            proxy_pass http://site{stripped};
            proxy_set_header Host site;
            {fields}
        }}
    }}
}}
"""
NGINX_STREAM = """
stream {{
    upstream site {{ server {upstream}; }}
    server {{ listen 127.0.0.1:{port}; listen [::1]:{port}; proxy_pass site; proxy_protocol on; }}
}}
"""
X_FORWARDED = """
proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
proxy_set_header X-Forwarded-Proto https;
proxy_set_header X-Forwarded-Host $http_host;
proxy_set_header X-Forwarded-Prefix /shop;
proxy_set_header Forwarded "";
"""
FORWARDED = """
proxy_set_header X-Forwarded-For "";
proxy_set_header Forwarded 'for="$forwarded";proto=https;host="$http_host"';
"""
HAPROXY = """
global
    maxconn 128
    log {folder}/none local0
defaults
    mode {mode}
    timeout connect 30s
    timeout client 60s
    timeout server 60s
frontend front
    bind 127.0.0.1:{port} {bind}
    bind [::1]:{port} {bind}
    {rules}
    default_backend site
backend site
    server s {upstream} {send}
"""
HAPROXY_FIELDS = """
    http-request set-header X-Forwarded-For %[src]
    http-request set-header X-Forwarded-Proto https
    http-request set-header X-Forwarded-Host %[req.hdr(host)]
    http-request del-header X-Forwarded-Prefix
    http-request del-header Forwarded
    http-request set-header Host site
"""


class Upstream:
    """Be a licorne that listens on one kind of socket."""

    def __init__(self, kind: str, folder: Path, *options: str, app: str = "apps:app") -> None:
        """Take "ipv4", "ipv6" or "unix", a folder for the last, more options, and what it serves."""
        path = folder / "app.sock"
        bind = {"ipv4": "127.0.0.1:0", "ipv6": "[::1]:0", "unix": f"unix:{path}"}[kind]
        trusted = ["--forwarded-allow-ips", "127.0.0.1,::1,unix"]
        self.server = ServerProcess(app, "--bind", bind, *trusted, *options, app_dir=APPS)
        self.kind = kind
        self.path = path

    def address(self, *, is_nginx: bool) -> str:
        """Return the address as the configuration of a proxy has it."""
        if self.kind == "unix":
            self.server.wait_for("Licorne running on ")
            return f"unix:{self.path}" if is_nginx else f"unix@{self.path}"
        return f"{'[::1]' if self.kind == 'ipv6' else '127.0.0.1'}:{self.server.port}"


@contextmanager
def in_front(command: Sequence[str], port: int) -> Iterator[int]:
    """Run a proxy; give its port."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as proxy:
        try:
            wait_for_port(port)
            yield port
        finally:
            proxy.terminate()


@contextmanager
def nginx(upstream: Upstream, folder: Path, block: str, **words: str) -> Iterator[int]:
    """Run nginx in front of a licorne; give its port."""
    if block is NGINX_STREAM and not STREAM_MODULE.exists():
        pytest.skip("nginx has no stream module (Debian's package libnginx-mod-stream)")
    module = f"load_module {STREAM_MODULE};" if block is NGINX_STREAM else ""
    with kept_port() as port:
        words = {"path": "/"} | words
        written = block.format(folder=folder, port=port, upstream=upstream.address(is_nginx=True), **words)
        path = folder / "nginx.conf"
        path.write_text(NGINX.format(folder=folder, module=module, block=written))
        with in_front([find_program("nginx"), "-e", f"{folder}/log", "-c", str(path)], port) as front:
            yield front


@contextmanager
def haproxy(upstream: Upstream, folder: Path, **words: str) -> Iterator[int]:
    """Run haproxy in front of a licorne; give its port."""
    with kept_port() as port:
        blank = dict.fromkeys(("bind", "rules", "send"), "") | {"mode": "http"}
        address = upstream.address(is_nginx=False)
        path = folder / "haproxy.cfg"
        path.write_text(HAPROXY.format(folder=folder, port=port, upstream=address, **(blank | words)))
        with in_front([find_program("haproxy"), "-db", "-f", str(path)], port) as front:
            yield front


@pytest.fixture(params=["ipv4", "ipv6", "unix"])
def kind(request: pytest.FixtureRequest) -> str:
    """Return each kind of socket that a proxy finds licorne on."""
    return str(request.param)


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder whose path is short enough for a UNIX socket."""
    return tmp_path_factory.mktemp("p")


def ask(port: int, source: str = CLIENT, fields: dict[str, str] | None = None, *, over_tls: bool = False) -> Any:
    """Return what the application saw of a request, with the client's own address as "self"."""
    target = "::1" if ":" in source else "127.0.0.1"
    connection = http.client.HTTPConnection(target, port, source_address=(source, 0), timeout=30)
    connection.connect()
    own = list(connection.sock.getsockname()[:2])
    if over_tls:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection.sock = context.wrap_socket(connection.sock, server_hostname="a.example")
    connection.request("GET", "/x", headers={"Host": "a.example:8443"} | (fields or {}))
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    assert answer.status == 200, body
    return {**json.loads(body), "self": own}


#: What a client says that wants to be somebody else, under names that the proxies replace or remove.
SPOOFS = {
    "X-Forwarded-For": "6.6.6.6",
    "X-Forwarded-Proto": "ftp",
    "X-Forwarded-Host": "evil",
    "Forwarded": "for=6.6.6.6",
}


# --- header fields ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stripped", ["", "/"], ids=["kept", "stripped"])
def test_nginx_tells_by_x_forwarded(kind: str, folder: Path, stripped: str) -> None:
    upstream = Upstream(kind, folder)
    with upstream.server, nginx(upstream, folder, NGINX_HTTP, fields=X_FORWARDED, stripped=stripped) as port:
        for spoofs in ({}, SPOOFS | {"X-Forwarded-Prefix": "/evil"}):
            seen = ask(port, fields=spoofs)
            assert (seen["client"], seen["scheme"]) == ([CLIENT, 0], "https")
            assert (seen["root_path"], seen["path"]) == ("/shop", "/shop/x")
            assert seen["server"] == ["a.example", 8443]
            assert ["host", "a.example:8443"] in seen["headers"]
        assert ask(port, "::1")["client"] == ["::1", 0]


def test_haproxy_tells_by_x_forwarded(kind: str, folder: Path) -> None:
    upstream = Upstream(kind, folder)
    with upstream.server, haproxy(upstream, folder, rules=HAPROXY_FIELDS) as port:
        for spoofs in ({}, SPOOFS | {"X-Forwarded-Prefix": "/evil"}):
            seen = ask(port, fields=spoofs)
            assert (seen["client"], seen["scheme"], seen["root_path"]) == ([CLIENT, 0], "https", "")
            assert (seen["server"], seen["path"]) == (["a.example", 8443], "/x")
        assert ask(port, "::1")["client"] == ["::1", 0]


def test_haproxy_tells_by_forwarded(kind: str, folder: Path) -> None:
    upstream = Upstream(kind, folder, "--forwarded-headers", "forwarded")
    told = 'for=\\"%[src]\\";proto=https;host=\\"%[req.hdr(host)]\\"'
    v6 = 'for=\\"[%[src]]\\";proto=https'
    rules = f'http-request set-header Forwarded "{told}" if {{ src 127.0.0.0/8 }}\n'
    rules += f'    http-request set-header Forwarded "{v6}" unless {{ src 127.0.0.0/8 }}'
    with upstream.server, haproxy(upstream, folder, rules=rules) as port:
        seen = ask(port, fields=SPOOFS)
        assert (seen["client"], seen["scheme"], seen["server"]) == ([CLIENT, 0], "https", ["a.example", 8443])
        assert ask(port, "::1")["client"] == ["::1", 0]


def test_haproxy_tells_by_x_forwarded_over_http2(kind: str, folder: Path) -> None:
    upstream = Upstream(kind, folder)
    with upstream.server, haproxy(upstream, folder, rules=HAPROXY_FIELDS, send="proto h2") as port:
        for _ in range(5):
            seen = ask(port, fields=SPOOFS)
            assert (seen["http_version"], seen["client"], seen["scheme"]) == ("2", [CLIENT, 0], "https")
            assert seen["server"] == ["a.example", 8443]


# --- the PROXY protocol -------------------------------------------------------------------------------------


def test_nginx_speaks_version_1(kind: str, folder: Path) -> None:
    upstream = Upstream(kind, folder, "--proxy-protocol")
    with upstream.server, nginx(upstream, folder, NGINX_STREAM) as port:
        for source in (CLIENT, "::1"):
            seen = ask(port, source, SPOOFS if source == CLIENT else {})
            assert seen["client"] == seen["self"]
            assert seen["server"] == ["::1" if source == "::1" else "127.0.0.1", port]
            assert (seen["scheme"], seen["extensions"]["licorne.proxy_protocol"]) == ("http", {"version": 1})


@pytest.mark.parametrize("send", ["send-proxy", "send-proxy-v2", "send-proxy-v2 proxy-v2-options crc32c,unique-id"])
@pytest.mark.parametrize("mode", ["tcp", "http"])
def test_haproxy_speaks_both_versions(kind: str, folder: Path, send: str, mode: str) -> None:
    upstream = Upstream(kind, folder, "--proxy-protocol")
    with upstream.server, haproxy(upstream, folder, send=send, mode=mode) as port:
        for source in (CLIENT, "::1"):
            seen = ask(port, source, SPOOFS if source == CLIENT else {})
            assert seen["client"] == seen["self"]
            assert seen["server"] == ["::1" if source == "::1" else "127.0.0.1", port]
            assert seen["scheme"] == "http"


@pytest.mark.parametrize("more", ["", "proto h2"], ids=["http1", "http2"])
def test_haproxy_tells_of_the_tls_that_its_client_speaks(kind: str, folder: Path, more: str) -> None:
    upstream = Upstream(kind, folder, "--proxy-protocol")
    send = f"send-proxy-v2-ssl proxy-v2-options ssl,cert-cn,authority,crc32c {more}"
    bind = f"ssl crt {make_certificate(folder)} alpn http/1.1"
    with upstream.server, haproxy(upstream, folder, bind=bind, send=send) as port:
        seen = ask(port, over_tls=True)
    assert (seen["client"], seen["scheme"]) == (seen["self"], "https")
    told = seen["extensions"]["licorne.proxy_protocol"]
    assert (told["version"], told["authority"]) == (2, "a.example")
    assert (told["tls"]["version"], told["tls"]["has_certificate"]) == ("TLSv1.3", False)


def test_haproxy_puts_the_header_before_tls(kind: str, folder: Path) -> None:
    both = make_certificate(folder)
    upstream = Upstream(kind, folder, "--proxy-protocol", "--ssl-certfile", str(both), "--ssl-keyfile", str(both))
    with upstream.server, haproxy(upstream, folder, mode="tcp", send="send-proxy-v2") as port:
        seen = ask(port, over_tls=True)
    assert (seen["client"], seen["scheme"]) == (seen["self"], "https")
    assert seen["extensions"]["licorne.proxy_protocol"] == {"version": 2}


def test_the_checks_of_haproxy_are_answered(kind: str, folder: Path) -> None:
    upstream = Upstream(kind, folder, "--proxy-protocol")
    with (
        upstream.server as server,
        haproxy(upstream, folder, send="send-proxy-v2 check-send-proxy check inter 100ms") as port,
    ):
        assert ask(port)["client"][0] == CLIENT
        assert "Invalid" not in server.log
        server.process.terminate()
        server.wait()
        assert "Traceback" not in server.log


def test_headers_count_again_for_a_proxy_behind_a_proxy(folder: Path) -> None:
    """haproxy passes the connection of nginx on, whose address the header says, and who is trusted."""
    with ExitStack() as stack:
        upstream = Upstream("ipv4", folder, "--proxy-protocol")
        stack.enter_context(upstream.server)
        middle = stack.enter_context(haproxy(upstream, folder, mode="tcp", send="send-proxy-v2"))
        outer = Upstream.__new__(Upstream)
        outer.address = lambda *, is_nginx: f"127.0.0.1:{middle}"  # type: ignore[method-assign]
        port = stack.enter_context(nginx(outer, folder, NGINX_HTTP, fields=X_FORWARDED, stripped=""))
        seen = ask(port, fields=SPOOFS)
        assert (seen["client"], seen["scheme"], seen["root_path"]) == ([CLIENT, 0], "https", "/shop")
        direct = ask(middle, fields={"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Prefix": "/evil"})
        assert (direct["client"], direct["root_path"]) == (direct["self"], "")
