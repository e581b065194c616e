"""`python -m benchmarks.macro`: choose scenarios and servers, play the rounds, print, judge."""

import argparse
import fnmatch
import json
import os
import signal
import sys
from contextlib import AbstractContextManager, ExitStack, nullcontext
from itertools import chain
from pathlib import Path

from ..certificates import Certificate, certificate
from ..environments import Environment, SetupError, find_python, open_environment
from ..machine import CpuPair
from ..servers import SERVERS, Server, find_servers
from .report import print_about, print_outcomes, print_scenario
from .scenarios import SCENARIOS, Scenario
from .targets import TARGETS, Results, judge
from .turns import Entrant, Plan, play_rounds

SHOWN_VERSIONS = (
    *("uvicorn", "httptools", "uvloop", "granian", "fastpysgi", "gunicorn", "hypercorn", "h11", "fastapi"),
    *("socketify", "websockets", "wsproto"),
)


def main() -> int:
    """Run what the command line asks for; return 1 when `--check` finds a broken target."""
    # Whoever ends us ends the servers that we started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    options = _parse_arguments()
    if options.list:
        _print_choices()
        return 0
    with ExitStack() as stack:
        try:
            scenarios = _chosen_scenarios(options.scenario)
            entrants = _chosen_entrants(scenarios, options)
            shown = stack.enter_context(_certificate(scenarios, entrants, options))
        except (KeyError, SetupError) as error:
            print(error.args[0], file=sys.stderr)
            return 2
        results = _play(scenarios, entrants, _plan(options, shown))
    if options.json:
        Path(options.json).write_text(json.dumps(results, indent=2) + "\n")
    return _check(scenarios, results) if options.check else 0


def _parse_arguments() -> argparse.Namespace:
    cpus = CpuPair.of_this_machine()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.macro", description=__doc__)
    parser.add_argument("--scenario", type=_names, default=[], help="names or patterns like ws-*; all by default")
    parser.add_argument("--servers", type=_names, default=[], help="likewise; each scenario's own by default")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each server (3)")
    parser.add_argument("--seconds", type=int, default=5, help="length of a turn under load (5)")
    parser.add_argument("--warmup", type=int, default=1, help="load before a turn is counted (1)")
    parser.add_argument("--connections", type=int, help="of scenarios idle (5000) and ws-memory (2000)")
    parser.add_argument("--spawns", type=int, default=10, help="turns of scenario start (10)")
    parser.add_argument("--cpus", type=CpuPair.parse, default=cpus, help="server's and load's, as 1,0")
    parser.add_argument("--python", default="3.13", help="version or path of the interpreter (3.13)")
    parser.add_argument(
        "--as-installed", action="store_true", help="do not build licorne again when its source changed"
    )
    parser.add_argument("--refresh-peers", action="store_true", help="install the peers' newest versions again")
    parser.add_argument("--json", metavar="FILE", help="write the figures there too")
    parser.add_argument("--check", action="store_true", help="judge the targets; exit status 1 when one is missed")
    parser.add_argument("--list", action="store_true", help="list scenarios and servers")
    return parser.parse_args()


def _names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def _plan(options: argparse.Namespace, shown: Certificate | None) -> Plan:
    return Plan(
        cpus=options.cpus,
        rounds=options.rounds,
        seconds=options.seconds,
        warmup=options.warmup,
        connections=options.connections,
        spawns=options.spawns,
        certificate=shown,
    )


def _print_choices() -> None:
    for scenario in SCENARIOS.values():
        print(f"{scenario.name:<14}{scenario.title}")
    print(f"\nservers: {', '.join(SERVERS)}")


def _chosen_scenarios(names: list[str]) -> list[Scenario]:
    chosen: list[Scenario] = []
    for name in names or SCENARIOS:
        found = [scenario for scenario in SCENARIOS.values() if fnmatch.fnmatch(scenario.name, name)]
        if not found:
            raise KeyError(f"no scenario {name!r}; there are {', '.join(SCENARIOS)}")
        chosen += found
    return chosen


def _chosen_entrants(scenarios: list[Scenario], options: argparse.Namespace) -> dict[str, list[Entrant]]:
    """Return the entrants of each scenario; makes every environment that they need."""
    python = find_python(options.python)
    peers = open_environment("peers", python, refresh=options.refresh_peers)
    versions = peers.versions()
    print_about(versions, SHOWN_VERSIONS)
    made: dict[str, Environment] = {"peers": peers}

    def enter(server: Server) -> Entrant:
        if server.environment not in made:
            made[server.environment] = open_environment(server.environment, python, as_installed=options.as_installed)
        return Entrant(server, made[server.environment])

    return {
        scenario.name: [enter(server) for server in _servers_of(scenario, options.servers, versions)]
        for scenario in scenarios
    }


def _certificate(
    scenarios: list[Scenario], entrants: dict[str, list[Entrant]], options: argparse.Namespace
) -> AbstractContextManager[Certificate | None]:
    """Return what makes a certificate if any scenario needs one: the licorne that is measured, or was once."""
    if not any(scenario.is_secure for scenario in scenarios):
        return nullcontext()
    for entrant in chain.from_iterable(entrants.values()):
        if entrant.server.environment == "licorne":
            return certificate(entrant.environment)
    return certificate(open_environment("licorne", find_python(options.python), as_installed=True))


def _servers_of(scenario: Scenario, names: list[str], versions: dict[str, str]) -> list[Server]:
    servers = find_servers(names or list(scenario.servers))
    return [server for server in servers if _fits(server, scenario) and (server.needs or "uvloop") in versions]


def _fits(server: Server, scenario: Scenario) -> bool:
    is_wanted = server.is_asgi or server.name in scenario.servers
    if (scenario.is_secure and server.secure is None) or (scenario.has_streams and server.streams is None):
        return False
    return is_wanted and (server.logged is not None or not scenario.is_logged)


def _play(scenarios: list[Scenario], entrants: dict[str, list[Entrant]], plan: Plan) -> Results:
    # The harness asks and polls too: it must not run where the server does.
    os.sched_setaffinity(0, {plan.cpus.load})
    results: Results = {}
    for scenario in scenarios:
        outcomes = dict(play_rounds(scenario, entrants[scenario.name], plan)) if entrants[scenario.name] else {}
        results[scenario.name] = {name: value for name, value in outcomes.items() if not isinstance(value, str)}
        failures = {name: value for name, value in outcomes.items() if isinstance(value, str)}
        print_scenario(scenario, results[scenario.name], failures)
    return results


def _check(scenarios: list[Scenario], results: Results) -> int:
    names = {scenario.name for scenario in scenarios}
    outcomes = [judge(target, results) for target in TARGETS if target.scenario in names]
    print_outcomes(outcomes)
    return 0 if all(outcome.is_kept for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
