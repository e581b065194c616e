"""DefaultHeaders: the fields that every response has unless the application sets them itself.

They are the same for every HTTP version, and change once a second at most: `version` says when, so that an engine may
keep what it has made of them.
"""

from email.utils import formatdate

from licorne.engine.sink import HAS_DATE, HAS_SERVER

__all__ = ["DefaultHeaders"]

_HAS_DATE = HAS_DATE
_HAS_SERVER = HAS_SERVER


class DefaultHeaders:
    """Hold the default fields."""

    __slots__ = ("date", "has_date", "lists", "others", "server", "version")

    def __init__(self, fixed: list[tuple[bytes, bytes]], has_date: bool = True) -> None:
        """Take the fixed fields (names in lower case) and whether a Date is wanted."""
        self.has_date = has_date
        self.server = [field for field in fixed if field[0] == b"server"]
        self.others = [field for field in fixed if field[0] != b"server"]
        self.date: list[tuple[bytes, bytes]] = []
        #: Another one for each refresh; never 0.
        self.version = 1
        #: The fields by what the application has set of its own; made when first asked for.
        self.lists: dict[int, list[tuple[bytes, bytes]]] = {}

    def refresh(self, unix_time: float) -> None:
        """Take the time in seconds since the epoch (RFC 9110 §6.6.1); call it once a second."""
        if self.has_date:
            self.date = [(b"date", formatdate(unix_time, usegmt=True).encode())]
            self.lists = {}
            self.version += 1

    def pairs(self, flags: int) -> list[tuple[bytes, bytes]]:
        """Return the fields without those that `flags` says the application has set; not to be changed."""
        key = flags & (_HAS_DATE | _HAS_SERVER)
        known = self.lists.get(key)
        if known is None:
            known = self.lists[key] = self._make(key)
        return known

    def _make(self, flags: int) -> list[tuple[bytes, bytes]]:
        date = [] if flags & _HAS_DATE else self.date
        server = [] if flags & _HAS_SERVER else self.server
        return [*date, *server, *self.others]
