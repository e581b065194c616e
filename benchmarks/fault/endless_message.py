"""A WebSocket message that never ends: in tiny fragments, in empty ones, in large ones.

Promised: the client is closed as soon as a limit is passed, with 1008 for the number of fragments and 1009 for their
size; memory stays flat, others are served meanwhile.
"""

from dataclasses import dataclass

from ..running import Running
from ..websocket.frames import BINARY, CONTINUATION, client_frame
from ..websocket.opening import open_websocket
from .bystander import standing_by
from .flood import Flood
from .leftovers import Peak, count_leftovers, judge_leftovers, judge_peak, settle
from .stage import KIB, MIB, Stage, Verdict

__all__ = ["play"]

CLIENTS = 300
MAX_SIZE = 1 * MIB
LIMIT_SECONDS = 5.0
LIMIT_BYTES = 16 * MIB
# One message may be kept up to the limit, and once more while it is put together.
PEAK_BYTES = 3 * MIB

TOO_MANY = 1008
TOO_BIG = 1009


@dataclass(frozen=True, slots=True)
class Fault:
    """Say what fragments hold, how many leave in one write, and what the client is closed with."""

    payload: bytes
    at_once: int
    code: int


FAULTS = {
    "fragments of 1 byte": Fault(b"x", 512, TOO_MANY),
    "empty fragments": Fault(b"", 512, TOO_MANY),
    "fragments of 64 KiB": Fault(b"x" * (64 * KIB), 1, TOO_BIG),
}


def play(stage: Stage) -> Verdict:
    """Let clients send each kind, one after another."""
    verdict = Verdict()
    with stage.live("--ws-max-size", str(MAX_SIZE)) as live:
        for fault in FAULTS.values():
            # The first time allocates what is allocated once.
            _send_endlessly(live, fault, Peak(live))
        before = count_leftovers(live)
        for name, fault in FAULTS.items():
            _judge(verdict, live, name, fault)
        settle(live, before)
        judge_leftovers(verdict, before, count_leftovers(live), f"{CLIENTS * len(FAULTS):,} endless messages")
    return verdict


def _judge(verdict: Verdict, live: Running, name: str, fault: Fault) -> None:
    peak = Peak(live)
    with standing_by(live) as bystander:
        floods = list[Flood]()
        # Where one is not stopped, no other is.
        while len(floods) < CLIENTS and (not floods or floods[-1].code):
            floods.append(_send_endlessly(live, fault, peak))
    codes = sorted({flood.code for flood in floods})
    taken = sorted(flood.sent for flood in floods)[len(floods) // 2]
    verdict.show(name, f"{taken / KIB:,.0f} KiB taken of each of {len(floods)}, closed with {codes}")
    verdict.expect(f"{name}: every client is closed with {fault.code}", codes == [fault.code])
    judge_peak(verdict, name, peak, PEAK_BYTES)
    bystander.judge(verdict, name)


def _send_endlessly(live: Running, fault: Fault, peak: Peak) -> Flood:
    """Begin a message and continue it, some fragments at a time, until the server has enough."""
    opened = open_websocket(live.port, "/")
    flood = Flood(opened)
    opened.socket.send(client_frame(BINARY, b"begin"))
    flood.push(client_frame(CONTINUATION, fault.payload) * fault.at_once, LIMIT_SECONDS, peak.look, LIMIT_BYTES)
    flood.listen(LIMIT_SECONDS if flood.code else 0, peak.look)
    opened.close()
    return flood
