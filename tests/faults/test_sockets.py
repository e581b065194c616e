"""WebSocket clients at their worst: nothing of what they do piles up, outlasts them, or keeps others waiting.

`benchmarks/fault` plays the same in full size.
"""

import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.faults.sockets import (
    BINARY,
    CONTINUATION,
    DEFLATED,
    FIN,
    PING,
    TEXT,
    Bystander,
    Socket,
    frame,
)
from tests.faults.watching import DEADLINE_SECONDS, MIB, Memory, await_truth, census_of, memory_of, serving
from tests.server.process import ServerProcess

CLIENTS = 8
MAX_SIZE = 1 * MIB
MEMORY_SLACK = 4 * MIB
#: Far more than anyone waits for, also on a machine that is busy with other tests.
PATIENCE_SECONDS = 20.0
FLOOD_SECONDS = 1.5
TOO_MANY, TOO_BIG = 1008, 1009

RESETS = 500
AT_ONCE = 50
HALF_A_FRAME = frame(BINARY, b"begun") + frame(CONTINUATION, bytes(65536))[:32768]


@contextmanager
def tormented(*options: str) -> Iterator[ServerProcess]:
    """Serve, with a bystander; in the end all is as before, and nothing was logged that should not be."""
    with serving("--timeout-disconnect=500ms", *options) as server:
        before = census_of(server.port)
        with Bystander(server.port) as bystander:
            yield server
        bystander.assert_was_served(PATIENCE_SECONDS)
        await_truth(lambda: census_of(server.port) == before, f"the server is as before: {before}")
    assert "Traceback" not in server.log


@pytest.mark.parametrize(
    ("payload", "at_once", "code"),
    [(b"x", 500, TOO_MANY), (b"", 500, TOO_MANY), (bytes(65536), 1, TOO_BIG)],
    ids=["tiny", "empty", "large"],
)
def test_an_endless_message_is_stopped_at_the_limit(payload: bytes, at_once: int, code: int) -> None:
    with tormented(f"--ws-max-size={MAX_SIZE}") as server:
        memory = Memory(server)
        for _ in range(CLIENTS):
            with Socket(server.port) as client:
                client.read_answer()
                client.sock.sendall(frame(BINARY, b"begun"))
                fragments = frame(CONTINUATION, payload) * at_once
                client.push(fragments, time.monotonic() + DEADLINE_SECONDS, is_reading=True, meanwhile=memory.look)
                assert client.read_close_code() == code
        assert memory.growth < MEMORY_SLACK


def make_bomb() -> bytes:
    """Return 64 MiB of zeros, compressed a thousand times."""
    # A block that is flushed fully stands for itself, so it may be repeated.
    compressor = zlib.compressobj(9, wbits=-15)
    block = compressor.compress(bytes(MIB)) + compressor.flush(zlib.Z_FULL_FLUSH)
    return block * 64


@pytest.mark.parametrize("size", [1 << 20, 4096], ids=["whole", "fragments"])
def test_a_deflate_bomb_is_stopped_while_it_is_inflated(size: int) -> None:
    bomb = make_bomb()
    pieces = [bomb[start : start + size] for start in range(0, len(bomb), size)]
    heads = [DEFLATED | BINARY] + [CONTINUATION] * (len(pieces) - 1)
    heads[-1] |= FIN
    frames = b"".join(map(frame, heads, pieces))
    with tormented(f"--ws-max-size={MAX_SIZE}") as server:
        memory = Memory(server)
        for _ in range(CLIENTS):
            with Socket(server.port, "/", "Sec-WebSocket-Extensions: permessage-deflate") as client:
                assert b"permessage-deflate" in client.read_answer()
                client.sock.sendall(frames)
                assert client.read_close_code() == TOO_BIG
                memory.look()
        assert memory.growth < MEMORY_SLACK


def test_messages_that_are_never_read_are_not_piled_up_and_their_clients_dropped() -> None:
    with tormented("--timeout-write-stall=1s") as server:
        calls = census_of(server.port)["calls"]
        memory = Memory(server)
        clients = [Socket(server.port, "/endless", receive_buffer=16384) for _ in range(CLIENTS)]

        def are_dropped() -> bool:
            memory.look()
            return bool(census_of(server.port)["calls"] == calls)

        for client in clients:
            client.read_answer()
        await_truth(are_dropped, "the clients are dropped")
        assert memory.growth < MEMORY_SLACK
        for client in clients:
            client.sock.close()


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_connects_and_resets_leave_neither_tasks_nor_descriptors_nor_memory(loop: str) -> None:
    with tormented(f"--loop={loop}") as server:
        calls = census_of(server.port)["calls"]
        reset_many(server.port, calls)
        first = memory_of(server)
        reset_many(server.port, calls)
        # Memory that is allocated once stays; what stays for each client would be twice as much now.
        assert memory_of(server) - first < MEMORY_SLACK


def reset_many(port: int, calls: int) -> None:
    """Connect and reset at every point; wait until as few applications run as before."""
    for _ in range(RESETS // AT_ONCE):
        clients = [connect(port, number % 4) for number in range(AT_ONCE)]
        for client in clients:
            client.reset()
    await_truth(lambda: census_of(port)["calls"] == calls, f"no more than {calls} applications run")


def connect(port: int, manner: int) -> Socket:
    """Come as far as asking, being accepted, half a message, or being sent to."""
    client = Socket(port, ("/", "/stuck", "/", "/endless")[manner])
    if manner:
        client.read_answer()
    if manner == 2:
        client.sock.sendall(HALF_A_FRAME)
    elif manner == 3:
        client.receive()
    return client


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("is_reading", [True, False], ids=["read", "unread"])
def test_a_flood_of_pings_is_neither_kept_nor_answered_without_end(loop: str, is_reading: bool) -> None:
    with tormented(f"--loop={loop}") as server:
        memory = Memory(server)
        with Socket(server.port, receive_buffer=16384) as client:
            client.read_answer()
            pings = frame(FIN | PING, bytes(125)) * 500
            client.push(pings, time.monotonic() + FLOOD_SECONDS, is_reading=is_reading, meanwhile=memory.look)
            client.sock.sendall(frame(FIN | TEXT, b"still there?"))
            assert client.read_message() == b"still there?"
        assert memory.growth < MEMORY_SLACK
