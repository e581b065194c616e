"""`python -m benchmarks.fault`: play the chosen faults on one server and print what they cost."""

import argparse
import os
import signal
import sys
from collections.abc import Callable
from fnmatch import fnmatch
from functools import partial

from ..environments import SetupError, find_python, open_environment
from ..load import LoadError
from ..machine import CpuPair
from ..running import NotReady
from ..servers import find_servers
from . import (
    deflate_bomb,
    endless_message,
    http2_abuses,
    ping_flood,
    resets,
    shutdown,
    slow_headers,
    socket_resets,
    stalled_reader,
    unread_messages,
    unread_upload,
    workers,
)
from .stage import Stage, Verdict

FAULTS: dict[str, Callable[[Stage], Verdict]] = {
    "slow-headers": slow_headers.play,
    "resets": resets.play,
    "unread-upload": unread_upload.play,
    "shutdown": shutdown.play,
    "workers": workers.play,
    "stalled-reader": stalled_reader.play,
    "ws-endless": endless_message.play,
    "ws-bomb": deflate_bomb.play,
    "ws-unread": unread_messages.play,
    "ws-resets": socket_resets.play,
    "ws-pings": ping_flood.play,
    **{f"h2-{name}": partial(http2_abuses.play, name=name) for name in http2_abuses.NAMES},
}


def main() -> int:
    """Play; return 1 when a promise was broken."""
    # Whoever ends us ends the servers that we started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    options = _parse_arguments()
    try:
        (server,) = find_servers([options.server])
        python = find_python(options.python)
        environment = open_environment(server.environment, python, as_installed=options.as_installed)
    except (KeyError, SetupError) as error:
        print(error.args[0], file=sys.stderr)
        return 2
    os.sched_setaffinity(0, {options.cpus.load})
    stage = Stage(server, environment, options.cpus)
    chosen = [name for name in FAULTS if any(fnmatch(name, pattern) for pattern in options.fault or ["*"])]
    verdicts = [_play(name, stage) for name in chosen]
    return 0 if all(verdicts) else 1


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fault", description=__doc__)
    parser.add_argument(
        "fault", nargs="*", metavar="FAULT", help=f"one of {', '.join(FAULTS)}, or a pattern like h2-*; all by default"
    )
    parser.add_argument("--server", default="licorne", help="which server (licorne)")
    cpus = CpuPair.of_this_machine()
    parser.add_argument("--cpus", type=CpuPair.parse, default=cpus, help="server's and load's, as 1,0")
    parser.add_argument("--python", default="3.13", help="version or path of the interpreter (3.13)")
    parser.add_argument(
        "--as-installed", action="store_true", help="do not build licorne again when its source changed"
    )
    options = parser.parse_args()
    for pattern in options.fault:
        if not any(fnmatch(name, pattern) for name in FAULTS):
            parser.error(f"no fault {pattern!r}; there are {', '.join(FAULTS)}")
    return options


def _play(name: str, stage: Stage) -> bool:
    print(f"\n{name} — {stage.server.name}", flush=True)
    try:
        verdict = FAULTS[name](stage)
    except (NotReady, LoadError, OSError) as error:
        print(f"  FAIL  it could not be played to its end: {error}")
        return False
    for figure, value in verdict.figures:
        print(f"  {figure:<34}{value}")
    for promise, is_kept in verdict.checks:
        print(f"  {'pass' if is_kept else 'FAIL'}  {promise}")
    return verdict.is_good


if __name__ == "__main__":
    sys.exit(main())
