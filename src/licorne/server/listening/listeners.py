"""Listeners: the sockets that a worker accepts connections on, made from the configuration.

Sockets are bound before the application starts (an address in use is known at once) and listen only afterwards (nobody
is let in too early).

Workers of one supervisor either share each socket, or have sockets of their own at the same port, between which Linux
spreads new connections. The second is even where connections are many and short; with few that stay, chance may give
one worker most of them, so it is not the default.

Rules: what cannot be bound is a StartupError of one line, and what had been bound by then is closed.
"""

import logging
import os
import socket
import stat
from collections.abc import Iterable, MutableMapping, Sequence

from licorne.config.addresses import ADDRESSES
from licorne.config.options import Config
from licorne.config.targets import Bind
from licorne.errors import ConfigError, StartupError
from licorne.server.listening.systemd import PassedSocket, choose_passed, take_passed
from licorne.server.listening.tcp import (
    bind_another,
    bind_tcp,
    bracketed,
    can_share_port,
    listen_error,
    prepare_to_listen,
)
from licorne.server.listening.unix_socket import Admission, admission_of, bind_unix, identity, remove_path
from licorne.server.tls.contexts import has_tls

__all__ = [
    "Listener",
    "adopt_sockets",
    "binds_of",
    "clone_for_slot",
    "listeners_of",
    "open_listeners",
    "open_slot_listeners",
    "with_scheme",
]

logger = logging.getLogger("licorne.error")

_STREAM_FAMILIES = ("AF_INET", "AF_INET6", "AF_UNIX")


class Listener:
    """Be one bound socket; `path` is set when its UNIX path is to be removed at the end.

    A shared one was made by somebody else, who may let other processes accept on it too.
    """

    __slots__ = ("_identity", "is_redirect", "is_shared", "path", "scheme", "sock")

    def __init__(self, sock: socket.socket, path: str | None = None, *, is_shared: bool = False) -> None:
        self.sock = sock
        #: What is spoken here, as it stands in front of an address: "http" or "https".
        self.scheme = "http"
        #: Whoever comes here is sent elsewhere, by https.
        self.is_redirect = False
        self.path: str | None = None
        self.is_shared = is_shared
        self._identity: tuple[int, int] | None = None
        sock.setblocking(False)
        if path is not None:
            self.own_path(path)

    def own_path(self, path: str) -> None:
        """Remove a path at the end, if it is still the file that it is now."""
        self.path = os.path.abspath(path)  # the application may change its directory
        self._identity = identity(path)

    def give_up_path(self) -> None:
        """Leave it to another process to remove the path."""
        self.path = None

    def listen(self, backlog: int) -> None:
        """Let connections in. Raises StartupError."""
        if self.path is not None and identity(self.path) != self._identity:
            raise StartupError(f"cannot listen on {self.url}: the socket was removed or replaced meanwhile")
        try:
            prepare_to_listen(self.sock)
            self.sock.listen(backlog)
        except OSError as error:
            # Linux lets two sockets bind one port as long as none of them listens.
            raise listen_error(error, self.url, self.port) from None

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

    def let_others_share(self) -> None:
        """Give further sockets at the same port their share of connections, where this is TCP and our own."""
        if not self.is_unix and not self.is_shared:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)

    def as_shared(self) -> "Listener":
        """Return one of the same socket, whose path is somebody else's to remove."""
        found = Listener(self.sock, is_shared=True)
        found.scheme, found.is_redirect = self.scheme, self.is_redirect
        return found

    def clone(self) -> "Listener":
        """Return one more that is bound to the same address. Raises StartupError."""
        found = Listener(bind_another(self.sock))
        found.scheme, found.is_redirect = self.scheme, self.is_redirect
        return found

    @property
    def has_own_port_share(self) -> bool:
        """Tell whether further sockets at the same port may be bound."""
        is_tcp = can_share_port() and not self.is_unix and not self.is_shared
        return is_tcp and self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT) != 0

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
        return f"{self.scheme}://{bracketed(name[0])}:{name[1]}"


def binds_of(config: Config) -> tuple[Bind, ...]:
    """Return the addresses that the configuration asks for."""
    if config.bind:
        return config.bind
    if config.uds is not None:
        if not config.uds:
            raise ConfigError("must be the path of a UNIX socket", option="uds", value=config.uds)
        return (Bind(path=config.uds),)
    if config.fd is not None:
        return (Bind(fd=config.fd),)
    return (Bind(host=config.host, port=config.port),)


