"""Request targets of RFC 9112 §3.2 and RFC 9110 §7.1: which form it is, and its path, query and authority.

Pure functions, shared by every HTTP version. A target that is not one of the four forms is refused.
"""

from licorne.engine import _bytes
from licorne.engine.headers import has_valid_escapes, is_host, port_of
from licorne.errors import RemoteProtocolError

__all__ = ["check_connect", "split_absolute", "split_origin"]

# RFC 3986 §3.3, §3.4 plus the bytes that WHATWG URL serialisers leave bare in a query; no space, control,
# obs-text, double quote, angle bracket or fragment mark.
_TARGET = bytes(1 if 33 <= byte <= 126 and byte not in b'"<>#' else 0 for byte in range(256))
_SCHEMES = (b"http", b"https")


def split_origin(target: bytes) -> tuple[bytes, bytes]:
    """Split origin-form (RFC 9112 §3.2.1) into raw path and query.

    Raises:
        RemoteProtocolError: 400 when a byte is not allowed or an escape of the path is broken.
    """
    if not _bytes.is_all(target, 0, len(target), _TARGET):
        raise RemoteProtocolError(400, "a byte of the request target is not allowed")
    mark = _bytes.find(target, 63, 0, len(target))
    if mark < 0:
        path, query = target, b""
    else:
        path, query = _bytes.cut(target, 0, mark), _bytes.cut(target, mark + 1, len(target))
    if _bytes.find(path, 37, 0, len(path)) >= 0 and not has_valid_escapes(path):
        raise RemoteProtocolError(400, "a percent escape of the path is broken")
    return path, query


def split_absolute(target: bytes) -> tuple[bytes, bytes]:
    """Split absolute-form (RFC 9112 §3.2.2) into its authority and what is left as origin-form.

    Raises:
        RemoteProtocolError: 400 when the scheme is not http(s) or the authority is not a host and port.
    """
    scheme, mark, rest = target.partition(b"://")
    if not mark or scheme.lower() not in _SCHEMES:
        raise RemoteProtocolError(400, "the request target has none of the four forms")
    end = len(rest.partition(b"/")[0].partition(b"?")[0])
    authority, origin = rest[:end], rest[end:]
    # RFC 9110 §4.2.4: userinfo in an http URI is an error; `is_host` allows no "@".
    if not is_host(authority):
        raise RemoteProtocolError(400, "the authority of the request target is not a host")
    return authority, origin if origin[:1] == b"/" else b"/" + origin


def check_connect(target: bytes) -> None:
    """Check authority-form (RFC 9112 §3.2.3): a host and a port, both there.

    Raises:
        RemoteProtocolError: 400 when it is not.
    """
    if not is_host(target) or port_of(target) is None:
        raise RemoteProtocolError(400, "CONNECT wants host:port as its target")
