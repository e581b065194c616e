"""Put load on a server with h2load, which speaks HTTP/2, and take what it counted.

Rules: h2load has one thread, pinned to the load's CPU; it keeps its streams busy on each connection until the time is
over or all is answered, with windows so large (1 GiB) that no server waits for credit. It knows no percentiles: its
latencies are 0.
"""

import re
import resource
import shutil
import subprocess
from dataclasses import dataclass

from .load import Load, LoadError
from .machine import pinned_to

__all__ = ["Streams", "can_answer", "put_streams"]

COUNTED = re.compile(r"^requests: .* (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout$", re.MULTILINE)
FINISHED = re.compile(r"^finished in ([\d.]+)(us|ms|s),", re.MULTILINE)
UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}
PROBE_SECONDS = 10
#: What a fixed number of requests may take at most.
MOST_SECONDS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Streams:
    """Say what h2load sends: over how many connections, how many streams on each, to which path, over TLS or not."""

    connections: int = 16
    streams: int = 32
    path: str = "/"
    is_secure: bool = False
    #: How many requests, however long they take; 0 for as many as the time allows.
    requests: int = 0

    def url(self, port: int) -> str:
        """Return what is asked for."""
        return f"{'https' if self.is_secure else 'http'}://127.0.0.1:{port}{self.path}"


def put_streams(shape: Streams, port: int, seconds: int, cpu: int) -> Load:
    """Run h2load to its end and return what it counted."""
    if not shutil.which("h2load"):
        raise LoadError("h2load is not in PATH; Debian has it in package nghttp2-client")
    much = ["-n", str(shape.requests)] if shape.requests else ["-D", str(seconds)]
    before = _seconds_of_children()
    printed = _run([f"-c{shape.connections}", f"-m{shape.streams}", *much, shape.url(port)], cpu, MOST_SECONDS)
    used = _seconds_of_children() - before
    succeeded, failed, errored, late = _read_counts(printed)
    taken = _read_seconds(printed) if shape.requests else float(seconds)
    return Load(
        requests=succeeded,
        seconds=taken,
        p50=0,
        p99=0,
        max=0,
        errors={"failed": failed - errored, "errored": errored - late, "timeout": late},
        busy=used / taken,
    )


def can_answer(shape: Streams, port: int) -> bool:
    """Tell whether the server answers one request over HTTP/2 with success."""
    if not shutil.which("h2load"):
        return False
    try:
        printed = _run(["-c1", "-m1", "-n1", shape.url(port)], None, PROBE_SECONDS)
        return _read_counts(printed)[0] == 1
    except LoadError:
        return False


def _run(arguments: list[str], cpu: int | None, seconds: int) -> str:
    try:
        done = subprocess.run(
            ["h2load", "-t1", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
            check=False,
            preexec_fn=None if cpu is None else pinned_to(cpu),
        )
    except subprocess.TimeoutExpired:
        raise LoadError("h2load did not end") from None
    return done.stdout


def _read_counts(printed: str) -> tuple[int, int, int, int]:
    """Return how many requests succeeded, failed, failed for an error, and of those timed out."""
    counted = COUNTED.search(printed)
    if counted is None:
        raise LoadError(f"h2load said: {printed.strip()[-300:]}")
    succeeded, failed, errored, late = (int(count) for count in counted.groups())
    return succeeded, failed, errored, late


def _read_seconds(printed: str) -> float:
    finished = FINISHED.search(printed)
    if finished is None:
        raise LoadError(f"h2load did not say how long it took: {printed.strip()[-300:]}")
    return float(finished[1]) * UNITS[finished[2]]


def _seconds_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
