"""Supervise: opens a supervisor, in the one order that is right, and closes it again.

    PID file → bind → health, privileges → import the application if it is preloaded → start workers → … → close

Rules: what keeps it from serving is raised as a ConfigError or StartupError after everything that was begun has been
ended.
"""

import logging
import os
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack

from licorne.config.advice import advice
from licorne.config.options import Config
from licorne.errors import StartupError
from licorne.server.application.preparing import refuse_unusable
from licorne.server.listening.listeners import Listener, open_listeners, open_slot_listeners
from licorne.server.premises.state import ServiceState
from licorne.server.tls.contexts import with_absolute_files
from licorne.server.tls.entering import tls_advice
from licorne.server.worker import log_running_on
from licorne.supervisor.fork import Forker
from licorne.supervisor.health import HealthStation
from licorne.supervisor.inbox import SignalInbox
from licorne.supervisor.inheritance import Inheritance, inherit
from licorne.supervisor.premises import SupervisorPremises
from licorne.supervisor.reload import Reloader
from licorne.supervisor.rereading import Configs, configure_supervisor_logging, fleet_options_of
from licorne.supervisor.sockets import Sockets
from licorne.supervisor.spare import SpareSpawner
from licorne.supervisor.spawn import Spawner
from licorne.supervisor.stations import Launcher
from licorne.supervisor.supervisor import Supervisor
from licorne.supervisor.upgrade import remember_beginning

__all__ = ["supervise"]

logger = logging.getLogger("licorne.error")


def supervise(config: Config, reread: Callable[[], Config] | None = None) -> int:
    """Serve with workers until told to stop; return the exit status. Raises ConfigError, StartupError.

    `reread` reads the configuration anew, from the same sources.
    """
    _refuse_unfit()
    with ExitStack() as opened:
        inbox = SignalInbox()
        opened.callback(inbox.close)
        inbox.open()
        return _supervise(config, reread, inbox, opened)


def _supervise(config: Config, reread: Callable[[], Config] | None, inbox: SignalInbox, opened: ExitStack) -> int:
    beginning = remember_beginning()
    configure_supervisor_logging(config)
    for line in (*advice(config), *tls_advice(config)):
        logger.warning("%s", line)
    refuse_unusable(config)
    config = with_absolute_files(config)
    inheritance = inherit(os.environ)
    premises = SupervisorPremises(config)
    opened.callback(premises.leave)
    premises.enter(os.getppid() if inheritance else 0)
    sockets = Sockets(_open_sockets(config, inheritance))
    opened.callback(sockets.close)
    supervisor = Supervisor(Configs(config, reread), sockets, beginning, inbox)
    health = inheritance.adopt_health(config, open_listeners) if inheritance else None
    premises.answer_health(supervisor.status, health)
    premises.settle(sockets.sets[0])
    _introduce(supervisor, premises, inheritance)
    opened.callback(supervisor.close)
    return supervisor.run(_launcher_of(config, supervisor, opened))


def _open_sockets(config: Config, inheritance: Inheritance | None) -> list[list[Listener]]:
    slots = fleet_options_of(config).workers
    if inheritance is None:
        return open_slot_listeners(config, slots)
    return inheritance.adopt(config, slots, open_slot_listeners)


def _introduce(supervisor: Supervisor, premises: SupervisorPremises, inheritance: Inheritance | None) -> None:
    """Have all that surrounds the supervisor hear of it; one process at a time answers probes at an address."""
    probes = [station for station in premises.stations if isinstance(station, HealthStation)]
    supervisor.stations += [station for station in premises.stations if station not in probes]
    supervisor.on_change.append(premises.on_change)
    supervisor.on_hand_over.append(premises.hand_over)
    supervisor.on_hand_over.append(lambda pid: _leave(supervisor, probes))
    supervisor.health_listeners = premises.health_listeners
    if inheritance is None:
        supervisor.stations += probes
    else:
        _finish_when_ready(supervisor, inheritance, probes)


def _leave(supervisor: Supervisor, probes: list[HealthStation]) -> None:
    supervisor.stations = [station for station in supervisor.stations if station not in probes]
    for station in probes:
        station.close()


def _finish_when_ready(supervisor: Supervisor, inheritance: Inheritance, probes: list[HealthStation]) -> None:
    """Take the place of the other process when every worker has been ready."""

    def on_change(state: ServiceState) -> None:
        if state is ServiceState.READY and not inheritance.is_finished:
            inheritance.finish()
            supervisor.stations += probes

    supervisor.on_change.append(on_change)


def _refuse_unfit() -> None:
    if sys.platform == "win32":
        raise StartupError("workers, reload and preload need a POSIX system; on Windows, serve with one process")
    if threading.current_thread() is not threading.main_thread():
        raise StartupError("workers and reload need the main thread, where signals come")


def _launcher_of(config: Config, supervisor: Supervisor, opened: ExitStack) -> Launcher:
    if not config.reload:
        return Forker(config, supervisor) if config.preload else Spawner()
    spawner = SpareSpawner()
    opened.callback(spawner.close)
    supervisor.on_change.append(lambda state: spawner.prepare() if state is ServiceState.READY else None)
    # Requests wait from the first moment on, be it for a mistake to be corrected.
    for listener in supervisor.sockets.all():
        listener.listen(config.backlog)
        log_running_on(listener)

    def on_change(changed: set[str]) -> None:
        spawner.mistrust(changed)
        supervisor.reload()

    reloader = Reloader(config, on_change)
    supervisor.stations.append(reloader)
    reloader.start()
    return spawner
