"""Run one server for the length of a `with` block, pinned to one CPU.

Rules: a server is ready when it has answered 200 with the whole body; it leads a session of its own, and that
whole session is ended with it; what it printed is shown when it does not come up.
"""

import os
import signal
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from .environments import Environment
from .machine import CpuTime, count_descriptors, cpu_time, pinned_to, read_rss, session_pids, waiting_time
from .servers import APPS, Server

__all__ = ["NotReady", "Running", "answers_over_tls", "ask", "free_port", "get", "running"]

READY_SECONDS = 20.0
STOP_SECONDS = 8.0
POLL_SECONDS = 0.0005


class NotReady(Exception):
    """Say why a server did not come up."""


@dataclass(frozen=True, slots=True)
class Running:
    """Hold one live server: where it listens and which process leads it."""

    server: Server
    port: int
    process: "subprocess.Popen[bytes]"
    started_at: float
    ready_at: float

    @property
    def pid(self) -> int:
        """Return the process, and session, that leads the server."""
        return self.process.pid

    @property
    def seconds_to_ready(self) -> float:
        """Return how long it took from spawning to the first whole answer."""
        return self.ready_at - self.started_at

    def cpu_time(self) -> CpuTime:
        """Return the CPU time that all its processes have used."""
        return cpu_time(self.pid)

    def waiting_time(self) -> float:
        """Return how long its leading threads have waited for their CPU."""
        return waiting_time(self.pid)

    def rss(self) -> int:
        """Return the resident bytes of all its processes."""
        return read_rss(self.pid)

    def descriptors(self) -> int:
        """Return how many descriptors all its processes hold."""
        return count_descriptors(self.pid)

    def connect(self, **options: int) -> socket.socket:
        """Open a connection; `receive_buffer` bounds what the kernel holds for us."""
        connection = socket.socket()
        if "receive_buffer" in options:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, options["receive_buffer"])
        connection.settimeout(10)
        connection.connect(("127.0.0.1", self.port))
        return connection


@contextmanager
def running(
    server: Server,
    environment: Environment,
    app: str,
    *,
    cpu: int,
    extra: tuple[str, ...] = (),
    is_silent: bool = False,
    variables: dict[str, str] | None = None,
    answers: Callable[[int], bool] | None = None,
) -> Iterator[Running]:
    """Serve `app` until the block ends. `is_silent` sends all output to /dev/null, else it is kept for errors.

    `answers` tells whether the server on a port is ready, in place of a GET by HTTP/1.1 in the clear.
    """
    port = free_port()
    with tempfile.TemporaryFile() as kept:
        output: IO[bytes] | int = subprocess.DEVNULL if is_silent else kept
        started_at = time.perf_counter()
        process = subprocess.Popen(
            server.command(environment, app, port, extra),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=APPS,
            env=_variables(environment, variables),
            start_new_session=True,
            preexec_fn=pinned_to(cpu),
        )
        try:
            ready_at = _wait_until_ready(process, lambda: (answers or _answers)(port), lambda: _tail(kept))
            yield Running(server, port, process, started_at, ready_at)
        finally:
            _stop(process)


def get(connection: socket.socket, path: str = "/") -> tuple[int, bytes]:
    """Send one GET on an open connection and return status and body; the answer must have a Content-Length."""
    return ask(connection, f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())


def ask(connection: socket.socket, request: bytes) -> tuple[int, bytes]:
    """Send one request as it is and return status and body; the answer must have a length or be chunked."""
    connection.sendall(request)
    data = b""
    while b"\r\n\r\n" not in data:
        data += _receive(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    status = int(head.split(b" ", 2)[1])
    length = _content_length(head)
    while not (body.endswith(b"0\r\n\r\n") if length is None else len(body) >= length):
        body += _receive(connection)
    return status, body


def _receive(connection: socket.socket) -> bytes:
    data = connection.recv(262144)
    if not data:
        raise ConnectionError("the server closed the connection within an answer")
    return data


def _content_length(head: bytes) -> int | None:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    return None


def _wait_until_ready(
    process: "subprocess.Popen[bytes]", answers: Callable[[], bool], said: Callable[[], str]
) -> float:
    limit = time.perf_counter() + READY_SECONDS
    while time.perf_counter() < limit:
        if process.poll() is not None:
            raise NotReady(f"it ended with status {process.returncode}: {said()}")
        if answers():
            return time.perf_counter()
        time.sleep(POLL_SECONDS)
    raise NotReady(f"no answer 200 within {READY_SECONDS:.0f} s: {said()}")


def answers_over_tls(port: int, authority: Path) -> bool:
    """Tell whether a server answers a GET by HTTP/1.1 over TLS, with a certificate of this authority."""
    context = ssl.create_default_context(cafile=authority)
    try:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=2) as connection,
            context.wrap_socket(connection, server_hostname="localhost") as secured,
        ):
            return get(secured)[0] == 200
    except (OSError, ValueError, IndexError):
        return False


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            return get(connection)[0] == 200
    except (OSError, ValueError, IndexError):
        return False


def free_port() -> int:
    """Return a port of the loopback interface that nobody listens to."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _variables(environment: Environment, more: dict[str, str] | None) -> dict[str, str]:
    path = f"{environment.root / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return {**os.environ, "PATH": path, "PYTHONPATH": str(APPS), **(more or {})}


def _tail(output: IO[bytes]) -> str:
    output.seek(0)
    return output.read()[-2000:].decode(errors="replace").strip()


def _stop(process: "subprocess.Popen[bytes]") -> None:
    leader = process.pid
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            pass
    for pid in session_pids(leader):
        _kill(pid)
    process.wait(STOP_SECONDS)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
