"""Applications that tests hand to a handler, and what they keep of their calls."""

from typing import Any

__all__ = ["Recorder", "answering"]


class Recorder:
    """Be an application that answers as told and remembers scopes and bodies, and its lifespan."""

    def __init__(
        self, body: bytes = b"hello", headers: list[tuple[bytes, bytes]] | None = None, status: int = 200
    ) -> None:
        self.body = body
        self.headers = [(b"content-type", b"text/plain")] if headers is None else headers
        self.status = status
        self.scopes: list[dict[str, Any]] = []
        self.bodies: list[bytes] = []
        self.lifespan: list[str] = []

    @property
    def scope(self) -> dict[str, Any]:
        """Return the last scope."""
        return self.scopes[-1]

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Answer."""
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
            return
        self.scopes.append(scope)
        message = await receive()
        self.bodies.append(message["body"])
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body})

    async def _live(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        while True:
            kind = (await receive())["type"]
            self.lifespan.append(kind)
            scope["state"]["started"] = True
            await send({"type": f"{kind}.complete"})
            if kind == "lifespan.shutdown":
                return


def answering(*messages: dict[str, Any], error: BaseException | None = None) -> Any:
    """Return an application that sends messages, and then raises, if told."""

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        for message in messages:
            await send(message)
        if error is not None:
            raise error

    return app
