"""The tables of HPACK (RFC 7541 §2.3): the static one, and the dynamic one that grows and forgets.

A field is a tuple of name and value, the same object as long as the table knows it, so what repeats is not made again.
"""

__all__ = ["ENTRY_BYTES", "STATIC", "STATIC_COUNT", "STATIC_FIELDS", "STATIC_NAMES", "DynamicTable"]

#: RFC 7541 §4.1: what an entry counts beyond its name and value.
ENTRY_BYTES = 32

_NOTHING = (b"", b"")

#: RFC 7541 Appendix A, by index; there is no index 0.
STATIC = (
    _NOTHING,
    (b":authority", b""),
    (b":method", b"GET"),
    (b":method", b"POST"),
    (b":path", b"/"),
    (b":path", b"/index.html"),
    (b":scheme", b"http"),
    (b":scheme", b"https"),
    (b":status", b"200"),
    (b":status", b"204"),
    (b":status", b"206"),
    (b":status", b"304"),
    (b":status", b"400"),
    (b":status", b"404"),
    (b":status", b"500"),
    (b"accept-charset", b""),
    (b"accept-encoding", b"gzip, deflate"),
    (b"accept-language", b""),
    (b"accept-ranges", b""),
    (b"accept", b""),
    (b"access-control-allow-origin", b""),
    (b"age", b""),
    (b"allow", b""),
    (b"authorization", b""),
    (b"cache-control", b""),
    (b"content-disposition", b""),
    (b"content-encoding", b""),
    (b"content-language", b""),
    (b"content-length", b""),
    (b"content-location", b""),
    (b"content-range", b""),
    (b"content-type", b""),
    (b"cookie", b""),
    (b"date", b""),
    (b"etag", b""),
    (b"expect", b""),
    (b"expires", b""),
    (b"from", b""),
    (b"host", b""),
    (b"if-match", b""),
    (b"if-modified-since", b""),
    (b"if-none-match", b""),
    (b"if-range", b""),
    (b"if-unmodified-since", b""),
    (b"last-modified", b""),
    (b"link", b""),
    (b"location", b""),
    (b"max-forwards", b""),
    (b"proxy-authenticate", b""),
    (b"proxy-authorization", b""),
    (b"range", b""),
    (b"referer", b""),
    (b"refresh", b""),
    (b"retry-after", b""),
    (b"server", b""),
    (b"set-cookie", b""),
    (b"strict-transport-security", b""),
    (b"transfer-encoding", b""),
    (b"user-agent", b""),
    (b"vary", b""),
    (b"via", b""),
    (b"www-authenticate", b""),
)
STATIC_COUNT = len(STATIC) - 1
STATIC_FIELDS = {field: index for index, field in enumerate(STATIC) if index}
#: The first index of each name.
STATIC_NAMES = {STATIC[index][0]: index for index in range(STATIC_COUNT, 0, -1)}

_STATIC = STATIC
_STATIC_COUNT = STATIC_COUNT
_ENTRY_BYTES = ENTRY_BYTES
# So many forgotten entries may lie before the first one that counts.
_MAX_GONE = 64


class DynamicTable:
    """Hold the newest entries that fit into a number of bytes (RFC 7541 §4)."""

    __slots__ = ("entries", "first", "inserted", "max_size", "size", "version")

    def __init__(self, max_size: int) -> None:
        #: The newest is last; those before `first` are forgotten.
        self.entries: list[tuple[bytes, bytes]] = []
        self.first = 0
        #: How many were ever added; it is also the number of the newest one.
        self.inserted = 0
        self.max_size = max_size
        self.size = 0
        #: Counts the changes: as long as it is the same, an index means the same.
        self.version = 0

    def add(self, field: tuple[bytes, bytes]) -> None:
        """Add an entry and forget the oldest ones for it; one that is larger than the table empties it (§4.4)."""
        name, value = field
        size = len(name) + len(value) + _ENTRY_BYTES
        self.version += 1
        self._shrink(self.max_size - size)
        if size <= self.max_size:
            self.entries.append(field)
            self.size += size
            self.inserted += 1

    def resize(self, max_size: int) -> None:
        """Take a new maximum in bytes (§4.3)."""
        self.version += 1
        self.max_size = max_size
        self._shrink(max_size)

    def field_at(self, index: int) -> tuple[bytes, bytes] | None:
        """Return the field of an index into both tables (§2.3.3), or None."""
        if index <= _STATIC_COUNT:
            return _STATIC[index] if index > 0 else None
        at = len(self.entries) + _STATIC_COUNT - index
        return self.entries[at] if at >= self.first else None

    def index_of(self, number: int) -> int:
        """Return the index of the entry that was added as the `number`th, or 0 when it is forgotten."""
        age = self.inserted - number
        return age + 1 + _STATIC_COUNT if age < len(self.entries) - self.first else 0

    def count(self) -> int:
        """Return how many entries there are."""
        return len(self.entries) - self.first

    def _shrink(self, room: int) -> None:
        """Forget the oldest entries until what is left takes at most `room` bytes."""
        while self.size > room and self.first < len(self.entries):
            field = self.entries[self.first]
            self.entries[self.first] = _NOTHING
            self.first += 1
            self.size -= len(field[0]) + len(field[1]) + _ENTRY_BYTES
        if self.first > _MAX_GONE or self.first == len(self.entries):
            del self.entries[: self.first]
            self.first = 0
