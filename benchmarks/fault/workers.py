"""Workers come and go under load: restarts, workers killed, one more, one fewer, a new binary.

wrk and honest clients ask two workers for a minute, in which there are five SIGHUP, three `kill -9` of a worker,
SIGTTIN, SIGTTOU and SIGUSR2. A worker is stopped for a moment before it is killed, so that it is known exactly whose
connections it held.

Promised: no request fails but on connections that a killed worker held, and the fleet is at full strength again
within a second and what the import of the application takes. An upgrade and a restart end.
"""

import contextlib
import os
import signal
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ..health import Health
from ..load import Shape, start_load, take_report
from ..machine import pinned_to
from ..running import NotReady, Running
from ..servers import APPS
from .honest import Failure, HonestClients
from .stage import Stage, Verdict, wait_until

__all__ = ["play"]

WORKERS = 2
SECONDS = 60
CLIENTS = 12
#: Every other client rests between two requests, in seconds.
RESTS = (0.0, 0.002)
WRK_CONNECTIONS = 32
EVENTS = ("HUP", "KILL", "TTIN", "HUP", "KILL", "TTOU", "HUP", "USR2", "HUP", "KILL", "HUP")
EVENT_SECONDS = 20.0
GAP_SECONDS = 1.0
IMPORTS = 5
#: As /proc/net/tcp writes it.
ESTABLISHED = "01"


def play(stage: Stage) -> Verdict:
    """Do to a fleet under load all that is done to fleets."""
    verdict = Verdict()
    import_seconds = statistics.median(_import_seconds(stage) for _ in range(IMPORTS))
    with tempfile.TemporaryDirectory() as directory:
        pid_file, health = Path(directory) / "pid", Health.at_a_free_port()
        options = ("--workers", str(WORKERS), "--pid-file", str(pid_file), *health.options)
        with stage.live(*options) as live:
            fleet = _Fleet(live, pid_file, health)
            try:
                _play_under_load(stage, fleet, verdict)
            finally:
                fleet.end()
    _judge_gaps(verdict, fleet.gaps, import_seconds)
    return verdict


@dataclass
class _Fleet:
    """Be the supervisor of the moment and its workers, as they can be seen from outside."""

    live: Running
    pid_file: Path
    health: Health
    gaps: list[float] = field(default_factory=list)
    #: The clients' ports of all connections that killed workers held.
    lost_ports: set[int] = field(default_factory=set)

    @property
    def pid(self) -> int:
        """Return the supervisor."""
        return int(self.pid_file.read_text())

    @property
    def workers(self) -> set[int]:
        """Return its children."""
        pid = self.pid
        return {int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}

    def restart(self) -> None:
        """Replace all workers."""
        before = self.workers
        os.kill(self.pid, signal.SIGHUP)
        self.expect("restart", lambda: not before & self.workers and self.health.is_complete())

    def scale(self, number: int, count: int) -> None:
        """Have one worker more or fewer."""
        os.kill(self.pid, number)
        self.expect("change of the number", lambda: self.health.is_complete(count) and len(self.workers) == count)

    def upgrade(self) -> None:
        """Have a new supervisor take over."""
        before = self.pid
        os.kill(before, signal.SIGUSR2)
        self.expect("upgrade", lambda: self.pid != before and self.live.process.poll() is not None)
        self.expect("upgrade", self.health.is_complete)

    def kill(self) -> None:
        """Kill a worker; note how long it took until all were ready again."""
        pid = min(self.workers)
        os.kill(pid, signal.SIGSTOP)
        self.expect("stop of a worker", lambda: _state_of(pid) == "T")
        self.lost_ports |= _client_ports(pid, self.live.port)
        begun = time.perf_counter()
        os.kill(pid, signal.SIGKILL)
        self.expect("replacement", lambda: pid not in self.workers and self.health.is_complete())
        self.gaps.append(time.perf_counter() - begun)

    def end(self) -> None:
        """Stop whoever supervises now."""
        with contextlib.suppress(OSError, ValueError):
            os.kill(self.pid, signal.SIGTERM)
            wait_until(lambda: not self.pid_file.exists(), EVENT_SECONDS)

    def expect(self, what: str, holds: Callable[[], bool]) -> None:
        """Wait until something holds. Raises NotReady."""
        if wait_until(lambda: _holds(holds), EVENT_SECONDS, pause=0.01) is None:
            raise NotReady(f"the {what} did not come to an end")


