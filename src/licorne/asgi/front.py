"""Front: what every request passes before the application, or a WebSocket session, begins.

    claims        what a trusted proxy says of it is believed, what others say is left alone or removed
    Host          must be one of those that are allowed, when some are named
    request id    a trusted proxy's, else a new one, for the scope, the log and the answer

Rules: whether a peer is trusted is found out once for each connection. A request in which the engine saw no field that
could be a claim costs nothing, unless there are hosts or request ids to look after.
"""

import os
import re
from collections.abc import Iterable
from typing import Any

from licorne.asgi.claims import Field, without_claims
from licorne.asgi.forwarded import Forwarding, host_of, link_in_front, with_field
from licorne.engine.exchange import Exchange
from licorne.errors import RemoteProtocolError
from licorne.link import Link
from licorne.trust import Trust

__all__ = ["REQUEST_ID", "AllowedHosts", "Front", "RequestIds", "answer_fields", "request_name"]

#: The extension of a scope that holds the request id.
REQUEST_ID = "licorne.request_id"

# What a link's `standing` says: it is a trusted proxy, or it is none.
_BELIEVED = 1
_DOUBTED = 2


_MAX_KNOWN = 1024
_MAX_KNOWN_BYTES = 260
_ID = re.compile(rb"[A-Za-z0-9._\-]{1,128}")
# RFC 1035 §2.3.4: no name is longer.
_MAX_SHOWN_BYTES = 255
# What may stand before the rest of an allowed host: names, and not the signs that RFC 3986 lets hosts have besides.
_LABELS = re.compile(rb"[a-z0-9_\-]+(?:\.[a-z0-9_\-]+)*")
_ID_BYTES = 16
_IDS_AT_ONCE = 256


class AllowedHosts:
    """Know which hosts requests may be for."""

    __slots__ = ("exact", "known", "suffixes")

    def __init__(self, patterns: Iterable[str]) -> None:
        """Take names, addresses, and names with "*." in place of what is before them; ports do not matter."""
        names = [pattern.lower().removesuffix(".").encode("latin-1") for pattern in patterns]
        self.exact = frozenset(name for name in names if not name.startswith(b"*."))
        self.suffixes = tuple(name[1:] for name in names if name.startswith(b"*."))
        self.known: dict[bytes, bool] = {}

    def allows(self, host: bytes) -> bool:
        """Tell whether a Host is allowed; a request without one is not."""
        if len(host) > _MAX_KNOWN_BYTES:
            return False
        is_allowed = self.known.get(host)
        if is_allowed is None:
            if len(self.known) >= _MAX_KNOWN:
                self.known.clear()
            is_allowed = self.known[host] = self._find(host.lower())
        return is_allowed

    def _find(self, host: bytes) -> bool:
        name = host.partition(b"]")[0] + b"]" if host.startswith(b"[") else host.partition(b":")[0]
        name = name.removesuffix(b".")
        return name in self.exact or any(name.endswith(end) and _is_name(name, end) for end in self.suffixes)


def _shown(host: bytes) -> str:
    return host[:_MAX_SHOWN_BYTES].decode("latin-1")


def _is_name(host: bytes, suffix: bytes) -> bool:
    """Tell whether what stands before the suffix of a host is a name."""
    return _LABELS.fullmatch(host, 0, len(host) - len(suffix)) is not None


class RequestIds:
    """Give requests their identifiers."""

    __slots__ = ("header", "made")

    def __init__(self, header: str) -> None:
        """Take the name of the header that carries them."""
        self.header = header.lower().encode("latin-1")
        self.made: list[str] = []

    def identify(self, fields: list[Field], is_believed: bool) -> bytes:
        """Return the identifier that a request has from a peer who is believed, else a new one."""
        given = [value for name, value in fields if name == self.header] if is_believed else []
        return given[0] if len(given) == 1 and _ID.fullmatch(given[0]) else self._new()

    def _new(self) -> bytes:
        if not self.made:
            text = os.urandom(_ID_BYTES * _IDS_AT_ONCE).hex()
            size = 2 * _ID_BYTES
            self.made = [text[at : at + size] for at in range(0, len(text), size)]
        return self.made.pop().encode("ascii")


class Front:
    """Let requests in."""

    __slots__ = ("forwarding", "has_checks", "hosts", "ids", "strips", "trust")

    def __init__(
        self,
        trust: Trust,
        forwarding: Forwarding | None = None,
        *,
        strips: bool = False,
        hosts: AllowedHosts | None = None,
        ids: RequestIds | None = None,
    ) -> None:
        """Take whom to trust, what reads claims, whether others' are removed, the hosts that are allowed, and ids."""
        self.trust = trust
        self.forwarding = forwarding
        self.strips = strips
        self.hosts = hosts
        self.ids = ids
        #: Every request is looked at, whoever sends it.
        self.has_checks = strips or hosts is not None or ids is not None

    def admit(self, exchange: Exchange, link: Link) -> Link:
        """Return the link that a request is to have: its own, or one in front of it.

        Raises:
            RemoteProtocolError: 400 when it is not let in.
        """
        if not link.standing:
            link.standing = _BELIEVED if self.believes(link) else _DOUBTED
        shown = link
        head = exchange.head
        if link.standing == _DOUBTED:
            if self.strips:
                head.headers = without_claims(head.headers)
        elif self.forwarding is not None:
            shown = self.forwarding.apply(head, link)
        return self._checked(exchange, shown) if self.has_checks else shown

    def believes(self, link: Link) -> bool:
        """Tell whether what the fields of a connection's requests say of their clients counts."""
        if link.account is not None and link.account.is_nameless:
            return False  # the address is that of the proxy, the fields are those of whoever is behind it
        return self.trust.trusts_peer(link.client)

    # internals

    def _checked(self, exchange: Exchange, link: Link) -> Link:
        head = exchange.head
        if self.hosts is not None and not self.hosts.allows(host := host_of(head.headers)):
            raise RemoteProtocolError(400, f'the host "{_shown(host)}" is not allowed')
        if self.ids is None:
            return link
        name = self.ids.header
        given = self.ids.identify(head.headers, link.standing == _BELIEVED)
        head.headers = with_field(_without_doubles(head.headers, name), name, given)
        shown = link_in_front(link)
        account = shown.open_account()
        account.extensions[REQUEST_ID] = {"id": given.decode("ascii")}
        account.fields.append((name, given))
        return shown


def _without_doubles(fields: list[Field], name: bytes) -> list[Field]:
    """Return the fields without those that frameworks take for one: x_request_id."""
    meant = name.replace(b"_", b"-")
    return [field for field in fields if field[0] == name or field[0].replace(b"_", b"-") != meant]


def request_name(link: Link) -> str:
    """Return how the log tells one request from others that ask for the same: its identifier, if it has one."""
    told = None if link.account is None else link.account.extensions.get(REQUEST_ID)
    return f", request {told['id']}" if told else ""


def answer_fields(link: Link, fields: Iterable[Field]) -> Iterable[Field]:
    """Return the fields of an answer with what the link adds to each answer; the application's own win."""
    if link.account is None or not link.account.fields:
        return fields
    given: list[Any] = list(fields)  # the exchange judges later what an application made
    names = {field[0].lower() for field in given if isinstance(field[0], bytes)}
    return given + [field for field in link.account.fields if field[0] not in names]
