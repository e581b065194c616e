"""Asgi2Adapter: lets an ASGI 2 application, `app(scope)(receive, send)`, stand where an ASGI 3 one is called."""

from collections.abc import Awaitable, Callable
from typing import Any

__all__ = ["Asgi2Adapter"]

_Receive = Callable[[], Awaitable[dict[str, Any]]]
_Send = Callable[[dict[str, Any]], Awaitable[None]]


class Asgi2Adapter:
    """Be an ASGI 3 application made of an ASGI 2 one."""

    __slots__ = ("app",)

    def __init__(self, app: Callable[[dict[str, Any]], Callable[[_Receive, _Send], Awaitable[None]]]) -> None:
        self.app = app

    async def __call__(self, scope: dict[str, Any], receive: _Receive, send: _Send) -> None:
        """Make the instance for this scope, then run it."""
        await self.app(scope)(receive, send)

    def __repr__(self) -> str:
        return f"Asgi2Adapter({self.app!r})"