def _play_under_load(stage: Stage, fleet: _Fleet, verdict: Verdict) -> None:
    fleet.expect("start", fleet.health.is_complete)
    deeds: dict[str, Callable[[], None]] = {
        "HUP": fleet.restart,
        "KILL": fleet.kill,
        "TTIN": lambda: fleet.scale(signal.SIGTTIN, WORKERS + 1),
        "TTOU": lambda: fleet.scale(signal.SIGTTOU, WORKERS),
        "USR2": fleet.upgrade,
    }
    begun = time.monotonic()
    with HonestClients(fleet.live.port, CLIENTS, RESTS, "/worker") as clients:
        wrk = start_load(Shape(connections=WRK_CONNECTIONS), fleet.live.port, SECONDS, stage.cpus.load)
        try:
            for number, name in enumerate(EVENTS, 1):
                time.sleep(max(0.0, begun + number * SECONDS / (len(EVENTS) + 1) - time.monotonic()))
                deeds[name]()
            load = take_report(wrk, SECONDS)
        finally:
            wrk.kill()
    _judge_clients(verdict, clients, fleet)
    held = len(fleet.lost_ports)
    verdict.show("wrk", f"{load.requests:,} answered, {load.faults} failed: {load.errors}")
    verdict.expect(f"wrk: not more failed than the {held} connections that killed workers held", load.faults <= held)


def _judge_clients(verdict: Verdict, clients: HonestClients, fleet: _Fleet) -> None:
    others = [failure for failure in clients.failures if failure.port not in fleet.lost_ports]
    count = len(clients.failures)
    verdict.show("events", " ".join(EVENTS))
    verdict.show("honest clients", f"{clients.answered:,} answered, {count} failed, {len(others)} of them unexplained")
    for failure in others[:5]:
        verdict.show("unexplained", _described(failure))
    verdict.expect("honest clients: no request fails but in a killed worker", clients.answered > 0 and not others)


def _judge_gaps(verdict: Verdict, gaps: list[float], import_seconds: float) -> None:
    mean = statistics.mean(gaps)
    each = ", ".join(f"{gap:.2f}" for gap in gaps)
    verdict.show("from kill to full strength", f"{mean:.2f} s at the mean ({each})")
    verdict.show("bare import of the application", f"{import_seconds:.2f} s")
    bound = GAP_SECONDS + import_seconds
    verdict.expect(f"full strength at the mean {bound:.2f} s after a kill", mean <= bound)


def _described(failure: Failure) -> str:
    return f"{failure.reason} (client's port {failure.port})"


def _holds(condition: Callable[[], bool]) -> bool:
    """Tell whether something holds; what cannot be read is on its way."""
    try:
        return condition()
    except (OSError, ValueError):
        return False


def _state_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]


def _client_ports(pid: int, port: int) -> set[int]:
    """Return the other ends of the connections to a port that a process holds."""
    links = [os.readlink(entry) for entry in Path(f"/proc/{pid}/fd").iterdir()]
    inodes = {link[len("socket:[") : -1] for link in links if link.startswith("socket:[")}
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {
        int(row[2].rpartition(":")[2], 16)
        for row in rows
        if row[9] in inodes and row[3] == ESTABLISHED and int(row[1].rpartition(":")[2], 16) == port
    }


def _import_seconds(stage: Stage) -> float:
    code = "import time; begun = time.perf_counter(); import faults; print(time.perf_counter() - begun)"
    command = [str(stage.environment.python), "-c", code]
    preparation = pinned_to(stage.cpus.server)
    printed = subprocess.run(command, cwd=APPS, capture_output=True, check=True, preexec_fn=preparation).stdout
    return float(printed)
