"""Clients ask for a big answer and never read it: half of an endless stream, half of one large message.

Promised: each is dropped when the write stall is over, and until then holds little memory.
"""

import socket
from dataclasses import dataclass

from ..running import Running
from .stage import KIB, MIB, Stage, Verdict, fetch_census, wait_until

__all__ = ["play"]

CLIENTS = 50
STALL_SECONDS = 3.0
SLACK_SECONDS = 2.5
RECEIVE_BUFFER = 16 * KIB
BYTES_PER_CLIENT = 256 * KIB


@dataclass(frozen=True, slots=True)
class Stall:
    """Hold what one client cost: bytes held, seconds until it was dropped (None: never), bytes taken for it."""

    held: float
    dropped_after: float | None
    sent: float


def play(stage: Stage) -> Verdict:
    """Let clients stall on each kind of answer, on one server."""
    verdict = Verdict()
    with stage.live("--timeout-write-stall", f"{STALL_SECONDS:g}s") as live:
        for path in ("/endless", "/block"):
            # The first time allocates what is allocated once.
            _stall(live, path, count=2)
            _judge(live, verdict, path)
    return verdict


def _judge(live: Running, verdict: Verdict, path: str) -> None:
    stall = _stall(live, path, CLIENTS)
    gone = "never" if stall.dropped_after is None else f"after {stall.dropped_after:.1f} s"
    sending = f", {stall.sent / MIB:.1f} MiB taken from the application" if stall.sent else ""
    held = f"{stall.held / KIB:,.0f} KiB held for each of {CLIENTS} clients{sending}"
    verdict.show(path, f"{held}; dropped {gone}, of a stall of {STALL_SECONDS:g} s")
    verdict.expect(f"{path}: every client that never reads is dropped", stall.dropped_after is not None)
    verdict.expect(f"{path}: it holds less than {BYTES_PER_CLIENT // KIB} KiB", stall.held < BYTES_PER_CLIENT)


def _stall(live: Running, path: str, count: int) -> Stall:
    """Let so many clients ask and not read; wait until they are dropped or time is up."""
    sent = fetch_census(live)["bytes_sent"]
    rss, descriptors = live.rss(), live.descriptors()
    clients = [_ask(live, path) for _ in range(count)]
    wait_until(lambda: live.descriptors() >= descriptors + count, SLACK_SECONDS, pause=0.01)
    highest = 0

    def are_gone() -> bool:
        nonlocal highest
        highest = max(highest, live.rss())
        return live.descriptors() <= descriptors

    dropped_after = wait_until(are_gone, STALL_SECONDS + SLACK_SECONDS)
    sent = fetch_census(live)["bytes_sent"] - sent
    for client in clients:
        client.close()
    wait_until(lambda: live.descriptors() <= descriptors, SLACK_SECONDS)
    return Stall((highest - rss) / count, dropped_after, sent / count)


def _ask(live: Running, path: str) -> socket.socket:
    client = live.connect(receive_buffer=RECEIVE_BUFFER)
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return client
