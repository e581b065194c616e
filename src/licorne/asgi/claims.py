"""Claims: what the fields that proxies add say, read by pure functions.

    X-Forwarded-For     the client, and the proxies between it and the last one
    X-Forwarded-Proto   its scheme
    X-Forwarded-Host    the Host that it sent                      X-Forwarded-Port    the port that it came to
    X-Forwarded-Prefix  the path under which it sees us            X-Real-IP           the client alone
    Forwarded           client, scheme and Host in one (RFC 7239)

Rules: nothing here asks who said it. A value that is malformed or said twice is None or an exception, never a guess;
only the words of X-Forwarded-For are taken as they stand, since what reads them has always had them so.
"""

import re
import socket
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address

from licorne.engine.headers import PROXY_FIELDS, is_host

__all__ = [
    "FORWARDED",
    "SCHEMES",
    "X_FOR",
    "X_HOST",
    "X_PORT",
    "X_PREFIX",
    "X_PROTO",
    "X_REAL_IP",
    "Node",
    "parse_forwarded",
    "parse_hop",
    "parse_host",
    "parse_node",
    "parse_port",
    "parse_prefix",
    "parse_real_ip",
    "without_claims",
]

FORWARDED = b"forwarded"
X_FOR = b"x-forwarded-for"
X_HOST = b"x-forwarded-host"
X_PORT = b"x-forwarded-port"
X_PREFIX = b"x-forwarded-prefix"
X_PROTO = b"x-forwarded-proto"
X_REAL_IP = b"x-real-ip"
_X_FORWARDED = b"x-forwarded-"

#: What a scheme says of TLS.
SCHEMES = {"http": False, "https": True, "ws": False, "wss": True}

#: A host and its port, 0 where that is not known.
Node = tuple[str, int]
Field = tuple[bytes, bytes]

_MAX_PORT = 65535
#: What a name in the DNS may have, and a port.
_MAX_HOST_BYTES = 253 + len(":65535")
_MAX_PREFIX_BYTES = 512
_MAX_ELEMENTS = 32
_MAX_LINE_BYTES = 4096

_DIGITS = re.compile(r"[0-9]{1,5}", re.ASCII)
# RFC 3986 §3.3: a path of segments that are not empty, and no list. What is escaped is no dot, slash, backslash or
# control.
_PREFIX = re.compile(rb"(?:/(?:[A-Za-z0-9\-._~!$&'()*+;=:@]|%(?![01]|2[ef]|5c|7f)[0-9a-f]{2})+)+", re.IGNORECASE)
_DOTS = frozenset({b".", b".."})
# RFC 7239 §4: a pair, whose value may be quoted. Each byte is looked at once.
_PAIR = re.compile(r"""([!#$%&'*+\-.^_`|~0-9A-Za-z]+)=(?:([!#$%&'*+\-.^_`|~0-9A-Za-z]+)|"((?:[^"\\]|\\.)*)")""")
_GAP = re.compile(r"[ \t]*([;,]|\Z)[ \t]*")
# RFC 7239 §6.3: what stands in place of an address or a port that is not shown.
_HIDDEN = re.compile(r"_[A-Za-z0-9._\-]+", re.ASCII)
_NODE = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^:\[\]]+)(?::([^:]+))?", re.ASCII)


def without_claims(fields: list[Field]) -> list[Field]:
    """Return the fields without those of proxies, nor those that frameworks take for them: x_forwarded_for.

    All that begin with X-Forwarded- are a proxy's: applications believe more of them than licorne does.
    """
    return [field for field in fields if not _is_claim(field[0].replace(b"_", b"-"))]


def _is_claim(name: bytes) -> bool:
    return name in PROXY_FIELDS or name.startswith(_X_FORWARDED)


def parse_hop(text: str) -> Node:
    """Read one entry of X-Forwarded-For: an address, perhaps with a port; what is neither is a host all the same."""
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            return text, 0
        return host, _port(rest[1:]) or 0
    if text.count(":") == 1:
        host, _, digits = text.partition(":")
        port = _port(digits)
        return (text, 0) if port is None else (host, port)
    return text, 0


