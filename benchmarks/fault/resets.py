"""1,000 clients reset their connections in the middle of an answer.

A third of the answers is an endless stream, a third one large message, a third a stream that is stuck. Promised:
neither a task, nor a descriptor, nor memory stays behind.
"""

import socket
import struct
import time

from ..running import Running
from .stage import KIB, MIB, Stage, Verdict, fetch_census, wait_until

__all__ = ["play"]

CLIENTS = 1000
AT_ONCE = 50
PATHS = ("/endless", "/block", "/stuck")
RECEIVE_BUFFER = 64 * KIB
# Applications that ignore a lost client are cancelled after a few seconds.
SETTLE_SECONDS = 12.0
RSS_SLACK = 1 * MIB
RESET = struct.pack("ii", 1, 0)


def play(stage: Stage) -> Verdict:
    """Reset 1,000 connections to let the server allocate, then 1,000 more, and compare."""
    verdict = Verdict()
    with stage.live() as live:
        at_first = _count(live)
        _reset_many(live)
        settled = _settle(live, at_first)
        before = _count(live)
        _reset_many(live)
        settled = _settle(live, before)
        _judge(verdict, before, _count(live))
        verdict.show("settled after", "never" if settled is None else f"{settled:.1f} s")
    return verdict


def _reset_many(live: Running) -> None:
    for first in range(0, CLIENTS, AT_ONCE):
        clients = [_ask(live, PATHS[number % len(PATHS)]) for number in range(first, first + AT_ONCE)]
        for client in clients:
            client.recv(4 * KIB)
        for client in clients:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            client.close()


def _ask(live: Running, path: str) -> socket.socket:
    client = live.connect(receive_buffer=RECEIVE_BUFFER)
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return client


def _count(live: Running) -> dict[str, int]:
    census = fetch_census(live)
    time.sleep(0.2)
    return {
        "tasks": census["tasks"],
        "application calls": census["running"],
        "descriptors": live.descriptors(),
        "resident bytes": live.rss(),
    }


def _settle(live: Running, before: dict[str, int]) -> float | None:
    def is_settled() -> bool:
        now = _count(live)
        return all(now[name] <= before[name] for name in ("tasks", "application calls", "descriptors"))

    return wait_until(is_settled, SETTLE_SECONDS)


def _judge(verdict: Verdict, before: dict[str, int], after: dict[str, int]) -> None:
    for name in before:
        verdict.show(name, f"{before[name]:,} before, {after[name]:,} after {CLIENTS:,} resets")
    for name in ("tasks", "application calls", "descriptors"):
        verdict.expect(f"no {name} left behind", after[name] <= before[name])
    growth = after["resident bytes"] - before["resident bytes"]
    verdict.expect(f"memory grows by less than {RSS_SLACK // MIB} MiB (here {growth / MIB:.2f})", growth < RSS_SLACK)
