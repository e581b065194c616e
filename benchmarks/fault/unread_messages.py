"""WebSocket clients never read while the application sends each of them 1 GiB; and one client that reads it all.

Promised: `send` waits, so that memory stays flat; those that never read are dropped; the one that reads gets all.
"""

import time

from ..running import Running
from ..websocket.opening import Opened, open_websocket
from .bystander import standing_by
from .flood import Flood
from .leftovers import Peak, count_leftovers, judge_leftovers, judge_peak, settle
from .stage import KIB, MIB, Stage, Verdict, fetch_census

__all__ = ["play"]

CLIENTS = 20
GIBIBYTE = 1024 * MIB
STALL_SECONDS = 3.0
SLACK_SECONDS = 3.0
READ_SECONDS = 30.0
RECEIVE_BUFFER = 16 * KIB
BYTES_PER_CLIENT = 256 * KIB
READER_PEAK_BYTES = 2 * MIB


def play(stage: Stage) -> Verdict:
    """Let some clients stall, then one read, on one server."""
    verdict = Verdict()
    with stage.live("--timeout-write-stall", f"{STALL_SECONDS:g}s") as live:
        # The first time allocates what is allocated once.
        _stall(live, 2, Peak(live))
        before = count_leftovers(live)
        _judge_stalled(verdict, live)
        _judge_reader(verdict, live)
        settle(live, before)
        judge_leftovers(verdict, before, count_leftovers(live), "all of that")
    return verdict


def _judge_stalled(verdict: Verdict, live: Running) -> None:
    peak, sent = Peak(live), fetch_census(live)["bytes_sent"]
    with standing_by(live) as bystander:
        dropped_after = _stall(live, CLIENTS, peak)
    taken = (fetch_census(live)["bytes_sent"] - sent) / CLIENTS
    gone = "never" if dropped_after is None else f"after {dropped_after:.1f} s"
    sending = f"{taken / MIB:.1f} MiB taken from the application for each of {CLIENTS}"
    verdict.show("never read", f"{sending}, dropped {gone}")
    verdict.expect("every client that never reads is dropped", dropped_after is not None)
    judge_peak(verdict, "never read", peak, BYTES_PER_CLIENT * CLIENTS)
    bystander.judge(verdict, "never read")


def _stall(live: Running, count: int, peak: Peak) -> float | None:
    """Let clients not read; return after how long they were dropped, None if they were not."""
    running = fetch_census(live)["running"]
    clients = [open_websocket(live.port, "/gibibyte", receive_buffer=RECEIVE_BUFFER) for _ in range(count)]
    begun = looked_at = time.monotonic()
    dropped_after = None
    while dropped_after is None and time.monotonic() - begun < STALL_SECONDS + SLACK_SECONDS:
        time.sleep(0.05)
        peak.look()
        if time.monotonic() - looked_at > 0.5:
            looked_at = time.monotonic()
            dropped_after = looked_at - begun if fetch_census(live)["running"] <= running else None
    _leave(clients)
    return dropped_after


def _leave(clients: list[Opened]) -> None:
    for client in clients:
        client.close()


def _judge_reader(verdict: Verdict, live: Running) -> None:
    opened = open_websocket(live.port, "/gibibyte")
    peak, flood, begun = Peak(live), Flood(opened), time.monotonic()
    flood.listen(READ_SECONDS, peak.look)
    opened.close()
    verdict.show("read", f"{flood.heard / MIB:,.0f} MiB in {time.monotonic() - begun:.1f} s, closed with {flood.code}")
    verdict.expect("the one that reads gets all, and 1000", flood.heard > GIBIBYTE and flood.code == 1000)
    judge_peak(verdict, "read", peak, READER_PEAK_BYTES)
