"""Run what decides whether a change may land: lint, format, types, and the tests of both builds on every Python.

    python3 tools/check.py [--only lint|types|tests|suites] [--build compiled|pure] [--this-python] [-- for pytest]

Each pair of interpreter and build has its own environment with an ordinary installation of this checkout. The
tests that are marked `exhaustive` run in both builds on the first interpreter; those marked `processes`, of parts that
are never compiled, run compiled on the first and pure on the last; all the others run everywhere. The suites of
`suites.py` run only when they are asked for, each in an environment of its own. The reports of pytest stay in
`.cache/reports`. With CI=true a missing interpreter or a skipped test is a failure.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from environments import (
    ROOT,
    SUPPORTED,
    VENVS,
    Environment,
    StepFailed,
    clean_variables,
    find_interpreter,
    first_interpreter,
    install_licorne,
    make_environment,
    optional_requirements,
    run,
    version_of,
)
from reports import Outcome, closing_line, read_report, show_table
from suites import SUITES, Suite

BUILDS = ("compiled", "pure")
STEPS = ("lint", "types", "tests")
WORKERS = 2
REPORTS = ROOT / ".cache" / "reports"
IS_CI = os.environ.get("CI", "").lower() in {"1", "true"}


@dataclass(frozen=True)
class Target:
    """Name one run of the tests: an interpreter, a build, and whether the long tests are part of it."""

    version: str
    interpreter: Path
    build: str
    is_exhaustive: bool
    has_processes: bool

    @property
    def name(self) -> str:
        """Return the name of the environment and of the reports."""
        return f"{self.version}-{self.build}"

    @property
    def left_out(self) -> list[str]:
        """Return the marks of the tests that run elsewhere."""
        has = {"exhaustive": self.is_exhaustive, "processes": self.has_processes}
        return [mark for mark, is_here in has.items() if not is_here]


def main() -> int:
    """Run the steps that were asked for; return 0 when all of them are good."""
    arguments = parse_arguments()
    os.environ["PIP_NO_COLOR"] = "1"
    outcomes: list[Outcome] = []
    try:
        targets, missing = choose_targets(arguments)
        prepared = make_environments(targets[: targets_needed(arguments, len(targets))])
        outcomes += [outcome for first in list(prepared.values())[:1] for outcome in tool_steps(arguments, first)]
        if "tests" in arguments.only:
            outcomes += [*missing, *missing_clients()]
            outcomes += [test_step(target, prepared[target], arguments.pytest) for target in targets]
        outcomes += [suite_step(suite, arguments) for suite in chosen_suites(arguments)]
    except StepFailed as error:
        print(error, file=sys.stderr)
        outcomes.append(Outcome("set up", 0.0, False, note="see above"))
    print("\n" + show_table(outcomes, strict=IS_CI))
    print(closing_line(outcomes, strict=IS_CI), flush=True)
    return 0 if all(outcome.is_good(strict=IS_CI) for outcome in outcomes) else 1


def parse_arguments() -> argparse.Namespace:
    """Read the command line; by default everything is run."""
    parser = argparse.ArgumentParser(description="Run licorne's lint, types and tests.")
    parser.add_argument("--only", action="append", choices=(*STEPS, "suites"))
    parser.add_argument("--build", action="append", choices=BUILDS)
    parser.add_argument("--this-python", action="store_true", help="do not look for other interpreters")
    parser.add_argument("pytest", nargs="*", help="arguments for pytest, after --")
    arguments = parser.parse_args()
    arguments.only = arguments.only or list(STEPS)
    arguments.build = arguments.build or list(BUILDS)
    return arguments


def choose_targets(arguments: argparse.Namespace) -> tuple[list[Target], list[Outcome]]:
    """Pair the interpreters found with the builds asked for, and name the interpreters that are not there."""
    first = first_interpreter()
    chosen = {version_of(first): first}
    missing = []
    for version in () if arguments.this_python else SUPPORTED:
        found = chosen.get(version) or find_interpreter(version)
        if found:
            chosen[version] = found
        else:
            missing.append(Outcome(f"tests {version}", 0.0, False, note="no such interpreter", is_missing=True))
    pairs = [(version, build) for version in chosen for build in arguments.build]
    # The first and the last of them, which differ in both where all are tested.
    ends = (pairs[0], pairs[-1])
    targets = [
        Target(version, chosen[version], build, chosen[version] == first, (version, build) in ends)
        for version, build in pairs
    ]
    return targets, missing


def targets_needed(arguments: argparse.Namespace, available: int) -> int:
    """Return how many targets need an environment: the tests need all, ruff and mypy the first."""
    if "tests" in arguments.only:
        return available
    return 1 if {"lint", "types"} & set(arguments.only) else 0


def missing_clients() -> list[Outcome]:
    """Name the clients that the tests do without."""
    if find_interpreter("2.7"):
        return []
    note = "no CPython 2.7, which Autobahn's WebSocket client runs on"
    return [Outcome("tests/conformance/autobahn", 0.0, False, note=note, is_missing=True, is_optional=True)]


def make_environments(targets: list[Target]) -> dict[Target, Environment]:
    """Make or refresh the environments, two at a time: most of it is waiting for downloads and the disk."""
    started = time.monotonic()
    requirements = optional_requirements("dev")
    with ThreadPoolExecutor(WORKERS) as pool:
        made = pool.map(lambda t: make_environment(VENVS / t.name, t.interpreter, requirements), targets)
        prepared = dict(zip(targets, made, strict=True))
    if prepared:
        print(f"{len(prepared)} environments are ready ({time.monotonic() - started:.0f} s)", flush=True)
    return prepared


def tool_steps(arguments: argparse.Namespace, environment: Environment) -> Iterator[Outcome]:
    """Run ruff and mypy where they are asked for."""
    if "lint" in arguments.only:
        yield timed("ruff check", lambda: run([environment.python, "-m", "ruff", "check", "."]))
        yield timed("ruff format --check", lambda: run([environment.python, "-m", "ruff", "format", "--check", "."]))
    if "types" in arguments.only:
        yield timed("mypy --strict", lambda: run([environment.python, "-m", "mypy", "--strict", "src", "tools"]))


def timed(step: str, action: Callable[[], object]) -> Outcome:
    """Run one step that counts nothing; show what it printed when it fails."""
    print(f"=== {step}", flush=True)
    started = time.monotonic()
    try:
        action()
    except StepFailed as error:
        print(error, flush=True)
        return Outcome(step, time.monotonic() - started, False)
    return Outcome(step, time.monotonic() - started, True)


def test_step(target: Target, environment: Environment, more: list[str]) -> Outcome:
    """Run the tests in an environment, but for those that run elsewhere."""
    options = ["--dist=worksteal", "-m", " and ".join(f"not {mark}" for mark in target.left_out)]
    note = f"without those marked {' and '.join(target.left_out)}" if target.left_out else "with all tests"
    report = REPORTS / f"{target.name}.xml"
    return run_tests(
        f"tests {target.version} {target.build}", environment, target.build, report, [*options, *more], note
    )


def chosen_suites(arguments: argparse.Namespace) -> list[Suite]:
    """Return the suites that were asked for: of the builds asked for, and on this Python if no other is looked for."""
    if "suites" not in arguments.only:
        return []
    version = version_of(first_interpreter()) if arguments.this_python else None
    return [suite for suite in SUITES if suite.build in arguments.build and version in (None, suite.version)]


def suite_step(suite: Suite, arguments: argparse.Namespace) -> Outcome:
    """Make the environment of a suite and run its tests there."""
    step = f"suite {suite.name}"
    interpreter = find_interpreter(suite.version)
    if interpreter is None:
        return Outcome(step, 0.0, False, note=f"no interpreter {suite.version}", is_missing=True)
    print(f"=== environment of {step}", flush=True)
    try:
        requirements = optional_requirements(suite.extra)
        environment = make_environment(VENVS / suite.environment, interpreter, requirements)
    except StepFailed as error:
        print(error, flush=True)
        return Outcome(step, 0.0, False, note="its environment could not be made")
    report = REPORTS / suite.report
    options = [*suite.folders, *arguments.pytest]
    outcome = run_tests(step, environment, suite.build, report, options, f"{suite.version} {suite.build}")
    return replace(outcome, note=f"{outcome.note}{page_note(suite, report)}")


def page_note(suite: Suite, report: Path) -> str:
    """Say whether the page that is written from a suite's report tells of another run: of other versions, perhaps."""
    if not suite.page or not report.is_file():
        return ""
    page = run([sys.executable, ROOT / suite.page_script, report])
    is_same = (ROOT / suite.page).read_text(encoding="utf-8") == page
    return "" if is_same else f"; {suite.page} tells of another run (`make docs` writes it from this one)"


def run_tests(step: str, environment: Environment, build: str, report: Path, options: list[str], note: str) -> Outcome:
    """Install this checkout in an environment and run tests there, showing them as they go."""
    print(f"=== {step}", flush=True)
    started = time.monotonic()
    try:
        install_licorne(environment, build)
    except StepFailed as error:
        print(error, flush=True)
        return Outcome(step, time.monotonic() - started, False, note="could not be installed")
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    command = [str(environment.python), "-m", "pytest", "-q", f"--junitxml={report}", "-n", str(WORKERS), *options]
    variables = clean_variables({"LICORNE_EXPECT_BUILD": build, "PATH": path_with(environment)})
    exit_status = subprocess.run(command, cwd=ROOT, env=variables, check=False).returncode
    return read_report(report, step, time.monotonic() - started, exit_status, note)


def path_with(environment: Environment) -> str:
    """Return PATH with the environment's commands first, as if it had been activated."""
    return os.pathsep.join([str(environment.python.parent), os.environ.get("PATH", "")])


if __name__ == "__main__":
    sys.exit(main())
