"""A redis-server of its own, on a socket in a folder: no port that another could take, nothing kept."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.programs import find_program

__all__ = ["redis_running"]


@contextmanager
def redis_running(folder: Path) -> Iterator[Path]:
    """Run a redis-server until the end of the `with` statement; give the path of its socket."""
    path = folder / "redis.sock"
    command = [
        find_program("redis-server"),
        "--port",
        "0",
        "--unixsocket",
        str(path),
        "--save",
        "",
        "--dir",
        str(folder),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        assert server.stdout is not None
        said = ""
        # It says so when it accepts; its few lines before fit a pipe, and so do those after.
        while "ready to accept connections" not in said.lower():
            line = server.stdout.readline()
            assert line, f"redis-server ended:\n{said}"
            said += line
        try:
            yield path
        finally:
            server.kill()
