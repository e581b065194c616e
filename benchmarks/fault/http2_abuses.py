"""HTTP/2 at its worst: each abuse of `tests/faults/http2_abuses.py`, thrown for half a minute at a server of its own.

Promised: memory stays within what the abuse may hold, who floods is told to be calm, a bystander waits at most twice
as long as beside honest clients, and when the abuse is over the server is as before and rests.
"""

import subprocess
import time
from dataclasses import dataclass

from tests.faults.http2_abuses import ABUSES, Abuse
from tests.support.http2_frames import Code

from ..load import LoadError
from ..machine import pinned_to
from ..running import Running
from .attacker import Counts, attack
from .bystander import Bystander, standing_by
from .leftovers import COUNTED, Leftovers, Peak, count_leftovers, settle
from .stage import KIB, MIB, Stage, Verdict

__all__ = ["NAMES", "play"]

NAMES = tuple(ABUSES)
SECONDS = 30.0
WARM_UP_SECONDS = 1.0
QUIET_SECONDS = 2.0
HONEST_SECONDS = 3
#: A gigabit line; more would mostly keep the CPU of the load, which the bystander needs too.
LINE_BYTES = 120e6
REST_SECONDS = 2.0
#: A server that has nothing to do uses no more than this of its CPU.
REST_SHARE = 0.05
#: What Python may allocate for other reasons.
SLACK_BYTES = 12 * MIB
#: glibc moves by itself the sizes from which freed blocks go back to the system; those that are set stay. These are
#: like those that it comes to with the first large read: with its first ones each would take its pages anew.
ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": str(512 * KIB), "MALLOC_TRIM_THRESHOLD_": str(1024 * KIB)}

# As the honest clients make it, and the noise of three processes that share the load's CPU.
P99_FACTOR = 2.0
P99_NOISE_MICROSECONDS = 1000

CODES = {value: name for name, value in vars(Code).items() if name.isupper()}


@dataclass(frozen=True, slots=True)
class Normal:
    """Hold what a bystander waits when nobody else is there, before and after, and beside honest clients."""

    before: Bystander
    honest: Bystander
    after: Bystander

    @property
    def p50(self) -> float:
        """Return its median wait when nobody else is there, in microseconds."""
        return (self.before.p50 + self.after.p50) / 2

    @property
    def p99(self) -> float:
        """Return its 99th percentile when nobody else is there, in microseconds."""
        return (self.before.p99 + self.after.p99) / 2

    @property
    def bound(self) -> float:
        """Return what its 99th percentile may be, in microseconds."""
        return max(self.p99, self.honest.p99) * P99_FACTOR + P99_NOISE_MICROSECONDS


def play(stage: Stage, name: str, seconds: float = SECONDS) -> Verdict:
    """Play one abuse."""
    verdict = Verdict()
    abuse = ABUSES[name]
    with stage.live("--timeout-disconnect", "500ms", variables=ALLOCATOR) as live:
        honest = _measure_honest(stage, live, abuse.connections)
        # The first time allocates what is allocated once.
        attack(live.port, name, WARM_UP_SECONDS, LINE_BYTES)
        before = count_leftovers(live)
        settle(live, before)
        quiet = _measure_quiet(live)
        bystander = _torment(verdict, live, abuse, seconds)
        settled = settle(live, before)
        _judge_bystander(verdict, bystander, Normal(quiet, honest, _measure_quiet(live)))
        _judge_leftovers(verdict, before, count_leftovers(live))
        verdict.show("settled after", "never" if settled is None else f"{settled:.1f} s")
        _judge_rest(verdict, live)
    return verdict