def parse_real_ip(value: bytes) -> Node | None:
    """Read X-Real-IP: one address. A zone is of no use elsewhere, and may be any text."""
    try:
        return None if b"%" in value else (_written(ip_address(value.decode("ascii"))), 0)
    except ValueError:
        return None


def parse_host(value: bytes) -> bytes | None:
    """Read X-Forwarded-Host: one host, perhaps with a port (RFC 9110 §7.2)."""
    return value if len(value) <= _MAX_HOST_BYTES and is_host(value) else None


def parse_port(value: bytes) -> int | None:
    """Read X-Forwarded-Port."""
    return _port(value.decode("latin-1")) or None


def parse_prefix(value: bytes) -> bytes | None:
    """Read X-Forwarded-Prefix: a path, without the slash at its end. "//", "..", and what is escaped so, is none."""
    path = value[:-1] if value.endswith(b"/") else value
    if not path:
        return b"" if value else None
    if len(path) > _MAX_PREFIX_BYTES or not _PREFIX.fullmatch(path):
        return None
    return None if _DOTS.intersection(path.split(b"/")) else path


def parse_forwarded(value: bytes) -> list[dict[str, str]]:
    """Read one line of Forwarded (RFC 7239 §4) into its elements, in order: names in lower case, values unquoted.

    Raises:
        ValueError: It is malformed, or has more bytes or elements than any chain of proxies.
    """
    if len(value) > _MAX_LINE_BYTES:
        raise ValueError("the line is too long")
    elements: list[dict[str, str]] = [{}]
    for name, content, end in _pairs(value.decode("latin-1").strip(" \t")):
        if name in elements[-1]:
            raise ValueError("a parameter comes twice")  # RFC 7239 §4: not more than once for each element
        if name:
            elements[-1][name] = content
        if end == "," and elements[-1]:
            elements.append({})
        if len(elements) > _MAX_ELEMENTS:
            raise ValueError("too many elements")
    return [element for element in elements if element]


def _pairs(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield each pair with what ends it; a pair that is left out is empty."""
    at = 0
    while at < len(text):
        pair = _PAIR.match(text, at)
        at = pair.end() if pair else at
        gap = _GAP.match(text, at)
        if gap is None:
            raise ValueError("a pair is malformed")
        at = gap.end()
        if pair is None:
            yield "", "", gap[1]
        else:
            yield pair[1].lower(), pair[2] or _unquoted(pair[3] or ""), gap[1]


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text) if "\\" in text else text


def parse_node(text: str) -> Node:
    """Read who a parameter of Forwarded names (RFC 7239 §6). Raises ValueError for what names nobody."""
    match = _NODE.fullmatch(text)
    if match is None:
        raise ValueError("a node is malformed")
    host, port = match[1], 0
    if match[2] is not None and not _HIDDEN.fullmatch(match[2]):
        if not _DIGITS.fullmatch(match[2]):
            raise ValueError("a port is malformed")
        port = int(match[2])
    if port > _MAX_PORT:
        raise ValueError("a port is too large")
    return _node_host(host), port


def _node_host(host: str) -> str:
    if host.startswith("["):
        return _written(IPv6Address(host[1:-1]))
    if host.lower() == "unknown" or _HIDDEN.fullmatch(host):
        return host
    return str(IPv4Address(host))


def _written(address: IPv4Address | IPv6Address) -> str:
    """Return an address as sockets write it, which Python does in some versions only."""
    kind = socket.AF_INET if isinstance(address, IPv4Address) else socket.AF_INET6
    return socket.inet_ntop(kind, address.packed)


def _port(digits: str) -> int | None:
    if not _DIGITS.fullmatch(digits):
        return None
    port = int(digits)
    return port if port <= _MAX_PORT else None
