"""A client that behaves, in a process of its own, while others do not: how long does it wait for its echoes?

Rules: a process, since a thread would wait for the thread that plays the fault; one message every few milliseconds,
which no server that serves it at all can feel. What the server itself waits for its CPU, while something else of a
shared machine has it, is taken off each wait: it is no doing of the fault.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..running import Running
from ..websocket.conversation import Talk, expect, percentiles
from ..websocket.frames import FIN, TEXT, client_frame
from ..websocket.opening import open_websocket
from .stage import Verdict

__all__ = ["Bystander", "standing_by"]

TOP = Path(__file__).resolve().parent.parent.parent
PAUSE_SECONDS = 0.005
STOP_SECONDS = 15.0

P99_MILLISECONDS = 50
MAX_MILLISECONDS = 1000


@dataclass(slots=True)
class Bystander:
    """Hold what it waited, in microseconds, once the block has ended."""

    count: int = 0
    p50: int = 0
    p99: int = 0
    max: int = 0

    def judge(self, verdict: Verdict, name: str) -> None:
        """Promise that it was served all the time."""
        verdict.show(f"{name}, bystander", f"{self.count:,} echoes, p50 {self.p50} µs, p99 {self.p99}, max {self.max}")
        is_served = self.count > 0 and self.p99 < P99_MILLISECONDS * 1000 and self.max < MAX_MILLISECONDS * 1000
        bounds = f"p99 below {P99_MILLISECONDS} ms, none above {MAX_MILLISECONDS} ms"
        verdict.expect(f"{name}: a bystander is served, {bounds}", is_served)


@contextmanager
def standing_by(live: Running) -> Iterator[Bystander]:
    """Let a bystander talk with the server until the block ends; its figures are there after that."""
    command = [sys.executable, "-m", __name__, str(live.port), str(live.pid)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=TOP)
    bystander = Bystander()
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield bystander
        printed, _ = process.communicate("", timeout=STOP_SECONDS)
        if process.returncode == 0:
            bystander.count, bystander.p50, bystander.p99, bystander.max = json.loads(printed)
    finally:
        process.kill()
        process.wait()


class ServerTime:
    """Measure a wait, but for the time in which the server was ready to run and something else had its CPU."""

    def __init__(self, pid: int) -> None:
        # clock_getcpuclockid(3), which Python offers for threads alone.
        self._clock = ~pid << 3 | 2
        self._schedstat = Path(f"/proc/{pid}/schedstat")
        self._begun = self._used = self._lost = 0.0

    def start(self) -> None:
        """Begin."""
        self._lost, self._used, self._begun = self._read_lost(), time.clock_gettime(self._clock), time.perf_counter()

    def stop(self) -> float:
        """Return the seconds since the start. A loss may have begun before, but none is within what the server ran."""
        passed = time.perf_counter() - self._begun
        ran = time.clock_gettime(self._clock) - self._used
        return max(min(ran, passed), passed - (self._read_lost() - self._lost))

    def _read_lost(self) -> float:
        return int(self._schedstat.read_text().split()[1]) / 1e9


def main() -> None:
    """Talk until standard input ends; print count, median, 99th percentile and highest wait."""
    _take_precedence()
    has_ended = threading.Event()
    opened = open_websocket(int(sys.argv[1]), "/")
    print("ready", flush=True)
    threading.Thread(target=_wait_for_end, args=(has_ended,), daemon=True).start()
    payload, waits, server = Talk().payload, list[float](), ServerTime(int(sys.argv[2]))
    while not has_ended.wait(PAUSE_SECONDS):
        server.start()
        opened.socket.sendall(client_frame(FIN | TEXT, payload))
        expect(opened, FIN | TEXT, payload)
        waits.append(server.stop())
    print(json.dumps([len(waits), *percentiles(waits)]))


def _take_precedence() -> None:
    """Wait for nobody but the server, where that is allowed: what else runs on our CPU is not what is measured."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except PermissionError:
        pass


def _wait_for_end(has_ended: threading.Event) -> None:
    sys.stdin.read()
    has_ended.set()


if __name__ == "__main__":
    main()
