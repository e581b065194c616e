"""Compressed WebSocket messages a thousand times as large as they look, whole and in fragments.

Promised: inflating stops at the size limit with 1009, memory stays flat, others are served meanwhile.
"""

import zlib

from ..running import Running
from ..websocket.frames import BINARY, CONTINUATION, DEFLATED, FIN, client_frame
from ..websocket.opening import open_websocket
from .bystander import standing_by
from .flood import Flood
from .leftovers import Peak, count_leftovers, judge_leftovers, judge_peak, settle
from .stage import KIB, MIB, Stage, Verdict

__all__ = ["play"]

CLIENTS = 100
MAX_SIZE = 1 * MIB
BLOCK_BYTES = 1 * MIB
# As it travels it is smaller than the limit; what it holds is 256 times larger.
BLOCKS = 256
FRAGMENT_BYTES = 16 * KIB
LIMIT_SECONDS = 5.0
PEAK_BYTES = 3 * MIB
TOO_BIG = 1009


def play(stage: Stage) -> Verdict:
    """Let clients send bombs, one after another."""
    verdict = Verdict()
    bomb = _make_bomb()
    verdict.show("bomb", f"{len(bomb) / KIB:,.0f} KiB for {BLOCKS * BLOCK_BYTES / MIB:,.0f} MiB")
    faults = {"whole": client_frame(FIN | DEFLATED | BINARY, bomb), "in fragments": _in_fragments(bomb)}
    with stage.live("--ws-max-size", str(MAX_SIZE), "--ws-per-message-deflate", "true") as live:
        for frames in faults.values():
            # The first time allocates what is allocated once.
            _throw(live, frames, Peak(live))
        before = count_leftovers(live)
        for name, frames in faults.items():
            _judge(verdict, live, name, frames)
        settle(live, before)
        judge_leftovers(verdict, before, count_leftovers(live), f"{CLIENTS * len(faults)} bombs")
    return verdict


def _make_bomb() -> bytes:
    # A fully flushed block stands for itself, so it may be repeated.
    compressor = zlib.compressobj(9, wbits=-15)
    block = compressor.compress(bytes(BLOCK_BYTES)) + compressor.flush(zlib.Z_FULL_FLUSH)
    return block * BLOCKS


def _in_fragments(bomb: bytes) -> bytes:
    pieces = [bomb[start : start + FRAGMENT_BYTES] for start in range(0, len(bomb), FRAGMENT_BYTES)]
    frames = [client_frame(CONTINUATION, piece) for piece in pieces[1:-1]]
    first, last = client_frame(DEFLATED | BINARY, pieces[0]), client_frame(FIN | CONTINUATION, pieces[-1])
    return b"".join((first, *frames, last))


def _judge(verdict: Verdict, live: Running, name: str, frames: bytes) -> None:
    peak = Peak(live)
    with standing_by(live) as bystander:
        floods = [_throw(live, frames, peak) for _ in range(CLIENTS)]
    codes = sorted({flood.code for flood in floods})
    verdict.show(name, f"{CLIENTS} clients, closed with {codes}")
    verdict.expect(f"{name}: every client is closed with {TOO_BIG}", codes == [TOO_BIG])
    judge_peak(verdict, name, peak, PEAK_BYTES)
    bystander.judge(verdict, name)


def _throw(live: Running, frames: bytes, peak: Peak) -> Flood:
    opened = open_websocket(live.port, "/", is_deflated=True)
    flood = Flood(opened)
    flood.push(frames, LIMIT_SECONDS, peak.look, len(frames))
    flood.listen(LIMIT_SECONDS, peak.look)
    opened.close()
    return flood
