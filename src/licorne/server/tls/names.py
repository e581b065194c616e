"""Names: which certificate a client is shown that asks for a host by name (RFC 6066 §3).

    example.org      this name
    *.example.org    any name with one label more (RFC 6125 §6.4.3)

An exact name goes before a wildcard. A name that is not known gets the first certificate: the client decides whether
that is good enough, and is told which it is. A name that is not ASCII is none: the handshake fails, and Python would
print a traceback for each such, as often as anybody likes.
"""

import ssl
import sys
from collections.abc import Mapping
from typing import Any

__all__ = ["find_by_name", "serve_by_name"]


def find_by_name(named: Mapping[str, ssl.SSLContext], name: str) -> ssl.SSLContext | None:
    """Return the context of a host, None when there is none of its own."""
    host = name.rstrip(".").lower()
    return named.get(host) or named.get("*." + host.partition(".")[2])


def serve_by_name(context: ssl.SSLContext, named: Mapping[str, ssl.SSLContext]) -> None:
    """Have connections that begin with one context go on with the one of the name that the client asks for."""
    if not named:
        return

    def choose(connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> None:
        found = find_by_name(named, name) if name else None
        if found is not None:
            connection.context = found

    context.sni_callback = choose
    if not isinstance(sys.unraisablehook, QuietHook):
        sys.unraisablehook = QuietHook(sys.unraisablehook)


class QuietHook:
    """Be `sys.unraisablehook`, and pass on everything but names that cannot be decoded."""

    __slots__ = ("_hook",)

    def __init__(self, hook: Any) -> None:
        self._hook = hook

    def __call__(self, unraisable: Any) -> None:
        error = unraisable.exc_value
        is_of_name = isinstance(error, UnicodeDecodeError) and error.encoding == "ascii"
        # Before Python 3.14 the object is the name, since then the message says what it was.
        if is_of_name and (unraisable.object == error.object or "server name" in (unraisable.err_msg or "")):
            return
        self._hook(unraisable)
