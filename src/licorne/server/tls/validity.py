"""Validity: from when to when a certificate is good (RFC 5280 §4.1.2.5), read from its DER.

A server with one that is not good starts all the same: its clock may be wrong, or whoever renews certificates has to
reach it first. `ssl` does not tell the dates of a certificate of our own.
"""

import datetime
import ssl
from typing import Final

from licorne.asgi.names import elements
from licorne.server.tls.faults import first_certificate

__all__ = ["why_not_now"]

_EXPLICIT_0: Final = 0xA0
_UTC_TIME: Final = 0x17
#: RFC 5280 §4.1.2.5.1: a year of two digits that is less is one of the next century.
_FIRST_YEAR: Final = 50


def why_not_now(path: str, now: float) -> str:
    """Return why the first certificate of a file is not good at a time, in seconds since 1970; "" if it is."""
    text = first_certificate(path)
    try:
        begin, end = _dates(ssl.PEM_cert_to_DER_cert(text)) if text else (None, None)
    except (LookupError, StopIteration, ValueError):
        return ""  # OpenSSL can read it, or will say why not
    if end is not None and now > end.timestamp():
        return f"has expired on {end:%Y-%m-%d at %H:%M:%S} UTC"
    if begin is not None and now < begin.timestamp():
        return f"is not valid before {begin:%Y-%m-%d at %H:%M:%S} UTC"
    return ""


def _dates(certificate: bytes) -> tuple[datetime.datetime, datetime.datetime]:
    content = next(elements(certificate))[1]
    fields = list(elements(next(elements(content))[1]))
    begin, end = elements(fields[4 if fields[0][0] == _EXPLICIT_0 else 3][1])
    return _time(begin[0], begin[1].decode("ascii")), _time(end[0], end[1].decode("ascii"))


def _time(tag: int, text: str) -> datetime.datetime:
    if tag == _UTC_TIME:
        text = ("19" if int(text[:2]) >= _FIRST_YEAR else "20") + text
    return datetime.datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=datetime.UTC)
