"""How evenly connections are spread over worker processes, in each way of sharing their address.

    python -m benchmarks.spread [--workers 4] [--connections 64,1000] [--rounds 5] [--loop uvloop] [--churn SECONDS]

    shared     one socket, every worker takes what it can get
    in turn    one socket, and workers that hold more let the others go first: what `--reuse-port auto` does
    own        a socket for each worker, over which the system spreads by a hash: `--reuse-port on`

`burst` opens all connections at once, `one by one` waits for the first answer of each before the next is opened. A
figure is the connections of the busiest worker over the mean, at the median of the rounds and, in brackets, at the
worst. `churn` is how many connections of one request each are served in a second; it needs `wrk`.

licorne must be importable by this interpreter.
"""

import argparse
import asyncio
import contextlib
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from licorne.config.options import Config
from licorne.server.attached.assignment import Assignment, pack_start
from licorne.server.attached.messages import Ready
from licorne.server.listening.listeners import open_slot_listeners
from licorne.server.listening.loads import Loads
from licorne.supervisor.children import Child
from licorne.supervisor.spawn import start_process

__all__ = ["main"]

APPS = Path(__file__).parent / "apps"
WAYS = ("shared", "in turn", "own")
READY_SECONDS = 30.0
ANSWER_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Fleet:
    """Be some workers that serve one port."""

    port: int
    children: Sequence[Child]


@contextlib.contextmanager
def serving(way: str, workers: int, loop: str) -> Iterator[Fleet]:
    """Run workers without a supervisor, which would take no part in this."""
    reuse_port = "on" if way == "own" else "off"
    config = Config(
        "identity:app",
        app_dir=str(APPS),
        port=0,
        loop=loop,
        access_log=False,
        log_level="warning",
        reuse_port=reuse_port,
    )
    slots = open_slot_listeners(config, workers)
    loads = Loads.create() if way == "in turn" else None
    fd = loads.fd if loads else -1
    children: list[Child] = []
    try:
        for index, listeners in enumerate(slots):
            assignment = Assignment.of(config, listeners, index, loads_fd=fd)
            child = start_process([*assignment.fds, *([fd] if loads else [])])
            children.append(child)
            child.channel.send(pack_start(assignment, sys.path))
        for child in children:
            wait_until_ready(child)
        yield Fleet(slots[0][0].port, children)
    finally:
        for child in children:
            child.signal(9)
        for child in children:
            while child.poll() is None:
                time.sleep(0.01)
            child.channel.close()
        for listener in {listener for listeners in slots for listener in listeners}:
            listener.close()


def wait_until_ready(child: Child) -> None:
    """Return when a worker lets connections in."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and child.poll() is None:
        if any(isinstance(message, Ready) for message in child.channel.receive()):
            return
        time.sleep(0.01)
    raise SystemExit("a worker does not become ready")


async def open_one(port: int, writers: list[asyncio.StreamWriter]) -> int:
    """Open a connection that stays, and return who answers on it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writers.append(writer)
    writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: *(\d+)", head)
    assert length, head
    return int(await reader.readexactly(int(length[1])))


async def count(port: int, connections: int, is_burst: bool) -> Counter[int]:
    """Return how many of so many connections each worker has, and close them."""
    writers: list[asyncio.StreamWriter] = []
    async with asyncio.timeout(ANSWER_SECONDS):
        if is_burst:
            found = await asyncio.gather(*(open_one(port, writers) for _ in range(connections)))
        else:
            found = [await open_one(port, writers) for _ in range(connections)]
    for writer in writers:
        writer.close()
    await asyncio.gather(*(writer.wait_closed() for writer in writers))
    return Counter(found)


def measure(fleet: Fleet, connections: int, is_burst: bool, rounds: int) -> str:
    """Return how uneven the connections are spread, over some rounds."""
    found = []
    for _ in range(rounds):
        counts = asyncio.run(count(fleet.port, connections, is_burst))
        found.append(max(counts.values()) / (connections / len(fleet.children)))
        time.sleep(0.1)  # for the workers to see the ends of the connections
    return f"{statistics.median(found):.2f} ({max(found):.2f})"


def churn(fleet: Fleet, seconds: float) -> str:
    """Return how many connections for one request each are served in a second."""
    command = ["wrk", "-t1", "-c32", f"-d{seconds:g}s", "-H", "Connection: close", f"http://127.0.0.1:{fleet.port}/"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rate = re.search(r"Requests/sec: *([\d.]+)", said)
    errors = re.search(r"Socket errors: .*", said)
    return f"{float(rate[1]):.0f}/s{f' {errors[0]}' if errors else ''}" if rate else "no answer"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what the command line asks for, and print it."""
    parser = argparse.ArgumentParser(prog="benchmarks.spread", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--connections", default="64,1000")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--loop", default="uvloop", choices=("uvloop", "asyncio"))
    parser.add_argument("--ways", default=",".join(WAYS))
    parser.add_argument("--churn", type=float, default=0.0, metavar="SECONDS")
    options = parser.parse_args(arguments)
    if options.churn and shutil.which("wrk") is None:
        parser.error("--churn needs wrk")
    sizes = [int(size) for size in options.connections.split(",")]
    titles = [f"{size} {kind}" for size in sizes for kind in ("burst", "one by one")]
    print(f"max / mean of the connections of {options.workers} workers on {options.loop}")
    print("".join([f"{'':10}", *(f"{title:>18}" for title in titles), f"{'churn':>12}" if options.churn else ""]))
    for way in options.ways.split(","):
        with serving(way, options.workers, options.loop) as fleet:
            cells = [measure(fleet, size, is_burst, options.rounds) for size in sizes for is_burst in (True, False)]
            last = f"{churn(fleet, options.churn):>12}" if options.churn else ""
        print("".join([f"{way:10}", *(f"{cell:>18}" for cell in cells), last]), flush=True)


if __name__ == "__main__":
    main()
