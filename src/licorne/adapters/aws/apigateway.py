"""API Gateway and Function URLs: events of a REST API, and of an HTTP API with either version of its payload.

A Function URL sends events of payload 2.0. What comes as one field with several values is several fields.
"""

from typing import Any

from licorne.adapters.aws.format import EventFormat
from licorne.adapters.aws.invocation import Field, Invocation, new_head
from licorne.adapters.aws.reading import (
    body_of,
    client_of,
    encoded_query,
    fields_of,
    pairs_of,
    raw_path_of,
    raw_query_of,
    server_of,
)
from licorne.adapters.aws.replying import encode_body, failure, fits, joined, texts_of

__all__ = ["HttpApi", "RestApi"]

#: What Lambda returns to whoever invoked it in one piece.
_MAX_REPLY_BYTES = 6_291_556
_ADVICE = ", unless the function streams its responses"
_DEFAULT_TYPE = "application/json"


class RestApi(EventFormat):
    """Read events of a REST API, and those of payload 1.0, which are the same."""

    kind = "REST API"
    required = (("httpMethod",), ("path",))

    def read(self, event: dict[str, Any], context: Any) -> Invocation:
        """Return the invocation of an event."""
        fields = fields_of(event.get("headers"), event.get("multiValueHeaders"))
        known = dict(fields)
        query = encoded_query(
            pairs_of(event.get("queryStringParameters"), event.get("multiValueQueryStringParameters"))
        )
        body = body_of(event.get("body"), event.get("isBase64Encoded"))
        path = raw_path_of(event["path"] or "/", self.base_path)
        identity = event["requestContext"].get("identity") or {}
        is_secure = known.get(b"x-forwarded-proto") != b"http"
        invocation = self.invocation(event, context)
        head = new_head(event["httpMethod"].upper(), path, query, fields, len(body))
        invocation.begin(head, body, client_of(identity.get("sourceIp")), server_of(known, is_secure), is_secure)
        invocation.prelude = self.prelude
        return invocation

    def reply(self, status: int, fields: list[Field], body: bytes) -> dict[str, Any]:
        """Return the document of a response."""
        text, is_base64 = encode_body(fields, body, self.settings)
        if not fits(text, _MAX_REPLY_BYTES, "Lambda", _ADVICE):
            return failure(headers={"content-type": "text/plain; charset=utf-8"}, multiValueHeaders={})
        return {**self.prelude(status, fields), "body": text, "isBase64Encoded": is_base64}

    def prelude(self, status: int, fields: list[Field]) -> dict[str, Any]:
        """Return the document of a head."""
        headers: dict[str, str] = {}
        multiple: dict[str, list[str]] = {}
        for name, value in texts_of(fields, self.settings.excluded):
            if name in multiple:
                multiple[name].append(value)
            elif name in headers:
                multiple[name] = [headers.pop(name), value]
            else:
                headers[name] = value
        return {"statusCode": status, "headers": headers, "multiValueHeaders": multiple}


class HttpApi(EventFormat):
    """Read events of payload 2.0: those of an HTTP API, and of a Function URL."""

    kind = "HTTP API or Function URL (payload 2.0)"
    required = (("requestContext", "http", "method"), ("rawPath",))

    def read(self, event: dict[str, Any], context: Any) -> Invocation:
        """Return the invocation of an event."""
        fields = fields_of(event.get("headers"))
        cookies = event.get("cookies")
        if cookies:
            fields.append((b"cookie", "; ".join(cookies).encode()))
        known = dict(fields)
        http = event["requestContext"]["http"]
        body = body_of(event.get("body"), event.get("isBase64Encoded"))
        path = raw_path_of(event.get("rawPath") or http["path"], self.base_path)
        query = event.get("rawQueryString")
        is_secure = known.get(b"x-forwarded-proto") != b"http"
        invocation = self.invocation(event, context)
        head = new_head(http["method"].upper(), path, raw_query_of(query) if query else b"", fields, len(body))
        invocation.begin(head, body, client_of(http.get("sourceIp")), server_of(known, is_secure), is_secure)
        invocation.prelude = self.prelude
        return invocation

    def reply(self, status: int, fields: list[Field], body: bytes) -> dict[str, Any]:
        """Return the document of a response."""
        text, is_base64 = encode_body(fields, body, self.settings, _DEFAULT_TYPE)
        if not fits(text, _MAX_REPLY_BYTES, "Lambda", _ADVICE):
            return failure(headers={"content-type": "text/plain; charset=utf-8"})
        reply = self.prelude(status, fields)
        if text and "content-type" not in reply["headers"]:
            reply["headers"]["content-type"] = _DEFAULT_TYPE
        reply["body"] = text
        reply["isBase64Encoded"] = is_base64
        return reply

    def prelude(self, status: int, fields: list[Field]) -> dict[str, Any]:
        """Return the document of a head."""
        texts = texts_of(fields, self.settings.excluded)
        cookies = [value for name, value in texts if name == "set-cookie"]
        if not cookies:
            return {"statusCode": status, "headers": joined(texts)}
        others = [pair for pair in texts if pair[0] != "set-cookie"]
        return {"statusCode": status, "headers": joined(others), "cookies": cookies}
