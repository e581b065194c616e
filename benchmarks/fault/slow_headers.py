"""500 clients send a head one byte a second, while others ask normally.

Promised: the normal ones are not slowed, and every slow one is gone when the header timeout is over.
"""

import itertools
import selectors
import threading
import time

from ..load import Load, Shape, put_load
from ..running import Running
from .slow_client import SlowClient
from .stage import Stage, Verdict

__all__ = ["play"]

SLOW_CLIENTS = 500
TIMEOUT_SECONDS = 5.0
SLACK_SECONDS = 2.0
LOAD_SECONDS = 3
NORMAL = Shape(connections=8)

# Half a millisecond is the noise of two processes that share the load's CPU.
P99_FACTOR = 2.0
P99_NOISE_MICROSECONDS = 500
RATE_FACTOR = 0.85


def play(stage: Stage) -> Verdict:
    """Measure normal requests without and with the slow clients; then wait for these to be thrown out."""
    verdict = Verdict()
    with stage.live("--timeout-request-header", f"{TIMEOUT_SECONDS:g}s") as live:
        put_load(NORMAL, live.port, 1, stage.cpus.load)
        before = put_load(NORMAL, live.port, LOAD_SECONDS, stage.cpus.load)
        clients = [SlowClient(live.connect()) for _ in range(SLOW_CLIENTS)]
        opened_at = time.monotonic()
        dripping = threading.Thread(target=_drip, args=(clients, opened_at + TIMEOUT_SECONDS + SLACK_SECONDS))
        dripping.start()
        beside = put_load(NORMAL, live.port, LOAD_SECONDS, stage.cpus.load)
        dripping.join()
        # The mean of before and after: on a machine that others use too, either alone may be luck.
        after = put_load(NORMAL, live.port, LOAD_SECONDS, stage.cpus.load)
        _judge_normal(verdict, before, beside, after)
        _judge_slow(verdict, clients, opened_at)
        _judge_after(verdict, live)
    return verdict


def _drip(clients: list[SlowClient], until: float) -> None:
    """Give each client one byte a second, evenly spread, until all are gone or time is up."""
    selector = selectors.DefaultSelector()
    for client in clients:
        selector.register(client, selectors.EVENT_READ)
    turns = itertools.cycle(clients)
    while time.monotonic() < until and selector.get_map():
        next(turns).drip()
        for key, _ in selector.select(1.0 / len(clients)):
            _hear(selector, key.fileobj)
    selector.close()


def _hear(selector: selectors.BaseSelector, client: object) -> None:
    assert isinstance(client, SlowClient)
    client.listen()
    if not client.is_open:
        selector.unregister(client)


def _judge_normal(verdict: Verdict, before: Load, beside: Load, after: Load) -> None:
    for name, load in (("before", before), ("beside slow clients", beside), ("after", after)):
        verdict.show(name, f"{load.rate:,.0f} requests/s, p50 {load.p50} µs, p99 {load.p99} µs, {load.faults} faults")
    bound = (before.p99 + after.p99) / 2 * P99_FACTOR + P99_NOISE_MICROSECONDS
    rate = (before.rate + after.rate) / 2
    verdict.expect(f"p99 of normal requests stays below {bound:.0f} µs", beside.p99 <= bound)
    verdict.expect(f"their rate stays above {RATE_FACTOR:.0%}", beside.rate >= RATE_FACTOR * rate)
    verdict.expect("none of them fails", not beside.faults)


def _judge_slow(verdict: Verdict, clients: list[SlowClient], opened_at: float) -> None:
    gone = [client.closed_at - opened_at for client in clients if client.closed_at is not None]
    statuses = sorted({client.status for client in clients if client.status})
    verdict.show("slow clients gone", f"{len(gone)} of {len(clients)}, answered {statuses or 'nothing'}")
    if gone:
        verdict.show("gone after", f"{min(gone):.1f} to {max(gone):.1f} s of a timeout of {TIMEOUT_SECONDS:g} s")
    verdict.expect("every slow client is gone after the timeout", len(gone) == len(clients))
    verdict.expect("none was thrown out before it", bool(gone) and min(gone) >= TIMEOUT_SECONDS - 0.5)
    for client in clients:
        client.close()


def _judge_after(verdict: Verdict, live: Running) -> None:
    verdict.show("descriptors afterwards", live.descriptors())
