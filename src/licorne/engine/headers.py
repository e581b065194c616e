"""Field rules of RFC 9110 §5 and §7: names, values, lists, hosts, and which names belong to one hop.

Pure functions over bytes, shared by every HTTP version. Tables say which bytes are allowed; nothing here
decodes, strips by locale or uses a regular expression on what a peer sent.
"""

from licorne.engine import _bytes

__all__ = [
    "FIELD_NAME",
    "FIELD_TEXT",
    "HOP_BY_HOP",
    "LOWER_NAME",
    "PROXY_FIELDS",
    "TOKEN",
    "is_host",
    "is_token",
    "list_tokens",
    "port_of",
]

_ALPHA_DIGIT = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


def _table(allowed: bytes) -> bytes:
    return bytes(1 if byte in allowed else 0 for byte in range(256))


_TCHAR = _ALPHA_DIGIT + b"!#$%&'*+-.^_`|~"

#: RFC 9110 §5.6.2: the bytes of a token.
TOKEN = _table(_TCHAR)
#: A token mapped to lower case; 0 where the byte may not stand in a field name.
FIELD_NAME = bytes(ord(chr(byte).lower()) if byte in _TCHAR else 0 for byte in range(256))
#: The bytes of a field name that is already in lower case.
LOWER_NAME = bytes(1 if byte in _TCHAR and not 65 <= byte <= 90 else 0 for byte in range(256))
#: RFC 9110 §5.5: HTAB, visible ASCII, space and obs-text. No CR, LF, NUL or other control.
FIELD_TEXT = bytes(1 if byte == 9 or 32 <= byte <= 126 or byte >= 128 else 0 for byte in range(256))

# RFC 3986 §3.2.2: reg-name = *( unreserved / pct-encoded / sub-delims )
_REG_NAME = _table(_ALPHA_DIGIT + b"-._~!$&'()*+,;=%")
_IPV6 = _table(b"0123456789abcdefABCDEF:.")
_IP_FUTURE = _table(_ALPHA_DIGIT + b"-._~!$&'()*+,;=:")
_HEX_DIGIT = _table(b"0123456789abcdefABCDEF")
_MAX_PORT = 65535
_PERCENT = 37

#: RFC 9110 §7.6.1: fields that describe one connection; the server owns them in responses.
HOP_BY_HOP = frozenset({b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"})

#: What proxies say of their clients: RFC 7239, and the fields that were there before it.
PROXY_FIELDS = frozenset(
    {
        b"forwarded",
        b"x-forwarded-for",
        b"x-forwarded-host",
        b"x-forwarded-port",
        b"x-forwarded-prefix",
        b"x-forwarded-proto",
        b"x-real-ip",
    }
)


def is_token(data: bytes) -> bool:
    """Tell whether `data` is a token (RFC 9110 §5.6.2)."""
    return bool(data) and _bytes.is_all(data, 0, len(data), TOKEN)


def list_tokens(value: bytes) -> list[bytes]:
    """Split a comma list (RFC 9110 §5.6.1) into its members in lower case; empty members are dropped."""
    tokens = []
    for member in value.split(b","):
        token = member.strip(b" \t").lower()
        if token:
            tokens.append(token)
    return tokens


def is_host(value: bytes) -> bool:
    """Tell whether `value` is `uri-host [ ":" port ]` with a host that is not empty (RFC 9110 §7.2, §4.2.1)."""
    if value[:1] == b"[":
        end = value.find(b"]")
        return end > 0 and _is_ip_literal(value[1:end]) and _is_port_suffix(value[end + 1 :])
    colon = _bytes.find(value, 58, 0, len(value))
    host = value if colon < 0 else value[:colon]
    return _is_reg_name(host) and (colon < 0 or _is_port_suffix(value[colon:]))


def port_of(value: bytes) -> int | None:
    """Return the port of a value that `is_host` accepted; None if it names none."""
    digits = value.rpartition(b"]")[2].rpartition(b":")
    return int(digits[2]) if digits[1] and digits[2] else None


def _is_port_suffix(suffix: bytes) -> bool:
    # RFC 3986 §3.2.3: port = *DIGIT, so ":" alone is legal.
    if not suffix:
        return True
    digits = suffix[1:]
    if suffix[:1] != b":" or len(digits) > 5:
        return False
    return not digits or (digits.isdigit() and int(digits) <= _MAX_PORT)


def _is_reg_name(host: bytes) -> bool:
    if not host or not _bytes.is_all(host, 0, len(host), _REG_NAME):
        return False
    return b"%" not in host or has_valid_escapes(host)


def has_valid_escapes(data: bytes) -> bool:
    """Tell whether every "%" of `data` is followed by two hexadecimal digits (RFC 3986 §2.1)."""
    at = _bytes.find(data, _PERCENT, 0, len(data))
    while at >= 0:
        if at + 3 > len(data) or not _bytes.is_all(data, at + 1, at + 3, _HEX_DIGIT):
            return False
        at = _bytes.find(data, _PERCENT, at + 3, len(data))
    return True


def _is_ip_literal(literal: bytes) -> bool:
    if literal[:1] in (b"v", b"V"):
        version, dot, rest = literal[1:].partition(b".")
        is_versioned = bool(version) and _bytes.is_all(version, 0, len(version), _HEX_DIGIT)
        return is_versioned and bool(dot and rest) and _bytes.is_all(rest, 0, len(rest), _IP_FUTURE)
    return _bytes.is_all(literal, 0, len(literal), _IPV6) and _is_ipv6(literal)


def _is_ipv6(literal: bytes) -> bool:
    # RFC 3986 §3.2.2: eight groups of one to four digits, one "::" for a run of zero groups, an IPv4 tail.
    left, gap, right = literal.partition(b"::")
    if b"::" in right or (gap and right[:1] == b":"):
        return False
    groups = _groups(left, is_last=not gap) + _groups(right, is_last=True)
    for group in groups:
        if not 1 <= len(group) <= 4 or b"." in group:
            return False
    return len(groups) <= 7 if gap else len(groups) == 8


def _groups(side: bytes, *, is_last: bool) -> list[bytes]:
    """Split one side of an IPv6 address; a valid IPv4 tail counts as two groups."""
    groups = side.split(b":") if side else []
    if is_last and groups and b"." in groups[-1] and _is_ipv4(groups[-1]):
        groups[-1:] = [b"0", b"0"]
    return groups


def _is_ipv4(quad: bytes) -> bool:
    parts = quad.split(b".")
    for part in parts:
        has_zero_before = len(part) > 1 and part[:1] == b"0"
        if not part.isdigit() or len(part) > 3 or has_zero_before or int(part) > 255:
            return False
    return len(parts) == 4
