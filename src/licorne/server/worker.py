"""Worker: one process, or one thread, that serves one application in one event loop.

    startup      bind → lifespan.startup → listen
    main loop    wait until `should_exit`, from a signal, a thread or the request limit
    shutdown     serve on for the delay, if there is one → take what the listen queues hold, close the listeners →
                 let what runs end within its bound (draining.py) → lifespan.shutdown, always last

Rules: the worker alone knows both the driver and the ASGI layer, and introduces them to each other. What keeps it
from serving is raised as a StartupError after everything that was begun has been ended.
"""

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from types import FrameType

from licorne.asgi.lifespan import Lifespan
from licorne.asgi.run import Application
from licorne.config.options import Config
from licorne.drivers.asyncio import AsyncioRuntime
from licorne.errors import StartupError
from licorne.logs.access import AccessLog
from licorne.server.application.hint import UpgradeHint
from licorne.server.application.importer import LoadedApp
from licorne.server.application.preparing import asgi_options_of, configure_logging, load, refuse_unusable, suited
from licorne.server.attached.messages import Message
from licorne.server.companion import Companion, Pulse, call_all
from licorne.server.companions import companions_of
from licorne.server.draining import Draining
from licorne.server.entrances import protocol_factory_of
from licorne.server.intake import Intake
from licorne.server.listening.listeners import Listener, adopt_sockets, listeners_of, with_scheme
from licorne.server.loops import choose_loop, refuse_exhausted, refuse_running_loop
from licorne.server.orders import Orders
from licorne.server.proxies import front_of
from licorne.server.quota import Quota
from licorne.server.recycling import warn_of_no_successor
from licorne.server.redirecting import Redirects
from licorne.server.refusals import Refusals
from licorne.server.settings import (
    connections_of,
    date_ticks,
    default_headers_of,
    driver_options_of,
    limits_of,
    sessions_of,
    tick_of,
)
from licorne.server.signals import INTENTIONS, Capture, Intention
from licorne.server.threads import ThreadWatch
from licorne.server.ticks import Ticks
from licorne.server.tls.contexts import with_absolute_files
from licorne.server.tls.entering import refuse_unusable_tls

__all__ = ["Server", "check"]

logger = logging.getLogger("licorne.error")


