"""Small facts of a scope or a transport, which applications and recipes for logging import."""

import asyncio
from typing import Any
from urllib.parse import quote

from licorne.errors import ClientDisconnected

__all__ = [
    "ClientDisconnected",
    "get_client_addr",
    "get_local_addr",
    "get_path_with_query_string",
    "get_remote_addr",
    "is_ssl",
]


def get_remote_addr(transport: asyncio.Transport) -> tuple[str, int] | None:
    """Return the address of the peer, None for one without."""
    return _address(transport, "getpeername", "peername")


def get_local_addr(transport: asyncio.Transport) -> tuple[str, int | None] | None:
    """Return our address; of a UNIX socket its path and None."""
    found = _address(transport, "getsockname", "sockname")
    if found is None and isinstance(path := transport.get_extra_info("sockname"), str):
        return path, None
    return found


def _address(transport: asyncio.Transport, method: str, info: str) -> tuple[str, int] | None:
    sock = transport.get_extra_info("socket")
    try:
        found: Any = getattr(sock, method)() if sock is not None else transport.get_extra_info(info)
    except OSError:
        return None
    if isinstance(found, list | tuple) and len(found) >= 2:
        return str(found[0]), int(found[1])
    return None


def is_ssl(transport: asyncio.Transport) -> bool:
    """Tell whether a transport speaks TLS."""
    return bool(transport.get_extra_info("sslcontext"))


def get_client_addr(scope: Any) -> str:
    """Return "host:port" of the client, "" if nobody knows."""
    client = scope.get("client")
    return f"{client[0]}:{client[1]}" if client else ""


def get_path_with_query_string(scope: Any) -> str:
    """Return the path, quoted, with the query if there is one."""
    path = quote(scope["path"])
    query = scope["query_string"]
    return f"{path}?{query.decode('ascii')}" if query else path
