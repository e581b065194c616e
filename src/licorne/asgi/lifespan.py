"""Lifespan: tells the application that the server starts and stops, by the ASGI lifespan protocol 2.0.

The application is called once, in a task that lives as long as the worker. What it does decides:

    raises or returns before it took `lifespan.startup`    auto: it does not speak lifespan, go on without; on: failed
    returns after that, without an answer                  the same, with a warning
    raises after it took `lifespan.startup`                failed in every mode, with its traceback: a bug must show
    sends `lifespan.startup.failed`                        failed, its message logged as an error
    sends `lifespan.startup.complete`                      the server may serve

Rules: nothing here waits for an application that has gone; what it raises is logged or raised again, never
lost (at level debug once it was cancelled: it could not help it); `lifespan.shutdown` goes only to an application
whose start-up was complete and that still runs.
"""

import asyncio
import enum
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from licorne.errors import LocalProtocolError

__all__ = ["Lifespan"]

#: How long an application that gave its last answer may take to return before it is cancelled.
RETURN_SECONDS = 5.0


class _State(enum.Enum):
    IDLE = "not begun"
    STARTING = "not been answered"  # lifespan.startup was taken
    STARTED = "begun"
    STOPPING = "been asked to end"  # lifespan.shutdown can be taken
    ENDING = "not been answered at its end"  # lifespan.shutdown was taken
    STOPPED = "ended"
    FAILED = "failed"
    ABSENT = "been given up"  # mode off, or the application does not speak lifespan


_EXPECTED = {
    _State.IDLE: ("lifespan.startup.complete", "lifespan.startup.failed"),
    _State.STARTING: ("lifespan.startup.complete", "lifespan.startup.failed"),
    _State.STOPPING: ("lifespan.shutdown.complete", "lifespan.shutdown.failed"),
    _State.ENDING: ("lifespan.shutdown.complete", "lifespan.shutdown.failed"),
}
_ANSWERS = {
    "lifespan.startup.complete": _State.STARTED,
    "lifespan.startup.failed": _State.FAILED,
    "lifespan.shutdown.complete": _State.STOPPED,
    "lifespan.shutdown.failed": _State.FAILED,
}


