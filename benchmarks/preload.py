"""How much memory workers cost that are forks of one process: FastAPI with pandas, proportional set sizes.

    python3 -m benchmarks.preload [--workers 4] [--requests 400] [--bound 1.5] [--python 3.13] [--as-installed]

    single      one process without a supervisor: what "one" is
    preload     a supervisor and its workers with --preload
    spawn       a supervisor and its workers without

The proportional set size of a process counts a page that n processes share as the n-th part of it, so that those of
all processes add up to what they take together. It is read from /proc/PID/smaps_rollup after each worker has answered
requests: what is shared at first and written to later is not saved. The exit status is 1 when all processes of
`preload` cost more than `--bound` times as much as `single`.
"""

import argparse
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from .environments import Environment, SetupError, find_python, open_environment
from .health import Health
from .machine import CpuPair, session_pids
from .running import NotReady, Running, get, running
from .servers import LICORNE

__all__ = ["main"]

#: So many for each worker, so that none is left without.
CONNECTIONS = 8
KIB = 1024


@dataclass(frozen=True, slots=True)
class Weight:
    """Hold the bytes of a server's processes, the one that leads them first."""

    processes: list[int]

    @property
    def total(self) -> int:
        """Return what they take together."""
        return sum(self.processes)


def main() -> int:
    """Measure, print, judge."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    options = _parse_arguments()
    try:
        python = find_python(options.python)
        environment = open_environment("licorne-pandas", python, as_installed=options.as_installed)
    except SetupError as error:
        print(error, file=sys.stderr)
        return 2
    several = ("--workers", str(options.workers))
    ways = {"single": (), "preload": (*several, "--preload"), "spawn": several}
    print(f"proportional set size in MiB, {options.workers} workers, {options.requests} requests a connection")
    print(f"{'':10}{'all':>8}{'x single':>10}   each process")
    try:
        weights = {name: _weigh(environment, extra, options) for name, extra in ways.items()}
    except NotReady as error:
        print(error, file=sys.stderr)
        return 2
    for name, weight in weights.items():
        each = " ".join(f"{_mebibytes(size):.1f}" for size in weight.processes)
        print(f"{name:10}{_mebibytes(weight.total):8.1f}{weight.total / weights['single'].total:10.2f}   {each}")
    is_kept = weights["preload"].total <= options.bound * weights["single"].total
    print(f"{'pass' if is_kept else 'FAIL'}  preload costs at most {options.bound:g} times as much as single")
    return 0 if is_kept else 1


def _parse_arguments() -> argparse.Namespace:
    purpose = (__doc__ or "").partition("\n")[0]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.preload", description=purpose)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--requests", type=int, default=400, help="on each connection before weighing (400)")
    parser.add_argument("--bound", type=float, default=1.5)
    parser.add_argument("--python", default="3.13", help="version or path of the interpreter (3.13)")
    parser.add_argument("--as-installed", action="store_true", help="do not build licorne again when it changed")
    return parser.parse_args()


def _weigh(environment: Environment, extra: tuple[str, ...], options: argparse.Namespace) -> Weight:
    (server,) = (server for server in LICORNE if server.name == "licorne")
    cpu = CpuPair.of_this_machine().server
    count = options.workers if extra else 1
    health = Health.at_a_free_port()
    extra = (*server.quiet, *extra, *(health.options if extra else ()))
    with running(server, environment, "frames:app", cpu=cpu, extra=extra) as live:
        if count > 1:
            health.wait(count)
        _ask(live, CONNECTIONS * count, options.requests)
        others = sorted(pid for pid in session_pids(live.pid) if pid != live.pid)
        return Weight([_proportional_set_size(pid) for pid in (live.pid, *others)])


def _ask(live: Running, connections: int, requests: int) -> None:
    opened = [live.connect() for _ in range(connections)]
    for number in range(requests):
        for connection in opened:
            status, _ = get(connection, f"/?first={number}")
            if status != 200:
                raise NotReady(f"the application answered {status}")
    for connection in opened:
        connection.close()


def _proportional_set_size(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * KIB
    raise NotReady(f"{os.uname().sysname} does not tell the proportional set size of process {pid}")


def _mebibytes(size: int) -> float:
    return size / KIB / KIB


if __name__ == "__main__":
    sys.exit(main())
