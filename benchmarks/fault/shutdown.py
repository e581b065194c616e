"""SIGTERM under load: clients that keep their connections, clients that open one for each request, and wrk.

Promised: no request that was sent before the signal goes unanswered; each that the application answered arrives.
"""

import json
import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from ..load import Shape, start_load, take_report
from ..running import Running
from .asking import Asker, Crowd
from .stage import Stage, Verdict, fetch_census

__all__ = ["play"]

ROUNDS = 5
CLIENTS = 32
PATHS = ("/", "/slow")
LOAD_SECONDS = 0.7
EXIT_SECONDS = 10.0
WRK_SECONDS = 3


def play(stage: Stage) -> Verdict:
    """Stop a server several times under each of the three loads."""
    verdict = Verdict()
    for name, is_fresh in (("kept connections", False), ("new connections", True)):
        _stop_under_crowd(stage, verdict, name, is_fresh)
    _stop_under_wrk(stage, verdict)
    return verdict


def _stop_under_crowd(stage: Stage, verdict: Verdict, name: str, is_fresh: bool) -> None:
    under_way = answered = lost = after = 0
    statuses, seconds = set(), []
    for _ in range(ROUNDS):
        with stage.live() as live:
            askers = [Asker(live.port, PATHS[number % 2], is_fresh=is_fresh) for number in range(CLIENTS)]
            crowd = Crowd(askers)
            under_way += _play_crowd(crowd, live)
            status, took = _await_exit(live)
            statuses.add(status)
            seconds.append(took)
            answered += crowd.tally.answered
            lost += crowd.tally.lost_before
            after += crowd.tally.unanswered_after
    verdict.show(name, f"{answered:,} answered, {under_way} under way at the signal, {lost} of them lost")
    verdict.show(f"{name}, sent after it", f"{after} closed without an answer, as a client may retry")
    verdict.show(f"{name}, exit", f"status {sorted(map(str, statuses))}, at most {max(seconds):.1f} s after the signal")
    verdict.expect(f"{name}: no request sent before the signal is lost", lost == 0)
    verdict.expect(f"{name}: the server ends by itself", "killed" not in statuses)


def _play_crowd(crowd: Crowd, live: Running) -> int:
    """Load the server, signal it, and go on until it takes no more; return what was under way at the signal."""
    signal_at = time.monotonic() + LOAD_SECONDS
    while time.monotonic() < signal_at:
        crowd.turn(0.05)
    under_way = crowd.mark()
    os.kill(live.pid, signal.SIGTERM)
    while not crowd.is_over and time.monotonic() < signal_at + EXIT_SECONDS:
        crowd.turn(0.1)
    crowd.close()
    return under_way


def _await_exit(live: Running) -> tuple[int | str, float]:
    begun = time.monotonic()
    try:
        status: int | str = live.process.wait(EXIT_SECONDS)
    except subprocess.TimeoutExpired:
        status = "killed"
    return status, time.monotonic() - begun


def _stop_under_wrk(stage: Stage, verdict: Verdict) -> None:
    served = received = 0
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "census.json"
            with stage.live(variables={"FAULTS_CENSUS": str(path)}) as live:
                before = fetch_census(live)["begun"]
                received += _signal_under_wrk(stage, live)
                _await_exit(live)
            served += json.loads(path.read_text())["answered"] - before if path.exists() else 0
    verdict.show("wrk", f"{served:,} answered by the application, {received:,} received")
    verdict.expect("wrk: every answer that the application gave arrives", served > 0 and served == received)


def _signal_under_wrk(stage: Stage, live: Running) -> int:
    wrk = start_load(Shape(), live.port, WRK_SECONDS, stage.cpus.load)
    time.sleep(WRK_SECONDS / 2)
    os.kill(live.pid, signal.SIGTERM)
    return take_report(wrk, WRK_SECONDS).requests
