"""Calls: the calls that stand still between the events of a WebSocket API, by their connections.

Rules: a call whose connection must be over by now, since API Gateway ends those that are silent for ten minutes, is
told so at the next event, and ends. So is the oldest where there are very many.
"""

import asyncio
import logging
from time import monotonic
from typing import Any

from licorne.adapters.aws.connections import Connections
from licorne.adapters.aws.deadline import Deadline, seconds_left
from licorne.adapters.aws.environment import Environment
from licorne.adapters.aws.errors import EventError
from licorne.adapters.aws.loop import Runner
from licorne.adapters.aws.reading import body_of, client_of, encoded_query, fields_of, pairs_of, server_of
from licorne.adapters.aws.settings import Settings
from licorne.adapters.aws.websocket import WebSocketCall

__all__ = ["Calls"]

logger = logging.getLogger("licorne.error")

#: API Gateway closes a connection that was silent for so long; the rest is for events on their way.
_IDLE_SECONDS = 600 + 30
_MAX_CALLS = 1000
#: How long a call that is told of its end may take when nobody waits for it.
_LEAVE_SECONDS = 1.0
_NO_STATUS = 1005
_ABNORMAL_CLOSURE = 1006


class _Standing:
    """Hold one call and its task."""

    __slots__ = ("call", "seen_at", "task")

    def __init__(self, call: WebSocketCall) -> None:
        self.call = call
        self.task: asyncio.Task[Any] | None = None
        self.seen_at = monotonic()


