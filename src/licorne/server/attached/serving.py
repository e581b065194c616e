"""Attached: a server in the process of a worker, which a supervisor watches and commands through a channel.

    worker → supervisor    Ready; Tick every second; Retiring; Draining; Log and Failed when it cannot start
    supervisor → worker    Drain, Stop; everything that it says is told to all companions

Rules: the supervisor decides. Ctrl-C reaches the whole group of processes, so a worker takes SIGINT for nothing, and
what asks to be replaced serves until it is told to end. When the channel ends the supervisor is dead, and its workers
end gracefully; in the rare case that the loop is blocked then, at the next turn of it.
"""

import contextlib
import logging
import signal
import socket
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from types import FrameType

from licorne.config.options import Config
from licorne.errors import LicorneError, StartupError
from licorne.failures import describe, exit_status
from licorne.server.application.importer import LoadedApp
from licorne.server.application.origins import with_origin
from licorne.server.attached.attachment import Attachment
from licorne.server.attached.channel import Channel
from licorne.server.attached.messages import Failed, Message, Retiring
from licorne.server.attached.orphans import LastResort, end_with_parent
from licorne.server.attached.withheld import Withheld
from licorne.server.carrying import Carrying
from licorne.server.forked import kept_from_children
from licorne.server.intake import Intake
from licorne.server.listening.balance import Balance
from licorne.server.listening.listeners import Listener, with_scheme
from licorne.server.listening.loads import MAX_SLOTS, Load, Loads
from licorne.server.premises.title import set_title
from licorne.server.recycling import recycling_of
from licorne.server.signals import in_this_process
from licorne.server.watching.abort import Abort
from licorne.server.worker import Server

__all__ = ["leave_signals_to_supervisor", "report_failure", "serve_attached"]

logger = logging.getLogger("licorne.error")

#: How long the last words to the supervisor may take, in seconds.
_LAST_SECONDS = 1.0
#: What reaches a whole group of processes, or is meant for the supervisor.
_LEFT_ALONE = ("SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGTTIN", "SIGTTOU", "SIGBREAK")
_EXIT_BROKEN = 1


def serve_attached(
    config: Config,
    channel: Channel,
    listeners: Sequence[Listener],
    index: int = 0,
    *,
    loaded: LoadedApp | None = None,
    loads_fd: int = -1,
) -> int:
    """Serve until the supervisor says drain, or is gone; return the exit status when all has ended.

    It is 0, or 2 or 3 when nothing was served; why was told to the supervisor. The application is imported unless it
    is there already, `loaded` before a fork. `loads_fd` is the table of loads of workers that share their listeners.
    """
    set_title(f"worker {index + 1}", config)
    leave_signals_to_supervisor()
    end_with_parent(is_at_once=config.reload)  # nobody who develops waits for one that stands still
    balance = Balance(Load(Loads(loads_fd), index)) if loads_fd >= 0 and index < MAX_SLOTS else None
    with kept_from_children(lambda: [channel.fileno(), *(listener.sock.fileno() for listener in listeners)]):
        status = _serve(config, lambda: _AttachedServer(config, channel, loaded, balance, listeners, index), channel)
        channel.flush_within(_LAST_SECONDS)
    return status


def leave_signals_to_supervisor() -> None:
    """Take the signals for nothing that the supervisor answers.

    They are not ignored, because programs that the application starts would inherit that.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    numbers = [getattr(signal, name) for name in _LEFT_ALONE if hasattr(signal, name)]
    for number in numbers:
        signal.signal(number, _take_for_nothing)
    if hasattr(signal, "pthread_sigmask"):  # a supervisor may have them blocked until here
        signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers)


def _take_for_nothing(number: int, frame: FrameType | None) -> None:
    pass


def report_failure(channel: Channel, error: LicorneError) -> int:
    """Tell the supervisor why this process cannot serve; return the exit status that it ends with."""
    channel.send(Failed(describe(error)))
    channel.flush_within(_LAST_SECONDS)
    return exit_status(error)


def _serve(config: Config, new_server: "Callable[[], _AttachedServer]", channel: Channel) -> int:
    server: _AttachedServer | None = None
    try:
        server = new_server()
        abort = Abort(server.config.core_dumps)
        abort.follow(server.companions)
        with abort:
            server.run()
    except LicorneError as error:
        return report_failure(channel, with_origin(error, config))
    except SystemExit as left:
        if server is not None and server.started:
            raise
        return report_failure(channel, StartupError(f"the application left the process with status {left.code!r}"))
    except Exception as error:
        traceback.print_exc()
        if server is not None and server.started:
            return _EXIT_BROKEN
        return report_failure(channel, StartupError(f"{type(error).__name__}: {error}"))
    return 0


class _AttachedServer(Server):
    """Be a server that a supervisor commands."""

    is_attached = True

    def __init__(
        self,
        config: Config,
        channel: Channel,
        loaded: LoadedApp | None,
        balance: Balance | None,
        inherited: Sequence[Listener],
        index: int,
    ) -> None:
        super().__init__(config)
        self.is_first = index == 0
        self.inherited = [one.as_shared() for one in inherited]
        self._loaded = loaded
        self.channel = channel
        self.balance = balance
        self.last_resort = LastResort(config.timeout_worker_healthcheck)
        others = [found for found in self.companions if not isinstance(found, Carrying)]
        self.companions = [
            *(Attachment(channel), *others, Carrying(channel)),
            *(*recycling_of(config), self.last_resort),
        ]

    def new_intake(self, sockets: Sequence[socket.socket] | None) -> Intake:
        """Accept on what the supervisor has bound, in turn with others."""
        return Intake(with_scheme(self.config, self.inherited), self.balance)

    async def startup(self, sockets: Sequence[socket.socket] | None = None) -> None:
        """Start; what the application says of its failure goes to the supervisor with it. Raises StartupError."""
        with Withheld(logger, self.channel.send):
            await super().startup(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Drain at SIGTERM meanwhile: somebody ends this one worker, or the supervisor has died."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGTERM, in_this_process(self.handle_exit))
        try:
            yield
        finally:
            # None: it was installed by C code, which Python cannot put back.
            signal.signal(signal.SIGTERM, signal.SIG_DFL if before is None else before)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take a signal: stop, however often it comes."""
        self.last_resort.look()
        self.orders.set_stop(True)

    def announce(self) -> None:
        """Leave it to the supervisor to say where the server runs."""

    def spend(self, limit: int) -> None:
        """Ask to be replaced: as many responses were given as the limit allows."""
        logger.info("Maximum request limit of %d exceeded. Replacing process.", limit)
        self.tell(Retiring(f"the limit of {limit} requests is reached"))

    def tell(self, message: Message) -> None:
        """Tell the supervisor something; any thread may."""
        self.channel.send(message)
