"""How long is this body? RFC 9112 §6 for requests, and the length rules that responses share.

Pure functions. A request whose length two readers could understand differently is refused, never repaired:
every combination that has been used for request smuggling ends in an error here.
"""

from licorne.engine import _bytes
from licorne.engine.headers import is_token, list_tokens
from licorne.errors import RemoteProtocolError

__all__ = ["CHUNKED", "MAX_LENGTH", "has_no_content", "parse_length", "request_length"]

#: The length of a body that is sent in chunks.
CHUNKED = -1
MAX_LENGTH = 2**63 - 1
_MAX_LENGTH_DIGITS = 19
_MAX_LENGTH_VALUE = b"%d" % MAX_LENGTH
_DIGIT = bytes(1 if 48 <= byte <= 57 else 0 for byte in range(256))


def parse_length(value: bytes) -> int:
    """Parse the value of Content-Length (RFC 9110 §8.6): ASCII digits and nothing else, in bytes.

    Raises:
        RemoteProtocolError: 400 when it is not a number, 413 when it is over 2**63 - 1.
    """
    length = 0
    if not value or not _bytes.is_all(value, 0, len(value), _DIGIT):
        raise RemoteProtocolError(400, "Content-Length is not a number")
    if len(value) > _MAX_LENGTH_DIGITS or (len(value) == _MAX_LENGTH_DIGITS and value > _MAX_LENGTH_VALUE):
        raise RemoteProtocolError(413, "Content-Length is over 2**63 - 1")
    for digit in value:
        length = length * 10 + digit - 48
    return length


def request_length(length: bytes | None, coding: bytes | None, minor: int) -> int:
    """Return the length of a request body in bytes, or CHUNKED (RFC 9112 §6.3).

    `length` and `coding` are the values of Content-Length and Transfer-Encoding, None if absent; `minor`
    is the minor HTTP version.

    Raises:
        RemoteProtocolError: 400, 413 or 501.
    """
    if coding is None:
        return 0 if length is None else parse_length(length)
    if minor == 0:
        # RFC 9112 §6.1: a 1.0 message with Transfer-Encoding has faulty framing.
        raise RemoteProtocolError(400, "Transfer-Encoding in an HTTP/1.0 request")
    if length is not None:
        # RFC 9112 §6.3: such a message might be an attempt at request smuggling.
        raise RemoteProtocolError(400, "both Content-Length and Transfer-Encoding")
    if coding.lower() != b"chunked":
        raise _coding_error(coding)
    return CHUNKED


def _coding_error(coding: bytes) -> RemoteProtocolError:
    codings = list_tokens(coding)
    for name in codings:
        if not is_token(name.partition(b";")[0].strip(b" \t")):
            codings = []
            break
    if not codings:
        return RemoteProtocolError(400, "Transfer-Encoding is malformed")
    if codings[-1] != b"chunked":
        # RFC 9112 §6.3: the length of such a request cannot be known.
        return RemoteProtocolError(400, "the last transfer coding is not chunked")
    if codings.count(b"chunked") > 1:
        return RemoteProtocolError(400, "the chunked coding is applied twice")
    if len(codings) == 1:
        # An empty list member before or after it: legal to parse, a known way to confuse readers.
        return RemoteProtocolError(400, "Transfer-Encoding is malformed")
    return RemoteProtocolError(501, "only the chunked transfer coding is supported")


def has_no_content(method: str, status: int) -> bool:
    """Tell whether a response has no content whatever its fields say (RFC 9110 §6.4.1)."""
    return method == "HEAD" or status in (204, 205, 304)
