"""Upgrade: h2c: HTTP/2 on a connection that began with HTTP/1.1, in clear (RFC 7540 §3.2; RFC 9113 has dropped it).

It is off unless somebody asks for it, for a proxy that passes such a request on lets through what it never sees. Where
it is on, HTTP/1 asks for it only for the first request of a connection, and only if that has no content. What offers
it in any way that leaves a doubt is no offer: the request is answered in HTTP/1.1.
"""

import base64
import re
from collections.abc import Callable

from licorne.engine.connection import Connection
from licorne.engine.defaults import DefaultHeaders
from licorne.engine.headers import HOP_BY_HOP
from licorne.engine.http2.connection import Http2Connection
from licorne.engine.http2.errors import H2Error
from licorne.engine.http2.frames import parse_settings
from licorne.engine.http2.heads import another
from licorne.engine.http2.settings import check_setting
from licorne.engine.limits import Limits
from licorne.engine.received import RequestHead

__all__ = ["new_upgrade", "parse_offer"]

# RFC 7540 §3.2.1: base64url without padding. A setting has six bytes, so whole ones have eight letters each.
_OFFER = re.compile(rb"(?:[A-Za-z0-9_-]{8})+")
# RFC 9113 §8.2.2: fields that concern the connection have no place in HTTP/2. Connection could name any other field
# too, such as Host, so it does not decide.
_DROPPED = HOP_BY_HOP | {b"http2-settings", b"te"}


def parse_offer(value: bytes, limit: int) -> list[tuple[int, int]] | None:
    """Return the settings that a HTTP2-Settings field holds, at most `limit`, 0 for any number; None if it is wrong.

    Several lines of that field, joined by commas, are wrong (RFC 7540 §3.2.1).
    """
    if not _OFFER.fullmatch(value) or (limit and len(value) > limit * 8):
        return None
    pairs = parse_settings(base64.urlsafe_b64decode(value))
    try:
        for identifier, number in pairs:
            check_setting(identifier, number)
    except H2Error:
        return None
    return pairs


def head_for_http2(head: RequestHead) -> RequestHead:
    """Return the head of a request as if it had come over HTTP/2."""
    made = another(head)
    made.http_version = "2"
    made.headers = [field for field in head.headers if field[0] not in _DROPPED]
    return made


def new_upgrade(
    limits: Limits, defaults: DefaultHeaders, *, takes_websocket: bool = True
) -> Callable[[RequestHead, bytes, float], Connection | None]:
    """Return a function that makes the engine which goes on, of a request, its HTTP2-Settings, and the time.

    It returns None when the offer is not taken up.
    """

    def upgrade(head: RequestHead, offer: bytes, now: float) -> Connection | None:
        pairs = parse_offer(offer, limits.h2_max_settings)
        if pairs is None:
            return None
        connection = Http2Connection(limits, defaults, takes_websocket)
        connection.take_over(head_for_http2(head), pairs, now)
        return connection

    return upgrade
