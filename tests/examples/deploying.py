"""Runs the proxies with the files in examples/deploy/, of which only the socket and the port are the test's own."""

import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.server.process import DEADLINE_SECONDS
from tests.support.programs import find_program
from tests.support.source import ROOT

__all__ = ["DEPLOY", "SOCKET", "deployed", "socket_in"]

DEPLOY = ROOT / "examples" / "deploy"
#: Where the files, and the unit of systemd, have licorne's socket.
SOCKET = "/run/licorne/app.sock"


def socket_in(directory: Path) -> Path:
    """Return where licorne is to listen for a proxy that is deployed in a directory."""
    return directory / "app.sock"


@contextmanager
def deployed(name: str, directory: Path) -> Iterator[int]:
    """Run "nginx" or "haproxy" in front of the socket in a directory; give its port."""
    with kept_port() as port:
        command = COMMANDS[name](directory, port)
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as proxy:
            try:
                wait_for_port(port)
                yield port
            finally:
                proxy.terminate()


def nginx_command(directory: Path, port: int) -> list[str]:
    """Write a whole configuration around nginx.conf, which is a part of one."""
    part = directory / "licorne.conf"
    part.write_text(adapted("nginx.conf", directory, "listen 80;", f"listen 127.0.0.1:{port};"), encoding="utf-8")
    folders = [f"{name}_temp_path {directory / name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")]
    whole = directory / "nginx.conf"
    whole.write_text(
        f"daemon off; master_process off; pid {directory}/pid; error_log {directory}/error.log; events {{}}\n"
        f"http {{ access_log off; {' '.join(folders)} include {part}; }}\n",
        encoding="utf-8",
    )
    return [find_program("nginx"), "-c", str(whole), "-e", f"{directory}/error.log"]


def haproxy_command(directory: Path, port: int) -> list[str]:
    """Write haproxy.cfg."""
    file = directory / "haproxy.cfg"
    file.write_text(adapted("haproxy.cfg", directory, "bind :80", f"bind 127.0.0.1:{port}"), encoding="utf-8")
    return [find_program("haproxy"), "-db", "-f", str(file)]


COMMANDS: dict[str, Callable[[Path, int], list[str]]] = {"nginx": nginx_command, "haproxy": haproxy_command}


def adapted(name: str, directory: Path, listen: str, ours: str) -> str:
    """Return a file of examples/deploy/ with the socket in `directory` and the port of the test."""
    text = (DEPLOY / name).read_text(encoding="utf-8")
    assert text.count(SOCKET) == 1
    assert text.count(listen) == 1
    return text.replace(SOCKET, str(socket_in(directory))).replace(listen, ours)


@contextmanager
def kept_port() -> Iterator[int]:
    """Give a port that the system gives to nobody else; whoever asks for this one, as the proxies do, may listen.

    It is kept on both loopback addresses: nginx listens on one for two seconds before it gives up over the other.
    """
    with socket.socket() as ipv4, socket.socket(socket.AF_INET6) as ipv6:
        for sock in (ipv4, ipv6):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        ipv4.bind(("127.0.0.1", 0))
        port = int(ipv4.getsockname()[1])
        try:
            ipv6.bind(("::1", port))
        except OSError:  # somebody has that one
            with kept_port() as other:
                yield other
        else:
            yield port


def wait_for_port(port: int) -> None:
    """Wait until somebody listens."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            assert time.monotonic() < deadline, "the proxy does not listen"
            time.sleep(0.02)
