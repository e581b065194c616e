"""Kinds of values that say who stands in front of licorne: peers to trust, hosts to serve, a field's name.

Rules: those of values.py.
"""

import re
from collections.abc import Iterable, Mapping
from ipaddress import IPv6Address
from typing import Any, Final

from licorne.config.values import Kind
from licorne.trust import check_entry

__all__ = ["FieldName", "HostPatterns", "Peers"]


class _Listed(Kind):
    """Take a list of words; in one text they are parted by commas."""

    __slots__ = ()

    is_repeatable = True

    def parse(self, text: str) -> tuple[str, ...]:
        return self.accept(text.split(","))

    def accept(self, value: object) -> tuple[str, ...]:
        if value is None:
            return ()
        if not isinstance(value, Iterable) or isinstance(value, Mapping | bytes):
            raise ValueError(f"must be a list, each of it {self.describe()}")
        return tuple(part for item in value for part in self._parts(item))

    def write(self, value: tuple[str, ...]) -> str:
        return ",".join(value)

    def _parts(self, item: object) -> Iterable[str]:
        if not isinstance(item, str):
            raise ValueError(f"must be {self.describe()}")
        words = [word.strip() for word in item.split(",")]
        return [self.parse_one(word) for word in words if word]

    def parse_one(self, word: str) -> str:
        """Read one of the list."""
        raise NotImplementedError


class Peers(_Listed):
    """Take a list of peers: addresses, networks, "unix" and "*"; nobody if it is empty."""

    __slots__ = ()

    metavar = "PEER"

    def read(self, value: object) -> Any:
        items = value if isinstance(value, list | tuple) else ()
        # A flag, which may be repeated, comes as a list.
        return super().read(self.absent if len(items) == 1 and items[0] == self.absent else value)

    def parse_one(self, word: str) -> str:
        try:
            check_entry(word.lower())
        except ValueError as error:
            reason = f" ({error})" if "host bits" in str(error) else ""
            raise ValueError(f"must be {self.describe()}{reason}") from None
        return word.lower()

    def describe(self) -> str:
        return 'an IP address, a network such as "10.0.0.0/8", "unix" or "*"'


class HostPatterns(_Listed):
    """Take a list of hosts, without ports; "*." stands for any name before the rest."""

    __slots__ = ()

    metavar = "HOST"
    FORM: Final = re.compile(
        r"(?:\*\.)?[a-z0-9_](?:[a-z0-9_.\-]*[a-z0-9_])?\.?|\[[0-9a-f:.]+\]|\*", re.IGNORECASE | re.ASCII
    )

    def parse_one(self, word: str) -> str:
        if not self.FORM.fullmatch(word):
            raise ValueError(f"must be {self.describe()}")
        if word.startswith("["):
            try:
                IPv6Address(word[1:-1])
            except ValueError:
                raise ValueError(f"must be {self.describe()}") from None
        return word.lower()

    def describe(self) -> str:
        return 'a host without a port such as "example.org", "*.example.org" or "[::1]", or "*"'


class FieldName(Kind):
    """Take the name of a header field."""

    __slots__ = ()

    metavar = "NAME"
    TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110 §5.6.2
    #: What they say is needed as it came, or framing, or an answer may not have it twice.
    REFUSED: Final = {
        "authorization",
        "connection",
        "content-length",
        "content-type",
        "cookie",
        "date",
        "expect",
        "forwarded",
        "host",
        "keep-alive",
        "server",
        "set-cookie",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }

    def parse(self, text: str) -> str:
        if not self.TOKEN.fullmatch(text) or text.lower() in self.REFUSED:
            raise ValueError(f"must be {self.describe()}")
        return text

    def describe(self) -> str:
        return "the name of a header of its own, such as X-Request-ID"
