"""What the links of one worker share, whatever their event loop: limits, time, tasks, who may stay.

A driver for an event loop subclasses `Runtime` (here) and `DriverLink` (link.py) and adds only what moves bytes
and starts tasks.

Rules: decisions stand here, I/O in the subclass. Time is `Runtime.now`, which the sweep sets ahead by one tick,
so that a deadline made from it may be late by two ticks and is never early.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import partial
from typing import Any

from licorne.drivers.abandoned import Abandoned
from licorne.drivers.newcomers import Newcomers
from licorne.drivers.tasks import LinkTasks
from licorne.engine.connection import Connection
from licorne.engine.limits import Limits
from licorne.errors import RemoteProtocolError
from licorne.link import Cycle, Link, Service

__all__ = ["DriverOptions", "Peers", "Runtime", "SharedLink", "Stage", "shortest_tick"]

_NO_LIMIT = 2**40
_MAX_TICK = 1.0
_MIN_TICK = 0.02
#: How many ticks make up the shortest clock.
_TICKS_PER_CLOCK = 8
#: How many refused peers, as a share of the connection limit, get an answer; beyond that they are dropped without.
_CROWD_SHARE = 0.05
_USUAL_LIMIT = 1024
#: Each of them runs once more, before anybody else has a turn.
_MAX_CANCELLED = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverOptions:
    """Hold what a driver is told. Sizes are bytes, clocks seconds, 0 means "no limit" for both."""

    write_high_water: int = 64 * 1024
    write_stall_timeout: float = 60.0
    #: An application that still runs so long after its peer left is cancelled.
    disconnect_timeout: float = 3.0
    max_connections: int = 0
    max_connections_per_peer: int = 0
    #: Start tasks at once, not in the next turn of the loop (Python 3.12).
    eager: bool = False
    reset_contextvars: bool = False


def shortest_tick(limits: Limits, options: DriverOptions) -> float:
    """Return how often deadlines must be looked at so that none is late by much, in seconds."""
    clocks = (
        limits.head_timeout,
        limits.body_timeout,
        limits.keep_alive_timeout,
        limits.discard_timeout,
        limits.linger_timeout,
        options.write_stall_timeout,
        options.disconnect_timeout,
    )
    shortest = min([clock for clock in clocks if clock > 0], default=_MAX_TICK)
    return max(_MIN_TICK, min(_MAX_TICK, shortest / _TICKS_PER_CLOCK))


class SharedLink(Link):
    """Be a link as its runtime sees it."""

    __slots__ = ("connection", "is_refused", "tasks")

    connection: Connection
    #: The peer was turned away and only gets to see why.
    is_refused: bool
    #: Tasks of this link that were not over at once; None until there is one.
    tasks: LinkTasks | None

    def __init__(self, connection: Connection) -> None:
        """Take the engine; the driver sets the addresses once the transport is up."""
        self.connection = connection
        self.is_refused = False
        self.tasks = None
        self.account = None
        self.client = None
        self.server = None
        self.is_secure = False
        self.standing = 0
        self.tls = None

    def close_transport(self, closing: int) -> None:
        """Do with the transport what a member of `Closing` says."""
        raise NotImplementedError

    def check_progress(self, now: float) -> None:
        """Drop a peer that has taken nothing for too long."""
        raise NotImplementedError

    def drop(self) -> None:
        """End the transport at once; what is cut by that must not look whole to the peer."""
        raise NotImplementedError


class Stage(IntEnum):
    """Say how far a worker is with its stop."""

    SERVING = 0
    #: Nothing new is begun on a connection.
    DRAINING = 1
    #: Running applications were told; so are those that start from now on.
    STOPPING = 2


class Peers:
    """Count connections."""

    __slots__ = ("counts", "newcomers", "refused")

    def __init__(self, newcomers: Newcomers) -> None:
        #: Those that are no links yet.
        self.newcomers = newcomers
        #: By peer address, kept only when they are limited.
        self.counts: dict[str, int] = {}
        #: Of peers that were turned away and only get to see why.
        self.refused = 0


class Runtime:
    """Hold what the links of one worker share."""

    __slots__ = (
        "abandoned",
        "limits",
        "links",
        "new_connection",
        "now",
        "on_refusal",
        "on_tick",
        "options",
        "peers",
        "service",
        "stage",
        "tasks",
        "tick",
        "write_high_water",
    )

    def __init__(
        self,
        limits: Limits,
        options: DriverOptions,
        new_connection: Callable[[], Connection],
        service: Service,
    ) -> None:
        self.limits = limits
        self.options = options
        self.new_connection = new_connection
        self.service = service
        #: Called when an engine has refused its peer, with the reason.
        self.on_refusal: Callable[[RemoteProtocolError, Link], object] | None = None
        #: Called with the time by each sweep.
        self.on_tick: list[Callable[[float], object]] = []
        self.links: set[SharedLink] = set()
        self.peers = Peers(Newcomers(self))
        self.on_tick.append(self.newcomers.tick)
        #: Running tasks and whose they are.
        self.tasks: dict[Any, SharedLink] = {}
        self.abandoned = Abandoned()
        #: A member of `Stage`.
        self.stage = 0
        self.tick = shortest_tick(limits, options)
        self.write_high_water = options.write_high_water or _NO_LIMIT
        self.now = 0.0

    @property
    def newcomers(self) -> Newcomers:
        """Return the connections that are no links yet."""
        newcomers: Newcomers = self.peers.newcomers
        return newcomers

    @property
    def running(self) -> int:
        """Return the number of application tasks that have not ended."""
        return len(self.tasks)

    def count(self) -> int:
        """Return how many connections there are."""
        return len(self.links) + len(self.newcomers.waiting)

    def admit(self, link: SharedLink) -> RemoteProtocolError | None:
        """Decide whether a new link may stay; return why not."""
        limit = self.options.max_connections_per_peer
        if limit and link.client is not None and self.peers.counts.get(link.client[0], 0) >= limit:
            return RemoteProtocolError(503, "too many connections from this address")
        limit = self.options.max_connections
        if limit and len(self.links) - self.peers.refused >= limit and not self.shed_idle():
            return RemoteProtocolError(503, "too many connections")
        return None

    def is_crowded(self) -> bool:
        """Tell whether not even refusals should be written: each holds a descriptor while it lingers."""
        return self.peers.refused > (self.options.max_connections or _USUAL_LIMIT) * _CROWD_SHARE + 1

    def add(self, link: SharedLink) -> None:
        """Count a link."""
        self.links.add(link)
        if link.is_refused:
            self.peers.refused += 1
        elif self.options.max_connections_per_peer and link.client is not None:
            host = link.client[0]
            self.peers.counts[host] = self.peers.counts.get(host, 0) + 1

    def remove(self, link: SharedLink) -> None:
        """Stop counting a link."""
        self.links.discard(link)
        if link.is_refused:
            self.peers.refused -= 1
        elif self.options.max_connections_per_peer and link.client is not None:
            host = link.client[0]
            self.peers.counts[host] = self.peers.counts.get(host, 1) - 1
            if not self.peers.counts[host]:
                del self.peers.counts[host]

    def shed_idle(self) -> bool:
        """Close the link that has been idle longest, to make room; False if none is idle."""
        oldest = None
        for link in self.links:
            connection = link.connection
            is_old = connection.is_idle() and connection.idle_since <= self.now
            if is_old and (oldest is None or connection.idle_since < oldest.connection.idle_since):
                oldest = link
        if oldest is None:
            return False
        oldest.connection.close()
        oldest.pump()
        return True

    def add_task(self, task: Any, cycle: Cycle, link: SharedLink) -> None:
        """Keep a task that was not over at once."""
        self.tasks[task] = link
        if link.tasks is None:
            link.tasks = LinkTasks()
        link.tasks.add(task, cycle)

    def finish_task(self, task: Any, error: BaseException | None) -> None:
        """Take the end of a task that was kept."""
        link = self.tasks.pop(task)
        self.abandoned.remove(task)
        cycle = None if link.tasks is None else link.tasks.take(task)
        if cycle is not None:
            cycle.finish(error)

    def cycles(self) -> Iterator[Cycle]:
        """Return the cycles of the tasks that are kept, the oldest first."""
        for task, link in self.tasks.items():
            if link.tasks is not None:
                yield link.tasks[task]

    def abandon(self, link: SharedLink) -> None:
        """Give those applications of a link whose peer left a last while; none if the peer was refused."""
        timeout = self.options.disconnect_timeout
        if link.tasks is None or not timeout:
            return
        is_refused = link.connection.refusal is not None
        for task in link.tasks:
            if not link.tasks[task].is_forsaken():
                continue
            if is_refused:
                self.abandoned.cast_out(task)
            else:
                self.abandoned.add(task, self.now + timeout)
        if is_refused:
            self._put_off(0.0)

    def cancel_abandoned(self, now: float) -> None:
        """Cancel the tasks whose while is over; one that has answered does background work and may go on."""
        for task in self.abandoned.take(now, _MAX_CANCELLED):
            cycles = self.tasks[task].tasks
            if cycles is not None and not cycles[task].is_answered():
                task.cancel()
        self._put_off(now)

    def cancel_on(self) -> None:
        """Cancel some more: what `cancel_more_soon` has called in the next turn of the loop."""
        self.cancel_abandoned(self.abandoned.take_turn())

    def _put_off(self, now: float) -> None:
        if self.abandoned.has_due(now) and self.abandoned.put_off(now):
            self.cancel_more_soon()

    def cancel_more_soon(self) -> None:
        """Call `cancel_on` in the next turn of the loop."""
        raise NotImplementedError

    def cancel_tasks(self) -> None:
        """Cancel every task."""
        for task in list(self.tasks):
            task.cancel("Task cancelled, timeout graceful shutdown exceeded")

    def drop_links(self) -> None:
        """Drop every link, and whoever is about to be one."""
        self.newcomers.drop()
        for link in list(self.links):
            link.drop()

    def retire(self) -> None:
        """Serve on, but have each answer be the last of its connection, also of connections that are still to come."""
        for link in list(self.links):
            link.connection.retire()
        self.new_connection = partial(_retired, self.new_connection)

    def announce_shutdown(self) -> None:
        """Tell every running application that the server stops."""
        self.stage = Stage.STOPPING
        for cycle in list(self.cycles()):
            cycle.announce_shutdown()


def _retired(new_connection: Callable[[], Connection]) -> Connection:
    connection = new_connection()
    connection.retire()
    return connection
