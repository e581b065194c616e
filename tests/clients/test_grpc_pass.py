"""nginx speaks HTTP/2 to licorne where it passes gRPC on; what it says of its clients is believed there too."""

from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from tests.clients.test_grpc import unary
from tests.clients.test_trusted_proxies import CLIENT, SPOOFS, Upstream, ask, nginx

NGINX_GRPC = """
http {{
    access_log off;
    client_body_temp_path {folder}/client; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    upstream site {{ server {upstream}; keepalive 4; }}
    server {{
        listen 127.0.0.1:{port} {spoken};
        location / {{
            grpc_pass grpc://site;
            grpc_set_header X-Forwarded-For $remote_addr;
            grpc_set_header X-Forwarded-Proto https;
            grpc_set_header X-Forwarded-Host $http_host;
            grpc_set_header X-Forwarded-Prefix "";
            grpc_set_header Forwarded "";
        }}
    }}
}}
"""


@pytest.fixture(params=["ipv4", "unix"])
def kind(request: pytest.FixtureRequest) -> str:
    """Return each kind of socket."""
    return str(request.param)


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder whose path is short enough for a UNIX socket."""
    return tmp_path_factory.mktemp("p")


def test_nginx_tells_by_x_forwarded_over_http2(kind: str, folder: Path) -> None:
    upstream = Upstream(kind, folder)
    with upstream.server, nginx(upstream, folder, NGINX_GRPC, spoken="") as port:
        for _ in range(5):
            seen = ask(port, fields=SPOOFS | {"X-Forwarded-Prefix": "/evil"})
            assert (seen["http_version"], seen["client"], seen["scheme"]) == ("2", [CLIENT, 0], "https")
            assert (seen["server"], seen["root_path"]) == (["a.example", 8443], "")


@pytest.fixture
def channel(kind: str, folder: Path) -> Iterator[grpc.Channel]:
    """Connect to a gRPC application through nginx."""
    upstream = Upstream(kind, folder, app="grpc_app:app")
    with (
        upstream.server,
        nginx(upstream, folder, NGINX_GRPC, spoken="http2") as port,
        grpc.insecure_channel(f"127.0.0.1:{port}") as made,
    ):
        yield made


def test_calls_pass_through_nginx(channel: grpc.Channel) -> None:
    for _ in range(5):
        assert unary(channel, "Unary", b"hello") == b"HELLO"
    count = channel.unary_stream("/check.Check/Count")
    assert len(list(count(b"30", timeout=60))) == 30
    with pytest.raises(grpc.RpcError) as refused:
        unary(channel, "Refuse")
    assert refused.value.code() == grpc.StatusCode.NOT_FOUND
