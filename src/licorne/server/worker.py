"""Worker: one process, or one thread, that serves one application in one event loop.

    startup      bind → lifespan.startup → listen
    main loop    wait until `should_exit`, from a signal, a thread or the request limit
    shutdown     take what the listen queues hold, close the listeners → drain: idle connections end at once, busy
                 ones after their exchange → at half of the bound running exchanges see `http.disconnect` → at the
                 bound they are cancelled → lifespan.shutdown, always last

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
from licorne.server.bell import Bell
from licorne.server.cutting import cut, log_losses
from licorne.server.hint import UpgradeHint
from licorne.server.importer import LoadedApp
from licorne.server.intake import Intake, turn
from licorne.server.listeners import Listener, adopt_sockets, binds_of, open_listeners
from licorne.server.loops import choose_loop, refuse_running_loop
from licorne.server.preparing import asgi_options_of, configure_logging, load, refuse_unusable
from licorne.server.quota import Quota
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

__all__ = ["Server", "check"]

logger = logging.getLogger("licorne.error")

#: How long the end of connections is waited for before a line says so.
_QUIET_SECONDS = 0.3
#: When running exchanges hear of the shutdown if it may last for ever.
_ANNOUNCE_SECONDS = 15.0
#: How long cancelled tasks may take to end before the worker goes without them.
_CANCEL_SECONDS = 5.0
#: How often the loop turns before idle connections are closed: what had arrived by then has been read.
_SETTLE_TURNS = 4


class Server:
    """Serve the application of one configuration.

    Set `should_exit` to stop gracefully and `force_exit` to stop at once; both may be set from any thread.
    """

    def __init__(self, config: Config) -> None:
        if not isinstance(config, Config):
            raise TypeError(f"Server takes a Config, as in Server(Config({config!r})), and no {type(config).__name__}")
        configure_logging(config)
        self.config = config
        #: Whether connections have been let in; it stays True afterwards.
        self.started = False
        self.intake = Intake([])
        self.lifespan: Lifespan | None = None
        self._loaded: LoadedApp | None = None
        self._runtime: AsyncioRuntime | None = None
        self._access_log: AccessLog | None = None
        self._refusals: Refusals | None = None
        self._should_exit = False
        self._force_exit = False
        self._bell = Bell()
        self._capture = Capture(lambda number, frame: self.handle_exit(number, frame))

    def run(self, sockets: Sequence[socket.socket] | None = None) -> None:
        """Serve in an event loop of the configured kind until told to stop. Raises ConfigError, StartupError."""
        refuse_running_loop()
        self.load()  # first: the loop may be in the application's directory too
        loop_factory = choose_loop(self.config.loop)
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
        self._bell.attach()
        with self.capture_signals():
            await self._serve(sockets)

    def load(self) -> LoadedApp:
        """Import the application unless that was done. Raises ConfigError, StartupError."""
        if self._loaded is None:
            refuse_unusable(self.config)
            self._loaded = load(self.config)
        return self._loaded

    @property
    def listeners(self) -> list[Listener]:
        """Return the addresses that are served."""
        return self.intake.listeners

    @property
    def servers(self) -> list[asyncio.AbstractServer]:
        """Return the event loop's own servers, one for each listener."""
        return self.intake.servers

    # --- being told to stop ----------------------------------------------------------------------------------

    @property
    def should_exit(self) -> bool:
        """Tell whether the server is to stop gracefully; may be set from any thread."""
        return self._should_exit

    @should_exit.setter
    def should_exit(self, value: bool) -> None:
        self._should_exit = value
        self._bell.ring()

    @property
    def force_exit(self) -> bool:
        """Tell whether the server is to stop without waiting for anything; may be set from any thread."""
        return self._force_exit

    @force_exit.setter
    def force_exit(self, value: bool) -> None:
        self._force_exit = value
        self._bell.ring()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take a signal: stop, or stop at once. It is raised again when the server has ended."""
        self._capture.caught.append(sig)
        if self.should_exit and INTENTIONS.get(sig) is Intention.STOP_THEN_FORCE:
            self.force_exit = True
        self.should_exit = True

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
        try:
            await self.startup(sockets=sockets)
            await self.main_loop()
            await self.shutdown(sockets=sockets)
        except (Exception, asyncio.CancelledError, SystemExit, KeyboardInterrupt):
            # It failed to start, or the task that serves was cancelled, perhaps while it stopped: only the
            # application is waited for.
            await self.intake.close()
            await self._abort()
            await self._stop_application()
            raise
        _log_process("Finished server process [%d]")

    async def startup(self, sockets: Sequence[socket.socket] | None = None) -> None:
        """Bind, start the application, let connections in. Raises StartupError."""
        config = self.config
        self.intake = Intake(open_listeners(binds_of(config)) if sockets is None else adopt_sockets(sockets))
        _log_process("Started server process [%d]")
        loaded = self.load()
        self.lifespan = Lifespan(loaded.app, config.lifespan, logger, loaded.asgi_version)
        if not await self._start_application(self.lifespan):
            return
        self._runtime = runtime = self._new_runtime(loaded, self.lifespan)
        runtime.start()
        await self.intake.open(runtime.protocol_factory, config.backlog)
        self.started = True
        for listener in self.listeners:
            _log_running_on(listener)

    async def main_loop(self) -> None:
        """Wait until the server is told to stop."""
        await self._bell.wait_until(lambda: self.should_exit)

    async def shutdown(self, sockets: Sequence[socket.socket] | None = None) -> None:
        """Close the listeners, let running exchanges end within their bound, stop the application."""
        logger.info("Shutting down")
        await self.intake.close()
        await self._drain()
        await self._stop_application()

    # --- starting --------------------------------------------------------------------------------------------

    async def _start_application(self, lifespan: Lifespan) -> bool:
        """Return whether to go on; False when the server was told to stop meanwhile."""
        is_ready = await self._bell.race(lifespan.startup(), lambda: self.should_exit)
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
        if config.access_log:
            self._access_log = AccessLog(config.access_log_format, loop.call_later)
        quota = _quota_of(config, self._end_of_quota)
        application = Application(
            loaded.app,
            lifespan.state,
            asgi_options_of(config, loaded),
            self._access_log.log if self._access_log else None,
            quota.count if config.limit_max_requests else None,
            loop.time,
        )
        new_connection = connections_of(config, default_headers)
        options = driver_options_of(config)
        runtime = AsyncioRuntime(loop, limits_of(config), options, new_connection, application)
        runtime.tick = min(runtime.tick, tick_of(config))
        self._refusals = refusals = Refusals(logger, quota.count)
        runtime.on_refusal = application.shared.on_refusal = refusals.take
        application.shared.open_session = UpgradeHint(logger) if config.ws == "none" else sessions_of(config)
        runtime.on_tick.append(Ticks(logger, date_ticks(default_headers), application.tick, refusals.tick))
        return runtime

    def _end_of_quota(self, limit: int) -> None:
        logger.info("Maximum request limit of %d exceeded. Terminating process.", limit)
        self.should_exit = True

    # --- stopping --------------------------------------------------------------------------------------------

    async def _drain(self) -> None:
        """Let running exchanges end: by themselves, then because they are told, then because they are cancelled."""
        runtime = self._runtime
        if runtime is None:
            return
        await turn(_SETTLE_TURNS)
        runtime.begin_drain()
        bound = self.config.timeout_graceful_shutdown
        half = bound / 2 or _ANNOUNCE_SECONDS
        quiet = min(_QUIET_SECONDS, half)
        if await self._is_drained(quiet):
            return
        what = "connections to close" if runtime.links else "background tasks to complete"
        logger.info("Waiting for %s. (CTRL+C to force quit)", what)
        if await self._is_drained(half - quiet):
            return
        runtime.announce_shutdown()
        if await self._is_drained(bound / 2 or None):
            return
        if not self.force_exit:
            log_losses(runtime, logger)
        await self._abort()

    async def _is_drained(self, timeout: float | None) -> bool:
        assert self._runtime is not None
        return bool(await self._bell.race(self._runtime.drained(timeout), lambda: self.force_exit))

    async def _abort(self) -> None:
        if self._runtime is None:
            return
        await cut(self._runtime)
        if not await self._runtime.drained(_CANCEL_SECONDS) and self._runtime.running:
            logger.error("%d running task(s) do not end although they were cancelled", self._runtime.running)

    async def _stop_application(self) -> None:
        if self._runtime is not None:
            self._runtime.stop()
        if self.lifespan is not None and not self.force_exit:
            await self._bell.race(self.lifespan.shutdown(), lambda: self.force_exit)
        if self.lifespan is not None:
            await self.lifespan.abort()
        if self._refusals is not None:
            self._refusals.flush()
        if self._access_log is not None:
            self._access_log.close()


def check(config: Config) -> str:
    """Load everything that serving needs, serve nothing; return what was loaded. Raises ConfigError, StartupError."""
    configure_logging(config)
    refuse_unusable(config)
    loaded = load(config)
    choose_loop(config.loop)
    return str(loaded)


def _quota_of(config: Config, on_spent: Callable[[int], object]) -> Quota:
    limit = config.limit_max_requests or 0
    return Quota(limit, config.limit_max_requests_jitter if limit else 0, on_spent)


def _log_process(line: str) -> None:
    logger.info(line, os.getpid(), extra=_bold(line, "%d"))


def _log_running_on(listener: Listener) -> None:
    line = "Licorne running on %s (Press CTRL+C to quit)"
    logger.info(line, listener.url, extra=_bold(line, "%s"))


def _bold(line: str, part: str) -> dict[str, str]:
    """Return what makes a coloured log show one part of a line in bold."""
    return {"color_message": line.replace(part, f"\x1b[1m{part}\x1b[0m")}
