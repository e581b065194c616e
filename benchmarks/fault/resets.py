"""1,000 clients reset their connections in the middle of an answer.

A third of the answers is an endless stream, a third one large message, a third a stream that is stuck. Promised:
neither a task, nor a descriptor, nor memory stays behind.
"""

import socket
import struct

from ..running import Running
from .leftovers import count_leftovers, judge_leftovers, settle
from .stage import KIB, Stage, Verdict

__all__ = ["play"]

CLIENTS = 1000
AT_ONCE = 50
PATHS = ("/endless", "/block", "/stuck")
RECEIVE_BUFFER = 64 * KIB
RESET = struct.pack("ii", 1, 0)


def play(stage: Stage) -> Verdict:
    """Reset 1,000 connections to let the server allocate, then 1,000 more, and compare."""
    verdict = Verdict()
    with stage.live() as live:
        at_first = count_leftovers(live)
        _reset_many(live)
        settle(live, at_first)
        before = count_leftovers(live)
        _reset_many(live)
        settled = settle(live, before)
        judge_leftovers(verdict, before, count_leftovers(live), f"{CLIENTS:,} resets")
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
