"""Runtime: the loop of a custom runtime: take an event, answer it, take the next.

Lambda's own runtime for Python calls the handler too, but gives its answers in one piece. This one streams those of a
Function URL, or a REST API, whose invoke mode is RESPONSE_STREAM.

Rules: what goes wrong with one event is told to Lambda and ends that event only. That a function cannot be started is
told to Lambda, and ends the process. SIGTERM ends the application, but not amid an event.
"""

import json
import logging
import os
import signal
import threading
from types import FrameType
from typing import Any

from licorne.adapters.aws.api import NextEvent, RuntimeApi
from licorne.adapters.aws.context import LambdaContext
from licorne.adapters.aws.handler import LambdaHandler
from licorne.adapters.aws.invocation import Invocation
from licorne.adapters.aws.streaming import ResponseStream, StreamedSink
from licorne.errors import ConfigError, StartupError

__all__ = ["Runtime"]

logger = logging.getLogger("licorne.error")

_TRACE_ID = "_X_AMZN_TRACE_ID"


class Runtime:
    """Run a handler as a custom runtime of Lambda."""

    __slots__ = ("_api", "_handler", "_is_busy", "_is_stopping", "_streams")

    def __init__(self, handler: LambdaHandler, address: str | None = None, *, streaming: bool = False) -> None:
        """Take a handler, the address of the runtime API, and whether responses leave while they are made.

        The address is that of AWS_LAMBDA_RUNTIME_API by default.
        """
        if not isinstance(handler, LambdaHandler):
            raise ConfigError("must be a LambdaHandler", option="handler", value=handler, source="Runtime")
        address = address or os.environ.get("AWS_LAMBDA_RUNTIME_API")
        if not address:
            raise ConfigError("AWS_LAMBDA_RUNTIME_API is not set: a runtime runs on Lambda, or with its emulator")
        self._handler = handler
        self._api = RuntimeApi(address)
        self._streams = streaming
        self._is_busy = False
        self._is_stopping = False

    def run(self) -> None:
        """Answer events until SIGTERM. Raises StartupError, RuntimeApiError."""
        before = self._catch_signal()
        try:
            self._start()
            while not self._is_stopping:
                self.answer(self._api.next())
        except _Stop:
            logger.info("SIGTERM: the runtime ends.")
        finally:
            if before is not None:
                signal.signal(signal.SIGTERM, before)
            self._handler.close()
            self._api.close()

    def answer(self, event: NextEvent) -> None:
        """Answer one event."""
        self._is_busy = True
        try:
            _note_trace(event.headers.get("Lambda-Runtime-Trace-Id"))
            document = json.loads(event.body)
            context = LambdaContext(dict(event.headers.items()))
            invocation = self._handler.read(document, context) if self._streams else None
            if invocation is None:
                self._api.respond(event, json.dumps(self._handler(document, context)).encode())
            else:
                self._stream(event, invocation)
        except (OSError, StartupError, ValueError, RuntimeError) as error:
            self._fail(event, error)
        finally:
            self._is_busy = False

    # internals

    def _start(self) -> None:
        try:
            self._handler.start()
        except Exception as error:
            self._api.fail_start(error)
            raise

    def _stream(self, event: NextEvent, invocation: Invocation) -> None:
        sink = StreamedSink()
        stream = invocation.stream = ResponseStream(self._api, event, invocation, sink, invocation.lose)
        self._handler.serve(invocation, sink)
        stream.finish()

    def _fail(self, event: NextEvent, error: Exception) -> None:
        """Tell Lambda that an event has no answer; a connection in an unknown state is opened anew."""
        logger.error("The event %s was not answered: %s: %s", event.request_id, type(error).__name__, error)
        self._api.close()
        self._api.fail(event, error)

    def _catch_signal(self) -> Any:
        """Let SIGTERM end the runtime; return what it did before, None where this thread cannot tell it."""
        if threading.current_thread() is not threading.main_thread():
            return None
        return signal.signal(signal.SIGTERM, self._stop)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._is_stopping = True
        if not self._is_busy:
            raise _Stop


class _Stop(BaseException):
    """End the wait for an event."""


def _note_trace(trace: str | None) -> None:
    """Let the X-Ray SDK find the trace of an event where it looks for it."""
    if trace:
        os.environ[_TRACE_ID] = trace
    else:
        os.environ.pop(_TRACE_ID, None)
