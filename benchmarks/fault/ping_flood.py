"""A WebSocket client sends pings as fast as they are taken: reading the pongs, and leaving them.

Promised: memory stays flat, others are served meanwhile, and a client that reads is still served itself.
"""

from ..running import Running
from ..websocket.frames import FIN, PING, TEXT, client_frame
from ..websocket.opening import open_websocket
from .bystander import standing_by
from .flood import Flood
from .leftovers import Peak, count_leftovers, judge_leftovers, judge_peak, settle
from .stage import KIB, MIB, Stage, Verdict

__all__ = ["play"]

PING_FRAME = client_frame(FIN | PING, b"p" * 125)
AT_ONCE = 500
MESSAGE = b"still there?"
ECHO_SECONDS = 2.0
SECONDS = 4.0
WARM_SECONDS = 1.0
PEAK_BYTES = 1 * MIB
RECEIVE_BUFFER = 16 * KIB


def play(stage: Stage) -> Verdict:
    """Flood twice, on one server."""
    verdict = Verdict()
    with stage.live() as live:
        for is_reading in (True, False):
            # The first time allocates what is allocated once.
            _flood(live, is_reading, WARM_SECONDS, Peak(live))
        before = count_leftovers(live)
        for name, is_reading in (("pongs read", True), ("pongs not read", False)):
            _judge(verdict, live, name, is_reading)
        settle(live, before)
        judge_leftovers(verdict, before, count_leftovers(live), "both floods")
    return verdict


def _judge(verdict: Verdict, live: Running, name: str, is_reading: bool) -> None:
    peak = Peak(live)
    with standing_by(live) as bystander:
        flood = _flood(live, is_reading, SECONDS, peak)
    rate = flood.sent / len(PING_FRAME) / SECONDS
    verdict.show(name, f"{rate:,.0f} pings taken a second, {flood.heard / KIB:,.0f} KiB of answers")
    if is_reading:
        verdict.expect(f"{name}: its own message is echoed behind them", flood.message == MESSAGE)
    judge_peak(verdict, name, peak, PEAK_BYTES)
    bystander.judge(verdict, name)


def _flood(live: Running, is_reading: bool, seconds: float, peak: Peak) -> Flood:
    opened = open_websocket(live.port, "/", receive_buffer=RECEIVE_BUFFER)
    flood = Flood(opened, is_reading=is_reading)
    flood.push(PING_FRAME * AT_ONCE, seconds, peak.look)
    if is_reading:
        flood.say(client_frame(FIN | TEXT, MESSAGE), ECHO_SECONDS)
        flood.listen(ECHO_SECONDS, peak.look, is_enough=lambda: flood.message == MESSAGE)
    opened.close()
    return flood
