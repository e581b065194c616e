"""Run Autobahn's cases and print a table: `python -m tests.conformance.autobahn [--short] [AGENT…]`.

By default all 517 cases against every agent; the exit status is 1 if any case is worse than it may be. The reports,
with a page for each case, are left in `.cache/autobahn/reports`.
"""

import argparse
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.conformance.autobahn.environment import FOLDER, fuzzing_client
from tests.conformance.autobahn.fuzzing import AGENTS, ALL, DEFLATED, PLAIN, Verdict, fuzz

REPORTS = FOLDER / "reports"
WORDS = ("OK", "NON-STRICT", "INFORMATIONAL", "UNIMPLEMENTED", "FAILED")


def main() -> int:
    """Run what was asked for; return 0 if all of it is good."""
    arguments = parse_arguments()
    client = fuzzing_client()
    shutil.rmtree(REPORTS, ignore_errors=True)
    print(f"{'agent':<20}{''.join(f'{word.lower():>15}' for word in WORDS)}{'seconds':>10}", flush=True)
    bad = 0
    for agent in arguments.agents:
        started = time.monotonic()
        verdicts = list(fuzz_in_parts(client, agent, arguments.cases, arguments.parallel))
        print(row(agent, verdicts, time.monotonic() - started), flush=True)
        for verdict in verdicts:
            if not verdict.is_good(agent):
                bad += 1
                print(f"    {verdict.case}: {verdict.behavior}, closing {verdict.closing}", flush=True)
    print(f"{bad} cases are worse than they may be; see {REPORTS}" if bad else "every case is as good as it should be")
    return 1 if bad else 0


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.autobahn", description=__doc__)
    parser.add_argument("agents", nargs="*", metavar="AGENT", help=f"of {', '.join(AGENTS)}")
    parser.add_argument("--short", action="store_true", help="leave out the long cases of chapters 12 and 13")
    parser.add_argument("--case", action="append", help="for example 12.1.3 or '6.4.*'; may be repeated")
    parser.add_argument("--parallel", type=int, default=2, help="clients at a time, each with a server of its own")
    arguments = parser.parse_args()
    arguments.agents = arguments.agents or list(AGENTS)
    arguments.cases = arguments.case or ((*PLAIN, *DEFLATED) if arguments.short else ALL)
    unknown = set(arguments.agents) - set(AGENTS)
    if unknown:
        parser.error(f"there is no agent {', '.join(sorted(unknown))}")
    return arguments


def fuzz_in_parts(client: Path, agent: str, cases: Sequence[str], parallel: int) -> Iterator[Verdict]:
    """Deal the cases among a few clients; yield the verdicts of each in turn."""
    hands = [cases[number::parallel] for number in range(parallel)]
    with ThreadPoolExecutor(parallel) as threads:
        runs = [
            threads.submit(fuzz, client, agent, hand, REPORTS / f"{agent}-{number}")
            for number, hand in enumerate(hands)
            if hand
        ]
        for each in runs:
            yield from each.result()


def row(agent: str, verdicts: Sequence[Verdict], seconds: float) -> str:
    """Return the line of the table for an agent; what closed badly has failed."""
    counts = Counter(verdict.behavior if verdict.is_good(agent) else "FAILED" for verdict in verdicts)
    return f"{agent:<20}{''.join(f'{counts[word]:>15}' for word in WORDS)}{seconds:>10.0f}"


if __name__ == "__main__":
    sys.exit(main())
