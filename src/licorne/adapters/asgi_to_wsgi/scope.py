"""Scope: what an ASGI application is told of a request, from the environ of WSGI.

Rules: the path includes the prefix (ASGI HTTP 2.5); texts are taken back to bytes as PEP 3333 says, by ISO-8859-1.
"""

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote

__all__ = ["length_of", "scope_of"]

# RFC 3986 §3.3: what may stand in a path as it is, besides letters and digits.
_PATH_MARKS: Final = "/:@!$&'()*+,;="
_ASGI: Final = {"version": "3.0", "spec_version": "2.5"}


def scope_of(environ: dict[str, Any], state: dict[str, Any]) -> dict[str, Any]:
    """Return the scope of a request."""
    root = environ.get("SCRIPT_NAME", "").encode("latin-1")
    path = root + environ.get("PATH_INFO", "").encode("latin-1")
    return {
        "type": "http",
        "asgi": dict(_ASGI),
        "http_version": _version(environ.get("SERVER_PROTOCOL", "HTTP/1.1")),
        "method": environ["REQUEST_METHOD"].upper(),
        "scheme": environ.get("wsgi.url_scheme", "http"),
        "path": path.decode("utf-8", "replace"),
        "raw_path": quote(path, safe=_PATH_MARKS).encode("ascii"),
        "query_string": environ.get("QUERY_STRING", "").encode("latin-1"),
        "root_path": root.decode("utf-8", "replace").rstrip("/"),
        "headers": list(_headers(environ)),
        "client": _address(environ.get("REMOTE_ADDR"), environ.get("REMOTE_PORT")),
        "server": _address(environ.get("SERVER_NAME"), environ.get("SERVER_PORT")),
        "state": state.copy(),
        "extensions": {},
        "wsgi_environ": environ,
    }


def length_of(environ: dict[str, Any]) -> int | None:
    """Return the length of the request body; None for one that ends where `wsgi.input` does."""
    text = environ.get("CONTENT_LENGTH") or ""
    if text.isascii() and text.isdigit():
        return int(text)
    return None if environ.get("wsgi.input_terminated") else 0


def _version(protocol: str) -> str:
    number = protocol.partition("/")[2] or "1.1"
    return number.removesuffix(".0") if number[:1] in ("2", "3") else number


def _headers(environ: dict[str, Any]) -> Iterator[tuple[bytes, bytes]]:
    for key, value in environ.items():
        if key in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            name = key
        elif key.startswith("HTTP_") and key not in ("HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH"):
            name = key[5:]
        else:
            continue
        if value or name == key[5:]:  # PEP 3333: these two may be there and empty
            yield name.replace("_", "-").lower().encode("latin-1"), value.encode("latin-1")


def _address(host: str | None, port: str | None) -> tuple[str, int] | None:
    if not host:
        return None
    number = str(port or "")
    return host, int(number) if number.isascii() and number.isdigit() else 0
