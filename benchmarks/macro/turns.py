"""Measure one server once, in one scenario: a turn. And many turns: the rounds of a scenario.

Rules: a server is started for its turn and stopped after it, so that no idle neighbour shares its CPU; it is
warmed up before anything is counted; the order of servers moves by one each round; a figure is a median of turns.
"""

import socket
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from ..certificates import Certificate
from ..environments import Environment
from ..h2load import Streams, can_answer, put_streams
from ..load import Load, LoadError, Shape, put_load
from ..machine import CpuPair, CpuTime
from ..running import NotReady, Running, answers_over_tls, get, running
from ..servers import Server
from ..websocket.conversation import Talk, expect
from ..websocket.frames import FIN, TEXT, client_frame
from ..websocket.opening import open_websocket
from ..websocket.talking import talking
from .scenarios import Kind, Scenario

__all__ = ["Entrant", "Figures", "Plan", "play_rounds"]

#: What a turn yields: `rate user system cpu p50 p99 requests faults waited busy`, or `bytes lost`, or `milliseconds`.
Figures = dict[str, float]

SETTLE_SECONDS = 1.0
WARM_REQUESTS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Say how long and how often to measure, and where."""

    cpus: CpuPair
    rounds: int
    seconds: int
    warmup: int
    spawns: int
    connections: int | None = None
    #: What servers show when they speak TLS; None if none of them does.
    certificate: Certificate | None = None


@dataclass(frozen=True, slots=True)
class Entrant:
    """Join a server and the environment it lives in."""

    server: Server
    environment: Environment


def play_rounds(scenario: Scenario, entrants: list[Entrant], plan: Plan) -> Iterator[tuple[str, Figures | str]]:
    """Yield each server's median figures, or the reason why there are none, when all rounds have been played."""
    turns: dict[str, list[Figures]] = {entrant.server.name: [] for entrant in entrants}
    failures: dict[str, str] = {}
    for number in range(_rounds(scenario, plan)):
        for entrant in _rotated(entrants, number):
            name = entrant.server.name
            if name not in failures:
                try:
                    turns[name].append(_play_turn(scenario, entrant, plan))
                except (NotReady, LoadError, OSError, ValueError) as error:
                    failures[name] = str(error) or type(error).__name__
    for name, played in turns.items():
        yield name, failures[name] if name in failures else _median(played)


def _rounds(scenario: Scenario, plan: Plan) -> int:
    return plan.spawns if scenario.kind is Kind.START else plan.rounds


def _rotated(entrants: list[Entrant], number: int) -> list[Entrant]:
    first = number % len(entrants)
    return entrants[first:] + entrants[:first]


def _median(turns: list[Figures]) -> Figures:
    figures = {name: statistics.median(turn[name] for turn in turns) for name in turns[0]}
    if "rate" in figures:
        rates = [turn["rate"] for turn in turns]
        figures["spread"] = (max(rates) - min(rates)) / figures["rate"]
        for name in ("requests", "faults"):
            figures[name] = sum(turn[name] for turn in turns)
    return figures


def _play_turn(scenario: Scenario, entrant: Entrant, plan: Plan) -> Figures:
    server = entrant.server
    with running(
        server,
        entrant.environment,
        scenario.app,
        cpu=plan.cpus.server,
        extra=_extra_arguments(scenario, server) + _edge_arguments(scenario, server, plan),
        is_silent=scenario.is_logged,
        answers=_readiness(scenario, plan),
    ) as live:
        if scenario.kind is Kind.START:
            return {"milliseconds": live.seconds_to_ready * 1000}
        if scenario.kind is Kind.IDLE:
            return _weigh_idle(live, plan.connections or scenario.connections, isinstance(scenario.shape, Talk))
        return _measure_load(live, scenario, plan)


