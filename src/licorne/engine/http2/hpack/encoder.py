"""Write header blocks (RFC 7541), small and mostly once.

What goes into the dynamic table: fields that responses repeat go in when they are first seen, those of unknown names
when they are seen again, and those that hardly ever repeat not at all; so request ids and the like push nothing out.
Credentials are never indexed, on no hop (§7.1.3).

A block that changed no table means the same as long as no other block changes it. So it is remembered with its
fields, and goes out again as it is.
"""

from licorne.engine.http2.hpack.huffman import huffman_size, put_huffman
from licorne.engine.http2.hpack.table import ENTRY_BYTES, STATIC_FIELDS, STATIC_NAMES, DynamicTable

__all__ = ["Encoder"]

_DEFAULT_TABLE_BYTES = 4096
_ENTRY_BYTES = ENTRY_BYTES
_STATIC_FIELDS = STATIC_FIELDS
_STATIC_NAMES = STATIC_NAMES
_STATUS_INDEXES = {int(field[1]): index for field, index in STATIC_FIELDS.items() if field[0] == b":status"}
_INDEXED = 0x80
_INDEXED_PREFIX = 0x7F
_WITH_INDEXING = 0x40
_WITH_INDEXING_PREFIX = 0x3F
_SIZE_UPDATE = 0x20
_SIZE_UPDATE_PREFIX = 0x1F
_NEVER_INDEXED = 0x10
_LITERAL_PREFIX = 0x0F
_HUFFMAN = 0x80
_STRING_PREFIX = 0x7F
_SPACE = 32

# What is done with a field that no table holds: the policy of its name.
_IF_REPEATED = 0
_AT_ONCE = 1
_NOT_AT_ALL = 2
_NEVER = 3
_POLICIES = {
    **dict.fromkeys((b"set-cookie", b"cookie", b"authorization", b"proxy-authorization"), _NEVER),
    **dict.fromkeys(
        (
            b"age",
            b"content-length",
            b"content-range",
            b"etag",
            b"expires",
            b"last-modified",
            b"location",
            b"traceparent",
            b"x-request-id",
        ),
        _NOT_AT_ALL,
    ),
    **dict.fromkeys(
        (
            b":status",
            b"accept-ranges",
            b"access-control-allow-origin",
            b"alt-svc",
            b"cache-control",
            b"content-encoding",
            b"content-type",
            b"date",
            b"server",
            b"strict-transport-security",
            b"vary",
            b"x-content-type-options",
            b"x-frame-options",
        ),
        _AT_ONCE,
    ),
}
# How many fields are remembered as seen once, and how many blocks are kept.
_MAX_SEEN = 64
_MAX_KEPT = 4
# A block is kept if it is not longer than this.
_MAX_KEPT_BYTES = 1024
# So many rows for what the table has forgotten may be in a map, beside as many as the table has entries.
_MAX_GONE = 16
# Who uses more names than this has no use of a table.
_MAX_NAMES = 128


class KeptBlock:
    """Hold a block with what it says, as long as the table has the version that it had."""

    __slots__ = ("block", "fields", "status", "version")

    status: int
    fields: list[tuple[bytes, bytes]]
    block: bytes
    version: int


class KnownName:
    """Hold what is known of a field name."""

    __slots__ = ("index", "number", "policy", "value")

    #: Its index in the static table, or 0.
    index: int
    #: The number of an entry of the dynamic table that has this name, 0 for none; it may be forgotten there.
    number: int
    policy: int
    #: The value of that entry.
    value: bytes


