"""nginx and haproxy in front of licorne, listening on UNIX sockets of their own, so that no port is fought for.

They run in the foreground as the user who runs the tests, with all their files in a folder of their own, and are
stopped by their process id.
"""

import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.programs import find_program

__all__ = ["PROXIES", "running_proxy"]

DEADLINE_SECONDS = 60.0

NGINX = """
daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/log;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/client;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    client_max_body_size 0;
    upstream site {{
        {servers}
        keepalive 16;
    }}
    server {{
        listen unix:{folder}/front backlog=512;
        location / {{
            proxy_pass http://site;
            proxy_http_version 1.1;
            proxy_set_header Host $host;
            proxy_set_header Connection "";
            {more}
        }}
    }}
}}
"""

HAPROXY = """
global
    maxconn 512
    log {folder}/none local0
defaults
    mode http
    timeout connect 30s
    timeout client 60s
    timeout server 60s
    timeout check 30s
    option http-keep-alive
    http-reuse always
    retries 3
    option redispatch 1
    retry-on conn-failure empty-response
frontend front
    bind unix@{folder}/front backlog 512
    default_backend site
backend site
    option httpchk GET /hello
    {servers}
"""

Configure = Callable[[Path, Sequence[str]], list[str]]


def configure_nginx(more: str = "") -> Configure:
    """Return what writes nginx's configuration and returns the command."""

    def configure(folder: Path, upstreams: Sequence[str]) -> list[str]:
        servers = " ".join(f"server {upstream};" for upstream in upstreams)
        path = folder / "nginx.conf"
        path.write_text(NGINX.format(folder=folder, servers=servers, more=more))
        return [find_program("nginx"), "-p", str(folder), "-e", str(folder / "log"), "-c", str(path)]

    return configure


def configure_haproxy(folder: Path, upstreams: Sequence[str]) -> list[str]:
    """Write haproxy's configuration and return the command."""
    checked = "check inter 200ms fastinter 200ms downinter 200ms"
    servers = "\n    ".join(f"server s{number} {upstream} {checked}" for number, upstream in enumerate(upstreams))
    path = folder / "haproxy.cfg"
    path.write_text(HAPROXY.format(folder=folder, servers=servers))
    return [find_program("haproxy"), "-db", "-f", str(path)]


PROXIES: dict[str, Configure] = {
    "nginx": configure_nginx(),
    "nginx-unbuffered": configure_nginx("proxy_buffering off; proxy_request_buffering off;"),
    "haproxy": configure_haproxy,
}


@contextmanager
def running_proxy(name: str, *upstreams: str) -> Iterator[str]:
    """Run a proxy in front of some addresses; give the path of its socket."""
    with tempfile.TemporaryDirectory(prefix="licorne-") as folder:
        command = PROXIES[name](Path(folder), upstreams)
        with (Path(folder) / "output").open("wb") as output:
            process = subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL)
        try:
            front = str(Path(folder) / "front")
            await_socket(front, process, Path(folder))
            yield front
        finally:
            process.terminate()
            process.wait(DEADLINE_SECONDS)


def await_socket(path: str, process: subprocess.Popen[bytes], folder: Path) -> None:
    """Wait until somebody listens at a path."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        with socket.socket(socket.AF_UNIX) as tried:
            if tried.connect_ex(path) == 0:
                return
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"the proxy does not listen: {(folder / 'output').read_text()}")
        time.sleep(0.02)
