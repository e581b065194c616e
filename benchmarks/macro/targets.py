"""What licorne promises of its speed, as data, and whether one run's figures keep the promise.

Rules: a target compares licorne with a server of the same run, which may be itself, or with a fixed bound; a figure
that is missing breaks it.
"""

from dataclasses import dataclass

from ..servers import SERVERS
from .turns import Figures

__all__ = ["BEST_PEER", "TARGETS", "Outcome", "Results", "Target", "best_peer", "judge"]

#: Figures by scenario, then by server.
Results = dict[str, dict[str, Figures]]

BEST_PEER = "the best peer"

#: The share of requests that may go wrong before a rate counts for nothing.
MAX_FAULTS = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Ask that a figure of licorne be at least, or at most, `bound` times that of `against` (or `bound` itself)."""

    scenario: str
    metric: str
    bound: float
    against: str = ""
    is_ceiling: bool = False
    subject: str = "licorne"

    @property
    def text(self) -> str:
        """Return the promise in words."""
        sign = "≤" if self.is_ceiling else "≥"
        scale = f"{self.bound:g} x {self.against}" if self.against else f"{self.bound:g}"
        return f"{self.scenario}: {self.subject}'s {self.metric} {sign} {scale}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Hold a target's figure (None: it could not be had) and whether it is kept.

    `by_cpu` is what a ratio of rates would be if CPU time alone decided, as it does on a quiet machine.
    """

    target: Target
    figure: float | None
    is_kept: bool
    by_cpu: float | None = None


def _rate(scenario: str, bound: float, against: str, subject: str = "licorne") -> Target:
    return Target(scenario=scenario, metric="rate", bound=bound, against=against, subject=subject)


TARGETS = (
    _rate("hello", 1.5, "fastpysgi"),
    _rate("hello", 2.1, "uvicorn"),
    Target(scenario="hello", metric="cpu", bound=1.45, against="floor", is_ceiling=True),
    _rate("hello-log", 2.5, "granian"),
    _rate("hello-log", 3.0, "uvicorn"),
    _rate("fastapi", 1.15, BEST_PEER),
    _rate("post16k", 1.0, "fastpysgi"),
    _rate("stream20", 4.0, "uvicorn"),
    _rate("body1m", 1.0, "fastpysgi"),
    _rate("pipelined16", 1.0, BEST_PEER),
    _rate("conns1000", 1.0, BEST_PEER),
    _rate("worker", 0.97, "licorne", subject="licorne-worker"),
    _rate("worker", 0.97, "licorne", subject="licorne-fork"),
    _rate("pure", 1.0, "uvicorn-h11", subject="licorne-pure"),
    Target(scenario="idle", metric="bytes", bound=5 * 1024, is_ceiling=True),
    Target(scenario="start", metric="milliseconds", bound=100, is_ceiling=True),
    _rate("h2c-16x32", 1.8, "granian"),
    _rate("h2c-64x1", 1.5, "granian"),
    _rate("h2-tls-16x32", 1.5, "granian"),
    _rate("hello-tls", 1.3, "granian"),
    _rate("hello-tls", 1.3, "uvicorn"),
    _rate("download-tls", 1.0, "granian"),
    _rate("ws-echo64", 1.25, "socketify"),
    _rate("ws-echo64", 1.8, "uvicorn"),
    _rate("ws-echo64x8", 1.15, "socketify"),
    _rate("ws-echo64x8", 1.8, "uvicorn"),
    _rate("ws-echo64k", 1.0, "socketify"),
    _rate("ws-echo64k", 1.6, "uvicorn"),
    _rate("ws-broadcast", 2.0, "uvicorn"),
    _rate("ws-deflate1k", 1.2, "uvicorn"),
    Target(scenario="ws-memory", metric="bytes", bound=6 * 1024, is_ceiling=True),
)


def best_peer(figures: dict[str, Figures], metric: str) -> float | None:
    """Return the best figure among the other ASGI servers: the highest rate, or the lowest of anything else.

    A server that answers with errors is no match for one that answers.
    """
    peers = [values[metric] for name, values in figures.items() if _is_peer(name) and _is_sound(values)]
    if not peers:
        return None
    return max(peers) if metric == "rate" else min(peers)


def judge(target: Target, results: Results) -> Outcome:
    """Compare one target with what was measured."""
    figures = results.get(target.scenario, {})
    own = figures.get(target.subject, {})
    scale = _scale(target, figures, target.metric)
    if target.metric not in own or not scale or not _is_sound(own):
        return Outcome(target, None, False)
    figure = own[target.metric] / scale
    is_kept = figure <= target.bound if target.is_ceiling else figure >= target.bound
    return Outcome(target, figure, is_kept, _by_cpu(target, figures, own))


def _by_cpu(target: Target, figures: dict[str, Figures], own: Figures) -> float | None:
    other = _scale(target, figures, "cpu")
    return other / own["cpu"] if target.metric == "rate" and other else None


def _scale(target: Target, figures: dict[str, Figures], metric: str) -> float | None:
    if not target.against:
        return 1.0
    if target.against == BEST_PEER:
        return best_peer(figures, metric)
    return figures.get(target.against, {}).get(metric)


def _is_sound(values: Figures) -> bool:
    return not values.get("lost") and values.get("faults", 0) <= MAX_FAULTS * values.get("requests", 0)


def _is_peer(name: str) -> bool:
    return SERVERS[name].is_asgi and not name.startswith("licorne")
