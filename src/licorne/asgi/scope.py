"""Scope: builds the `http` and `websocket` scopes of ASGI 2.5 from an exchange and its link."""

from typing import Any
from urllib.parse import quote, unquote_to_bytes

from licorne.asgi.tls import tls_extension
from licorne.engine.exchange import Exchange
from licorne.link import Account, Link

__all__ = ["ScopeMaker"]

_PERCENT = 37
# RFC 3986 §3.3: what may stand in a path as it is, besides letters and digits.
_PATH_MARKS = "/:@!$&'()*+,;="
_HTTP_EXTENSIONS: dict[str, dict[str, Any]] = {
    "http.response.early_hint": {},
    "http.response.trailers": {},
    "http.response.pathsend": {},
    "http.response.zerocopysend": {},
}
# Names and values of fields that many WebSocket handshakes have.
_FREQUENT = {
    text: text
    for text in (
        *(b"host", b"upgrade", b"connection", b"origin", b"user-agent", b"cookie", b"pragma", b"cache-control"),
        *(b"sec-websocket-key", b"sec-websocket-version", b"sec-websocket-extensions", b"sec-websocket-protocol"),
        *(b"accept-encoding", b"accept-language", b"websocket", b"Upgrade", b"keep-alive, Upgrade", b"13", b"no-cache"),
        *(b"permessage-deflate", b"permessage-deflate; client_max_window_bits", b"gzip, deflate, br, zstd"),
    )
}
_WEBSOCKET_EXTENSIONS: dict[str, dict[str, Any]] = {"websocket.http.response": {}}


class ScopeMaker:
    """Make scopes for one application: what is the same for every request, or connection, is prepared once."""

    __slots__ = ("asgi", "extensions", "raw_root", "root_path", "state", "template")

    def __init__(self, asgi_version: str, root_path: str, state: dict[str, Any]) -> None:
        """Take the ASGI version ("2.0" or "3.0"), the mount point, and the lifespan state that requests copy."""
        self.asgi = {"version": asgi_version, "spec_version": "2.5"}
        self.extensions = dict(list(_HTTP_EXTENSIONS.items()))
        self.root_path = root_path.rstrip("/")
        self.raw_root = quote(self.root_path, safe=_PATH_MARKS).encode()
        self.state = state
        # Copying a dict costs half of what making it does, and what most requests have is set already.
        pairs: list[tuple[str, Any]] = [
            ("type", "http"),
            ("asgi", self.asgi),
            ("http_version", "1.1"),
            ("server", None),
            ("client", None),
            ("scheme", "http"),
            ("method", "GET"),
            ("root_path", self.root_path),
            ("path", ""),
            ("raw_path", b""),
            ("query_string", b""),
            ("headers", None),
            ("state", None),
            ("extensions", self.extensions),
        ]
        # A literal would be larger and slower when it is compiled: it is made for keys of any type.
        self.template: dict[str, Any] = dict(pairs)

    def http_scope(self, exchange: Exchange, link: Link) -> dict[str, Any]:
        """Return the scope of a request (ASGI HTTP connection scope); another one shares no more than what
        nobody has to change: the ASGI versions, and the empty dicts that stand behind the extensions."""
        head = exchange.head
        account = link.account
        root = self.raw_root if account is None or account.prefix is None else account.prefix
        raw_path = head.path if not root else self._mounted(head.path, root)
        template = link.scope
        if template is None:
            template = link.scope = self._template_of(link)
        scope = template.copy()
        if head.http_version != "1.1":
            scope["http_version"] = head.http_version
        if head.method != "GET":
            scope["method"] = head.method
        scope["path"] = self._decoded(raw_path)
        scope["raw_path"] = raw_path
        if head.query:
            scope["query_string"] = head.query
        scope["headers"] = head.headers
        scope["state"] = self.state.copy() if self.state else {}
        extensions = self.extensions if link.tls is None else template["extensions"]
        extensions = scope["extensions"] = extensions.copy()
        if account is not None:
            _add_extensions(extensions, account)
        return scope

    def websocket_scope(self, exchange: Exchange, link: Link, subprotocols: list[str]) -> dict[str, Any]:
        """Return the scope of a WebSocket (ASGI WebSocket connection scope)."""
        scope = self.http_scope(exchange, link)
        del scope["method"]
        scope["type"] = "websocket"
        scope["scheme"] = "wss" if link.is_secure else "ws"
        scope["subprotocols"] = list(subprotocols)
        scope["extensions"] = _WEBSOCKET_EXTENSIONS.copy()
        if link.tls is not None:
            scope["extensions"]["tls"] = tls_extension(link.tls)
        if link.account is not None:
            _add_extensions(scope["extensions"], link.account)
        # A WebSocket may be kept for long: no further request needs what is common, and fields share their bytes.
        link.scope = None
        head = exchange.head
        head.headers = scope["headers"] = [
            (_FREQUENT.get(name, name), _FREQUENT.get(value, value)) for name, value in head.headers
        ]
        return scope

    def _template_of(self, link: Link) -> dict[str, Any]:
        template = self.template.copy()
        template["server"] = link.server
        template["client"] = link.client
        if link.is_secure:
            template["scheme"] = "https"
        if link.tls is not None:
            template["extensions"] = {**self.extensions, "tls": tls_extension(link.tls)}
        if link.account is not None and link.account.prefix is not None:
            template["root_path"] = self._decoded(link.account.prefix)
        return template

    def _decoded(self, path: bytes) -> str:
        if _PERCENT in path:
            return unquote_to_bytes(path).decode("utf-8", "replace")
        return path.decode("ascii")

    def _mounted(self, path: bytes, root: bytes) -> bytes:
        """Put the mount point before a path, unless the proxy in front has left it there, as its client wrote it."""
        if _is_below(path, root) or path == b"*":
            return path
        if _PERCENT in path and _is_below(unquote_to_bytes(path), unquote_to_bytes(root)):
            return path
        return root + path


def _is_below(path: bytes, root: bytes) -> bool:
    return path == root or path.startswith(root + b"/")


def _add_extensions(extensions: dict[str, dict[str, Any]], account: Account) -> None:
    for name, told in account.extensions.items():
        extensions[name] = told.copy()
