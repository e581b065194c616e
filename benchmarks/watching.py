"""What it costs to be watched: CPU time of a supervisor and of its workers while nobody asks for anything.

    python3 -m benchmarks.watching [--workers 4] [--seconds 20] [--bound 0.1] [--python 3.13] [--as-installed]

A figure is the share of one CPU in percent, counted by the kernel to the nanosecond in /proc/PID/task/*/schedstat.
The exit status is 1 when the supervisor takes more than `--bound` percent. What workers cost under load is scenario
`worker` of `benchmarks.macro`.
"""

import argparse
import signal
import sys
import time

from .environments import SetupError, find_python, open_environment
from .health import Health
from .machine import CpuPair, run_seconds, session_pids
from .running import NotReady, running
from .servers import LICORNE

__all__ = ["main"]

SETTLE_SECONDS = 2.0


def main() -> int:
    """Measure, print, judge."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    options = _parse_arguments()
    try:
        environment = open_environment("licorne", find_python(options.python), as_installed=options.as_installed)
        server = next(server for server in LICORNE if server.name == "licorne")
        health = Health.at_a_free_port()
        extra = (*server.quiet, "--workers", str(options.workers), *health.options)
        with running(server, environment, "hello:app", cpu=CpuPair.of_this_machine().server, extra=extra) as live:
            health.wait(options.workers)
            time.sleep(SETTLE_SECONDS)
            pids = sorted(session_pids(live.pid), key=lambda pid: pid != live.pid)
            shares = _idle_percent(pids, options.seconds)
    except (SetupError, NotReady) as error:
        print(error, file=sys.stderr)
        return 2
    workers = ", ".join(f"{share:.3f}" for share in shares[1:])
    print(f"percent of a CPU over {options.seconds} s: supervisor {shares[0]:.3f}; workers {workers}")
    is_kept = shares[0] <= options.bound
    print(f"{'pass' if is_kept else 'FAIL'}  an idle supervisor takes at most {options.bound:g} %")
    return 0 if is_kept else 1


def _parse_arguments() -> argparse.Namespace:
    purpose = (__doc__ or "").partition("\n")[0]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.watching", description=purpose)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--bound", type=float, default=0.1, help="percent (0.1)")
    parser.add_argument("--python", default="3.13", help="version or path of the interpreter (3.13)")
    parser.add_argument("--as-installed", action="store_true", help="do not build licorne again when it changed")
    return parser.parse_args()


def _idle_percent(pids: list[int], seconds: int) -> list[float]:
    before, begun = [run_seconds(pid) for pid in pids], time.monotonic()
    time.sleep(seconds)
    after, took = [run_seconds(pid) for pid in pids], time.monotonic() - begun
    return [(late - early) / took * 100 for early, late in zip(before, after, strict=True)]


if __name__ == "__main__":
    sys.exit(main())
