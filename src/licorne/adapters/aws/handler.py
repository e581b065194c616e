"""LambdaHandler: what Lambda calls with each event, and what answers it by one call of an ASGI application.

Rules:
- One event at a time; a second thread waits for the first.
- A fault of the application is a 500 and a record in the log. A fault of the event, or a start that failed, is raised:
  Lambda then counts the invocation as failed, which is what it is.
- The loop is left between events, not closed; `close()`, the end of the process or SIGTERM closes it.
"""

import asyncio
import logging
import threading
import weakref
from types import TracebackType
from typing import Any, Self, Unpack

from licorne.adapters.aws.calls import Calls
from licorne.adapters.aws.deadline import Deadline, seconds_left
from licorne.adapters.aws.edge import TruncatedBody
from licorne.adapters.aws.environment import Environment
from licorne.adapters.aws.formats import Formats, is_websocket
from licorne.adapters.aws.invocation import BufferedSink, Invocation
from licorne.adapters.aws.settings import HandlerOptions, settings_of
from licorne.errors import ConfigError, LicorneError
from licorne.link import Cycle

__all__ = ["LambdaHandler"]

logger = logging.getLogger("licorne.error")
access = logging.getLogger("licorne.access")

_LINE = '%s - "%s %s HTTP/%s" %d'


class LambdaHandler:
    """Answer events of AWS Lambda with an ASGI application."""

    __slots__ = ("__weakref__", "_calls", "_environment", "_finalizer", "_formats", "_lock", "_settings")

    def __init__(self, app: Any, lifespan: str = "auto", **options: Unpack[HandlerOptions]) -> None:
        """Take an ASGI 3 application, whether it takes part in the lifespan, and the options of `HandlerOptions`."""
        if not callable(app):
            raise ConfigError("must be an ASGI application", option="app", value=app, source="LambdaHandler")
        self._settings = settings_of(lifespan, options)
        self._formats = Formats(self._settings)
        self._environment = Environment(app, self._settings)
        self._calls = Calls(self._environment, self._settings)
        self._lock = threading.Lock()
        self._finalizer = weakref.finalize(self, self._environment.close)

    def __call__(self, event: Any, context: Any = None) -> Any:
        """Return the answer to one event.

        Raises:
            EventError: The event is not one that a request can be made of.
            StartupError: The application did not start.
        """
        with self._lock:
            _refuse_running_loop()
            if isinstance(event, dict) and is_websocket(event) and not self._formats.takes(event, context):
                return self._calls.answer(event, context)
            try:
                invocation = self._formats.read(event, context)
            except TruncatedBody as error:
                logger.error("%s", error)
                return error.reply
            sink = BufferedSink()
            self.serve(invocation, sink)
            return invocation.reply(sink.status, sink.fields, sink.content())

    def start(self) -> None:
        """Start the application now, for which Lambda gives more time while it loads the function."""
        with self._lock:
            _refuse_running_loop()
            self._environment.open()

    def close(self) -> None:
        """End the application: its lifespan, its tasks, its loop. A later event starts it anew."""
        with self._lock:
            _refuse_running_loop()
            self._calls.close()
            self._environment.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    # what the runtime uses besides

    def read(self, event: Any, context: Any) -> Invocation | None:
        """Return the invocation of an event whose response can be streamed; None for others. Raises EventError."""
        if self._formats.takes(event, context) or (isinstance(event, dict) and is_websocket(event)):
            return None
        try:
            invocation = self._formats.read(event, context)
        except TruncatedBody:
            return None
        return None if invocation.prelude is None else invocation

    def serve(self, invocation: Invocation, sink: Any) -> None:
        """Let the application answer an event into a sink."""
        runner = self._environment.open()
        cycle = self._environment.begin(invocation, sink)
        task = runner.begin(_settled(cycle))
        if task.done():
            runner.finish(task)
        else:
            deadline = Deadline(cycle, task, runner.loop)
            deadline.arm(seconds_left(invocation.context), self._settings.deadline_margin)
            try:
                runner.finish(task)
            finally:
                deadline.disarm()
        if access.isEnabledFor(logging.INFO):
            _log(invocation, sink.status)


async def _settled(cycle: Cycle) -> None:
    """Call the application and give its cycle the outcome."""
    try:
        await cycle.start()
    except (GeneratorExit, KeyboardInterrupt):
        raise
    except BaseException as error:
        cycle.finish(error)
    else:
        cycle.finish(None)


def _refuse_running_loop() -> None:
    if asyncio._get_running_loop() is not None:
        raise LicorneError(
            "LambdaHandler was called inside a running event loop, where it cannot wait for the application; "
            "call it in a thread: await asyncio.to_thread(handler, event, context)"
        )


def _log(invocation: Invocation, status: int) -> None:
    head = invocation.head
    client = f"{invocation.client[0]}:{invocation.client[1]}" if invocation.client else ""
    target = head.target.decode("ascii", "backslashreplace")
    access.info(_LINE, client, head.method, target, head.http_version, status)
