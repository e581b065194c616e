"""Connections: writes to the clients of a WebSocket API, by the management API of API Gateway.

The client is boto3's, or what the user gives: anything with `post_to_connection(ConnectionId=, Data=)` and
`delete_connection(ConnectionId=)`, plain or as coroutines. A plain one is called in a thread, so that the loop goes on.
"""

import asyncio
import functools
import importlib
import inspect
import os
from typing import Any

from licorne.errors import ClientDisconnected, ConfigError

__all__ = ["Connections"]

_GONE = 410


class Connections:
    """Post to connections and close them."""

    __slots__ = ("_clients", "_given")

    def __init__(self, given: Any) -> None:
        self._given = given
        #: By the URL of the API: one function may serve several.
        self._clients: dict[str, Any] = {}

    async def post(self, event: dict[str, Any], data: bytes) -> None:
        """Send a message to the connection of an event. Raises ClientDisconnected when it is gone."""
        await self._call(event, "post_to_connection", Data=data)

    async def close(self, event: dict[str, Any]) -> None:
        """Close the connection of an event, if it is still there."""
        try:
            await self._call(event, "delete_connection")
        except ClientDisconnected:
            return

    async def _call(self, event: dict[str, Any], name: str, **arguments: Any) -> None:
        method = getattr(self._client(event), name)
        arguments["ConnectionId"] = event["requestContext"]["connectionId"]
        try:
            if inspect.iscoroutinefunction(method):
                await method(**arguments)
            else:
                call = functools.partial(method, **arguments)
                result = await asyncio.get_running_loop().run_in_executor(None, call)
                if inspect.isawaitable(result):
                    await result
        except Exception as error:
            if _is_gone(error):
                raise ClientDisconnected("The client disconnected.") from None
            raise

    def _client(self, event: dict[str, Any]) -> Any:
        if self._given is not None:
            return self._given
        url = url_of(event["requestContext"])
        if url not in self._clients:
            self._clients[url] = _new_client(url)
        return self._clients[url]


def url_of(told: dict[str, Any]) -> str:
    """Return the URL of the management API for the request context of an event."""
    region = os.environ.get("AWS_REGION")
    domain = told.get("domainName", "")
    if region and told.get("apiId") and not domain.endswith(".amazonaws.com"):
        # Below a domain of the user's own the stage is not what the path begins with.
        domain = f"{told['apiId']}.execute-api.{region}.amazonaws.com"
    return f"https://{domain}/{told.get('stage', '')}"


def _new_client(url: str) -> Any:
    try:
        boto3: Any = importlib.import_module("boto3")
    except ModuleNotFoundError:
        raise ConfigError(
            "a WebSocket API is written to by boto3, which is not installed; install it, or give LambdaHandler "
            "a client as connections="
        ) from None
    return boto3.client("apigatewaymanagementapi", endpoint_url=url)


def _is_gone(error: Exception) -> bool:
    told = getattr(error, "response", None)
    metadata = told.get("ResponseMetadata", {}) if isinstance(told, dict) else {}
    return type(error).__name__ == "GoneException" or metadata.get("HTTPStatusCode") == _GONE
