"""Header blocks to request heads, for one connection: most requests of a connection are much like the last one.

A block that came twice and comes again, with tables that are the same, means the same: it is neither decoded nor
checked once more. Of another block, the fields that stood at the same place in the last one are not checked again.
"""

from licorne.engine.http2.hpack.decoder import Decoder
from licorne.engine.pseudo import Section, read_head
from licorne.engine.received import RequestHead

__all__ = ["HeadReader"]

# What is remembered of the last request is not larger than this.
_MAX_BLOCK_BYTES = 1024
_MAX_LIST_BYTES = 8192


class HeadReader:
    """Read the request heads of one connection."""

    __slots__ = ("block", "decoder", "ends", "head", "method", "section", "takes_websocket", "version")

    def __init__(self, decoder: Decoder, takes_websocket: bool) -> None:
        """Take the connection's decoder, and whether extended CONNECT was offered (RFC 8441 §3)."""
        self.decoder = decoder
        self.takes_websocket = takes_websocket
        self.section = Section()
        #: The last request: its block, the end of its stream, and the version of the table.
        self.block = b""
        self.ends = False
        self.version = 0
        #: Its head, once it has come twice.
        self.head: RequestHead | None = None
        #: The method of the last one that was decoded, None if it is not known.
        self.method: bytes | None = None

    def read(self, block: bytes, ends: bool) -> RequestHead | None:
        """Return the head that a whole block describes; None when its list is too large. `ends`: no content follows.

        Raises:
            H2Error: As `Decoder.decode`.
            RemoteProtocolError: As `pseudo.request_head`.
        """
        decoder = self.decoder
        table = decoder.table
        version = table.version
        is_same = self.version == version and self.ends == ends and self.block == block
        if is_same and self.head is not None:
            return another(self.head)
        fields = decoder.decode(block)
        if decoder.is_too_large:
            self.method = decoder.method
            return None
        head = self._read_fields(fields, ends)
        if is_same and table.version == version:
            self.head = another(head)
        elif len(block) <= _MAX_BLOCK_BYTES and decoder.list_bytes <= _MAX_LIST_BYTES:
            self.head = None
            self.block = block
            self.ends = ends
            self.version = table.version
        return head

    def is_head(self) -> bool:
        """Tell whether the request that was just refused was HEAD: no content may answer it."""
        return self.method == b"HEAD"

    def _read_fields(self, fields: list[tuple[bytes, bytes]], ends: bool) -> RequestHead:
        section = self.section
        try:
            return read_head(section, fields, ends, self.takes_websocket, "2")
        finally:
            self.method = section.method
            if self.decoder.list_bytes > _MAX_LIST_BYTES:
                section.forget()


def another(head: RequestHead) -> RequestHead:
    """Return a head that is the same, with a list of its own: an application may change that."""
    made = RequestHead.__new__(RequestHead)
    made.asks_websocket = head.asks_websocket
    made.content_length = head.content_length
    made.expects_continue = head.expects_continue
    made.headers = list(head.headers)
    made.http_version = head.http_version
    made.is_plain = head.is_plain
    made.is_websocket = head.is_websocket
    made.method = head.method
    made.path = head.path
    made.query = head.query
    made.takes_trailers = head.takes_trailers
    made.target = head.target
    return made
