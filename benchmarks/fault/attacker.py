"""An abuse of HTTP/2, in a process of its own that gives way: what it costs its sender is not for others to wait for.

Rules: it is nicer than everyone else, so that a bystander on the same CPU waits for the server and not for the abuse;
it prints what it counted when its time is over.
"""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.faults.http2_abuses import ABUSES
from tests.faults.http2_attack import Attack

__all__ = ["Counts", "attack"]

TOP = Path(__file__).resolve().parent.parent.parent
NICENESS = 5
LOOK_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Counts:
    """Hold what an attacker has sent and was told: bytes, connections, RST_STREAM and GOAWAY by code, CPU seconds."""

    sent: int
    made: int
    resets: dict[int, int]
    farewells: dict[int, int]
    used: float


def attack(port: int, name: str, seconds: float, rate: float, meanwhile: Callable[[], object] = lambda: None) -> Counts:
    """Send an abuse for so many seconds, at so many bytes a second."""
    command = [sys.executable, "-m", __name__, str(port), name, str(seconds), str(rate)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=TOP)
    try:
        while process.poll() is None:
            meanwhile()
            time.sleep(LOOK_SECONDS)
        assert process.stdout is not None
        sent, made, resets, farewells, used = json.loads(process.stdout.read())
    finally:
        process.kill()
        process.wait()
    return Counts(sent, made, _by_code(resets), _by_code(farewells), used)


def _by_code(counts: dict[str, int]) -> dict[int, int]:
    """Make numbers of the names that JSON has made of them."""
    return {int(code): count for code, count in counts.items()}


def main() -> None:
    """Attack, and print the counts."""
    port, name, seconds, rate = sys.argv[1:]
    os.nice(NICENESS)
    one = Attack(int(port), ABUSES[name], float(rate))
    one.run(float(seconds))
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps([one.sent, one.made, one.resets, one.farewells, used.ru_utime + used.ru_stime]))


if __name__ == "__main__":
    main()
