"""Reading: the texts of an event as the bytes of a request.

Pure functions. What AWS has decoded is encoded again, and what it has left encoded is left alone: a path or a query
that a URI could not contain is taken for decoded, one that it could for encoded (RFC 3986 §3.3, §3.4).

Rules: what is not of the right type raises TypeError, AttributeError or ValueError; the caller says of which event.
"""

import binascii
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, quote_plus

from licorne.adapters.aws.invocation import Field

__all__ = [
    "address_of",
    "body_of",
    "client_of",
    "encoded_query",
    "fields_of",
    "raw_path_of",
    "raw_query_of",
    "server_of",
]

_PATH = re.compile(r"(?:[A-Za-z0-9/:@!$&'()*+,;=~._\-]|%[0-9A-Fa-f]{2})*")
_PATH_MARKS = "/:@!$&'()*+,;="
_QUERY = re.compile(r"(?:[A-Za-z0-9/:@!$&'()*+,;=~._\-?\[\]|^{}`\"<>\\]|%[0-9A-Fa-f]{2})*")
_QUERY_MARKS = "/:@!$&'()*+,;=?[]|%"
_HTTPS_PORT = 443
_HTTP_PORT = 80


def raw_path_of(path: str, base: str = "") -> bytes:
    """Return a path percent-encoded, without `base` where that is its first segments."""
    raw = path if _PATH.fullmatch(path) else quote(path, safe=_PATH_MARKS)
    if base and (raw == base or raw.startswith(f"{base}/")):
        raw = raw[len(base) :]
    return raw.encode("ascii") if raw[:1] == "/" else b"/" + raw.encode("ascii")


def raw_query_of(query: str) -> bytes:
    """Return a query as it came; what cannot stand in one is encoded."""
    return (query if _QUERY.fullmatch(query) else quote(query, safe=_QUERY_MARKS)).encode("ascii")


def encoded_query(pairs: Iterable[tuple[str, str]]) -> bytes:
    """Return the query for names and values that are decoded."""
    return "&".join([f"{quote_plus(name)}={quote_plus(value)}" for name, value in pairs]).encode("ascii")


def pairs_of(single: Any, multiple: Any) -> list[tuple[str, str]]:
    """Return the pairs of an event's two mappings, of which the one with lists of values wins."""
    if multiple:
        return [(name, value) for name, values in multiple.items() for value in values or ()]
    return list(single.items()) if single else []


def fields_of(single: Any, multiple: Any = None) -> list[Field]:
    """Return the header fields of an event, each value by itself, names in lower case."""
    if multiple:
        pairs = pairs_of(single, multiple)
        return [(name.lower().encode(), value.encode()) for name, value in pairs]
    return [(name.lower().encode(), value.encode()) for name, value in single.items()] if single else []


def body_of(body: Any, is_base64: Any) -> bytes:
    """Return the body of an event as bytes."""
    if not body:
        return b""
    if not isinstance(body, str):
        raise TypeError(f"body must be a str, got {type(body).__name__}")
    if not is_base64:
        return body.encode()
    try:
        return binascii.a2b_base64(body, strict_mode=True)
    except binascii.Error as error:
        raise ValueError(f"body is not base64: {error}") from None


def server_of(known: dict[bytes, bytes], is_secure: bool) -> tuple[str, int]:
    """Return the host and the port that a client has asked for."""
    host = known.get(b"host", b"").decode("latin-1")
    name, port = address_of(host)
    if not port:
        told = known.get(b"x-forwarded-port", b"")
        port = int(told) if told.isdigit() else _HTTPS_PORT if is_secure else _HTTP_PORT
    return name or "localhost", port


def client_of(address: Any) -> tuple[str, int] | None:
    """Return the client of an event, whose port AWS does not tell; None where it does not tell the address."""
    return (address, 0) if address else None


def address_of(text: str) -> tuple[str, int]:
    """Split `host[:port]`, also with an IPv6 address, which has brackets where a port follows it; 0 for no port."""
    if text[:1] == "[":
        name, _, rest = text[1:].partition("]")
        digits = rest[1:]
    elif text.count(":") > 1:
        return text, 0
    else:
        name, _, digits = text.partition(":")
    return name, int(digits) if digits.isdecimal() else 0
