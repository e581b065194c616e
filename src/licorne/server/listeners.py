"""Listeners: the sockets that a worker accepts connections on, made from the configuration.

A host name is bound at each of its addresses; an IPv6 address takes IPv6 alone, so that `[::]:80` and
`0.0.0.0:80` stand side by side. Sockets are bound before the application starts (an address in use is known
at once) and listen only afterwards (nobody is let in too early).

Rules: what cannot be bound is a StartupError of one line, and what had been bound by then is closed.
"""

import errno
import os
import socket
import stat
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from licorne.config.options import Config
from licorne.config.targets import Bind
from licorne.errors import StartupError
from licorne.server.occupant import holder_of_port
from licorne.server.unix_socket import bind_unix, identity, remove_path

__all__ = ["Listener", "adopt_sockets", "binds_of", "open_listeners"]

#: How often a free port is asked for anew when it turns out to be taken at another address of the same name.
_PORT_TRIES = 10
#: Why an address of a host name may be left out as long as another one of it was bound.
_ABSENT = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.ENOPROTOOPT)
_NO_SUCH_HOST = (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME))
_STREAM_FAMILIES = ("AF_INET", "AF_INET6", "AF_UNIX")

_Address = tuple[int, tuple[Any, ...]]


class Listener:
    """Be one bound socket; `path` is set when its UNIX path is to be removed at the end.

    A shared one was made by somebody else, who may let other processes accept on it too.
    """

    __slots__ = ("_identity", "is_shared", "path", "sock")

    def __init__(self, sock: socket.socket, path: str | None = None, *, is_shared: bool = False) -> None:
        self.sock = sock
        self.path = path
        self.is_shared = is_shared
        self._identity = identity(path) if path else None
        sock.setblocking(False)

    def listen(self, backlog: int) -> None:
        """Let connections in. Raises StartupError."""
        try:
            self.sock.listen(backlog)
        except OSError as error:
            # Linux lets two sockets bind one port as long as none of them listens.
            raise StartupError(f"cannot listen on {self.url}: {_reason(error, self.port)}") from None

    def stop_queueing(self) -> None:
        """Have the system turn newcomers away while the queue is emptied, if no other process wants them."""
        if self.is_shared:
            return
        try:
            self.sock.listen(0)
        except OSError:
            return

    def accept_queued(self) -> list[socket.socket]:
        """Accept the connections that the system has queued so far."""
        accepted: list[socket.socket] = []
        while True:
            try:
                connection, _ = self.sock.accept()
            except ConnectionAbortedError:
                continue
            except OSError:
                return accepted
            accepted.append(connection)

    def close(self) -> None:
        """Let go of the address, and of the path if it is still ours."""
        self.sock.close()
        if self.path:
            remove_path(self.path, self._identity)

    @property
    def is_unix(self) -> bool:
        """Tell whether this is a UNIX socket."""
        return self.sock.family not in (socket.AF_INET, socket.AF_INET6)

    @property
    def port(self) -> int:
        """Return the TCP port, 0 on UNIX sockets."""
        return 0 if self.is_unix else int(self.sock.getsockname()[1])

    @property
    def url(self) -> str:
        """Return the address as a person would write it."""
        name = self.sock.getsockname()
        if self.is_unix:
            return f"unix socket {os.fsdecode(name) or '(unnamed)'}"
        return f"http://{_bracketed(name[0])}:{name[1]}"


def binds_of(config: Config) -> tuple[Bind, ...]:
    """Return the addresses that the configuration asks for."""
    if config.bind:
        return config.bind
    if config.uds is not None:
        return (Bind(path=config.uds),)
    if config.fd is not None:
        return (Bind(fd=config.fd),)
    return (Bind(host=config.host, port=config.port),)


def open_listeners(binds: Iterable[Bind]) -> list[Listener]:
    """Bind every address. Raises StartupError."""
    listeners: list[Listener] = []
    try:
        for bind in binds:
            listeners += _open(bind)
    except BaseException:
        for listener in listeners:
            listener.close()
        raise
    return listeners


def adopt_sockets(sockets: Sequence[socket.socket]) -> list[Listener]:
    """Take over sockets that the caller has bound. Raises StartupError."""
    return [Listener(_checked(sock, f"socket {sock.fileno()}"), is_shared=True) for sock in sockets]


def _open(bind: Bind) -> list[Listener]:
    if bind.fd is not None:
        return [Listener(_adopt_fd(bind.fd), is_shared=True)]
    if bind.path is not None:
        return [Listener(bind_unix(bind.path), bind.path)]
    return [Listener(sock) for sock in _bind_tcp(bind.host or "", bind.port or 0)]


# --- file descriptors ----------------------------------------------------------------------------------------


def _adopt_fd(fd: int) -> socket.socket:
    try:
        is_socket = stat.S_ISSOCK(os.fstat(fd).st_mode)
    except OSError:
        raise StartupError(f"cannot listen on fd://{fd}: no such file descriptor was passed to this process") from None
    if not is_socket:
        raise StartupError(f"cannot listen on fd://{fd}: the file descriptor is not a socket")
    return _checked(socket.socket(fileno=fd), f"fd://{fd}")


def _checked(sock: socket.socket, name: str) -> socket.socket:
    if sock.type != socket.SOCK_STREAM or sock.family.name not in _STREAM_FAMILIES:
        raise StartupError(f"cannot listen on {name}: it is no TCP or UNIX stream socket")
    return sock


# --- TCP -----------------------------------------------------------------------------------------------------


def _bind_tcp(host: str, port: int) -> list[socket.socket]:
    addresses = _resolve(host, port)
    sockets, failure = _bind_all(addresses, port)
    tries = 1
    while failure is not None and not (sockets and failure.errno in _ABSENT):
        for sock in sockets:
            sock.close()
        if port != 0 or failure.errno != errno.EADDRINUSE or tries == _PORT_TRIES:
            raise StartupError(f"cannot listen on {_bracketed(host)}:{port}: {_reason(failure, port)}")
        sockets, failure = _bind_all(addresses, port)
        tries += 1
    return sockets


def _resolve(host: str, port: int) -> list[_Address]:
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError) as error:
        is_unknown = isinstance(error, UnicodeError) or error.errno in _NO_SUCH_HOST
        reason = "there is no such host" if is_unknown else f"the host name cannot be resolved ({error})"
        raise StartupError(f"cannot listen on {_bracketed(host)}:{port}: {reason}") from None
    return list(dict.fromkeys((family, address) for family, _, _, _, address in found))


def _bind_all(addresses: list[_Address], port: int) -> tuple[list[socket.socket], OSError | None]:
    """Bind what can be bound, all to one port; return also why the last one that could not be bound was not."""
    sockets: list[socket.socket] = []
    failure: OSError | None = None
    for family, address in addresses:
        if sockets and port == 0:
            address = (address[0], sockets[0].getsockname()[1], *address[2:])
        try:
            sockets.append(_bind_one(family, address))
        except OSError as error:
            failure = error
            if error.errno not in _ABSENT:
                break
    return sockets, failure


def _bind_one(family: int, address: tuple[Any, ...]) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        elif sys.platform == "win32":
            # There SO_REUSEADDR would let two servers listen on one port.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
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


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
