"""Print figures as tables that fit a terminal. Nothing is computed here but ratios."""

import platform
from collections.abc import Iterable
from pathlib import Path

from ..h2load import Streams
from ..websocket.conversation import Talk
from .scenarios import Kind, Scenario
from .targets import Outcome, best_peer
from .turns import Figures

__all__ = ["print_about", "print_outcomes", "print_scenario"]

COSTS = f"{'p50 µs':>8}{'p99 µs':>8}{'xbest':>8}{'xuvicorn':>10}{'spread':>8}{'waited':>8}"
REQUESTS = f"{'requests/s':>12}{'user':>8}{'system':>8}{'µs/req':>8}{COSTS}"
MESSAGES = f"{'messages/s':>12}{'user':>8}{'system':>8}{'µs/msg':>8}{COSTS}{'load':>8}"
COLUMNS = {Kind.IDLE: f"{'bytes':>12}{'KiB':>8}", Kind.START: f"{'ms':>12}"}


def print_about(versions: dict[str, str], names: Iterable[str]) -> None:
    """Say on what, and with which versions, the figures were made."""
    packages = ", ".join(f"{name} {versions[name]}" for name in names if name in versions)
    print(f"{_processor()}; {platform.system()} {platform.release()}")
    print(f"{packages}", flush=True)


def print_scenario(scenario: Scenario, figures: dict[str, Figures], failures: dict[str, str]) -> None:
    """Print one scenario's table, best first, and what could not be run below it."""
    shape = f", {scenario.shape.connections} connections" if scenario.kind is Kind.LOAD else ""
    print(f"\n{scenario.name} — {scenario.title}{shape}")
    print(f"  {'':<18}{_header(scenario)}")
    for name in _best_first(scenario, figures):
        print(f"  {name:<18}{_row(scenario.kind, figures, figures[name])}")
    for name, reason in failures.items():
        print(f"  {name:<18}not measured: {' '.join(reason.split())[-200:]}")
    print(end="", flush=True)


def print_outcomes(outcomes: list[Outcome]) -> None:
    """Print each target with its figure and whether it is kept."""
    print("\ntargets")
    for outcome in outcomes:
        figure = "no figure" if outcome.figure is None else f"{outcome.figure:.2f}"
        by_cpu = "" if outcome.by_cpu is None else f"   by CPU time {outcome.by_cpu:.2f}"
        print(f"  {'pass' if outcome.is_kept else 'FAIL'}  {outcome.target.text:<64}{figure:>12}{by_cpu}")
    kept = sum(outcome.is_kept for outcome in outcomes)
    print(f"  {kept} of {len(outcomes)} kept", flush=True)


def _header(scenario: Scenario) -> str:
    if isinstance(scenario.shape, Streams):
        return f"{REQUESTS}{'load':>8}"
    return COLUMNS.get(scenario.kind) or (MESSAGES if isinstance(scenario.shape, Talk) else REQUESTS)


def _best_first(scenario: Scenario, figures: dict[str, Figures]) -> list[str]:
    metric = {Kind.LOAD: "rate", Kind.IDLE: "bytes", Kind.START: "milliseconds"}[scenario.kind]
    return sorted(figures, key=lambda name: figures[name][metric], reverse=scenario.kind is Kind.LOAD)


def _row(kind: Kind, figures: dict[str, Figures], own: Figures) -> str:
    if kind is Kind.IDLE:
        lost = f"  {own['lost']:.0f} connections were closed" if own["lost"] else ""
        return f"{own['bytes']:>12.0f}{own['bytes'] / 1024:>8.1f}{lost}"
    if kind is Kind.START:
        return f"{own['milliseconds']:>12.0f}"
    faults = f"  {own['faults']:.0f} faults" if own["faults"] else ""
    costs = (
        "".join(_cost(own[name]) for name in ("user", "system", "cpu")) + _latency(own["p50"]) + _latency(own["p99"])
    )
    ratios = f"{_ratio(own, best_peer(figures, 'rate')):>8}{_ratio(own, figures.get('uvicorn', {}).get('rate')):>10}"
    # wrk does not say how busy it was.
    busy = f"{own['busy']:>8.0%}" if own["busy"] else ""
    rate = f"{own['rate']:>12,.0f}" if own["rate"] >= 100 else f"{own['rate']:>12.1f}"
    return f"{rate}{costs}{ratios}{own['spread']:>8.0%}{own['waited']:>8.0%}{busy}{faults}"


def _cost(microseconds: float) -> str:
    return f"{microseconds:>8.1f}" if microseconds < 10_000 else f"{microseconds:>8.0f}"


def _latency(microseconds: float) -> str:
    # wrk has no latency for what was pipelined, h2load none at all.
    return f"{microseconds:>8.0f}" if microseconds else f"{'-':>8}"


def _ratio(own: Figures, other: float | None) -> str:
    return f"{own['rate'] / other:.2f}" if other else "-"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