def _torment(verdict: Verdict, live: Running, abuse: Abuse, seconds: float) -> Bystander:
    peak, used, waited = Peak(live), live.cpu_time(), live.waiting_time()
    with standing_by(live) as bystander:
        counts = attack(live.port, abuse.name, seconds, LINE_BYTES, peak.look)
    used, waited = live.cpu_time() - used, live.waiting_time() - waited
    verdict.show("abuse", abuse.says)
    verdict.show("taken from it", f"{counts.sent / MIB:,.1f} MiB on {counts.made:,} connections in {seconds:g} s")
    verdict.show("RST_STREAM", _counted(counts.resets))
    verdict.show("GOAWAY", _counted(counts.farewells))
    verdict.show("CPU of the server", f"{(used.user + used.system) / seconds:.0%}, waited for {waited / seconds:.0%}")
    verdict.show("CPU of the abuse", f"{counts.used / seconds:.0%}")
    _judge_memory(verdict, peak, abuse)
    if abuse.codes and abuse.is_reading and abuse.is_calmed:
        _judge_farewells(verdict, abuse, counts)
    return bystander


def _judge_farewells(verdict: Verdict, abuse: Abuse, counts: Counts) -> None:
    is_calmed = bool(counts.farewells) and set(counts.farewells) <= set(abuse.codes)
    verdict.expect(f"it is told GOAWAY with {' or '.join(CODES[code] for code in abuse.codes)}", is_calmed)


def _judge_memory(verdict: Verdict, peak: Peak, abuse: Abuse) -> None:
    bound = SLACK_BYTES + abuse.connections * abuse.bytes_each
    growth = peak.growth
    verdict.expect(f"memory never grows by {bound / MIB:.0f} MiB (here {growth / MIB:.1f})", growth < bound)


def _judge_bystander(verdict: Verdict, bystander: Bystander, normal: Normal) -> None:
    for name, one in (
        ("alone, before", normal.before),
        ("alone, after", normal.after),
        ("beside honest clients", normal.honest),
        ("beside the abuse", bystander),
    ):
        verdict.show(f"bystander {name}", f"{one.count:,} echoes, p50 {one.p50} µs, p99 {one.p99}, max {one.max}")
    for name in ("p50", "p99"):
        wait = getattr(bystander, name)
        alone, honest = wait / getattr(normal, name), wait / getattr(normal.honest, name)
        verdict.show(f"its {name}", f"{alone:.1f} times that alone, {honest:.1f} times that beside honest clients")
    is_served = bystander.count > 0 and bystander.p99 <= normal.bound
    verdict.expect(f"p99 of the bystander stays below {normal.bound:.0f} µs", is_served)


def _judge_leftovers(verdict: Verdict, before: Leftovers, after: Leftovers) -> None:
    """Promise that nothing is left but what Python has not given back: thousands of tasks lay between its objects."""
    for name in COUNTED:
        verdict.expect(f"no {name} left behind (here {after[name]} of {before[name]})", after[name] <= before[name])
    growth = after["resident bytes"] - before["resident bytes"]
    verdict.expect(f"memory stays within {SLACK_BYTES // MIB} MiB (here {growth / MIB:.2f})", growth < SLACK_BYTES)


def _judge_rest(verdict: Verdict, live: Running) -> None:
    used = live.cpu_time()
    time.sleep(REST_SECONDS)
    used = live.cpu_time() - used
    share = (used.user + used.system) / REST_SECONDS
    verdict.expect(f"the server rests afterwards ({share:.0%} of its CPU)", share < REST_SHARE)


def _measure_quiet(live: Running) -> Bystander:
    with standing_by(live) as quiet:
        time.sleep(QUIET_SECONDS)
    return quiet


def _measure_honest(stage: Stage, live: Running, connections: int) -> Bystander:
    with standing_by(live) as honest:
        _put_honest_load(stage, live, connections)
    return honest


def _put_honest_load(stage: Stage, live: Running, connections: int) -> None:
    """Let h2load ask on so many connections, ten requests at a time on each."""
    shape = ["-t1", f"-c{connections}", "-m10", f"-D{HONEST_SECONDS}", "--warm-up-time=0"]
    command = ["h2load", *shape, f"http://127.0.0.1:{live.port}/"]
    try:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, preexec_fn=pinned_to(stage.cpus.load))
    except (OSError, subprocess.CalledProcessError) as error:
        raise LoadError(f"h2load (Debian's package nghttp2-client): {error}") from None


def _counted(codes: dict[int, int]) -> str:
    return ", ".join(f"{count:,} {CODES.get(code, code)}" for code, count in sorted(codes.items())) or "none"
