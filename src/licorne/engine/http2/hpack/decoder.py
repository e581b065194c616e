"""Read header blocks (RFC 7541 §3, §6), within a limit on what they may hold.

Rules: whatever a block says, the dynamic table ends as the peer's does, or the error ends the connection. A list over
the limit is read to its end for that reason, but nothing of it is kept; one far over it is not worth the work.
A field that the tables know is the tuple that they hold: what repeats is not made again.
"""

from licorne.engine import _bytes
from licorne.engine.http2.errors import H2Error
from licorne.engine.http2.frames import COMPRESSION_ERROR, ENHANCE_YOUR_CALM
from licorne.engine.http2.hpack.huffman import parse_huffman
from licorne.engine.http2.hpack.table import ENTRY_BYTES, DynamicTable

__all__ = ["DEFAULT_TABLE_BYTES", "Decoder"]

#: RFC 9113 §6.5.2: the table that a peer may use before it knows any settings.
DEFAULT_TABLE_BYTES = 4096

_DEFAULT_TABLE_BYTES = DEFAULT_TABLE_BYTES
_ENTRY_BYTES = ENTRY_BYTES
# Compiled, it is 64 bits wide, and must stay so when it is multiplied.
_NO_LIMIT = 2**56
# A list that is so many times over its limit ends the connection.
_MAX_EXCESS = 4
# RFC 7541 §5.1: no integer of a block needs more, neither in value nor in octets.
_MAX_SHIFT = 28
_MAX_INTEGER = 2**31 - 1
# The first octet of each representation (RFC 7541 §6).
_INDEXED = 0x80
_INDEXED_PREFIX = 0x7F
_WITH_INDEXING = 0x40
_WITH_INDEXING_PREFIX = 0x3F
_SIZE_UPDATE = 0x20
_SIZE_UPDATE_PREFIX = 0x1F
_LITERAL_PREFIX = 0x0F
_HUFFMAN = 0x80
_STRING_PREFIX = 0x7F
_NO_SUCH_INDEX = "a header block names an index that no table has"


