"""Forwarded: a request as a trusted proxy tells of it.

What the proxy says is not written over the link, which other requests share, but shown in front of it: a
`ForwardedLink` has the client, the scheme and the server of one request, and leaves all work to the link behind it.
The Host that the client sent takes the place of the one that the proxy sent, because that is where applications look.

    auto          X-Forwarded-* and X-Real-IP, or Forwarded; where there are both, they must say the same
    x-forwarded   X-Forwarded-* and X-Real-IP; Forwarded is a field like others
    forwarded     Forwarded; the others are fields like others
    client        X-Forwarded-For and X-Forwarded-Proto; the others are fields like others, as they are for Uvicorn

Rules: the client is whom the outermost trusted proxy names: hops are walked from the last one, as long as they are
ours. What only one of two families says counts for nothing, since it may be the client's own word, passed on.
"""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import BinaryIO

from licorne.asgi.claims import (
    FORWARDED,
    SCHEMES,
    X_FOR,
    X_HOST,
    X_PORT,
    X_PREFIX,
    X_PROTO,
    X_REAL_IP,
    Field,
    Node,
    parse_forwarded,
    parse_hop,
    parse_host,
    parse_node,
    parse_port,
    parse_prefix,
    parse_real_ip,
)
from licorne.engine.headers import PROXY_FIELDS, port_of
from licorne.engine.received import RequestHead
from licorne.errors import RemoteProtocolError
from licorne.link import Account, Cycle, Gate, Link
from licorne.trust import Trust

__all__ = [
    "AUTO",
    "ONLY_CLIENT",
    "ONLY_FORWARDED",
    "ONLY_X_FORWARDED",
    "ForwardedLink",
    "Forwarding",
    "host_of",
    "link_in_front",
    "with_field",
]

AUTO = "auto"
ONLY_X_FORWARDED = "x-forwarded"
ONLY_FORWARDED = "forwarded"
ONLY_CLIENT = "client"

_MAX_KNOWN = 4096
_MAX_KNOWN_BYTES = 256
_PROXY_FIELDS = PROXY_FIELDS
_DEFAULT_PORTS = {False: 80, True: 443}


class ForwardedLink(Link):
    """Be a link as one request sees it."""

    __slots__ = ("inner",)

    def begin(self, inner: Link) -> None:
        """Set every attribute of a new link from the one that it stands in front of."""
        self.inner = inner
        self.account: Account | None = inner.account
        self.client = inner.client
        self.is_secure = inner.is_secure
        self.scope = None
        self.server = inner.server
        self.standing = inner.standing
        self.tls = inner.tls

    def open_account(self) -> Account:
        """Return an account that is this request's own."""
        old = self.inner.account
        if self.account is not None and self.account is not old:
            return self.account
        account = Account()
        if old is not None:
            account.extensions = dict(old.extensions)
            account.fields = list(old.fields)
            account.prefix = old.prefix
        self.account = account
        return account

    def pump(self) -> None:
        self.inner.pump()

    def push(self) -> None:
        self.inner.push()

    def flush(self) -> None:
        self.inner.flush()

    def drain(self) -> Awaitable[None] | None:
        return self.inner.drain()

    def gate(self) -> Gate:
        return self.inner.gate()

    def turn(self) -> Awaitable[None]:
        return self.inner.turn()

    def start(self, cycle: Cycle) -> None:
        self.inner.start(cycle)

    def send_file(self, file: BinaryIO, offset: int, count: int) -> Awaitable[None]:
        return self.inner.send_file(file, offset, count)


@dataclass(slots=True)
class Facts:
    """Hold what a family of fields says; None for what it does not say."""

    client: Node | None = None
    is_secure: bool | None = None
    host: bytes | None = None
    port: int | None = None
    prefix: bytes | None = None

    def agrees(self, other: "Facts") -> bool:
        """Tell whether both say the same of who asks, and where."""
        mine = None if self.client is None else self.client[0].lower()
        others = None if other.client is None else other.client[0].lower()
        return (mine, self.is_secure, self.host) == (others, other.is_secure, other.host)


