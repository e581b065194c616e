"""What an access line can say: each atom is one function from an `Entry` to bytes.

    text atoms     return what a peer or an application sent, raw, or None when there was nothing; whoever
                   writes the line escapes it for the line's syntax
    number atoms   return ASCII digits, or None

`docs/reference/log-fields.md` describes all of them; names once published keep their meaning.
"""

import binascii
import os
import time
from collections.abc import Callable
from typing import Any

from .formatters import CLIENT_CLOSED_REQUEST, status_phrase

__all__ = [
    "DURATIONS",
    "NUMBERS",
    "TEXTS",
    "Atom",
    "Entry",
    "request_field",
    "response_field",
    "status_of",
    "written_target",
]

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Entry:
    """Hold what one line is about. One object serves all lines of a log."""

    __slots__ = ("_date", "_second", "clock", "exchange", "link", "seconds")

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self.exchange: Any = None
        self.link: Any = None
        self.seconds = 0.0
        self._second = -1
        self._date = b""

    def date(self, second: int) -> bytes:
        """Return a second of Unix time in UTC, as RFC 3339 begins it; made once a second."""
        if second != self._second:
            self._second = second
            self._date = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)).encode("ascii")
        return self._date


Atom = Callable[[Entry], bytes | None]


def status_of(exchange: Any) -> int:
    """Return the status of the response, 499 when the client left before there was one."""
    return exchange.status or CLIENT_CLOSED_REQUEST


def written_target(target: bytes) -> bytes:
    """Return path and query: the target as received, without scheme and authority where it has them."""
    if target.startswith(b"/") or b"://" not in target.partition(b"?")[0]:
        return target
    authority, slash, path = target.partition(b"://")[2].partition(b"/")
    if b"?" in authority:  # "http://host?query": the slash, if any, is the query's
        return b"/?" + authority.partition(b"?")[2] + slash + path
    return b"/" + path


def request_field(entry: Entry, name: bytes) -> bytes | None:
    """Return the values of a request field, joined as RFC 9110 section 5.3 allows; None when it is not there."""
    found = None
    for key, value in entry.exchange.headers:
        if key == name:
            found = value if found is None else found + b", " + value
    return found


def response_field(entry: Entry, name: bytes) -> bytes | None:
    """Return the values of a response field, whose name the application may have written in any case."""
    values = [bytes(value) for key, value in entry.exchange.response_headers or () if bytes(key).lower() == name]
    return b", ".join(values) if values else None


def client(entry: Entry) -> bytes | None:
    peer = entry.link.client
    return f"{peer[0]}:{peer[1]}".encode("utf-8", "surrogatepass") if peer else None


def client_host(entry: Entry) -> bytes | None:
    peer = entry.link.client
    return peer[0].encode("utf-8", "surrogatepass") if peer else None


def client_port(entry: Entry) -> bytes | None:
    peer = entry.link.client
    return b"%d" % peer[1] if peer else None


def scheme(entry: Entry) -> bytes:
    return b"https" if entry.link.is_secure else b"http"


def method(entry: Entry) -> bytes:
    return entry.exchange.method.encode("utf-8", "surrogatepass")  # type: ignore[no-any-return]


def target(entry: Entry) -> bytes:
    return written_target(entry.exchange.target)


def path(entry: Entry) -> bytes:
    return target(entry).partition(b"?")[0]


def query(entry: Entry) -> bytes | None:
    _, mark, text = target(entry).partition(b"?")
    return text if mark else None


def version(entry: Entry) -> bytes:
    return entry.exchange.http_version.encode("ascii")  # type: ignore[no-any-return]


def status(entry: Entry) -> bytes:
    return b"%d" % status_of(entry.exchange)


def phrase(entry: Entry) -> bytes | None:
    return status_phrase(status_of(entry.exchange)).encode("ascii") or None


def body_bytes(entry: Entry) -> bytes:
    return b"%d" % entry.exchange.bytes_sent


def outcome(entry: Entry) -> bytes:
    return b"aborted" if entry.exchange.is_aborted or not entry.exchange.status else b"complete"


def request_id(entry: Entry) -> bytes | None:
    """Return the identifier that the application gave, else the server's, else the one that the request came with."""
    account = entry.link.account
    name, own = account.fields[0] if account is not None and account.fields else (b"x-request-id", None)
    return response_field(entry, name) or own or request_field(entry, name)


def host(entry: Entry) -> bytes | None:
    return request_field(entry, b"host")


def user_agent(entry: Entry) -> bytes | None:
    return request_field(entry, b"user-agent")


def referer(entry: Entry) -> bytes | None:
    return request_field(entry, b"referer")


def user(entry: Entry) -> bytes | None:
    """Return the name in Basic credentials. It is what the client claims, not what anybody verified."""
    kind, _, credentials = (request_field(entry, b"authorization") or b"").partition(b" ")
    if kind.lower() != b"basic":
        return None
    try:
        return binascii.a2b_base64(credentials.strip()).partition(b":")[0] or None
    except binascii.Error:
        return None


def duration_s(entry: Entry) -> bytes:
    return b"%.6f" % entry.seconds


def duration_ms(entry: Entry) -> bytes:
    return b"%.3f" % (entry.seconds * 1e3)


def duration_us(entry: Entry) -> bytes:
    return b"%d" % (entry.seconds * 1e6)


def whole_s(entry: Entry) -> bytes:
    return b"%d" % entry.seconds


def whole_ms(entry: Entry) -> bytes:
    return b"%d" % (entry.seconds * 1e3)


def time_iso(entry: Entry) -> bytes:
    """Return the end of the response in UTC, as RFC 3339 writes it."""
    now = entry.clock()
    second = int(now)
    return b"%b.%03dZ" % (entry.date(second), (now - second) * 1000)


def time_clf(entry: Entry) -> bytes:
    """Return the end of the response in local time, as the Common Log Format writes it."""
    at = time.localtime(entry.clock())
    sign, offset = ("-", -at.tm_gmtoff) if at.tm_gmtoff < 0 else ("+", at.tm_gmtoff)
    date = f"{at.tm_mday:02d}/{_MONTHS[at.tm_mon - 1]}/{at.tm_year}:{at.tm_hour:02d}:{at.tm_min:02d}:{at.tm_sec:02d}"
    return f"[{date} {sign}{offset // 3600:02d}{offset % 3600 // 60:02d}]".encode("ascii")


def process(entry: Entry) -> bytes:
    return b"%d" % os.getpid()


TEXTS: dict[str, Atom] = {
    "client": client,
    "client_host": client_host,
    "host": host,
    "method": method,
    "outcome": outcome,
    "path": path,
    "phrase": phrase,
    "query": query,
    "referer": referer,
    "request_id": request_id,
    "scheme": scheme,
    "target": target,
    "time": time_iso,
    "time_clf": time_clf,
    "user": user,
    "user_agent": user_agent,
    "version": version,
}
NUMBERS: dict[str, Atom] = {
    "bytes": body_bytes,
    "client_port": client_port,
    "duration_ms": duration_ms,
    "duration_s": duration_s,
    "duration_us": duration_us,
    "pid": process,
    "status": status,
}
#: The atoms for which the cycle must take the time.
DURATIONS: frozenset[Atom] = frozenset({duration_ms, duration_s, duration_us, whole_ms, whole_s})
