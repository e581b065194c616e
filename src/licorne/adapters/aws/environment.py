"""Environment: what stays warm between the events of one execution environment: the loop, the lifespan, the service.

The application starts once, with the first event or when it is told to, and ends once: when the handler is closed, or
the process ends. Lambda sends SIGTERM before it takes an environment away, but only where there is an extension.

Rules: a start that failed is tried again with the next event. What is left here at the end of the process is closed.
"""

import inspect
import logging
from collections.abc import Coroutine
from typing import Any

from licorne.adapters.aws.invocation import Invocation
from licorne.adapters.aws.loop import Runner
from licorne.adapters.aws.settings import Settings
from licorne.asgi.lifespan import Lifespan
from licorne.asgi.run import Application, AsgiOptions
from licorne.errors import StartupError
from licorne.link import Cycle

__all__ = ["Environment"]

logger = logging.getLogger("licorne.error")

#: What an application may ask of us besides plain messages.
_EXTENSIONS: dict[str, dict[str, Any]] = {"http.response.pathsend": {}, "http.response.zerocopysend": {}}


class Environment:
    """Hold what is warm."""

    __slots__ = ("_application", "_lifespan", "app", "current", "runner", "settings")

    def __init__(self, app: Any, settings: Settings) -> None:
        self.app = app
        self.settings = settings
        self.runner: Runner | None = None
        #: The event whose call is being made.
        self.current: Invocation | None = None
        self._lifespan: Lifespan | None = None
        self._application: Application | None = None

    def open(self) -> Runner:
        """Return the runner of an application that has started. Raises StartupError."""
        if self._application is None or self.runner is None:
            return self._start()
        return self.runner

    def begin(self, invocation: Invocation, sink: Any) -> Cycle:
        """Return the cycle that answers an event into a sink."""
        application = self._application
        if application is None:
            raise StartupError("the application has not started")
        self.current = invocation
        cycle = application.begin(invocation.exchange(sink), invocation)
        if cycle is None:
            raise StartupError("the application takes no requests")  # only a limit or a front would, and there is none
        return cycle

    def state(self) -> dict[str, Any]:
        """Return a copy of what the application put into its state when it started."""
        return {} if self._lifespan is None else self._lifespan.state.copy()

    def close(self) -> None:
        """End the application and close the loop; once is enough."""
        runner, lifespan = self.runner, self._lifespan
        self.runner = self._lifespan = self._application = None
        if runner is None or runner.loop.is_closed():
            return
        try:
            if lifespan is not None:
                runner.run(lifespan.shutdown())
        finally:
            runner.close()

    # internals

    def _start(self) -> Runner:
        runner = self.runner
        if runner is None:
            runner = self.runner = Runner()
        lifespan = runner.run(_new_lifespan(self.app, self.settings.lifespan))
        if not runner.run(lifespan.startup()):
            if isinstance(lifespan.error, SystemExit | KeyboardInterrupt):
                raise lifespan.error
            cause = f": {lifespan.cause}" if lifespan.cause else ""
            raise StartupError(f"the application did not start{cause}")
        lifespan.error = None  # its traceback would keep the first event, and the handler itself, for ever
        options = AsgiOptions(root_path=self.settings.root_path)
        application = Application(self._call, lifespan.state, options)
        # `_call` only makes the coroutine of the application, if that is what calling the application does.
        application.shared.is_coroutine = _is_coroutine(self.app)
        self._lifespan = lifespan
        self._application = application
        return runner

    def _call(self, scope: dict[str, Any], receive: Any, send: Any) -> Coroutine[Any, Any, None]:
        """Call the application with what Lambda adds to a scope."""
        current = self.current
        if current is not None:
            if current.given is not None:
                scope = {"state": scope["state"], **current.given}
            else:
                scope["extensions"] = _EXTENSIONS.copy()
                scope["aws.event"] = current.event
                scope["aws.context"] = current.context
        return self.app(scope, receive, send)  # type: ignore[no-any-return]


async def _new_lifespan(app: Any, mode: str) -> Lifespan:
    return Lifespan(app, mode, logger)


def _is_coroutine(app: Any) -> bool:
    return inspect.iscoroutinefunction(app) or inspect.iscoroutinefunction(type(app).__call__)