class Forwarding:
    """Read what trusted proxies say."""

    __slots__ = ("family", "is_whole", "known", "trust")

    def __init__(self, trust: Trust, family: str = AUTO, is_whole: bool = True) -> None:
        """Take whom to trust and which family of fields to read; unless `is_whole`, only -For and -Proto are."""
        self.trust = trust
        self.family = family
        self.is_whole = is_whole
        #: What fields were found to say: those of one client are the same in all of its requests.
        self.known: dict[tuple[Field, ...], Facts] = {}

    def apply(self, head: RequestHead, link: Link) -> Link:
        """Return a request's link as a trusted peer's fields tell of it, and put the Host into them.

        Raises:
            RemoteProtocolError: 400 when they cannot be believed whatever is done.
        """
        claims = tuple([field for field in head.headers if field[0] in _PROXY_FIELDS])
        if not claims:
            return link
        told = self.known.get(claims)
        if told is None:
            told = self._find(claims)
        shown = link_in_front(link)
        if told.client is not None:
            shown.client = told.client
        if told.is_secure is not None:
            shown.is_secure = told.is_secure
        if told.host is not None or told.port is not None:
            _show_host(told, head, shown)
        if told.prefix is not None:
            shown.open_account().prefix = told.prefix
        return shown

    # internals

    def _find(self, claims: tuple[Field, ...]) -> Facts:
        """Return what fields say; remember it, within bounds."""
        told = self._told(_gathered(claims))
        if sum([len(value) for _, value in claims]) <= _MAX_KNOWN_BYTES:
            if len(self.known) >= _MAX_KNOWN:
                self.known.clear()
            self.known[claims] = told
        return told

    def _told(self, found: dict[bytes, list[bytes]]) -> Facts:
        lines = found.get(FORWARDED)
        if not self.is_whole or lines is None or self.family == ONLY_X_FORWARDED:
            return Facts() if self.family == ONLY_FORWARDED else self._told_by_x(found)
        told = self._told_by_forwarded(lines)
        has_both = len(found) > 1
        if self.family == AUTO and has_both and not told.agrees(self._told_by_x(found)):
            raise RemoteProtocolError(400, "Forwarded and X-Forwarded headers say different things")
        return told

    def _told_by_x(self, found: dict[bytes, list[bytes]]) -> Facts:
        told = Facts()
        if X_FOR in found:
            told.client = self._client(b", ".join(found[X_FOR]))
        if X_PROTO in found:
            told.is_secure = SCHEMES.get(found[X_PROTO][-1].decode("latin-1").strip())
        if self.is_whole:
            told.host = parse_host(_only(found, X_HOST))
            told.port = parse_port(_only(found, X_PORT))
            told.prefix = parse_prefix(_only(found, X_PREFIX))
            if X_FOR not in found:
                told.client = parse_real_ip(_only(found, X_REAL_IP))
        return told

    def _client(self, value: bytes) -> Node | None:
        text = value.decode("latin-1")
        if self.trust.is_for_all:
            node = parse_hop(text.partition(",")[0].strip())
        else:
            node = self._outermost_hop(text)
        return node if node[0] else None

    def _outermost_hop(self, text: str) -> Node:
        """Return the last hop that is not ours; if all are, the first, which asks for itself.

        Only what is ours is read: what somebody else says before that may be as long as a head.
        """
        end = len(text)
        while True:
            start = text.rfind(",", 0, end) + 1
            node = parse_hop(text[start:end].strip())
            if start == 0 or not self.trust.trusts(node[0]):
                return node
            end = start - 1

    def _told_by_forwarded(self, lines: list[bytes]) -> Facts:
        try:
            elements = [element for line in lines for element in parse_forwarded(line)]
            return self._facts_of(self._outermost(elements))
        except ValueError:
            # Whoever made a proxy pass this on would otherwise be taken for the proxy itself.
            raise RemoteProtocolError(400, "a malformed Forwarded header") from None

    def _outermost(self, elements: list[dict[str, str]]) -> dict[str, str]:
        """Return the element of the outermost trusted proxy."""
        if self.trust.is_for_all:
            return elements[0] if elements else {}
        chosen: dict[str, str] = {}
        for chosen in reversed(elements):
            if "for" not in chosen or not self.trust.trusts(parse_node(chosen["for"])[0]):
                break
        return chosen

    def _facts_of(self, element: dict[str, str]) -> Facts:
        told = Facts(is_secure=SCHEMES.get(element.get("proto", "").lower()))
        if "for" in element:
            told.client = parse_node(element["for"])
        if "host" in element:
            told.host = parse_host(element["host"].encode("latin-1"))
            if told.host is None:
                raise ValueError("a host is malformed")
        return told


def _gathered(claims: tuple[Field, ...]) -> dict[bytes, list[bytes]]:
    """Return the values of fields by name."""
    found: dict[bytes, list[bytes]] = {}
    for name, value in claims:
        found.setdefault(name, []).append(value)
    return found


def _only(found: dict[bytes, list[bytes]], name: bytes) -> bytes:
    """Return the value of a field that is there once; empty otherwise."""
    values = found.get(name, ())
    return values[0] if len(values) == 1 else b""


def host_of(fields: list[Field]) -> bytes:
    """Return the Host of a request; empty without one."""
    for name, value in fields:
        if name == b"host":
            return value
    return b""


def _show_host(told: Facts, head: RequestHead, shown: ForwardedLink) -> None:
    """Put the host and the port that a proxy tells into the fields and the link of a request."""
    host = told.host or host_of(head.headers)
    usual = _DEFAULT_PORTS[shown.is_secure]
    if host and told.port not in (None, usual) and port_of(host) is None:
        host = b"%b:%d" % (host.rstrip(b":"), told.port)
    name = _name_of(host) or (shown.server[0] if shown.server else "")
    shown.server = name, port_of(host) or told.port or usual
    if host:
        head.headers = with_field(head.headers, b"host", host)


def _name_of(host: bytes) -> str:
    """Return a host without its port, and an IPv6 address without its brackets."""
    text = host.decode("latin-1")
    return text[1:].partition("]")[0] if text.startswith("[") else text.partition(":")[0]


def with_field(fields: list[Field], name: bytes, value: bytes) -> list[Field]:
    """Return fields in which one has this value and no other: in its place if it was there, else Host is the first."""
    changed = [field for field in fields if field[0] != name]
    place = next((place for place, field in enumerate(fields) if field[0] == name), None)
    if place is None:
        place = 0 if name == b"host" else len(changed)
    changed.insert(place, (name, value))
    return changed


def link_in_front(link: Link) -> ForwardedLink:
    """Return a link that one request may have for itself."""
    if isinstance(link, ForwardedLink):
        return link
    shown = ForwardedLink.__new__(ForwardedLink)
    shown.begin(link)
    return shown
