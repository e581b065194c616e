"""HttptoolsParser: our parser with a second opinion from httptools (llhttp)."""

import httptools

from licorne.engine.http1.confirming import ConfirmingParser
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


class HttptoolsParser(ConfirmingParser):
    """Let httptools confirm each head."""

    __slots__ = ()

    def read(self, head: bytes) -> tuple[bytes, list[tuple[bytes, bytes]]]:
        reading = _Reading()
        parser = httptools.HttpRequestParser(reading)
        try:
            parser.feed_data(head)
        except httptools.HttpParserUpgrade:
            pass  # the library stops here; whether to upgrade is not its question
        except httptools.HttpParserError as error:
            raise RemoteProtocolError(400, "httptools does not accept the request head") from error
        return reading.target, reading.fields
