"""Attachment: what ties a server to its supervisor: it tells how the worker is, and obeys.

    Ready      once connections are let in
    Tick       every second, or more often where the supervisor would not wait that long
    Draining   at the beginning of the end

Rules: all of it is done by the event loop itself, because that is what the supervisor wants to know about.
"""

import asyncio
import contextlib
import logging
import selectors
import signal
import threading
from collections.abc import Callable
from operator import methodcaller

from licorne.logs.reopen import reopen_files
from licorne.server.attached.channel import Channel
from licorne.server.attached.messages import (
    Drain,
    Draining,
    Ending,
    Message,
    Pace,
    Ready,
    ReopenLogs,
    Stop,
    Tick,
)
from licorne.server.bell import call_soon
from licorne.server.companion import Companion, Host, call_all
from licorne.server.memory import resident_bytes

__all__ = ["Attachment"]

logger = logging.getLogger("licorne.error")

_TICK_SECONDS = 1.0
#: So many ticks come at least in the time that the supervisor waits for one.
_TICKS_PER_HEALTHCHECK = 10
#: Broadcasts may come faster than they can be handed on, and the event loop has other things to do.
_READS_PER_TURN = 1


class Attachment(Companion):
    """Let a server and its supervisor hear of each other."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._server: Host | None = None
        self._reason = "SIGTERM"
        self._ticker: _Ticker | None = None

    def begun(self, server: Host) -> None:
        self._server = server
        loop = asyncio.get_running_loop()
        self._ticker = _Ticker(loop, server, self._channel)
        self._ticker.start()
        _watch(loop, self._channel, self._read)
        _call_at_signal("SIGUSR1", loop, reopen_files)
        self._read()  # what came together with the start

    def ready(self) -> None:
        self._channel.send(Ready())

    def told(self, message: Message) -> None:
        server = self._server
        assert server is not None
        match message:
            case Drain():
                if message.pace != Pace.DELAYED:
                    server.orders.hurry()
                server.orders.is_hasty = message.pace == Pace.HASTY
                self._stop(message.reason)
            case Stop():
                server.orders.set_force(True)
                self._stop("stop")
            case ReopenLogs():
                reopen_files()

    def draining(self) -> None:
        self._channel.send(Draining(self._reason))

    def drained(self) -> None:
        self._channel.send(Ending())

    def ended(self) -> None:
        assert self._ticker is not None
        self._ticker.stop()

    def _stop(self, reason: str) -> None:
        assert self._server is not None
        if not self._server.orders.is_stop():
            self._reason = reason
        self._server.orders.set_stop(True)

    def _read(self) -> None:
        server = self._server
        assert server is not None
        for message in self._channel.receive(_READS_PER_TURN):
            call_all(server.companions, methodcaller("told", message))
        self._channel.flush()
        if self._channel.is_closed:
            failure = self._channel.failure
            logger.warning("The supervisor is gone%s. Shutting down.", f" ({failure})" if failure else "")
            server.orders.hurry()
            self._stop("the supervisor is gone")


class _Ticker:
    """Tell the supervisor regularly that the event loop turns, and how busy it is."""

    __slots__ = ("_channel", "_interval", "_loop", "_server", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop, server: Host, channel: Channel) -> None:
        self._loop = loop
        self._server = server
        self._channel = channel
        limit = server.config.timeout_worker_healthcheck
        self._interval = min(_TICK_SECONDS, limit / _TICKS_PER_HEALTHCHECK) if limit else _TICK_SECONDS
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Tick in a while."""
        # At the same moments in all workers, so that the supervisor wakes once for all of them.
        due = (self._loop.time() // self._interval + 1) * self._interval
        self._timer = self._loop.call_at(due, self._tick)

    def stop(self) -> None:
        """Tick no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _tick(self) -> None:
        self.start()
        runtime = self._server.runtime
        connections, running = (len(runtime.links), runtime.running) if runtime is not None else (0, 0)
        self._channel.send(Tick(connections, running, self._server.served, resident_bytes()))


def _watch(loop: asyncio.AbstractEventLoop, channel: Channel, read: Callable[[], None]) -> None:
    """Have a loop call `read` when there is something to receive, until the channel is closed."""

    def on_readable() -> None:
        read()
        if channel.is_closed:
            loop.remove_reader(channel)

    try:
        loop.add_reader(channel, on_readable)
    except NotImplementedError:  # asyncio's own loop of Windows
        threading.Thread(target=_watch_in_thread, args=(loop, channel, read), daemon=True).start()


def _watch_in_thread(loop: asyncio.AbstractEventLoop, channel: Channel, read: Callable[[], None]) -> None:
    was_read = threading.Event()

    def read_in_loop() -> None:
        read()
        was_read.set()

    with selectors.DefaultSelector() as selector, contextlib.suppress(RuntimeError):  # the loop has ended
        selector.register(channel, selectors.EVENT_READ)
        while not channel.is_closed:
            selector.select()
            was_read.clear()
            loop.call_soon_threadsafe(read_in_loop)
            was_read.wait()


def _call_at_signal(name: str, loop: asyncio.AbstractEventLoop, call: Callable[[], object]) -> None:
    """Have the loop call something when a signal comes, where there is such a signal."""
    if hasattr(signal, name) and threading.current_thread() is threading.main_thread():
        signal.signal(getattr(signal, name), lambda number, frame: call_soon(loop, call))
