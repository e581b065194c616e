"""Read what a run of pytest says of itself, and show all runs in one table.

Rule: nothing is quiet. A skipped test is shown with its reason, and so is what could not run at all; in CI both fail,
but for what is optional: it is shown only.
"""

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

MAX_REASONS = 40


@dataclass(frozen=True)
class Outcome:
    """Hold how one step ended: a tool's run (nothing counted) or a run of the tests."""

    step: str
    seconds: float
    ok: bool
    passed: int = 0
    failed: int = 0
    skipped: tuple[str, ...] = ()
    note: str = ""
    is_missing: bool = False
    is_optional: bool = False
    has_tests: bool = False

    def is_good(self, *, strict: bool) -> bool:
        """Tell whether the whole may pass with this; strict is CI, where only what is optional may be missing."""
        if self.is_missing:
            return self.is_optional or not strict
        return self.ok and not (strict and self.skipped)


def read_report(path: Path, step: str, seconds: float, exit_status: int, note: str) -> Outcome:
    """Turn pytest's JUnit file into an outcome. A run that left none, or ran no test, has failed."""
    if not path.is_file():
        return Outcome(step, seconds, False, note=f"pytest ended with {exit_status} and no report", has_tests=True)
    cases = list(ElementTree.parse(path).getroot().iter("testcase"))
    failed = sum(1 for case in cases if case.find("failure") is not None or case.find("error") is not None)
    skipped = tuple(skip_reason(case) for case in cases if case.find("skipped") is not None)
    passed = len(cases) - failed - len(skipped)
    if exit_status and not failed:
        note = f"pytest ended with {exit_status}"
    elif not passed:
        note = "no test passed"
    return Outcome(step, seconds, exit_status == 0 and passed > 0, passed, failed, skipped, note, has_tests=True)


def skip_reason(case: ElementTree.Element) -> str:
    """Return the name of a skipped test (or expected failure) and why it was."""
    skipped = case.find("skipped")
    message = skipped.get("message", "") if skipped is not None else ""
    return f"{case.get('classname')}.{case.get('name')}: {message}"


def show_table(outcomes: Sequence[Outcome], *, strict: bool) -> str:
    """Return the closing table: what ran, what was missing, what was skipped and why."""
    width = max(len(outcome.step) for outcome in outcomes)
    lines = [f"{'step':<{width}}  {'result':<7} {'passed':>7} {'failed':>7} {'skipped':>8} {'seconds':>8}"]
    for outcome in outcomes:
        counts = f"{outcome.passed:>7} {outcome.failed:>7} {len(outcome.skipped):>8}" if outcome.has_tests else " " * 24
        note = f"  {outcome.note}" if outcome.note else ""
        lines.append(f"{outcome.step:<{width}}  {word(outcome, strict):<7} {counts} {outcome.seconds:>8.1f}{note}")
    return "\n".join([*lines, *show_skipped(outcomes)])


def word(outcome: Outcome, strict: bool) -> str:
    """Return the result of one step in a word."""
    if outcome.is_missing:
        return "missing" if outcome.is_good(strict=strict) else "MISSING"
    return "ok" if outcome.is_good(strict=strict) else "FAILED"


def show_skipped(outcomes: Iterable[Outcome]) -> list[str]:
    """Return a line for each skipped test."""
    reasons = [f"skipped in {outcome.step}: {reason}" for outcome in outcomes for reason in outcome.skipped]
    more = [f"and {len(reasons) - MAX_REASONS} more"] if len(reasons) > MAX_REASONS else []
    return reasons[:MAX_REASONS] + more


def closing_line(outcomes: Sequence[Outcome], *, strict: bool) -> str:
    """Return the last line of all: the tests of every run, with each other step that failed counted as one."""
    passed = sum(outcome.passed for outcome in outcomes)
    skipped = sum(len(outcome.skipped) for outcome in outcomes)
    failed = sum(outcome.failed or (not outcome.is_good(strict=strict)) for outcome in outcomes)
    return f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else "")
