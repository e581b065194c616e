"""LoopThread: an event loop in a thread, in which an ASGI application lives from its startup to its shutdown.

Rules: who starts it waits until the application has started. A thread does not live on in a forked process: each
process has its own.
"""

import asyncio
import logging
import os
import threading
from collections.abc import Awaitable, Callable
from typing import Any

from licorne.asgi.lifespan import Lifespan
from licorne.errors import StartupError

__all__ = ["LoopThread"]

logger = logging.getLogger("licorne.error")

_JOIN_SECONDS = 10.0
_CANCEL_SECONDS = 3.0


class LoopThread:
    """Run one application's event loop."""

    __slots__ = ("_app", "_is_ready", "_stop", "_thread", "failure", "lifespan", "loop", "pid")

    def __init__(self, app: Callable[..., Awaitable[None]], lifespan: str) -> None:
        self._app = app
        self._is_ready = threading.Event()
        self._stop: asyncio.Event | None = None
        self.failure = ""
        self.pid = os.getpid()
        self.loop: asyncio.AbstractEventLoop | None = None
        self.lifespan = Lifespan(app, lifespan, logger)
        self._thread = threading.Thread(target=self._run, name="licorne-asgi-to-wsgi", daemon=True)

    @property
    def state(self) -> dict[str, Any]:
        """Return the state of the lifespan."""
        return self.lifespan.state

    def is_usable(self) -> bool:
        """Tell whether the thread runs, in this process."""
        return self.pid == os.getpid() and self._thread.is_alive()

    def start(self) -> None:
        """Start the application and wait for it. Raises StartupError."""
        self._thread.start()
        self._is_ready.wait()
        if self.failure:
            raise StartupError(self.failure)

    def stop(self) -> None:
        """End the application and wait for it."""
        if self.pid != os.getpid() or self.loop is None or not self._thread.is_alive():
            return
        if self._stop is not None:
            try:
                self.loop.call_soon_threadsafe(self._stop.set)
            except RuntimeError:
                return  # it has ended meanwhile
        if self._thread is not threading.current_thread():
            self._thread.join(_JOIN_SECONDS)

    def _run(self) -> None:
        try:
            asyncio.run(self._live())
        except BaseException as error:
            self.failure = self.failure or f"The event loop of the application has failed: {error!r}"
            logger.exception("The event loop of an ASGI application has failed")
        finally:
            self._is_ready.set()

    async def _live(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        if not await self.lifespan.startup():
            cause = self.lifespan.cause
            self.failure = f"Application startup failed.{f' ({cause})' if cause else ''}"
            return
        self._is_ready.set()
        await self._stop.wait()
        await self._end_tasks()
        await self.lifespan.shutdown()
        await self.lifespan.abort()

    async def _end_tasks(self) -> None:
        """Cancel what still runs, but for the lifespan, which is asked to end."""
        current = asyncio.current_task()
        tasks = {task for task in asyncio.all_tasks() if task is not current and task.get_name() != "licorne-lifespan"}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_CANCEL_SECONDS)
