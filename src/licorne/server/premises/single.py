"""Single: the premises of a server that is one process, around it and as its companion."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Mapping
from types import FrameType, TracebackType
from typing import Any, Self

from licorne.config.options import Config
from licorne.server.bell import call_soon
from licorne.server.companion import Companion, Host
from licorne.server.premises.premises import Premises
from licorne.server.premises.state import ServiceState
from licorne.server.premises.title import set_title
from licorne.server.signals import Terminated, die_of, in_this_process, is_in_foreground
from licorne.server.tls.contexts import has_tls

__all__ = ["SingleProcess"]


class SingleProcess(Companion):
    """Enter and leave the premises for one server.

    Raises ConfigError, StartupError when it is entered.
    """

    def __init__(self, config: Config, environ: Mapping[str, str] = os.environ) -> None:
        self._config = config
        self._premises = Premises(config, environ)
        self._server: Host | None = None
        #: The handlers that are ours, and what was there before.
        self._handlers: dict[int, tuple[Any, Any]] = {}
        if self._premises.notifier.interval:
            self.interval = min(self.interval, self._premises.notifier.interval / 2)

    def __enter__(self) -> Self:
        if _is_main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:  # a program may have its own
            self._take(signal.SIGTERM, self._terminate)
        try:
            self._premises.enter()
            set_title("server", self._config)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._premises.leave()
        for number, (handler, before) in self._handlers.items():
            if signal.getsignal(number) is handler:
                signal.signal(number, before)
        self._handlers = {}

    def begun(self, server: Host) -> None:
        """Take note of the server, whose addresses are told when it is ready."""
        self._server = server
        if has_tls(self._config) and _means_reading_anew():
            loop = asyncio.get_running_loop()
            self._take(signal.SIGHUP, lambda number, frame: call_soon(loop, self._read_anew))

    def ready(self) -> None:
        """Tell that connections are let in."""
        assert self._server is not None
        self._premises.listeners = self._server.listeners
        self._premises.on_change(ServiceState.READY)

    def tick(self, now: float) -> None:
        """Tell that the loop turns."""
        self._premises.notifier.watchdog(now)

    def draining(self) -> None:
        """Tell that the server ends."""
        self._premises.on_change(ServiceState.STOPPING)

    def ended(self) -> None:
        """Remove what is ours now: the signal that ends the server is raised again, and may kill the process."""
        self._premises.leave()

    def _take(self, number: int, handle: Callable[[int, FrameType | None], object]) -> None:
        handler = in_this_process(handle)
        self._handlers[number] = handler, signal.signal(number, handler)

    def _read_anew(self) -> None:
        assert self._server is not None
        for read in self._server.rereads:
            read()

    def _terminate(self, number: int, frame: FrameType | None) -> None:
        """Undo what was begun; from the moment on in which a server has taken the signals, that is its part."""
        if self._server is None:
            raise Terminated
        die_of(number)


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _means_reading_anew() -> bool:
    """Tell whether SIGHUP is ours to take: it may be ignored, and in a terminal it says that this is gone."""
    if not _is_main_thread() or not hasattr(signal, "SIGHUP"):
        return False
    return signal.getsignal(signal.SIGHUP) not in (signal.SIG_IGN, None) and not is_in_foreground()
