"""Formats: tells which kind of event one is, and reads it.

The user's own classes are asked first. Then, as AWS has made them: a load balancer names itself in the request
context, a WebSocket API a connection, an HTTP API and a Function URL a version, a REST API the resource; CloudFront
sends records.
"""

from typing import Any

from licorne.adapters.aws.alb import LoadBalancer
from licorne.adapters.aws.apigateway import HttpApi, RestApi
from licorne.adapters.aws.custom import CustomFormat
from licorne.adapters.aws.edge import CloudFront
from licorne.adapters.aws.errors import EventError
from licorne.adapters.aws.format import EventFormat
from licorne.adapters.aws.invocation import Invocation
from licorne.adapters.aws.settings import Settings

__all__ = ["Formats", "is_websocket"]

_FAULTS = (KeyError, TypeError, AttributeError, ValueError, IndexError)
_UNKNOWN = (
    "the event is none that licorne knows: it must come from a REST API, an HTTP API, a WebSocket API, a Function URL, "
    "an ALB or CloudFront, or be taken by one of custom_handlers; its keys are {keys}"
)


def is_websocket(event: dict[str, Any]) -> bool:
    """Tell whether an event is of a WebSocket API."""
    told = event.get("requestContext")
    return isinstance(told, dict) and "connectionId" in told and "eventType" in told


class Formats:
    """Know all formats."""

    __slots__ = ("balancer", "custom", "edge", "http", "rest")

    def __init__(self, settings: Settings) -> None:
        self.custom = [CustomFormat(made_by, settings) for made_by in settings.custom_handlers]
        self.balancer = LoadBalancer(settings)
        self.http = HttpApi(settings)
        self.rest = RestApi(settings)
        self.edge = CloudFront(settings)

    def read(self, event: Any, context: Any) -> Invocation:
        """Return the invocation of an event. Raises EventError."""
        found = self._find(event, context)
        if isinstance(found, CustomFormat):
            return found.read(event, context)
        try:
            return found.read(event, context)
        except _FAULTS as error:
            raise EventError(found.fault(event, error)) from None

    def takes(self, event: Any, context: Any) -> bool:
        """Tell whether a class of the user's takes an event."""
        return any(custom.infers(event, context) for custom in self.custom)

    def _find(self, event: Any, context: Any) -> EventFormat:
        for custom in self.custom:
            if custom.infers(event, context):
                return custom
        if type(event) is not dict and not isinstance(event, dict):
            raise EventError(f"an event must be a JSON object, got {type(event).__name__}")
        told = event.get("requestContext")
        if isinstance(told, dict):
            return self._with_context(event, told)
        records = event.get("Records")
        if isinstance(records, list) and records and isinstance(records[0], dict) and "cf" in records[0]:
            return self.edge
        raise _unknown(event)

    def _with_context(self, event: dict[str, Any], told: dict[str, Any]) -> EventFormat:
        if "elb" in told:
            return self.balancer
        version = event.get("version")
        if version == "2.0":
            return self.http
        if version == "1.0" or (version is None and "resource" in event):
            return self.rest
        if version is not None:
            raise EventError(f"the payload version of the event must be 1.0 or 2.0, got {version!r}")
        raise _unknown(event)


def _unknown(event: dict[str, Any]) -> EventError:
    keys = ", ".join(sorted(map(str, event))[:12])
    return EventError(_UNKNOWN.format(keys=keys or "none"))
