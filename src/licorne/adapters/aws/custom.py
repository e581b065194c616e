"""Custom: events that a class of the user's reads and answers, by the interface that Mangum has for it.

The class is asked by `infer(event, context, config)` and made by `(event, context, config)`. It has `scope` and `body`,
and is called with the response: `{"status": int, "headers": pairs of bytes, "body": bytes}`.
"""

from typing import Any
from urllib.parse import quote

from licorne.adapters.aws.format import EventFormat
from licorne.adapters.aws.invocation import Field, Invocation, new_head
from licorne.adapters.aws.settings import Settings

__all__ = ["CustomFormat"]


class CustomFormat(EventFormat):
    """Let one class of the user's read events."""

    __slots__ = ("config", "made_by")

    kind = "custom"

    def __init__(self, made_by: type[Any], settings: Settings) -> None:
        super().__init__(settings)
        self.made_by = made_by
        self.config = {
            "api_gateway_base_path": settings.base_path or "/",
            "text_mime_types": list(settings.text_types),
            "exclude_headers": sorted(settings.excluded),
        }

    def infers(self, event: Any, context: Any) -> bool:
        """Tell whether the class takes an event."""
        return bool(self.made_by.infer(event, context, self.config))

    def read(self, event: dict[str, Any], context: Any) -> Invocation:
        """Return the invocation of an event, with the scope that the class makes."""
        handler = self.made_by(event, context, self.config)
        scope = dict(handler.scope)
        scope.setdefault("aws.event", event)
        scope.setdefault("aws.context", context)
        body = bytes(handler.body or b"")
        fields = [(bytes(name), bytes(value)) for name, value in scope.get("headers") or ()]
        path = quote(scope.get("path") or "/").encode("ascii")
        head = new_head(scope.get("method") or "GET", path, scope.get("query_string") or b"", fields, len(body))
        invocation = self.invocation(event, context)
        invocation.begin(head, body, None, None, scope.get("scheme") == "https")
        invocation.given = scope
        invocation.reply = _Reply(handler)
        return invocation


class _Reply:
    """Give a response to the object that read its event."""

    __slots__ = ("handler",)

    def __init__(self, handler: Any) -> None:
        self.handler = handler

    def __call__(self, status: int, fields: list[Field], body: bytes) -> Any:
        return self.handler({"status": status, "headers": [list(field) for field in fields], "body": body})