class Decoder:
    """Decode the header blocks of one connection, in the order in which they arrive."""

    __slots__ = (
        "allowed_table",
        "announced_table",
        "at",
        "is_too_large",
        "list_bytes",
        "max_fields",
        "max_list",
        "method",
        "owes_update",
        "table",
    )

    def __init__(
        self, max_table: int = DEFAULT_TABLE_BYTES, max_list_bytes: int = 64 * 1024, max_fields: int = 100
    ) -> None:
        """Take the table size that is announced, and the limits on one list; 0 is no limit.

        `max_list_bytes` counts name, value and 32 bytes for each field (RFC 9113 §6.5.2).
        """
        self.max_list = max_list_bytes or _NO_LIMIT
        self.max_fields = max_fields or _NO_LIMIT
        self.announced_table = max_table
        #: How large the peer may make the table; both sizes will do until it has acknowledged the new one.
        self.allowed_table = max(max_table, DEFAULT_TABLE_BYTES)
        #: The peer must reduce the table with its next block.
        self.owes_update = False
        self.table = DynamicTable(DEFAULT_TABLE_BYTES)
        #: The last list was over a limit: nothing of it was kept (431), but which method it had, None if it was not
        #: among what came first. No content may answer HEAD.
        self.is_too_large = False
        self.method: bytes | None = None
        #: How large the last list was, as the limit counts it.
        self.list_bytes = 0
        #: Where in the block the next octet is read.
        self.at = 0

    def acknowledge(self) -> None:
        """Take that the peer has acknowledged the announced table size (RFC 9113 §4.3.1)."""
        self.allowed_table = self.announced_table
        self.owes_update = self.table.max_size > self.announced_table
        self.table.version += 1  # the next block does not mean what the same one meant

    def decode(self, block: bytes) -> list[tuple[bytes, bytes]]:
        """Return the fields of a whole block, names and values as they came; an empty list when it is too large.

        Raises:
            H2Error: COMPRESSION_ERROR when the block is broken, ENHANCE_YOUR_CALM when the list is far too large.
        """
        fields: list[tuple[bytes, bytes]] = []
        table = self.table
        buf = block
        end = len(block)
        at = 0
        size = 0
        self.is_too_large = False
        if self.owes_update or (end and buf[0] & 0xE0 == _SIZE_UPDATE):
            at = self._read_updates(block, end)
        while at < end:
            first = buf[at]
            if first > _INDEXED and first != 0xFF:
                # RFC 7541 §6.1, with an index that fits into the first octet.
                at += 1
                field = table.field_at(first & _INDEXED_PREFIX)
                if field is None:
                    raise H2Error(COMPRESSION_ERROR, _NO_SUCH_INDEX)
            else:
                self.at = at
                field = self._read_field(block, end, first)
                at = self.at
            name, value = field
            size += len(name) + len(value) + _ENTRY_BYTES
            fields.append(field)
            if size > self.max_list or len(fields) > self.max_fields:
                self._count_excess(size, fields)
                fields.clear()
        self.list_bytes = size
        return [] if self.is_too_large else fields

    def _read_field(self, block: bytes, end: int, first: int) -> tuple[bytes, bytes]:
        """Read a field, unless it is an index of one octet (RFC 7541 §6)."""
        if first & _INDEXED:
            return self._field_at(self._read_integer(block, end, _INDEXED_PREFIX))
        if first & _WITH_INDEXING:
            field = self._read_literal(block, end, _WITH_INDEXING_PREFIX)
            self.table.add(field)
            return field
        if first & _SIZE_UPDATE:
            # RFC 7541 §4.2: it must occur at the beginning of a block.
            raise H2Error(COMPRESSION_ERROR, "the size of the table is changed within a header block")
        # With or without "never indexed" (§6.2.2, §6.2.3), which matters to who sends the field on.
        return self._read_literal(block, end, _LITERAL_PREFIX)

    def _read_literal(self, block: bytes, end: int, prefix: int) -> tuple[bytes, bytes]:
        # RFC 7541 §6.2
        index = self._read_integer(block, end, prefix)
        name = self._field_at(index)[0] if index else self._read_string(block, end)
        return name, self._read_string(block, end)

    def _field_at(self, index: int) -> tuple[bytes, bytes]:
        field = self.table.field_at(index)
        if field is None:
            # RFC 7541 §2.3.3, §6.1
            raise H2Error(COMPRESSION_ERROR, _NO_SUCH_INDEX)
        return field

    def _read_updates(self, block: bytes, end: int) -> int:
        """Read the size updates that begin a block (RFC 7541 §6.3); return where they end."""
        self.at = 0
        # RFC 7541 §4.2 says that two are enough; some encoders send each change.
        buf = block
        while self.at < end and buf[self.at] & 0xE0 == _SIZE_UPDATE:
            size = self._read_integer(block, end, _SIZE_UPDATE_PREFIX)
            if size > self.allowed_table:
                raise H2Error(COMPRESSION_ERROR, "the table is made larger than was announced")
            self.owes_update = self.owes_update and size > self.announced_table
            self.table.resize(size)
        if self.owes_update:
            # RFC 9113 §4.3.1
            raise H2Error(COMPRESSION_ERROR, "the table was not reduced to what was announced")
        return self.at

    def _read_string(self, block: bytes, end: int) -> bytes:
        # RFC 7541 §5.2
        buf = block
        is_huffman = self.at < end and buf[self.at] & _HUFFMAN
        size = self._read_integer(block, end, _STRING_PREFIX)
        start = self.at
        if size > end - start:
            raise H2Error(COMPRESSION_ERROR, "a string goes beyond its header block")
        self.at = start + size
        if is_huffman:
            return parse_huffman(block, start, start + size)
        return _bytes.cut(block, start, start + size)

    def _read_integer(self, block: bytes, end: int, prefix: int) -> int:
        """Read an integer whose first octet leaves it the bits of `prefix` (RFC 7541 §5.1)."""
        buf = block
        at = self.at
        if at >= end:
            raise H2Error(COMPRESSION_ERROR, "a header block ends within a field")
        number = buf[at] & prefix
        at += 1
        if number == prefix:
            shift = 0
            byte = 0x80
            while byte & 0x80:
                if at >= end or shift > _MAX_SHIFT:
                    raise H2Error(COMPRESSION_ERROR, "an integer of a header block is too long or incomplete")
                byte = buf[at]
                part = byte & 0x7F
                number += part << shift
                shift += 7
                at += 1
            if number > _MAX_INTEGER:
                raise H2Error(COMPRESSION_ERROR, "an integer of a header block is too large")
        self.at = at
        return number

    def _count_excess(self, size: int, fields: list[tuple[bytes, bytes]]) -> None:
        if not self.is_too_large:
            methods = [value for name, value in fields if name == b":method"]
            self.method = methods[0] if methods else None
        self.is_too_large = True
        if size > _MAX_EXCESS * self.max_list:
            raise H2Error(ENHANCE_YOUR_CALM, "a header list is many times over its limit")