class Encoder:
    """Encode the header blocks of one connection, in the order in which they are sent."""

    __slots__ = (
        "is_settled",
        "kept",
        "least_size",
        "max_table",
        "names",
        "numbers",
        "oldest",
        "owes_update",
        "seen",
        "table",
    )

    def __init__(self, max_table: int = _DEFAULT_TABLE_BYTES) -> None:
        """Take how many bytes of table to use at most, whatever the peer allows."""
        self.max_table = max_table
        self.table = DynamicTable(_DEFAULT_TABLE_BYTES)
        self.names: dict[bytes, KnownName] = {}
        #: The number in the dynamic table of each field; some may be forgotten there.
        self.numbers: dict[tuple[bytes, bytes], int] = {}
        #: Hashes of fields that may be worth an entry when they come again.
        self.seen: set[int] = set()
        self.kept: list[KeptBlock] = []
        self.oldest = 0
        #: The block that is being made would be the same if it were made again.
        self.is_settled = False
        #: The peer must be told the size of the table, after the smallest that it had since the last block.
        self.owes_update = False
        self.least_size = _DEFAULT_TABLE_BYTES
        if max_table < _DEFAULT_TABLE_BYTES:
            self.set_max_table(max_table)

    def set_max_table(self, size: int) -> None:
        """Take the peer's SETTINGS_HEADER_TABLE_SIZE in bytes; the next block obeys it (RFC 7541 §4.2)."""
        size = min(size, self.max_table)
        if size == self.table.max_size:
            return
        if not self.owes_update or size < self.least_size:
            self.least_size = size
        self.owes_update = True
        self.table.resize(size)

    def encode(self, status: int, fields: list[tuple[bytes, bytes]]) -> bytes:
        """Return the block of a response head: the status, and fields with names in lower case."""
        version = self.table.version
        for known in self.kept:
            if known.version == version and known.status == status and known.fields == fields:
                return known.block
        out = bytearray()
        self.is_settled = not self.owes_update
        if self.owes_update:
            self._put_update(out)
        if status:
            self._put_status(out, status)
        for field in fields:
            self._put_field(out, field)
        block = bytes(out)
        if self.is_settled and len(block) <= _MAX_KEPT_BYTES:
            self._keep(status, fields, block)
        return block

    def encode_fields(self, fields: list[tuple[bytes, bytes]]) -> bytes:
        """Return the block of a trailer section."""
        return self.encode(0, fields)

    # internals

    def _keep(self, status: int, fields: list[tuple[bytes, bytes]], block: bytes) -> None:
        if len(self.kept) < _MAX_KEPT:
            known = KeptBlock.__new__(KeptBlock)
            self.kept.append(known)
        else:
            known = self.kept[self.oldest]
            self.oldest = (self.oldest + 1) % _MAX_KEPT
        known.status = status
        known.fields = list(fields)
        known.block = block
        known.version = self.table.version

    def _put_update(self, out: bytearray) -> None:
        # RFC 7541 §4.2: the smallest size and the final one.
        if self.least_size < self.table.max_size:
            put_integer(out, self.least_size, _SIZE_UPDATE, _SIZE_UPDATE_PREFIX)
        put_integer(out, self.table.max_size, _SIZE_UPDATE, _SIZE_UPDATE_PREFIX)
        self.owes_update = False

    def _put_status(self, out: bytearray, status: int) -> None:
        index = _STATUS_INDEXES.get(status)
        if index is not None:
            out.append(_INDEXED | index)
        else:
            self._put_field(out, (b":status", b"%d" % status))

    def _put_field(self, out: bytearray, field: tuple[bytes, bytes]) -> None:
        name, value = field
        found = self.names.get(name)
        known = self._learn(name) if found is None else found
        if known.number and known.value == value:
            index = self.table.index_of(known.number)
            if index:
                put_integer(out, index, _INDEXED, _INDEXED_PREFIX)
                return
        if value and (value[0] <= _SPACE or value[-1] <= _SPACE):
            # RFC 9113 §8.2.1: no blank begins or ends a value.
            value = value.strip(b" \t")
            field = (name, value)
        if known.policy >= _NOT_AT_ALL or not self._put_indexed(out, field, known):
            self._put_name(out, name, known, _NEVER_INDEXED if known.policy == _NEVER else 0, _LITERAL_PREFIX)
            put_string(out, value)

    def _put_indexed(self, out: bytearray, field: tuple[bytes, bytes], known: KnownName) -> bool:
        """Append a field as an index, or as a literal that gets one; tell whether either was done."""
        index = self._index_of(field, known)
        if index:
            put_integer(out, index, _INDEXED, _INDEXED_PREFIX)
            return True
        name, value = field
        size = len(name) + len(value) + _ENTRY_BYTES
        # No field may fill the table by itself.
        if 4 * size > 3 * self.table.max_size or (known.policy == _IF_REPEATED and not self._is_repeated(field)):
            return False
        self._put_name(out, name, known, _WITH_INDEXING, _WITH_INDEXING_PREFIX)
        put_string(out, value)
        self._insert(field, known)
        return True

    def _index_of(self, field: tuple[bytes, bytes], known: KnownName) -> int:
        """Return the index of a whole field, or 0."""
        index = _STATIC_FIELDS.get(field) if known.index else None
        if index is not None:
            return index
        number = self.numbers.get(field)
        if number is None:
            return 0
        known.number = number
        known.value = field[1]
        return self.table.index_of(number)

    def _put_name(self, out: bytearray, name: bytes, known: KnownName, kind: int, prefix: int) -> None:
        index = known.index
        if not index and known.number:
            index = self.table.index_of(known.number)
        put_integer(out, index, kind, prefix)
        if not index:
            put_string(out, name)

    def _is_repeated(self, field: tuple[bytes, bytes]) -> bool:
        """Tell whether a field was seen before, not long ago; take note of it otherwise."""
        mark = hash(field)
        if mark in self.seen:
            return True
        if len(self.seen) >= _MAX_SEEN:
            self.seen.clear()
        self.seen.add(mark)
        self.is_settled = False
        return False

    def _insert(self, field: tuple[bytes, bytes], known: KnownName) -> None:
        self.is_settled = False
        table = self.table
        table.add(field)
        if len(self.numbers) > 2 * table.count() + _MAX_GONE:
            self.numbers = {field: number for field, number in self.numbers.items() if table.index_of(number)}
        self.numbers[field] = known.number = table.inserted
        known.value = field[1]

    def _learn(self, name: bytes) -> KnownName:
        if len(self.names) >= _MAX_NAMES:
            self.names.clear()
        known = self.names[name] = KnownName.__new__(KnownName)
        known.index = _STATIC_NAMES.get(name, 0)
        known.policy = _POLICIES.get(name, _IF_REPEATED)
        known.number = 0
        known.value = b""
        return known


def put_integer(out: bytearray, number: int, kind: int, prefix: int) -> None:
    """Append an integer behind the bits of `kind`, in as many bits as `prefix` has and more octets (RFC 7541 §5.1)."""
    if number < prefix:
        out.append(kind | number)
        return
    out.append(kind | prefix)
    number -= prefix
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)


def put_string(out: bytearray, text: bytes) -> None:
    """Append a string, in Huffman code if that is shorter (RFC 7541 §5.2)."""
    size = huffman_size(text)
    if size < len(text):
        put_integer(out, size, _HUFFMAN, _STRING_PREFIX)
        put_huffman(out, text)
    else:
        put_integer(out, len(text), 0, _STRING_PREFIX)
        out += text