class Calls:
    """Answer the events of WebSocket APIs."""

    __slots__ = ("connections", "environment", "settings", "standing")

    def __init__(self, environment: Environment, settings: Settings) -> None:
        self.environment = environment
        self.settings = settings
        self.connections = Connections(settings.connections)
        #: The one that was silent for longest first.
        self.standing: dict[str, _Standing] = {}

    def answer(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """Return the answer to an event. Raises EventError."""
        told = event["requestContext"]
        kind, connection = told["eventType"], told["connectionId"]
        if kind not in ("CONNECT", "MESSAGE", "DISCONNECT") or not isinstance(connection, str):
            raise EventError(
                "a WebSocket API event must have an eventType of CONNECT, MESSAGE or DISCONNECT and a connectionId "
                f"that is a text, got {kind!r} and {connection!r}"
            )
        runner = self.environment.open()
        self._expire(runner)
        standing = self._find(connection, event, context, kind, runner)
        if kind == "MESSAGE":
            standing.call.deliver(_message(event))
        elif kind == "DISCONNECT":
            standing.call.deliver(_end(told))
        self._run(standing, runner, context)
        return self._settle(connection, standing, kind)

    def close(self) -> None:
        """Tell all calls that their connections are over for them."""
        runner = self.environment.runner
        for connection in list(self.standing):
            if runner is not None:
                self._leave(connection, runner)

    # internals

    def _find(self, connection: str, event: dict[str, Any], context: Any, kind: str, runner: Runner) -> _Standing:
        """Return the call of a connection, a new one where it has none here."""
        standing = self.standing.pop(connection, None)
        if standing is None or kind == "CONNECT":
            standing = self._begin(event, context, kind, runner)
        else:
            standing.call.establish(event)
            standing.seen_at = monotonic()
        self.standing[connection] = standing
        return standing

    def _begin(self, event: dict[str, Any], context: Any, kind: str, runner: Runner) -> _Standing:
        try:
            scope = _scope(event, context, self.settings, self.environment.state(), kind)
        except (TypeError, AttributeError, ValueError) as error:
            raise EventError(f"a WebSocket API event cannot be read: {error}") from None
        call = WebSocketCall.__new__(WebSocketCall)
        call.begin(event, self.connections, kind != "CONNECT", scope["subprotocols"])
        standing = _Standing(call)
        standing.task = runner.begin(call.run(self.environment.app, scope))
        return standing

    def _run(self, standing: _Standing, runner: Runner, context: Any) -> None:
        """Run a call until it waits for the next event, or has ended."""
        call, task = standing.call, standing.task
        if task is None:
            return
        deadline = Deadline(call, task, runner.loop)
        deadline.arm(seconds_left(context), self.settings.deadline_margin)
        call.on_idle = runner.loop.stop
        try:
            while not task.done() and not call.is_idle() and not deadline.is_over:
                runner.finish(task)
        finally:
            call.on_idle = None
            deadline.disarm()
        runner.turn()  # what the application has begun beside

    def _settle(self, connection: str, standing: _Standing, kind: str) -> dict[str, Any]:
        task, call = standing.task, standing.call
        has_ended = task is None or task.done()
        if kind == "CONNECT" and not has_ended and call.is_undecided():
            logger.error("The application waits without accepting or refusing (%s).", call.describe())
        if has_ended or kind == "DISCONNECT" or call.is_undecided():
            self.standing.pop(connection, None)
            if task is not None:
                task.cancel()
        if kind == "CONNECT" and call.is_undecided():
            return {"statusCode": 500}
        answer = call.answer if kind == "CONNECT" or has_ended else {"statusCode": 200}
        return {"statusCode": 200} if kind != "CONNECT" and answer["statusCode"] != 500 else answer

    def _expire(self, runner: Runner) -> None:
        now = monotonic()
        for connection, standing in list(self.standing.items()):
            if now - standing.seen_at < _IDLE_SECONDS and len(self.standing) < _MAX_CALLS:
                return
            self._leave(connection, runner)

    def _leave(self, connection: str, runner: Runner) -> None:
        standing = self.standing.pop(connection)
        task = standing.task
        if task is None or task.done():
            return
        standing.call.deliver({"type": "websocket.disconnect", "code": _ABNORMAL_CLOSURE, "reason": ""})
        runner.run(asyncio.wait({task}, timeout=_LEAVE_SECONDS))
        task.cancel()


def _message(event: dict[str, Any]) -> dict[str, Any]:
    try:
        body = event.get("body") or ""
        if event.get("isBase64Encoded"):
            return {"type": "websocket.receive", "bytes": body_of(body, True)}
    except (TypeError, ValueError) as error:
        raise EventError(f"a WebSocket API event cannot be read: {error}") from None
    if not isinstance(body, str):
        raise EventError(f"a WebSocket API event must have a text as body, got {type(body).__name__}")
    return {"type": "websocket.receive", "text": body}


def _end(told: dict[str, Any]) -> dict[str, Any]:
    code = told.get("disconnectStatusCode")
    is_code = isinstance(code, int) and code > 0
    return {
        "type": "websocket.disconnect",
        "code": code if is_code else _NO_STATUS,
        "reason": told.get("disconnectReason") or "",
    }


def _scope(event: dict[str, Any], context: Any, settings: Settings, state: dict[str, Any], kind: str) -> dict[str, Any]:
    told = event["requestContext"]
    fields = fields_of(event.get("headers"), event.get("multiValueHeaders"))
    known = dict(fields)
    known.setdefault(b"host", str(told.get("domainName", "")).encode())
    offered = [value for name, value in fields if name == b"sec-websocket-protocol"]
    names = [name.strip().decode("latin-1") for value in offered for name in value.split(b",")]
    query = encoded_query(pairs_of(event.get("queryStringParameters"), event.get("multiValueQueryStringParameters")))
    path = f"{settings.root_path}/"
    return {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "http_version": "1.1",
        "scheme": "wss",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "root_path": settings.root_path,
        "headers": fields,
        "client": client_of((told.get("identity") or {}).get("sourceIp")),
        "server": server_of(known, True),
        "subprotocols": [name for name in names if name],
        "state": state,
        "extensions": {
            "websocket.http.response": {},
            "aws.websocket": {"connection_id": told["connectionId"], "is_resumed": kind != "CONNECT"},
        },
        "aws.event": event,
        "aws.context": context,
    }