class Server:
    """Serve the application of one configuration.

    Set `should_exit` to stop gracefully and `force_exit` to stop at once; both may be set from any thread.
    """

    #: Whether a supervisor watches this server and can replace it.
    is_attached = False
    #: Whether this server says what concerns all workers.
    is_first = True

    def __init__(self, config: Config) -> None:
        if not isinstance(config, Config):
            raise TypeError(f"Server takes a Config, as in Server(Config({config!r})), and no {type(config).__name__}")
        configure_logging(config)
        self.config = config
        #: Whether connections have been let in; it stays True afterwards.
        self.started = False
        self.intake = Intake([])
        self.redirects = Redirects([])
        self.lifespan: Lifespan | None = None
        #: Whoever goes along with this server; add to them before it serves.
        self.companions: list[Companion] = companions_of(config)
        #: What it was told about its end.
        self.orders = Orders(config.drain_delay)
        self._loaded: LoadedApp | None = None
        self._runtime: AsyncioRuntime | None = None
        self._quota = _quota_of(config, self.spend)
        #: What the parts of the runtime want to be called for at the end.
        self._closers: list[Callable[[], None]] = []
        #: What can be read anew while it serves.
        self.rereads: list[Callable[[], None]] = []
        self._capture = Capture(lambda number, frame: self.handle_exit(number, frame))

    def run(self, sockets: Sequence[socket.socket] | None = None) -> None:
        """Serve in an event loop of the configured kind until told to stop. Raises ConfigError, StartupError."""
        refuse_running_loop()
        self.load()  # first: the loop may be in the application's directory too
        loop_factory = choose_loop(self.config.loop)
        refuse_exhausted()
        with ThreadWatch() as threads, asyncio.Runner(loop_factory=loop_factory) as runner:
            loop = runner.get_loop()
            serving = loop.create_task(self.serve(sockets))
            while not serving.done():
                # SystemExit and KeyboardInterrupt of a request's task come out of the loop; they end that task alone.
                with contextlib.suppress(SystemExit, KeyboardInterrupt):
                    loop.run_until_complete(serving)
            threads.begin()
            serving.result()

    async def serve(self, sockets: Sequence[socket.socket] | None = None) -> None:
        """Serve in the running event loop until told to stop. Raises ConfigError, StartupError.

        `sockets` are served in place of the configured addresses and closed at the end.
        """
        self.load()
        self.orders.attach()
        with self.capture_signals():
            await self._serve(sockets)

    def load(self) -> LoadedApp:
        """Import the application unless that was done. Raises ConfigError, StartupError."""
        if self._loaded is None:
            refuse_unusable(self.config)
            self.config = with_absolute_files(self.config)
            self._loaded = load(self.config)
            refuse_unusable_tls(self.config, is_loaded=True)
        return self._loaded

    @property
    def listeners(self) -> list[Listener]:
        """Return the addresses that are served."""
        return self.intake.listeners

    @property
    def servers(self) -> list[asyncio.AbstractServer]:
        """Return the event loop's own servers, one for each listener."""
        return self.intake.servers

    @property
    def runtime(self) -> AsyncioRuntime | None:
        """Return the driver, None until connections are about to be let in."""
        return self._runtime

    @property
    def served(self) -> int:
        """Return how many responses were given, as far as they are counted."""
        return self._quota.counted

    def tell(self, message: Message) -> None:
        """Tell the supervisor something; nobody hears it where there is none."""

    # --- being told to stop ----------------------------------------------------------------------------------

    @property
    def should_exit(self) -> bool:
        """Tell whether the server is to stop gracefully; may be set from any thread."""
        return self.orders.is_stop()

    @should_exit.setter
    def should_exit(self, value: bool) -> None:
        self.orders.set_stop(value)

    @property
    def force_exit(self) -> bool:
        """Tell whether the server is to stop without waiting for anything; may be set from any thread."""
        return self.orders.is_force()

    @force_exit.setter
    def force_exit(self, value: bool) -> None:
        self.orders.set_force(value)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take a signal: stop, or stop at once. It is raised again when the server has ended."""
        self._capture.caught.append(sig)
        if self.should_exit and INTENTIONS.get(sig) is Intention.STOP_THEN_FORCE:
            if self.started and not self.orders.is_hurry():
                self.orders.hurry()
            else:
                self.orders.set_force(True)
        self.orders.set_stop(True)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Send signals to `handle_exit` meanwhile, when this is the main thread."""
        self._capture.install()
        try:
            yield
        finally:
            self._capture.release()

    # --- the three stages ------------------------------------------------------------------------------------

    async def _serve(self, sockets: Sequence[socket.socket] | None) -> None:
        pulse = Pulse(self.companions)
        pulse.start()
        call_all(self.companions, lambda companion: companion.begun(self))
        try:
            await self.startup(sockets=sockets)
            await self.main_loop()
            await self.shutdown(sockets=sockets)
        except (Exception, asyncio.CancelledError, SystemExit, KeyboardInterrupt):
            # It failed to start, or the task that serves was cancelled, perhaps while it stopped: only the
            # application is waited for.
            await self.intake.close()
            await self.redirects.close()
            await self._abort()
            await self._stop_application()
            raise
        finally:
            pulse.stop()
            call_all(self.companions, lambda companion: companion.ended())
        _log_process("Finished server process [%d]")

    async def startup(self, sockets: Sequence[socket.socket] | None = None) -> None:
        """Bind, start the application, let connections in. Raises StartupError."""
        config = self.config
        self.intake = self.new_intake(sockets)
        self.redirects = Redirects(self.intake.take_redirects())
        _log_process("Started server process [%d]")
        loaded = self.load()
        self.config = config = suited(self.config, loaded)
        if not self.is_attached:
            warn_of_no_successor(config)
        self.lifespan = Lifespan(loaded.app, config.lifespan, logger, loaded.asgi_version)
        if not await self._start_application(self.lifespan):
            return
        self._runtime = runtime = self._new_runtime(loaded, self.lifespan)
        runtime.start()
        new_protocol = protocol_factory_of(config, runtime, self._closers, self.rereads, is_first=self.is_first)
        await self.intake.open(new_protocol, config.backlog, runtime.count)
        await self.redirects.open(config, self.listeners)
        runtime.on_tick.append(self.intake.tick)
        self.started = True
        self.announce()
        call_all(self.companions, lambda companion: companion.ready())

    def new_intake(self, sockets: Sequence[socket.socket] | None) -> Intake:
        """Bind. Raises StartupError."""
        return Intake(listeners_of(self.config) if sockets is None else self.adopt(sockets))

    def adopt(self, sockets: Sequence[socket.socket]) -> list[Listener]:
        """Return listeners of sockets that somebody else has bound. Raises StartupError."""
        return with_scheme(self.config, adopt_sockets(sockets))

    def announce(self) -> None:
        """Say where the server runs."""
        for listener in (*self.listeners, *self.redirects.listeners):
            log_running_on(listener)

    async def main_loop(self) -> None:
        """Wait until the server is told to stop."""
        await self.orders.wait_for_stop()

    async def shutdown(self, sockets: Sequence[socket.socket] | None = None) -> None:
        """Close the listeners, let running exchanges end within their bound, stop the application."""
        logger.info("Shutting down")
        call_all(self.companions, lambda companion: companion.draining())
        draining = None if self._runtime is None else Draining(self._runtime, self.orders)
        if draining is not None:
            await draining.delay()
        await self.intake.close()
        await self.redirects.close()
        if draining is not None:
            await draining.drain(self.config.timeout_graceful_shutdown)
        call_all(self.companions, lambda companion: companion.drained())
        await self._stop_application()

    # --- starting --------------------------------------------------------------------------------------------

    async def _start_application(self, lifespan: Lifespan) -> bool:
        """Return whether to go on; False when the server was told to stop meanwhile."""
        is_ready = await self.orders.unless_stop(lifespan.startup())
        if isinstance(lifespan.error, SystemExit | KeyboardInterrupt):
            raise lifespan.error
        if is_ready is False:
            cause = lifespan.cause
            raise StartupError(f"Application startup failed. Exiting.{f' ({cause})' if cause else ''}")
        if is_ready is None:
            logger.info("Application startup was interrupted.")
        return is_ready is True

    def _new_runtime(self, loaded: LoadedApp, lifespan: Lifespan) -> AsyncioRuntime:
        config = self.config
        loop = asyncio.get_running_loop()
        default_headers = default_headers_of(config)
        access_log = AccessLog(config.access_log_format, loop.call_later) if config.access_log else None
        application = Application(
            loaded.app,
            lifespan.state,
            asgi_options_of(config, loaded),
            access_log.log if access_log else None,
            self._quota.count if config.limit_max_requests or self.is_attached else None,
            loop.time,
        )
        application.front = front_of(config)
        new_connection = connections_of(config, default_headers)
        options = driver_options_of(config)
        runtime = AsyncioRuntime(loop, limits_of(config), options, new_connection, application)
        runtime.tick = min(runtime.tick, tick_of(config))
        refusals = Refusals(logger, self._quota.count)
        self._closers = [refusals.flush, *([access_log.close] if access_log else [])]
        runtime.on_refusal = application.shared.on_refusal = refusals.take
        hint = UpgradeHint(logger, loaded.interface)
        application.shared.open_session = hint if config.ws == "none" else sessions_of(config)
        runtime.on_tick.append(Ticks(logger, date_ticks(default_headers), application.tick, refusals.tick))
        return runtime

    def spend(self, limit: int) -> None:
        """Take note that as many responses were given as the limit allows."""
        logger.info("Maximum request limit of %d exceeded. Terminating process.", limit)
        self.orders.set_stop(True)

    # --- stopping --------------------------------------------------------------------------------------------

    async def _abort(self) -> None:
        if self._runtime is not None:
            await Draining(self._runtime, self.orders).abort()

    async def _stop_application(self) -> None:
        if self._runtime is not None:
            self._runtime.stop()
        if self.lifespan is not None and not self.force_exit:
            await self.orders.unless_force(self.lifespan.shutdown())
        if self.lifespan is not None:
            await self.lifespan.abort()
        for close in self._closers:
            close()


def check(config: Config) -> str:
    """Load everything that serving needs, serve nothing; return what was loaded. Raises ConfigError, StartupError."""
    configure_logging(config)
    refuse_unusable(config)
    loaded = load(config)
    refuse_unusable_tls(config, is_loaded=True)
    choose_loop(config.loop)
    return str(loaded)


def _quota_of(config: Config, on_spent: Callable[[int], object]) -> Quota:
    limit = config.limit_max_requests or 0
    return Quota(limit, config.limit_max_requests_jitter if limit else 0, on_spent)


def _log_process(line: str) -> None:
    logger.info(line, os.getpid(), extra=_bold(line, "%d"))


def log_running_on(listener: Listener) -> None:
    """Say where to find a server."""
    line = "Licorne running on %s (Press CTRL+C to quit)"
    if listener.is_redirect:
        line = "Redirecting from %s to https"
    logger.info(line, listener.url, extra=_bold(line, "%s"))


def _bold(line: str, part: str) -> dict[str, str]:
    """Return what makes a coloured log show one part of a line in bold."""
    return {"color_message": line.replace(part, f"\x1b[1m{part}\x1b[0m")}
