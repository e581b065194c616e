"""Clients ask for a big answer and never read it: half of an endless stream, half of one large message.

Promised: each is dropped when the write stall is over, and until then holds little memory.
"""

import socket
import time

from ..running import Running
from .stage import KIB, MIB, Stage, Verdict, fetch_census, wait_until

__all__ = ["play"]

CLIENTS = 50
STALL_SECONDS = 3.0
SLACK_SECONDS = 2.5
RECEIVE_BUFFER = 16 * KIB
BYTES_PER_CLIENT = 256 * KIB


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
    sent_before = fetch_census(live)["bytes_sent"]
    held, dropped_after = _stall(live, path, CLIENTS)
    sent = (fetch_census(live)["bytes_sent"] - sent_before) / CLIENTS
    gone = "never" if dropped_after is None else f"after {dropped_after:.1f} s of a stall of {STALL_SECONDS:g} s"
    sending = f", {sent / MIB:.1f} MiB a client sent to the kernel" if sent else ""
    verdict.show(path, f"{held / KIB:,.0f} KiB held for each of {CLIENTS} clients{sending}; dropped {gone}")
    verdict.expect(f"{path}: every client that never reads is dropped", dropped_after is not None)
    verdict.expect(f"{path}: it holds less than {BYTES_PER_CLIENT // KIB} KiB", held < BYTES_PER_CLIENT)


def _stall(live: Running, path: str, count: int) -> tuple[float, float | None]:
    """Return the memory that each client held, and when the last of them had been dropped."""
    rss, descriptors = live.rss(), live.descriptors()
    clients = [_ask(live, path) for _ in range(count)]
    wait_until(lambda: live.descriptors() >= descriptors + count, SLACK_SECONDS, pause=0.01)
    begun = time.perf_counter()
    highest = 0

    def are_gone() -> bool:
        nonlocal highest
        highest = max(highest, live.rss())
        return live.descriptors() <= descriptors

    is_done = wait_until(are_gone, STALL_SECONDS + SLACK_SECONDS)
    took = time.perf_counter() - begun
    for client in clients:
        client.close()
    wait_until(lambda: live.descriptors() <= descriptors, SLACK_SECONDS)
    return (highest - rss) / count, None if is_done is None else took


def _ask(live: Running, path: str) -> socket.socket:
    client = live.connect(receive_buffer=RECEIVE_BUFFER)
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return client