class Lifespan:
    """Be the lifespan of one application in one event loop. `mode` is "auto", "on" or "off"."""

    __slots__ = (
        "_answer",
        "_app",
        "_is_dropped",
        "_message",
        "_mode",
        "_shutdown",
        "_state",
        "_task",
        "_version",
        "error",
        "logger",
        "state",
    )

    def __init__(
        self, app: Callable[..., Awaitable[None]], mode: str, logger: logging.Logger, asgi_version: str = "3.0"
    ) -> None:
        self.logger = logger
        #: What the application put into `scope["state"]`; every exchange gets a copy.
        self.state: dict[str, Any] = {}
        #: What the application raised, if it did.
        self.error: BaseException | None = None
        self._app = app
        self._mode = mode
        self._version = asgi_version
        self._state = _State.ABSENT if mode == "off" else _State.IDLE
        self._message = ""
        self._answer = asyncio.Event()
        self._shutdown = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        #: We have cancelled the application: nobody waits for what it still says.
        self._is_dropped = False

    @property
    def cause(self) -> str:
        """Return in one line why the application failed, "" if it did not say."""
        if self.error is None or (self._message and isinstance(self.error, LocalProtocolError)):
            return next(iter(self._message.strip().splitlines()[-1:]), "")
        said = next(iter(str(self.error).splitlines()), "")
        return f"{type(self.error).__name__}: {said}".rstrip(": ")

    async def startup(self) -> bool:
        """Start the application; return whether the server may serve."""
        if self._state is _State.ABSENT:
            return True
        self.logger.info("Waiting for application startup.")
        self._task = asyncio.get_running_loop().create_task(self._run(), name="licorne-lifespan")
        await self._wait_for_answer()
        if self._state is _State.FAILED:
            await self._see_off()
            return False
        if self._state is _State.STARTED:
            self.logger.info("Application startup complete.")
        return True

    async def shutdown(self) -> bool:
        """Tell the application that the server has stopped; return whether that went well."""
        if self._state is not _State.STARTED or self._task is None or self._task.done():
            return self._state is not _State.FAILED
        self.logger.info("Waiting for application shutdown. (CTRL+C to force quit)")
        self._state = _State.STOPPING
        self._answer.clear()
        self._shutdown.set()
        await self._wait_for_answer()
        await self._see_off()
        if self._state is _State.FAILED:
            self.logger.error("Application shutdown failed. Exiting.")
            return False
        self.logger.info("Application shutdown complete.")
        return True

    async def abort(self) -> None:
        """Cancel the application, whatever it does."""
        if self._state is _State.STARTED and self._task is not None and not self._task.done():
            self.logger.info("Forced quit: lifespan.shutdown was skipped.")
        elif self._state in (_State.STOPPING, _State.ENDING):
            self.logger.info("Forced quit: lifespan.shutdown was not waited for.")
        await self._cancel()

    # --- what the application sees ---------------------------------------------------------------------------

    async def _receive(self) -> dict[str, Any]:
        if self._state is _State.IDLE:
            self._state = _State.STARTING
            return {"type": "lifespan.startup"}
        await self._shutdown.wait()
        if self._state is _State.STOPPING:
            self._state = _State.ENDING
            return {"type": "lifespan.shutdown"}
        raise LocalProtocolError(f"There is nothing more to receive: the lifespan has {self._state.value}.")

    async def _send(self, message: dict[str, Any]) -> None:
        kind: Any = message.get("type")
        if self._is_dropped and kind in _ANSWERS:
            return  # frameworks report in this way that they were cancelled
        expected = _EXPECTED.get(self._state, ())
        if kind not in expected:
            names = " or ".join(f"'{name}'" for name in expected) or "no message"
            raise LocalProtocolError(f"Expected {names}, but got {kind!r}: the lifespan has {self._state.value}.")
        self._state = _ANSWERS[kind]
        if self._state is _State.FAILED:
            self._message = str(message.get("message", ""))
            self._shutdown.set()
        if self._message:
            self.logger.error("%s", self._message)
        self._answer.set()

    # --- internals -------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        asgi = {"version": self._version, "spec_version": "2.0"}
        scope = {"type": "lifespan", "asgi": asgi, "state": self.state}
        try:
            await self._app(scope, self._receive, self._send)
            self._take_return()
        except GeneratorExit:
            raise
        except BaseException as error:
            if isinstance(error, asyncio.CancelledError) and _is_cancelled():
                raise
            # SystemExit and KeyboardInterrupt too: out of a task they would tear down the loop. The worker
            # finds them in `error` and raises them in its own place.
            self._take_error(error)
        finally:
            self._answer.set()

    def _take_return(self) -> None:
        if self._state is _State.STARTING:
            self.logger.warning("The application returned from 'lifespan' without answering 'lifespan.startup'.")
        if self._state in (_State.IDLE, _State.STARTING):
            self._give_up()
        elif self._state in (_State.STOPPING, _State.ENDING):
            self._state = _State.STOPPED

    def _take_error(self, error: BaseException) -> None:
        self.error = error
        state = self._state
        if self._is_dropped and not isinstance(error, SystemExit | KeyboardInterrupt):
            self.logger.debug("The application raised in 'lifespan' when it was cancelled\n", exc_info=error)
            return
        if state in (_State.STARTING, _State.STOPPING, _State.ENDING):
            self._state = _State.FAILED
        if isinstance(error, SystemExit | KeyboardInterrupt):
            self._state = _State.FAILED
        elif state is _State.IDLE:
            self._give_up()
        elif not self._is_told(state, error):
            self._show(error)

    def _is_told(self, state: _State, error: BaseException) -> bool:
        """Tell whether the log says already what `error` could say."""
        if state is _State.FAILED:
            return bool(self._message) or isinstance(error, LocalProtocolError)
        return state is _State.STOPPED and isinstance(error, LocalProtocolError)

    def _give_up(self) -> None:
        if self._mode == "auto":
            self._state = _State.ABSENT
            self.logger.info("ASGI 'lifespan' protocol appears unsupported.")
            return
        self._state = _State.FAILED
        if self.error is None:
            self.logger.error("The application ended without taking part in 'lifespan', which is set to on.")
        else:
            self._show(self.error)

    def _show(self, error: BaseException) -> None:
        own = error.__traceback__
        if own is not None and own.tb_next is not None:
            error = error.with_traceback(own.tb_next)
        self.logger.error("Exception in 'lifespan' protocol\n", exc_info=error)

    async def _wait_for_answer(self) -> None:
        try:
            await self._answer.wait()
        except asyncio.CancelledError:
            await self._cancel()
            raise

    async def _see_off(self) -> None:
        """Let the application return after its last answer."""
        if self._task is None:
            return
        try:
            await asyncio.wait({self._task}, timeout=RETURN_SECONDS)
        finally:
            await self._cancel()

    async def _cancel(self) -> None:
        if self._task is not None and not self._task.done():
            self._is_dropped = True
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=RETURN_SECONDS)


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
