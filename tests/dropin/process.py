"""The command `uvicorn` in a process of its own, and a server of it in a thread."""

import contextlib
import json
import os
import socket
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import uvicorn
from tests.dropin.conftest import SOURCE
from tests.server.process import DEADLINE_SECONDS, ServerProcess

__all__ = ["HERE", "UvicornProcess", "ask", "connect", "environment", "port_of", "served", "wait_until"]

HERE = Path(__file__).parent


def environment() -> dict[str, str]:
    """Return the variables of a process that finds the drop-in, and the applications of the tests."""
    path = [str(SOURCE), str(Path(uvicorn.__file__).parents[1]), *sys.path]
    return {"PYTHONPATH": os.pathsep.join(dict.fromkeys(filter(None, path))), "PYTHONWARNINGS": "default"}


class UvicornProcess(ServerProcess):
    """Run `uvicorn` with some arguments and read its log."""

    def __init__(
        self,
        *arguments: str,
        cwd: Path = HERE,
        variables: Mapping[str, str] | None = None,
        command: Sequence[str] = ("-m", "uvicorn"),
        pass_fds: Sequence[int] = (),
    ) -> None:
        """Take the arguments, and what Python runs with them."""
        self._begin([sys.executable, *command, *arguments], cwd, {**environment(), **(variables or {})}, pass_fds)

    @property
    def port(self) -> int:
        """Return the port that it runs on."""
        return int(self.wait_for(r"Uvicorn running on https?://\S+:(\d+) \(Press CTRL\+C to quit\)")[1])


@contextlib.contextmanager
def served(app: Any, server_class: Any = None, **parameters: Any) -> Iterator[Any]:
    """Serve in a thread, as test suites do; yield the server when it has started."""
    server = (server_class or uvicorn.Server)(uvicorn.Config(app, **{"port": 0, "log_config": None, **parameters}))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started or not thread.is_alive())
        assert server.started
        yield server
    finally:
        server.should_exit = True
        thread.join(DEADLINE_SECONDS)
        assert not thread.is_alive()


def wait_until(condition: Any) -> None:
    """Return when a condition holds; fail at the deadline."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def port_of(server: Any) -> int:
    """Return the port of a server, by the recipe that everybody uses."""
    return int(server.servers[0].sockets[0].getsockname()[1])


def connect(port: int) -> socket.socket:
    """Return a connection; the line that says where the server runs may come before it listens."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), DEADLINE_SECONDS)
        except ConnectionRefusedError:
            assert time.monotonic() < deadline
            time.sleep(0.02)


def ask(port: int, path: str = "/", headers: Mapping[str, str] | None = None) -> Any:
    """Return the answer of an application of the tests; its headers are under "headers"."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=dict(headers or {}))
    connect(port).close()
    with urllib.request.urlopen(request, timeout=DEADLINE_SECONDS) as response:
        found: dict[str, Any] = json.loads(response.read())
        return {**found, "headers": response.getheaders()}
