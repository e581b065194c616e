"""HttptoolsParser: a second opinion on every head by httptools (llhttp).

Our own parser finds the lines and frames the body; the complete head is then read once more by the library.
A request is served only if both read the same. What the library refuses (methods unknown to it, say) is refused.
"""

import httptools

from licorne.engine.http1.native import NativeParser
from licorne.engine.limits import Limits
from licorne.errors import RemoteProtocolError

__all__ = ["HttptoolsParser"]


class _Reading:
    """Collect what the library calls back with."""

    def __init__(self) -> None:
        self.target = b""
        self.fields: list[tuple[bytes, bytes]] = []

    def on_url(self, url: bytes) -> None:
        self.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name.lower(), value.strip(b" \t")))


class HttptoolsParser(NativeParser):
    """Parse with our own parser, and let httptools confirm each head."""

    __slots__ = ()

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self.lines = []

    def confirm(self, method: bytes, target: bytes, fields: list[tuple[bytes, bytes]]) -> None:
        reading = _Reading()
        parser = httptools.HttpRequestParser(reading)
        try:
            parser.feed_data(b"".join(self.lines or []))
        except httptools.HttpParserUpgrade:
            pass  # the library stops here; whether to upgrade is not its question
        except httptools.HttpParserError as error:
            raise RemoteProtocolError(400, "httptools does not accept the request head") from error
        if (parser.get_method(), reading.target) != (method, target) or reading.fields != fields:
            raise RemoteProtocolError(400, "httptools reads the request head differently")
