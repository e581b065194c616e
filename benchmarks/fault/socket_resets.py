"""10,000 WebSocket clients connect and reset: before the answer, after it, within a frame, while they are sent to.

Promised: neither a task, nor a descriptor, nor memory stays behind, and others are served meanwhile.
"""

import socket
import struct

from ..running import Running
from ..websocket.frames import BINARY, CONTINUATION, client_frame
from ..websocket.opening import Opened, open_websocket, upgrade_request
from .bystander import standing_by
from .leftovers import count_leftovers, judge_leftovers, settle
from .stage import KIB, Stage, Verdict

__all__ = ["play"]

CLIENTS = 10_000
AT_ONCE = 50
RECEIVE_BUFFER = 64 * KIB
RESET = struct.pack("ii", 1, 0)
HALF_A_MESSAGE = client_frame(BINARY, b"begun") + client_frame(CONTINUATION, b"x" * 64 * KIB)[: 32 * KIB]


def play(stage: Stage) -> Verdict:
    """Reset 10,000 to let the server allocate, then 10,000 more, and compare."""
    verdict = Verdict()
    # Applications that ignore a client's loss are cancelled after this: the fewer hang on, the less memory varies.
    with stage.live("--timeout-disconnect", "500ms") as live:
        at_first = count_leftovers(live)
        _reset_many(live)
        settle(live, at_first)
        before = count_leftovers(live)
        with standing_by(live) as bystander:
            _reset_many(live)
        settled = settle(live, before)
        judge_leftovers(verdict, before, count_leftovers(live), f"{CLIENTS:,} connects and resets")
        verdict.show("settled after", "never" if settled is None else f"{settled:.1f} s")
        bystander.judge(verdict, "resets")
    return verdict


def _reset_many(live: Running) -> None:
    for first in range(0, CLIENTS, AT_ONCE):
        clients = [MANNERS[number % len(MANNERS)](live) for number in range(first, first + AT_ONCE)]
        for client in clients:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            client.close()


def _ask_only(live: Running) -> socket.socket:
    client = live.connect()
    client.sendall(upgrade_request("/"))
    return client


def _open_only(live: Running) -> socket.socket:
    return _open(live, "/stuck").socket


def _begin_message(live: Running) -> socket.socket:
    client = _open(live, "/").socket
    client.sendall(HALF_A_MESSAGE)
    return client


def _be_sent_to(live: Running) -> socket.socket:
    client = _open(live, "/gibibyte").socket
    client.recv(4 * KIB)
    return client


def _open(live: Running, path: str) -> Opened:
    return open_websocket(live.port, path, receive_buffer=RECEIVE_BUFFER)


MANNERS = (_ask_only, _open_only, _begin_message, _be_sent_to)
