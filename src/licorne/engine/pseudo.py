"""Pseudo-header fields (RFC 9113 §8.2, §8.3): a decoded field section becomes a request head, or is refused.

HTTP/2 and HTTP/3 share these rules. A section that HTTP/1 could understand differently is refused, never repaired:
what has no meaning in one version must not get one on the way to another.

Every fault is a RemoteProtocolError. Status 400 says that the request is malformed (RFC 9113 §8.1.1: a stream error);
any other status is an answer to a well-formed request.
"""

from licorne.engine import _bytes
from licorne.engine.framing import CHUNKED, parse_length
from licorne.engine.headers import FIELD_TEXT, HOP_BY_HOP, LOWER_NAME, PROXY_FIELDS, is_host, is_token, list_tokens
from licorne.engine.received import RequestHead
from licorne.engine.target import check_connect, split_origin
from licorne.errors import RemoteProtocolError

__all__ = ["Section", "check_trailers", "read_head", "request_head"]

_METHODS = {name.encode(): name for name in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE")}
_DEFAULT_PORTS = {b"http": b"80", b"https": b"443"}
_LOCALHOST = (b"host", b"localhost")
_COLON = 58
_SLASH = 47
_SPACE = 32
_FIELD_TEXT = FIELD_TEXT
_LOWER_NAME = LOWER_NAME
_CHUNKED = CHUNKED
# The fields that this module must understand, told apart from most others by their length first.
_HOST = 1
_CONTENT_LENGTH = 2
_COOKIE = 3
_EXPECT = 4
_TE = 5
_OF_CONNECTION = 6
_KNOWN = {
    b"host": _HOST,
    b"content-length": _CONTENT_LENGTH,
    b"cookie": _COOKIE,
    b"expect": _EXPECT,
    b"te": _TE,
    # RFC 9113 §8.2.2
    **dict.fromkeys(HOP_BY_HOP, _OF_CONNECTION),
}
_KNOWN_LENGTHS = bytes(1 if size in {len(name) for name in _KNOWN} else 0 for size in range(256))
# Those that proxies add are looked for elsewhere, if there may be any.
_PROXY_LENGTHS = bytes(1 if size in {len(name) for name in PROXY_FIELDS} else 0 for size in range(256))
_PROXY_LETTERS = bytes(1 if letter in {name[0] for name in PROXY_FIELDS} else 0 for letter in range(256))


class Section:
    """Gather what a field section says, checked, in one pass. It may be reused, one section after the other."""

    __slots__ = (
        "authority",
        "checked",
        "cookies",
        "expect",
        "fields",
        "host",
        "host_field",
        "is_plain",
        "length",
        "method",
        "path",
        "protocol",
        "scheme",
        "te",
    )

    def __init__(self) -> None:
        #: The fields of the last section. The same tuple at the same place need not be checked again.
        self.checked: list[tuple[bytes, bytes]] = []
        #: The last `:authority` that was found valid, as a field; at first any that is.
        self.host_field = _LOCALHOST
        self._reset()

    def forget(self) -> None:
        """Let go of the last section."""
        self.checked = []
        self.host_field = _LOCALHOST
        self._reset()

    def gather(self, fields: list[tuple[bytes, bytes]]) -> None:
        """Take a decoded section.

        Raises:
            RemoteProtocolError: 400 when a field breaks a rule that needs no other field to be known.
        """
        self._reset()
        checked = self.checked
        count = len(checked)
        for at, field in enumerate(fields):
            if at >= count or checked[at] is not field:
                check_field(field)
            name, value = field
            size = len(name)
            if name[0] == _COLON:
                if self.fields:
                    # RFC 9113 §8.3
                    raise RemoteProtocolError(400, "a pseudo-header field after a regular one")
                self._note_pseudo(name, value)
                continue
            if size < 256 and _PROXY_LENGTHS[size] and _PROXY_LETTERS[name[0]]:
                self.is_plain = False
            if size < 256 and _KNOWN_LENGTHS[size]:
                self._note(field, name, value)
            else:
                self.fields.append(field)
        self.checked = fields
        self._join_cookie()

    def _reset(self) -> None:
        #: Values of pseudo-header fields, and of regular ones; None for one that is absent.
        self.authority: bytes | None = None
        self.method: bytes | None = None
        self.path: bytes | None = None
        self.protocol: bytes | None = None
        self.scheme: bytes | None = None
        self.expect: bytes | None = None
        self.host: bytes | None = None
        self.length: bytes | None = None
        self.te: bytes | None = None
        #: The values of all cookie fields.
        self.cookies: list[bytes] | None = None
        #: None of the fields can be one that a proxy adds.
        self.is_plain = True
        #: The regular fields.
        self.fields: list[tuple[bytes, bytes]] = []

    def _note_pseudo(self, name: bytes, value: bytes) -> None:
        # RFC 9113 §8.3: each at most once, and no others.
        if name == b":method":
            self.method = once(self.method, value)
        elif name == b":path":
            self.path = once(self.path, value)
        elif name == b":scheme":
            self.scheme = once(self.scheme, value)
        elif name == b":authority":
            self.authority = once(self.authority, value)
        elif name == b":protocol":
            self.protocol = once(self.protocol, value)
        else:
            raise RemoteProtocolError(400, "a pseudo-header field that requests do not have")

    def _note(self, field: tuple[bytes, bytes], name: bytes, value: bytes) -> None:
        """Add a regular field, which may be one that is known here."""
        kind = _KNOWN.get(name, 0)
        if kind == _COOKIE and self._is_crumb(value):
            return
        if kind == _HOST:
            self.host = once(self.host, value)
        elif kind == _CONTENT_LENGTH:
            self.length = once(self.length, value)
        elif kind == _TE:
            # RFC 9113 §8.2.2
            if value.lower() != b"trailers":
                raise RemoteProtocolError(400, "TE may say nothing but trailers")
            self.te = value
        elif kind == _EXPECT:
            self.expect = value if self.expect is None else self.expect + b"," + value
        elif kind == _OF_CONNECTION:
            raise RemoteProtocolError(400, "a field that belongs to an HTTP/1 connection")
        self.fields.append(field)

    def _is_crumb(self, value: bytes) -> bool:
        """Take note of a cookie; tell whether it is to be joined to an earlier one (RFC 9113 §8.2.3)."""
        if self.cookies is None:
            self.cookies = [value]
            return False
        self.cookies.append(value)
        return True

    def _join_cookie(self) -> None:
        if self.cookies is not None and len(self.cookies) > 1:
            joined = (b"cookie", b"; ".join(self.cookies))
            self.fields = [joined if field[0] == b"cookie" else field for field in self.fields]


def once(known: bytes | None, value: bytes) -> bytes:
    """Return the value of a field that must not be repeated.

    Raises:
        RemoteProtocolError: 400 when it is.
    """
    if known is not None:
        raise RemoteProtocolError(400, "a field is repeated that must not be")
    return value


def check_field(field: tuple[bytes, bytes]) -> None:
    """Check a field by itself (RFC 9113 §8.2.1): a name in lower case, no control character, no blank at an end.

    A name may begin with a colon, and everything may follow it: there are few of those names.

    Raises:
        RemoteProtocolError: 400.
    """
    name, value = field
    if not name or (name[0] != _COLON and not _bytes.is_all(name, 0, len(name), _LOWER_NAME)):
        raise RemoteProtocolError(400, "a field name is not a token in lower case")
    size = len(value)
    if size:
        if not _bytes.is_all(value, 0, size, _FIELD_TEXT):
            raise RemoteProtocolError(400, "a control character in a field value")
        if value[0] <= _SPACE or value[size - 1] <= _SPACE:
            raise RemoteProtocolError(400, "a field value begins or ends with a blank")


def check_trailers(fields: list[tuple[bytes, bytes]]) -> None:
    """Check a trailer section (RFC 9113 §8.1, §8.2).

    Raises:
        RemoteProtocolError: 400 when it is malformed.
    """
    for field in fields:
        check_field(field)
        if field[0][:1] == b":":
            raise RemoteProtocolError(400, "a pseudo-header field in a trailer section")
        if field[0] in HOP_BY_HOP:
            raise RemoteProtocolError(400, "a field that belongs to an HTTP/1 connection")


def request_head(
    fields: list[tuple[bytes, bytes]], ends: bool, takes_websocket: bool = True, version: str = "2"
) -> RequestHead:
    """Return the head that a decoded field section describes, every attribute set.

    `ends` says that no content follows (END_STREAM); `takes_websocket` that extended CONNECT was offered (RFC 8441
    §3). The length is -1 when content follows and nothing says how much. If there is an `:authority`, the first field
    is a `host` with its value, as the ASGI specification wants.

    Raises:
        RemoteProtocolError: 400 when the request is malformed; 413, 417 or 501 as an answer.
    """
    return read_head(Section(), fields, ends, takes_websocket, version)


def read_head(
    section: Section, fields: list[tuple[bytes, bytes]], ends: bool, takes_websocket: bool, version: str
) -> RequestHead:
    """Do what `request_head` does, with a section that knows what was checked before."""
    section.gather(fields)
    head = RequestHead.__new__(RequestHead)
    head.http_version = version
    head.method = method_of(section)
    head.takes_trailers = section.te is not None
    head.asks_websocket = head.is_websocket = False
    head.is_plain = section.is_plain
    check_authority(section)
    head.headers = section.fields
    if head.method == "CONNECT":
        read_connect(head, section, takes_websocket)
    else:
        read_target(head, section)
    head.content_length = content_length(section, ends)
    head.expects_continue = section.expect is not None and expects_continue(section.expect)
    if head.is_websocket and head.content_length > 0:
        raise RemoteProtocolError(400, "a request for a WebSocket has a length")
    return head


def method_of(section: Section) -> str:
    """Return the method.

    Raises:
        RemoteProtocolError: 400 when there is none or it is no token; 501 when it has lower-case letters.
    """
    method = section.method
    if method is None:
        raise RemoteProtocolError(400, "a request without :method")
    known = _METHODS.get(method)
    if known is not None:
        return known
    if not is_token(method):
        raise RemoteProtocolError(400, "the method is not a token")
    # RFC 9110 §9.1: methods are case-sensitive, and ASGI promises upper case: "get" cannot be passed on.
    if method != method.upper():
        raise RemoteProtocolError(501, "a method with lower-case letters is not known here")
    return method.decode("ascii")


def check_authority(section: Section) -> None:
    """Check `:authority` and Host, and put the first in the place of the latter (RFC 9113 §8.3.1).

    Raises:
        RemoteProtocolError: 400 when neither is there, either is not a host, or they differ.
    """
    host = section.host
    if section.authority is None:
        # RFC 9110 §7.2: one of the two says which site is meant.
        if host is None:
            raise RemoteProtocolError(400, "a request without :authority and Host")
        check_host(host)
        return
    authority = section.authority
    if authority != section.host_field[1]:
        check_host(authority)
        section.host_field = (b"host", authority)
    fields = section.fields
    if host is not None:
        if host != authority and normalized(host, section.scheme) != normalized(authority, section.scheme):
            raise RemoteProtocolError(400, "Host and :authority differ")
        fields = section.fields = [field for field in fields if field[0] != b"host"]
    fields.insert(0, section.host_field)


def check_host(authority: bytes) -> None:
    """Check an authority (RFC 9113 §8.3.1): a host, perhaps a port, no userinfo.

    Raises:
        RemoteProtocolError: 400.
    """
    if not is_host(authority):
        raise RemoteProtocolError(400, "the authority of the request is not a host")


def normalized(authority: bytes, scheme: bytes | None) -> bytes:
    """Return an authority as RFC 3986 §6.2 compares it: in lower case, without the port that its scheme implies."""
    authority = authority.lower()
    host, colon, port = authority.rpartition(b":")
    if colon and (not port or port == _DEFAULT_PORTS.get(scheme or b"")):
        return host
    return authority


def read_target(head: RequestHead, section: Section) -> None:
    """Read `:scheme` and `:path` of a request that is not CONNECT, and those of extended CONNECT.

    Raises:
        RemoteProtocolError: 400 when either is missing or not allowed.
    """
    if section.scheme is None or section.path is None:
        raise RemoteProtocolError(400, "a request without :scheme or :path")
    if section.scheme not in _DEFAULT_PORTS and section.scheme.lower() not in _DEFAULT_PORTS:
        raise RemoteProtocolError(400, "a scheme that is not http or https")
    if section.protocol is not None and head.method != "CONNECT":
        # RFC 8441 §4
        raise RemoteProtocolError(400, "a protocol is asked for without CONNECT")
    target = head.target = section.path
    if target and target[0] == _SLASH:
        head.path, head.query = split_origin(target)
        return
    if target != b"*" or head.method != "OPTIONS":
        raise RemoteProtocolError(400, "the path does not begin with a slash")
    head.path, head.query = target, b""


def read_connect(head: RequestHead, section: Section, takes_websocket: bool) -> None:
    """Read the target of CONNECT (RFC 9113 §8.5) or extended CONNECT (RFC 8441 §4).

    Raises:
        RemoteProtocolError: 400 when it is malformed; 501 when what it asks for is not there.
    """
    if section.protocol is None:
        if section.scheme is not None or section.path is not None or section.authority is None:
            raise RemoteProtocolError(400, "CONNECT has an :authority, and neither :scheme nor :path")
        check_connect(section.authority)
        raise RemoteProtocolError(501, "CONNECT is not supported")
    if not takes_websocket:
        raise RemoteProtocolError(400, "a protocol is asked for that was not offered")
    if section.authority is None:
        raise RemoteProtocolError(400, "extended CONNECT without :authority")
    read_target(head, section)
    if section.protocol.lower() != b"websocket":
        raise RemoteProtocolError(501, "the protocol that is asked for is not known here")
    head.asks_websocket = head.is_websocket = True


def content_length(section: Section, ends: bool) -> int:
    """Return how many bytes of content are to come, -1 when nobody says.

    Raises:
        RemoteProtocolError: 400 when the length is not a number, or announces what does not come (RFC 9113 §8.1.1);
            413 when it is over 2**63 - 1.
    """
    if section.length is None:
        return 0 if ends else _CHUNKED
    length = parse_length(section.length)
    if ends and length:
        raise RemoteProtocolError(400, "the request has no content, but a length")
    return length


def expects_continue(value: bytes) -> bool:
    """Tell whether a 100 is expected (RFC 9110 §10.1.1).

    Raises:
        RemoteProtocolError: 417 when something else is.
    """
    if list_tokens(value) != [b"100-continue"]:
        raise RemoteProtocolError(417, "the only expectation met here is 100-continue")
    return True
