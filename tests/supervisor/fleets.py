"""A supervisor with its workers, each a process, and what can be seen of them from outside."""

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.server.process import DEADLINE_SECONDS, Client, ServerProcess

__all__ = ["Fleet", "cpu_seconds", "serving", "wait_until"]

APPS = Path(__file__).parents[2]


def wait_until(is_so: Callable[[], object]) -> None:
    """Wait until something is so; fail at a deadline."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, "it never came to be so"
        time.sleep(0.01)


class Fleet(ServerProcess):
    """Run `licorne` with workers."""

    @property
    def pid(self) -> int:
        """Return the number of the supervisor."""
        return self.process.pid

    @property
    def workers(self) -> list[int]:
        """Return the children of the supervisor, those that have ended and were not waited for included."""
        with open(f"/proc/{self.pid}/task/{self.pid}/children", encoding="ascii") as file:
            return [int(word) for word in file.read().split()]

    @property
    def open_files(self) -> int:
        """Return how many descriptors the supervisor holds."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def wait_for_workers(self, count: int) -> list[int]:
        """Return the workers when there are so many."""
        wait_until(lambda: len(self.workers) == count)
        return self.workers

    def answer(self, path: str = "/") -> int:
        """Return the number of the process that answers a request."""
        with Client(self.port) as client:
            return int(client.get(path).rpartition(b"\r\n")[2])

    def end(self, number: int = signal.SIGTERM) -> int:
        """Stop it; return the exit status."""
        self.signal(number)
        return self.wait()


@contextmanager
def serving(
    app: str, *arguments: str, workers: int = 2, cwd: Path | None = None, variables: Mapping[str, str] | None = None
) -> Iterator[Fleet]:
    """Serve one of the applications of apps.py with workers that are all ready."""
    options = (f"tests.supervisor.apps:{app}", "--port", "0", *(("--workers", str(workers)) if workers else ()))
    with Fleet(*options, "--log-level", "debug", *arguments, app_dir=APPS, cwd=cwd, variables=variables) as fleet:
        if workers:
            fleet.wait_for("Started server process", workers)
        yield fleet


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has used."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        words = file.read().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
