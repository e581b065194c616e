"""ConfirmingParser: our own parser, with a second opinion on every head from a library.

The library is shown the target and the fields as they came. Method, version and Transfer-Encoding are left
out of it: the libraries know less of them than the RFCs allow, and they are judged by our own rules anyway.
The body is always framed by our own parser. A request is served only if both read the same.
"""

from licorne.engine.http1.native import NativeParser
from licorne.engine.limits import Limits
from licorne.errors import RemoteProtocolError

__all__ = ["ConfirmingParser"]

_LEFT_OUT = b"transfer-encoding"


class ConfirmingParser(NativeParser):
    """Parse with our own parser, and let `read` confirm each head."""

    __slots__ = ()

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self.lines = []

    def read(self, head: bytes) -> tuple[bytes, list[tuple[bytes, bytes]]]:
        """Return the target and the fields, names in lower case, that the library finds in a head.

        Raises:
            RemoteProtocolError: The library does not accept it.
        """
        raise NotImplementedError

    def confirm(self, target: bytes, minor: int, fields: list[tuple[bytes, bytes]]) -> None:
        lines = [line for line in self.lines or [] if line.partition(b":")[0].lower() != _LEFT_OUT]
        head = b"".join((b"GET %b HTTP/1.%d\r\n" % (target, minor), *lines, b"\r\n"))
        if self.read(head) != (target, [field for field in fields if field[0] != _LEFT_OUT]):
            raise RemoteProtocolError(400, "two parsers read the request head differently")