def listeners_of(
    config: Config, environ: MutableMapping[str, str] = os.environ, *, is_claimed: bool = False
) -> list[Listener]:
    """Bind the addresses that the configuration asks for, or take the sockets of systemd when it names none.

    Claimed addresses are ours alone at once, and not only once they listen. Raises ConfigError, StartupError.
    """
    passed = take_passed(environ)
    binds = binds_of(config)
    if passed and all(config.sources[name].startswith("default") for names in ADDRESSES for name in names):
        binds = (Bind(systemd=""),)
    elif passed and not any(bind.systemd is not None or bind.fd is not None for bind in binds):
        logger.warning("The socket(s) that systemd has passed are not used, since %s is set.", _deciding(config))
    listeners = open_listeners(binds, admission_of(config), passed, is_claimed=is_claimed)
    try:
        redirects = open_listeners(config.redirect_http_bind, admission_of(config), passed, is_claimed=is_claimed)
    except BaseException:
        close_all(listeners)
        raise
    for listener in redirects:
        listener.is_redirect = True
    return with_scheme(config, listeners + redirects)


def with_scheme(config: Config, listeners: list[Listener]) -> list[Listener]:
    """Say of listeners what is spoken there; return them."""
    for listener in listeners:
        listener.scheme = "https" if has_tls(config) and not listener.is_redirect else "http"
    return listeners


def open_listeners(
    binds: Iterable[Bind],
    admission: Admission | None = None,
    passed: Sequence[PassedSocket] = (),
    *,
    is_claimed: bool = False,
) -> list[Listener]:
    """Bind every address. `passed` is what systemd has passed. Raises StartupError."""
    listeners: list[Listener] = []
    try:
        for bind in binds:
            listeners += _open(bind, admission, list(passed), is_claimed)
    except BaseException:
        close_all(listeners)
        raise
    return listeners


def close_all(listeners: Iterable[Listener]) -> None:
    """Let go of several."""
    for listener in listeners:
        listener.close()


def open_slot_listeners(
    config: Config, slots: int, environ: MutableMapping[str, str] = os.environ
) -> list[list[Listener]]:
    """Return the listeners of each of so many workers. Raises ConfigError, StartupError.

    The workers share one another's, unless `reuse_port` gives them TCP sockets of their own.
    """
    if config.reuse_port == "on" and not can_share_port():
        problem = "cannot be had on this system, which does not spread connections over several sockets"
        raise ConfigError(problem, option="reuse_port", value="on")
    first = listeners_of(config, environ, is_claimed=True)
    if config.reuse_port != "on":
        return [first] * slots
    all_listeners = [first]
    try:
        for listener in first:
            listener.let_others_share()
        while len(all_listeners) < slots:
            all_listeners.append(clone_for_slot(first))
    except BaseException:
        for listener in dict.fromkeys(listener for listeners in all_listeners for listener in listeners):
            listener.close()
        raise
    return all_listeners


def clone_for_slot(listeners: Sequence[Listener]) -> list[Listener]:
    """Return the listeners of one more worker, given those of another. Raises StartupError."""
    cloned: list[Listener] = []
    try:
        for listener in listeners:
            has_share = listener.has_own_port_share
            cloned.append(listener.clone() if has_share else listener)
    except BaseException:
        for listener in set(cloned).difference(listeners):
            listener.close()
        raise
    return cloned


def adopt_sockets(sockets: Sequence[socket.socket]) -> list[Listener]:
    """Take over sockets that the caller has bound. Raises StartupError."""
    return [Listener(_checked(sock, f"socket {sock.fileno()}"), is_shared=True) for sock in sockets]


def _open(bind: Bind, admission: Admission | None, passed: list[PassedSocket], is_claimed: bool) -> list[Listener]:
    if bind.systemd is not None:
        return [Listener(_adopt_fd(fd), is_shared=True) for fd in choose_passed(passed, bind.systemd)]
    if bind.fd is not None:
        return [Listener(_adopt_fd(bind.fd), is_shared=True)]
    if bind.path is not None:
        return [Listener(bind_unix(bind.path, admission), bind.path)]
    return [Listener(sock) for sock in bind_tcp(bind.host or "", bind.port or 0, is_claimed=is_claimed)]


def _deciding(config: Config) -> str:
    """Return what of the options says where to listen, and where that was set."""
    names = [name for names in ADDRESSES for name in names]
    name = next(name for name in names if not config.sources[name].startswith("default"))
    return f"{name} (from {config.sources[name]})"


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
