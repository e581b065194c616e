"""Replying: a response as the JSON document that Lambda passes on.

Rules: a body goes out as text only when its type says that it is text, it is not coded, and it is UTF-8, which gives
the client the same bytes; else as base64. No field is lost: those that come more than once keep all their values.
"""

import base64
import logging
from typing import Any

from licorne.adapters.aws.invocation import Field
from licorne.adapters.aws.settings import Settings

__all__ = ["Texts", "encode_body", "fits", "joined", "texts_of"]

logger = logging.getLogger("licorne.error")

Texts = list[tuple[str, str]]

_TOO_LARGE = "The response is too large for %s, which passes on %d bytes: it has %d. The client gets 500%s."


def texts_of(fields: list[Field], excluded: frozenset[str]) -> Texts:
    """Return header fields as text, without those that are excluded."""
    try:
        texts = [(name.decode(), value.decode()) for name, value in fields]
    except UnicodeDecodeError:
        texts = [(name.decode(), _text(value)) for name, value in fields]
    return [pair for pair in texts if pair[0] not in excluded] if excluded else texts


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def joined(texts: Texts) -> dict[str, str]:
    """Return fields with one value each: those of one name joined, as RFC 9110 §5.3 allows for all but set-cookie."""
    headers: dict[str, str] = {}
    for name, value in texts:
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def encode_body(fields: list[Field], body: bytes, settings: Settings, default: str = "") -> tuple[str, bool]:
    """Return a body as text, and whether that is base64; `default`: its type where it has none."""
    if not body:
        return "", False
    known = dict(fields)
    kind = known[b"content-type"].decode("latin-1").lower() if b"content-type" in known else default
    is_coded = known.get(b"content-encoding", b"identity").lower() != b"identity"
    if not is_coded and _is_text(kind, settings.text_types):
        try:
            return body.decode(), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(body).decode("ascii"), True


def _is_text(kind: str, text_types: tuple[str, ...]) -> bool:
    kind = kind.partition(";")[0]
    return any(known in kind for known in text_types)


def fits(body: str, limit: int, receiver: str, advice: str = "") -> bool:
    """Tell whether a body is within the limit of who passes it on; if not, so does the log."""
    if len(body) * 4 <= limit:
        return True
    size = len(body.encode())
    if size > limit:
        logger.error(_TOO_LARGE, receiver, limit, size, advice)
    return size <= limit


def failure(**more: Any) -> dict[str, Any]:
    """Return the document of a 500."""
    return {"statusCode": 500, "body": "Internal Server Error", "isBase64Encoded": False, **more}
