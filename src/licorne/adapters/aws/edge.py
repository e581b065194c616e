"""Lambda@Edge: events of CloudFront, before or behind its cache.

Rules: fields that CloudFront does not let a function set are left out, since it answers 502 for them. A body that
CloudFront has cut is not given to the application: it is answered 413.
"""

from http import HTTPStatus
from typing import Any

from licorne.adapters.aws.errors import EventError
from licorne.adapters.aws.format import EventFormat
from licorne.adapters.aws.invocation import Field, Invocation, new_head
from licorne.adapters.aws.reading import body_of, client_of, raw_path_of, raw_query_of, server_of
from licorne.adapters.aws.replying import encode_body, fits, texts_of

__all__ = ["CloudFront", "TruncatedBody"]

#: Of what a function makes up before the origin, and of what it makes up before the cache.
_MAX_REPLY_BYTES = 1024 * 1024
_MAX_VIEWER_BYTES = 40 * 1024
_NOT_OURS = frozenset(
    {"content-length", "expect", "host", "trailer", "transfer-encoding", "via", "x-cache", "x-real-ip"}
)
_NOT_OURS_STARTS = ("proxy-", "x-accel-", "x-amz-cf-", "x-amzn-", "x-edge-")


class TruncatedBody(EventError):
    """Say that CloudFront has cut a body; `reply` tells the client."""

    def __init__(self, reply: dict[str, Any]) -> None:
        self.reply = reply
        super().__init__("CloudFront has cut the body of the request: it is longer than Lambda@Edge takes (413)")


class CloudFront(EventFormat):
    """Read events of CloudFront."""

    kind = "Lambda@Edge"

    def read(self, event: dict[str, Any], context: Any) -> Invocation:
        """Return the invocation of an event."""
        distribution = event["Records"][0]["cf"]
        request = distribution["request"]
        fields = [
            (name.lower().encode(), item["value"].encode())
            for name, values in request["headers"].items()
            for item in values
        ]
        known = dict(fields)
        sent = request.get("body") or {}
        body = body_of(sent.get("data"), sent.get("encoding") == "base64")
        is_secure = known.get(b"cloudfront-forwarded-proto") != b"http"
        invocation = self.invocation(event, context)
        query = raw_query_of(request.get("querystring") or "")
        head = new_head(request["method"].upper(), raw_path_of(request["uri"]), query, fields, len(body))
        invocation.begin(head, body, client_of(request.get("clientIp")), server_of(known, is_secure), is_secure)
        if (distribution.get("config") or {}).get("eventType", "").startswith("viewer"):
            invocation.reply = self.reply_to_viewer
        if sent.get("inputTruncated"):
            raise TruncatedBody(self.reply(413, [(b"content-type", b"text/plain")], b"Content Too Large"))
        return invocation

    def reply(self, status: int, fields: list[Field], body: bytes) -> dict[str, Any]:
        """Return the document of a response."""
        return self._document(status, fields, body, _MAX_REPLY_BYTES)

    def reply_to_viewer(self, status: int, fields: list[Field], body: bytes) -> dict[str, Any]:
        """Return the document of a response before the cache, which may be smaller."""
        return self._document(status, fields, body, _MAX_VIEWER_BYTES)

    def _document(self, status: int, fields: list[Field], body: bytes, limit: int) -> dict[str, Any]:
        text, is_base64 = encode_body(fields, body, self.settings)
        if not fits(text, limit, "CloudFront"):
            status, fields, text, is_base64 = 500, [(b"content-type", b"text/plain")], "Internal Server Error", False
        headers: dict[str, list[dict[str, str]]] = {}
        for name, value in texts_of(fields, self.settings.excluded):
            if name not in _NOT_OURS and not name.startswith(_NOT_OURS_STARTS):
                headers.setdefault(name, []).append({"key": name, "value": value})
        return {
            "status": str(status),
            "statusDescription": _phrase(status),
            "headers": headers,
            "body": text,
            "bodyEncoding": "base64" if is_base64 else "text",
        }


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
