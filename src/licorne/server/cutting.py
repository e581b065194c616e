"""Cutting: ends what still runs when the server waits no longer, and says what it was.

    1  applications hear that the server stops and are cancelled; most end at once and their peers get a 503
    2  who still runs (code in a thread cannot be cancelled) loses its peer, who gets the 503 from here
    3  the connections are dropped

Rules: a peer who waits for an answer gets one; an application is cancelled once, so that its cleaning up is not.
"""

import logging
from itertools import islice

from licorne.drivers.base import Runtime
from licorne.drivers.link import DriverLink
from licorne.engine.connection import Closing
from licorne.link import Link
from licorne.server.intake import turn

__all__ = ["cut", "drop_idle", "log_losses", "running_requests"]

#: How often the loop turns for what was cancelled, which may be several tasks deep, and for what was written.
_END_TURNS = 10
_MAX_NAMES = 5


async def cut(runtime: Runtime) -> None:
    """Cancel every task, then drop every link."""
    runtime.announce_shutdown()
    runtime.cancel_tasks()
    await turn(_END_TURNS)
    for cycle in list(runtime.cycles()):
        cycle.cut()
    await turn(_END_TURNS)
    runtime.drop_links()


def log_losses(runtime: Runtime, logger: logging.Logger) -> None:
    """Say what is about to be cut; nothing when nobody loses anything by that."""
    if runtime.running:
        line = "Cancel %d running task(s), timeout graceful shutdown exceeded%s"
        logger.error(line, runtime.running, running_requests(runtime))
    count = sum(_is_cut(link) for link in runtime.links if not link.tasks)
    if count:
        logger.warning("Drop %d open connection(s), timeout graceful shutdown exceeded", count)


def _is_cut(link: Link) -> bool:
    """Tell whether something is still to come in or to go out; a connection that only lingers loses nothing."""
    return isinstance(link, DriverLink) and (link.connection.closing == Closing.OPEN or link.unsent_bytes() > 0)


def drop_idle(runtime: Runtime) -> None:
    """Drop every link on which nothing runs and nothing is to be sent."""
    for link in list(runtime.links):
        if not link.tasks and not (isinstance(link, DriverLink) and link.unsent_bytes()):
            link.drop()


def running_requests(runtime: Runtime) -> str:
    """Return a phrase like ": GET /a, POST /b and 3 more" for what runs, "" if nothing has a name."""
    names = [cycle.describe() for cycle in islice(runtime.cycles(), _MAX_NAMES)]
    shown = ", ".join(name for name in names if name)
    more = len(runtime.tasks) - len(names)
    return f": {shown}{f' and {more} more' if more else ''}" if shown else ""
