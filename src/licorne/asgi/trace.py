"""Trace: logs what an application is called with, receives and sends, for `--log-level trace`.

Rules: bodies and header fields are left out (bodies show their size), so that a trace can be shown to others;
every call has a number, so that calls that run at the same time can be told apart.
"""

import itertools
import logging
from collections.abc import Awaitable, Callable
from typing import Any

__all__ = ["TRACE_LEVEL", "Trace"]

TRACE_LEVEL = 5

_Receive = Callable[[], Awaitable[dict[str, Any]]]
_Send = Callable[[dict[str, Any]], Awaitable[None]]


class Trace:
    """Be an application that logs what passes between another one and the server."""

    __slots__ = ("_app", "_logger", "_numbers")

    def __init__(self, app: Callable[..., Awaitable[None]], logger: logging.Logger) -> None:
        self._app = app
        self._logger = logger
        self._numbers = itertools.count(1)

    async def __call__(self, scope: dict[str, Any], receive: _Receive, send: _Send) -> None:
        """Call the application."""
        client = scope.get("client")
        prefix = f"{client[0]}:{client[1]} - " if client else ""
        name = f"{prefix}ASGI [{next(self._numbers)}]"

        async def traced_receive() -> dict[str, Any]:
            message = await receive()
            self._log("%s Receive %s", name, shown(message))
            return message

        async def traced_send(message: dict[str, Any]) -> None:
            self._log("%s Send %s", name, shown(message))
            await send(message)

        self._log("%s Started scope=%s", name, shown(scope))
        try:
            await self._app(scope, traced_receive, traced_send)
        except BaseException as error:
            self._log("%s Raised %s", name, type(error).__name__)
            raise
        self._log("%s Completed", name)

    def _log(self, line: str, *arguments: object) -> None:
        self._logger.log(TRACE_LEVEL, line, *arguments)


def shown(message: object) -> object:
    """Return a message or a scope as the trace shows it."""
    if not isinstance(message, dict):
        return message
    return {key: _shown_value(key, value) for key, value in message.items()}


def _shown_value(key: str, value: object) -> object:
    if key in ("body", "bytes", "text") and isinstance(value, bytes | bytearray | memoryview | str):
        unit = "characters" if isinstance(value, str) else "bytes"
        return f"<{len(value)} {unit}>"
    return "<...>" if key == "headers" else value
