"""TCP: sockets bound to a host and a port, alone or several to one port, and why that failed.

A host name is bound at each of its addresses; an IPv6 address takes IPv6 alone, so that `[::]:80` and `0.0.0.0:80`
stand side by side.

A claimed socket is ours alone from the moment it is bound, although nobody is let in before it listens. To bind is not
enough for that: with SO_REUSEADDR, without which a server could not start again while old connections linger, Linux
lets others bind the port until one of them listens, and with SO_REUSEPORT even then. So the claim listens for an
instant, which fails if anybody else does, and takes SO_REUSEADDR back before it stops: from then on the port is refused
to everybody but those sockets that are added here with SO_REUSEPORT, of the same user, while the claim has it too.

Rules: what cannot be bound is a StartupError of one line, and what had been bound by then is closed.
"""

import errno
import os
import socket
import sys
from collections.abc import Callable
from typing import Any, Final

from licorne.errors import StartupError
from licorne.server.listening.occupant import holder_of_port

__all__ = ["bind_another", "bind_tcp", "bracketed", "can_share_port", "listen_error", "prepare_to_listen"]

#: How often a free port is asked for anew when it turns out to be taken at another address of the same name.
_PORT_TRIES = 10
#: Why an address of a host name may be left out as long as another one of it was bound.
_ABSENT = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.ENOPROTOOPT)
_NO_SUCH_HOST = (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME))
#: Elsewhere SO_REUSEPORT is missing, or gives all connections to the socket that was bound last.
_IS_LINUX: Final = sys.platform == "linux"

_Address = tuple[int, tuple[Any, ...]]
_Bind = Callable[[int, tuple[Any, ...]], socket.socket]


def can_share_port() -> bool:
    """Tell whether the system spreads connections over several sockets of one port."""
    return _IS_LINUX and hasattr(socket, "SO_REUSEPORT")


def bind_tcp(host: str, port: int, *, is_claimed: bool = False) -> list[socket.socket]:
    """Return sockets bound to every address of a host. Raises StartupError."""
    addresses = _resolve(host, port)
    bind = _claim if is_claimed and _IS_LINUX else _bind_one
    sockets, failure = _bind_all(addresses, port, bind)
    tries = 1
    while failure is not None and not (sockets and failure.errno in _ABSENT):
        for sock in sockets:
            sock.close()
        if port != 0 or failure.errno != errno.EADDRINUSE or tries == _PORT_TRIES:
            raise StartupError(f"cannot listen on {bracketed(host)}:{port}: {_reason(failure, port)}")
        sockets, failure = _bind_all(addresses, port, bind)
        tries += 1
    return sockets


def bind_another(sock: socket.socket) -> socket.socket:
    """Return one more socket that is bound to the address of another, to share its connections. Raises StartupError."""
    name = sock.getsockname()
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        return _bind_one(sock.family, name, shares_port=True)
    except OSError as error:
        raise StartupError(f"cannot listen on {bracketed(name[0])}:{name[1]} again: {_reason(error, 0)}") from None


def prepare_to_listen(sock: socket.socket) -> None:
    """Let a claimed socket stand beside connections of servers before, which linger at its port."""
    if os.name == "posix" and sock.family in (socket.AF_INET, socket.AF_INET6):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)


def listen_error(error: OSError, url: str, port: int) -> StartupError:
    """Return what to raise when a socket that is bound cannot listen."""
    return StartupError(f"cannot listen on {url}: {_reason(error, port)}")


def bracketed(host: str) -> str:
    """Return a host as it stands in front of a port."""
    return f"[{host}]" if ":" in host else host


def _resolve(host: str, port: int) -> list[_Address]:
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError) as error:
        is_unknown = isinstance(error, UnicodeError) or error.errno in _NO_SUCH_HOST
        reason = "there is no such host" if is_unknown else f"the host name cannot be resolved ({error})"
        raise StartupError(f"cannot listen on {bracketed(host)}:{port}: {reason}") from None
    return list(dict.fromkeys((family, address) for family, _, _, _, address in found))


def _bind_all(addresses: list[_Address], port: int, bind: _Bind) -> tuple[list[socket.socket], OSError | None]:
    """Bind what can be bound, all to one port; return also why the last one that could not be bound was not."""
    sockets: list[socket.socket] = []
    failure: OSError | None = None
    for family, address in addresses:
        if sockets and port == 0:
            address = (address[0], sockets[0].getsockname()[1], *address[2:])
        try:
            sockets.append(bind(family, address))
        except OSError as error:
            failure = error
            if error.errno not in _ABSENT:
                break
    return sockets, failure


def _bind_one(family: int, address: tuple[Any, ...], *, shares_port: bool = False) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        elif sys.platform == "win32":
            # There SO_REUSEADDR would let two servers listen on one port.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        if shares_port:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
    except OSError:
        sock.close()
        raise
    return sock


def _claim(family: int, address: tuple[Any, ...]) -> socket.socket:
    if address[1] == 0:
        # Linux takes a port that it chose away again from a socket that stops listening.
        with _bind_one(family, address) as chosen:
            return _claim(family, chosen.getsockname())
    sock = _bind_one(family, address)
    try:
        sock.listen(1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        sock.close()
        raise
    return sock


def _reason(error: OSError, port: int) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return f"the address is in use{holder_of_port(port)}; stop it or choose another port"
        case errno.EACCES | errno.EPERM if 0 < port < 1024:
            return (
                "permission denied: ports below 1024 are for privileged users; choose a port from 1024 on "
                "behind a proxy, or grant CAP_NET_BIND_SERVICE"
            )
        case errno.EADDRNOTAVAIL:
            return "no network interface of this machine has this address"
        case errno.EAFNOSUPPORT:
            return "this machine does not support this kind of address"
        case _:
            return error.strerror or str(error)
