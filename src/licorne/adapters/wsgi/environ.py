"""environ: what a WSGI application is told of a request, from the scope of ASGI (PEP 3333, "environ Variables").

Rules: texts are bytes decoded as ISO-8859-1, as PEP 3333 has it. `SCRIPT_NAME` and `PATH_INFO` are percent-decoded and
together the path. Addresses, scheme, host and prefix are those of the scope, in which trusted proxies had their say.
A field whose name has an underscore is left out, for it would pass for another one, and `Proxy` is, for it would pass
for the variable HTTP_PROXY.
"""

import sys
from typing import Any, BinaryIO, Final
from urllib.parse import unquote_to_bytes

from licorne.adapters.wsgi.files import FileWrapper

__all__ = ["constants_of", "environ_of"]

_PERCENT = 37
_DEFAULT_PORTS: Final = {"http": "80", "https": "443"}
#: Fields that come with nearly every request.
_KEYS: Final[dict[bytes, str | None]] = {
    b"content-type": "CONTENT_TYPE",
    b"content-length": "CONTENT_LENGTH",
    b"proxy": None,
    **{
        name: "HTTP_" + name.decode().upper().replace("-", "_")
        for name in (
            *(b"host", b"user-agent", b"accept", b"accept-language", b"accept-encoding", b"connection", b"cookie"),
            *(b"cache-control", b"pragma", b"referer", b"origin", b"upgrade-insecure-requests", b"dnt", b"priority"),
            *(b"sec-fetch-dest", b"sec-fetch-mode", b"sec-fetch-site", b"sec-fetch-user", b"te", b"range", b"expect"),
            *(b"sec-ch-ua", b"sec-ch-ua-mobile", b"sec-ch-ua-platform", b"authorization", b"if-none-match"),
            *(b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"x-real-ip", b"x-request-id", b"via"),
            *(b"if-modified-since", b"x-requested-with", b"x-csrftoken", b"transfer-encoding", b"forwarded"),
        )
    },
}


def constants_of(is_multithread: bool, is_multiprocess: bool) -> dict[str, Any]:
    """Return the part of the environ that is the same for every request."""
    return {
        "wsgi.version": (1, 0),
        "wsgi.multithread": is_multithread,
        "wsgi.multiprocess": is_multiprocess,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": FileWrapper,
        "wsgi.input_terminated": True,
    }


def environ_of(constants: dict[str, Any], scope: dict[str, Any], body: BinaryIO) -> dict[str, Any]:
    """Return the environ of a request."""
    environ = constants.copy()
    scheme = scope.get("scheme", "http")
    query: bytes = scope["query_string"]
    environ["REQUEST_METHOD"] = scope["method"]
    environ["QUERY_STRING"] = query.decode("latin-1") if query else ""
    environ["SERVER_PROTOCOL"] = f"HTTP/{scope['http_version']}"
    environ["wsgi.url_scheme"] = scheme
    environ["wsgi.input"] = body
    environ["wsgi.errors"] = sys.stderr
    environ["asgi.scope"] = scope
    _set_path(environ, scope, query)
    _set_fields(environ, scope["headers"])
    _set_client(environ, scope.get("client"))
    _set_server(environ, scope.get("server"), scheme)
    return environ


def _set_path(environ: dict[str, Any], scope: dict[str, Any], query: bytes) -> None:
    raw: bytes | None = scope.get("raw_path")
    root: str = scope.get("root_path", "")
    if raw is None:
        path = scope["path"].encode("utf-8", "surrogateescape").decode("latin-1")
        target = path
    else:
        target = raw.decode("latin-1")
        path = unquote_to_bytes(raw).decode("latin-1") if _PERCENT in raw else target
    script = ""
    if root:
        script = root.encode("utf-8", "surrogateescape").decode("latin-1").rstrip("/")
        # ASGI: the path has the prefix in front. Servers that follow an older text leave it out.
        if path == script or path.startswith(script + "/"):
            path = path[len(script) :]
    environ["SCRIPT_NAME"] = script
    environ["PATH_INFO"] = path
    # No variables of PEP 3333, but the target as it came is what several frameworks look for.
    environ["REQUEST_URI"] = environ["RAW_URI"] = f"{target}?{environ['QUERY_STRING']}" if query else target


def _set_fields(environ: dict[str, Any], headers: Any) -> None:
    for name, value in headers:
        key = _KEYS[name] if name in _KEYS else _key_of(name)
        if key is None:
            continue
        text = value.decode("latin-1")
        if key in environ:
            # RFC 9110 §5.3, and RFC 6265 §5.4 for cookies
            text = environ[key] + (";" if key == "HTTP_COOKIE" else ",") + text
        environ[key] = text


def _key_of(name: bytes) -> str | None:
    if b"_" in name:
        return None
    key = "HTTP_" + name.decode("latin-1").upper().replace("-", "_")
    return None if key == "HTTP_PROXY" else key


def _set_client(environ: dict[str, Any], client: Any) -> None:
    if client is None:
        environ["REMOTE_ADDR"] = ""  # a UNIX socket; many applications expect the variable
        return
    environ["REMOTE_ADDR"] = client[0]
    if client[1]:
        environ["REMOTE_PORT"] = str(client[1])


def _set_server(environ: dict[str, Any], server: Any, scheme: str) -> None:
    if scheme == "https":
        environ["HTTPS"] = "on"
    if server is not None and server[1] is not None:
        environ["SERVER_NAME"] = server[0]
        environ["SERVER_PORT"] = str(server[1])
        return
    # A UNIX socket has neither, and PEP 3333 asks for both: they are what the client has asked for.
    name, _, port = environ.get("HTTP_HOST", "").rpartition(":")
    if not name or not port.isdecimal():
        name, port = environ.get("HTTP_HOST", ""), ""
    environ["SERVER_NAME"] = name or "localhost"
    environ["SERVER_PORT"] = port or _DEFAULT_PORTS.get(scheme, "80")