def _extra_arguments(scenario: Scenario, server: Server) -> tuple[str, ...]:
    log = (server.logged or ()) if scenario.is_logged else server.quiet
    patience = server.patient if scenario.kind is Kind.IDLE else ()
    is_deflated = isinstance(scenario.shape, Talk) and scenario.shape.flow.offers_compression
    deflating = server.deflating if is_deflated else ()
    return log + patience + deflating + (server.pipelined if scenario.is_pipelined else ())


def _edge_arguments(scenario: Scenario, server: Server, plan: Plan) -> tuple[str, ...]:
    """Return what has a server speak TLS and HTTP/2 where the scenario asks for them."""
    streams = (server.streams or ()) if scenario.has_streams else ()
    shown = plan.certificate
    if shown is None or not scenario.is_secure:
        return streams
    return (*streams, *(part.format(chain=shown.chain, key=shown.key) for part in server.secure or ()))


def _readiness(scenario: Scenario, plan: Plan) -> Callable[[int], bool] | None:
    """Return what tells that a server is ready where a GET in the clear would not."""
    shape = scenario.shape
    if isinstance(shape, Streams):
        return partial(can_answer, shape)
    if scenario.is_secure and plan.certificate is not None:
        return partial(answers_over_tls, authority=plan.certificate.authority)
    return None


def _measure_load(live: Running, scenario: Scenario, plan: Plan) -> Figures:
    with _load_on(live, scenario.shape, plan.cpus.load) as put:
        put(plan.warmup)
        before, waited_before = live.cpu_time(), live.waiting_time()
        load = put(plan.seconds)
        used, waited = live.cpu_time() - before, live.waiting_time() - waited_before
    return {**_figures(load, used), "waited": waited / load.seconds, "busy": load.busy}


@contextmanager
def _load_on(live: Running, shape: Shape | Streams | Talk, cpu: int) -> Iterator[Callable[[int], Load]]:
    """Yield what puts load on a server for some seconds: wrk, h2load, or a talk that keeps its connections."""
    if isinstance(shape, Talk):
        with talking(shape, live.port) as conversation:
            yield conversation.run
    elif isinstance(shape, Streams):
        yield lambda seconds: put_streams(shape, live.port, seconds, cpu)
    else:
        yield lambda seconds: put_load(shape, live.port, seconds, cpu)


def _figures(load: Load, used: CpuTime) -> Figures:
    if not load.requests:
        raise LoadError(f"no answer at all; the load counted {load.errors}")
    user, system = (seconds * 1e6 / load.requests for seconds in (used.user, used.system))
    return {
        "rate": load.rate,
        "user": user,
        "system": system,
        "cpu": user + system,
        "p50": load.p50,
        "p99": load.p99,
        "requests": load.requests,
        "faults": load.faults,
    }


def _weigh_idle(live: Running, count: int, is_websocket: bool) -> Figures:
    _warm(live)
    ask_once = _echoed_once if is_websocket else _asked_once
    # What the first of its kind makes the server allocate is none of the others' doing.
    ask_once(live).close()
    time.sleep(SETTLE_SECONDS)
    before = live.rss()
    connections = [ask_once(live) for _ in range(count)]
    time.sleep(SETTLE_SECONDS)
    after = live.rss()
    lost = sum(not _is_open(connection) for connection in connections)
    for connection in connections:
        connection.close()
    return {"bytes": (after - before) / count, "lost": lost}


def _warm(live: Running) -> None:
    """Let the server allocate what it allocates once."""
    with live.connect() as connection:
        for _ in range(WARM_REQUESTS):
            get(connection)
    time.sleep(SETTLE_SECONDS)


def _asked_once(live: Running) -> socket.socket:
    connection = live.connect()
    status, _ = get(connection)
    if status != 200:
        raise LoadError(f"status {status} on a connection that was to stay idle")
    return connection


def _echoed_once(live: Running) -> socket.socket:
    opened = open_websocket(live.port, "/")
    payload = Talk().payload
    opened.socket.sendall(client_frame(FIN | TEXT, payload))
    expect(opened, FIN | TEXT, payload)
    return opened.socket


def _is_open(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return bool(connection.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return True
    except OSError:
        return False
