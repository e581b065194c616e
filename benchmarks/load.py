"""Put load on a server with wrk and take what wrk counted.

Rules: wrk has one thread, pinned to the load's CPU; every script in `scripts/` ends by printing one REPORT line.
"""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .machine import pinned_to

__all__ = ["Load", "LoadError", "Shape", "put_load", "start_load", "take_report"]

SCRIPTS = Path(__file__).resolve().parent / "scripts"


class LoadError(Exception):
    """Say why there is no figure: wrk is missing, or broke."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Say what wrk sends: which script, over how many connections, to which path, over TLS or not."""

    script: str = "report"
    connections: int = 64
    path: str = "/"
    is_secure: bool = False

    def url(self, port: int) -> str:
        """Return what is asked for."""
        return f"{'https' if self.is_secure else 'http'}://127.0.0.1:{port}{self.path}"


@dataclass(frozen=True, slots=True)
class Load:
    """Hold what wrk counted in one run; latencies are microseconds."""

    requests: int
    seconds: float
    p50: int
    p99: int
    max: int
    errors: dict[str, int]
    #: The share of the time for which the load itself ran; 0 where it is not known.
    busy: float = 0.0

    @property
    def rate(self) -> float:
        """Return requests a second."""
        return self.requests / self.seconds

    @property
    def faults(self) -> int:
        """Return how many requests went wrong: refused, cut, not 2xx or 3xx, late."""
        return sum(self.errors.values())


def put_load(shape: Shape, port: int, seconds: int, cpu: int) -> Load:
    """Run wrk to its end and return what it counted."""
    return take_report(start_load(shape, port, seconds, cpu), seconds)


def start_load(shape: Shape, port: int, seconds: int, cpu: int) -> "subprocess.Popen[str]":
    """Start wrk, which knows whole seconds only, and return it."""
    if not shutil.which("wrk"):
        raise LoadError("wrk is not in PATH; Debian has it as package wrk")
    command = ["wrk", "-t1", f"-c{shape.connections}", f"-d{seconds}s", "--timeout", "10s"]
    command += ["-s", str(SCRIPTS / f"{shape.script}.lua"), shape.url(port)]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=pinned_to(cpu),
    )


def take_report(wrk: "subprocess.Popen[str]", seconds: int) -> Load:
    """Wait for wrk and read its REPORT line."""
    try:
        printed, _ = wrk.communicate(timeout=seconds + 30)
    except subprocess.TimeoutExpired:
        wrk.kill()
        wrk.communicate()
        raise LoadError("wrk did not end") from None
    for line in printed.splitlines():
        if line.startswith("REPORT "):
            return _read_report(line)
    raise LoadError(f"wrk said: {printed.strip()}")


def _read_report(line: str) -> Load:
    figures = {name: int(value) for name, _, value in (part.partition("=") for part in line.split()[1:])}
    return Load(
        requests=figures["requests"],
        seconds=figures["microseconds"] / 1e6,
        p50=figures["p50"],
        p99=figures["p99"],
        max=figures["max"],
        errors={name: figures[name] for name in ("connect", "read", "write", "status", "timeout")},
    )
