"""Greeting: what is said to a client before there is an engine for it: plain HTTP to its like, an alert to others.

`ssl` alone would go on with a client that offers only protocols which are not ours, as if it had offered nothing.
"""

from typing import Final

from licorne.engine.client_hello import ClientHelloReader

__all__ = ["NO_APPLICATION_PROTOCOL", "PLAIN_ANSWER", "is_plain", "offer_in", "plain_answer"]

# RFC 8446 §5.1: the first byte of a handshake is 22; a capital letter is that of a method of HTTP.
_FIRST_LETTER: Final = 65
_LAST_LETTER: Final = 90


def plain_answer(body: bytes) -> bytes:
    """Return a whole answer with status 400, behind which the connection is closed (RFC 9112 §4)."""
    head = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\n"
    return b"%bconnection: close\r\n\r\n%b" % (head % len(body), body)


PLAIN_ANSWER: Final = plain_answer(b"This port speaks HTTPS: write https:// in place of http://.\n")

#: A fatal alert, in clear (RFC 8446 §6, RFC 7301 §3.2).
NO_APPLICATION_PROTOCOL: Final = b"\x15\x03\x03\x00\x02\x02\x78"


def is_plain(data: bytes) -> bool:
    """Tell whether the first bytes of a client are HTTP."""
    return _FIRST_LETTER <= data[0] <= _LAST_LETTER


def offer_in(hello: ClientHelloReader, data: bytes) -> frozenset[bytes] | None:
    """Return the protocols that a client offers, none if it is not understood; None while that is not known."""
    try:
        return hello.feed(data)
    except ValueError:  # OpenSSL finds out, and sends the right alert
        return frozenset()
