"""Application Load Balancer: events with single and with multiple values of headers.

An ALB leaves the query as the client wrote it, in a mapping. Where it is set to single values it takes each name of a
response once: the values of a name are joined, but for set-cookie, whose names differ in case instead.
"""

from http import HTTPStatus
from itertools import product
from typing import Any

from licorne.adapters.aws.format import EventFormat
from licorne.adapters.aws.invocation import Field, Invocation, new_head
from licorne.adapters.aws.reading import address_of, body_of, fields_of, pairs_of, raw_path_of, raw_query_of, server_of
from licorne.adapters.aws.replying import Texts, encode_body, failure, fits, joined, texts_of

__all__ = ["LoadBalancer"]

_MAX_REPLY_BYTES = 1024 * 1024


class LoadBalancer(EventFormat):
    """Read events of an ALB."""

    kind = "ALB"
    required = (("httpMethod",), ("path",))

    def read(self, event: dict[str, Any], context: Any) -> Invocation:
        """Return the invocation of an event."""
        multiple = event.get("multiValueHeaders")
        fields = fields_of(event.get("headers"), multiple)
        known = dict(fields)
        pairs = pairs_of(event.get("queryStringParameters"), event.get("multiValueQueryStringParameters"))
        query = raw_query_of("&".join([f"{name}={value}" for name, value in pairs]))
        body = body_of(event.get("body"), event.get("isBase64Encoded"))
        is_secure = known.get(b"x-forwarded-proto") != b"http"
        invocation = self.invocation(event, context)
        head = new_head(event["httpMethod"].upper(), raw_path_of(event["path"] or "/"), query, fields, len(body))
        invocation.begin(head, body, _client(known), server_of(known, is_secure), is_secure)
        if multiple is not None:
            invocation.reply = self.reply_with_lists
        return invocation

    def reply(self, status: int, fields: list[Field], body: bytes) -> dict[str, Any]:
        """Return the document of a response, for a load balancer that takes one value of each name."""
        texts = texts_of(fields, self.settings.excluded)
        cookies = [value for name, value in texts if name == "set-cookie"]
        headers = joined([pair for pair in texts if pair[0] != "set-cookie"])
        headers.update(zip(_cases("set-cookie"), cookies, strict=False))
        return self._document(status, fields, body, "headers", headers)

    def reply_with_lists(self, status: int, fields: list[Field], body: bytes) -> dict[str, Any]:
        """Return the document of a response, for a load balancer that takes several values of a name."""
        headers = _lists(texts_of(fields, self.settings.excluded))
        return self._document(status, fields, body, "multiValueHeaders", headers)

    def _document(self, status: int, fields: list[Field], body: bytes, key: str, headers: Any) -> dict[str, Any]:
        text, is_base64 = encode_body(fields, body, self.settings)
        if not fits(text, _MAX_REPLY_BYTES, "the load balancer"):
            plain = "text/plain; charset=utf-8"
            none: Any = {"content-type": plain if key == "headers" else [plain]}
            return failure(**{"statusDescription": _described(500), key: none})
        return {
            "statusCode": status,
            "statusDescription": _described(status),
            key: headers,
            "body": text,
            "isBase64Encoded": is_base64,
        }


def _lists(texts: Texts) -> dict[str, list[str]]:
    headers: dict[str, list[str]] = {}
    for name, value in texts:
        headers.setdefault(name, []).append(value)
    return headers


def _described(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _cases(name: str) -> list[str]:
    """Return the spellings of a name in lower and upper case, the usual one first."""
    choices = [(letter,) if letter == letter.upper() else (letter, letter.upper()) for letter in name]
    return ["".join(letters) for letters in product(*choices)]


def _client(known: dict[bytes, bytes]) -> tuple[str, int] | None:
    """Return the client as the load balancer saw it: the last address is its own addition, the others are told."""
    last = known.get(b"x-forwarded-for", b"").rpartition(b",")[2].strip().decode("latin-1")
    return address_of(last) if last else None
