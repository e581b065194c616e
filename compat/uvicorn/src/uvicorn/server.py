"""Server: Uvicorn's server, whose work a server of licorne does.

    run() → serve() → startup(), main_loop(), shutdown()

Applications and test suites override each of these, and `handle_exit`, `capture_signals` and `on_tick`; so each goes
through the object that they have, and from there to the server of licorne that it holds.

Rules: what keeps a server from starting is one line at level error, and STARTUP_FAILURE as the exit status.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import random
import re
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from email.utils import formatdate
from types import FrameType
from typing import Any

from licorne.errors import LicorneError
from licorne.server.listening.listeners import Listener
from licorne.server.worker import Server as Engine
from uvicorn._binding import log_running_on
from uvicorn._terms import ERRORS, STARTUP_FAILURE
from uvicorn._translation import options_of
from uvicorn.config import Config

__all__ = ["HANDLED_SIGNALS", "Server", "ServerState"]

HANDLED_SIGNALS: tuple[signal.Signals, ...] = (signal.SIGINT, signal.SIGTERM)
if sys.platform == "win32":
    HANDLED_SIGNALS += (signal.SIGBREAK,)

_TICK_SECONDS = 0.1
_TICKS_PER_SECOND = 10
_TICKS_PER_DAY = 864_000


class ServerState:
    """Tell what a server does now."""

    def __init__(self) -> None:
        self._engine: _Engine | None = None
        self.default_headers: list[tuple[bytes, bytes]] = []

    @property
    def total_requests(self) -> int:
        """Return how many responses were given."""
        return 0 if self._engine is None else self._engine.served

    @property
    def connections(self) -> set[Any]:
        """Return the open connections."""
        runtime = None if self._engine is None else self._engine.runtime
        return set() if runtime is None else set(runtime.links)

    @property
    def tasks(self) -> set[Any]:
        """Return the tasks of the application that run."""
        runtime = None if self._engine is None else self._engine.runtime
        return set() if runtime is None else set(runtime.tasks)


class Server:
    """Serve what a Config says.

    Set `should_exit` to stop gracefully and `force_exit` to stop at once; any thread may.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self.server_state = ServerState()
        self.started = False
        self.should_exit = False
        self.force_exit = False
        self.last_notified = 0.0
        self._captured_signals: list[int] = []
        self._engine: _Engine | None = None

    # --- what others look at ---------------------------------------------------------------------------------

    @property
    def should_exit(self) -> bool:
        """Tell whether the server is to stop."""
        return bool(self.__dict__["should_exit"])

    @should_exit.setter
    def should_exit(self, value: bool) -> None:
        self.__dict__["should_exit"] = value
        if (engine := self.__dict__.get("_engine")) is not None:
            engine.should_exit = value

    @property
    def force_exit(self) -> bool:
        """Tell whether the server is to stop without waiting for anything."""
        return bool(self.__dict__["force_exit"])

    @force_exit.setter
    def force_exit(self, value: bool) -> None:
        self.__dict__["force_exit"] = value
        if (engine := self.__dict__.get("_engine")) is not None:
            engine.force_exit = value

    @property
    def servers(self) -> list[asyncio.AbstractServer]:
        """Return the event loop's servers, which know their sockets."""
        if self._engine is None:
            raise AttributeError("the server has not started, and has no `servers` yet")
        return self._engine.servers

    @property
    def lifespan(self) -> Any:
        """Return the lifespan of the application."""
        if "lifespan" not in self.__dict__:
            raise AttributeError("the server has not started, and has no `lifespan` yet")
        return self.__dict__["lifespan"]

    @lifespan.setter
    def lifespan(self, value: Any) -> None:
        self.__dict__["lifespan"] = value

    @property
    def limit_max_requests(self) -> int | None:
        """Return after how many responses the server ends; drawn once."""
        if "limit" not in self.__dict__:
            limit, jitter = self.config.limit_max_requests, self.config.limit_max_requests_jitter
            self.__dict__["limit"] = None if limit is None else limit + random.randint(0, jitter)
        found: int | None = self.__dict__["limit"]
        return found

    # --- its life --------------------------------------------------------------------------------------------

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve in an event loop of its own until told to stop."""
        self.config.get_loop_factory()  # ends the process when there is no such loop
        with self._telling_failures():
            self._prepared().run(sockets)

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve in the running event loop until told to stop."""
        with self._telling_failures():
            await self._prepared().serve_as_usual(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application and let connections in."""
        with self._telling_failures():
            engine = self._prepared()
            engine.orders.attach()
            try:
                await engine.start_as_usual(sockets)
            finally:
                if engine.lifespan is not None:
                    self.lifespan = _LifespanState(engine.lifespan)
        self._refresh_default_headers()
        self.started = engine.started

    async def main_loop(self) -> None:
        """Return when the server is to stop."""
        if not self._is_ticking:
            await self._prepared().wait_as_usual()
            return
        counter = 0
        while not await self.on_tick(counter):
            counter = (counter + 1) % _TICKS_PER_DAY
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._prepared().wait_as_usual(), _TICK_SECONDS)

    async def on_tick(self, counter: int) -> bool:
        """Do what is to be done now and then; return whether to stop."""
        if counter % _TICKS_PER_SECOND == 0:
            self._refresh_default_headers()
            if self.config.callback_notify is not None:
                now = time.time()
                if now - self.last_notified > self.config.timeout_notify:
                    self.last_notified = now
                    await self.config.callback_notify()
        return self.should_exit

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the listeners, let end what runs, stop the application."""
        await self._prepared().stop_as_usual(sockets)

    # --- signals ---------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Send signals to `handle_exit` meanwhile, in the main thread; raise them again afterwards."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        # A bound method: others find this server by it.
        before = {number: signal.signal(number, self.handle_exit) for number in HANDLED_SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, signal.SIG_DFL if handler is None else handler)
        for caught in reversed(self._captured_signals):
            signal.raise_signal(caught)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take a signal: stop, and at once when it is the second Ctrl+C."""
        self._captured_signals.append(sig)
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        else:
            self.should_exit = True

    # --- internals -------------------------------------------------------------------------------------------

    @property
    def _is_ticking(self) -> bool:
        is_own = getattr(self.on_tick, "__func__", None) is not Server.on_tick
        return is_own or self.config.callback_notify is not None

    def _prepared(self) -> _Engine:
        """Return the server of licorne; make it when it is first asked for."""
        if self._engine is None:
            if not self.config.loaded:
                self.config.load()
            self._engine = engine = _Engine(self)
            self.server_state._engine = engine
            engine.should_exit = self.should_exit
            engine.force_exit = self.force_exit
        return self._engine

    @contextlib.contextmanager
    def _telling_failures(self) -> Iterator[None]:
        try:
            yield
        except LicorneError as error:
            ERRORS.error(_in_their_words(error))
            sys.exit(STARTUP_FAILURE)

    def _refresh_default_headers(self) -> None:
        date = [(b"date", formatdate(usegmt=True).encode())] if self.config.date_header else []
        self.server_state.default_headers = date + self.config.encoded_headers

    def _log_started_message(self, listeners: list[Listener]) -> None:
        if listeners:
            log_running_on(self.config, listeners[0].sock)


class _Engine(Engine):
    """Be a server of licorne all of whose steps go through a server of Uvicorn."""

    def __init__(self, outer: Server) -> None:
        super().__init__(options_of(outer.config, outer.limit_max_requests))
        self.outer = outer
        self._has_sockets = False

    async def serve(self, sockets: Any = None) -> None:
        await self.outer.serve(sockets)

    async def serve_as_usual(self, sockets: Any) -> None:
        """Serve."""
        await super().serve(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        with self.outer.capture_signals():
            yield

    async def startup(self, sockets: Any = None) -> None:
        await self.outer.startup(sockets=sockets)

    async def start_as_usual(self, sockets: Any) -> None:
        """Start."""
        self._has_sockets = sockets is not None
        await super().startup(sockets)

    async def main_loop(self) -> None:
        await self.outer.main_loop()

    async def wait_as_usual(self) -> None:
        """Wait until it is to stop."""
        await super().main_loop()

    async def shutdown(self, sockets: Any = None) -> None:
        await self.outer.shutdown(sockets=sockets)

    async def stop_as_usual(self, sockets: Any) -> None:
        """Stop."""
        await super().shutdown(sockets)

    def announce(self) -> None:
        if not self._has_sockets:  # who has bound them has said so
            self.outer._log_started_message(self.listeners)

    def spend(self, limit: int) -> None:
        super().spend(limit)
        self.outer.should_exit = True


class _LifespanState:
    """Show the lifespan of licorne as Uvicorn shows its own."""

    def __init__(self, lifespan: Any) -> None:
        self._lifespan = lifespan

    @property
    def state(self) -> dict[str, Any]:
        """Return what the application has put into `scope["state"]`."""
        found: dict[str, Any] = self._lifespan.state
        return found

    @property
    def error_occured(self) -> bool:
        """Tell whether the application has raised something."""
        return self._lifespan.error is not None

    error_occurred = error_occured

    @property
    def should_exit(self) -> bool:
        """Tell whether the application could not start or stop."""
        return bool(self._lifespan._state.name == "FAILED")

    startup_failed = should_exit
    shutdown_failed = should_exit


def _in_their_words(error: LicorneError) -> str:
    line = str(error)
    failed = "Application startup failed. Exiting."
    if line.startswith(failed):
        return failed
    if found := re.match(r"cannot listen on (.*):(\d+): the address is in use", line):
        address = (found[1].strip("[]"), int(found[2]))
        words = f"error while attempting to bind on address {address}: address already in use"
        return f"[Errno {errno.EADDRINUSE}] {words}"
    return line
