"""The seam between the drivers and the ASGI layer: both know this file, neither knows the other.

A driver owns a `Link` for each live connection and starts a `Cycle` for each exchange, which its `Service`
makes. A cycle sees its link only; a driver sees its cycle only. Nothing here does any work.
"""

from collections.abc import Awaitable, Coroutine
from typing import Any, BinaryIO

__all__ = ["Account", "Cycle", "Gate", "Link", "Security", "Service"]


class Gate:
    """Be something that tasks wait on until it is opened. Open it as often as you like; it stays open."""

    __slots__ = ()

    def open(self) -> None:
        """Let every waiting task, and every later one, through."""
        raise NotImplementedError

    def wait(self) -> Awaitable[None]:
        """Return an awaitable that ends when the gate is open."""
        raise NotImplementedError


class Cycle:
    """Be one call of the application for one exchange, as a driver sees it."""

    __slots__ = ()

    def start(self) -> Coroutine[Any, Any, None]:
        """Call the application; return its coroutine for the driver to run."""
        raise NotImplementedError

    def finish(self, error: BaseException | None) -> None:
        """Take the outcome of the coroutine: None, or what it raised."""
        raise NotImplementedError

    def is_answered(self) -> bool:
        """Tell whether the peer has its answer, so that what still runs is background work."""
        raise NotImplementedError

    def is_forsaken(self) -> bool:
        """Tell whether the peer of the exchange has left, though its link may go on."""
        return True

    def announce_shutdown(self) -> None:
        """Tell the application that the server stops."""
        raise NotImplementedError

    def cut(self) -> None:
        """Answer in place of an application that goes on although it was cancelled: the server waits no longer."""

    def describe(self) -> str:
        """Return what is answered, such as "GET /path", for the log; "" if it has no name."""
        return ""


class Account:
    """Hold what a trusted proxy, or licorne itself, says of requests besides their addresses."""

    __slots__ = ("extensions", "fields", "is_nameless", "is_secure", "prefix")

    def __init__(self) -> None:
        #: What is added to the extensions of a scope.
        self.extensions: dict[str, dict[str, Any]] = {}
        #: What every answer says unless the application says it: names in lower case, and values.
        self.fields: list[tuple[bytes, bytes]] = []
        #: The proxy passes on a connection without saying whose: the peer's address is not the client's.
        self.is_nameless = False
        #: The client speaks TLS to the proxy.
        self.is_secure = False
        #: The path under which a proxy has put the application, not decoded and without a slash at its end; None where
        #: it does not say.
        self.prefix: bytes | None = None


class Security:
    """Hold a connection over TLS as OpenSSL knows it, and what the ASGI layer has made of that."""

    __slots__ = ("connection", "extension")

    def __init__(self, connection: Any) -> None:
        """Take the `ssl.SSLObject`."""
        self.connection = connection
        #: None until it was asked for.
        self.extension: dict[str, Any] | None = None


class Link:
    """Be what the ASGI layer may ask of one live connection."""

    __slots__ = ("account", "client", "is_secure", "scope", "server", "standing", "tls")

    #: What is known of its requests; None where that is nothing.
    account: Account | None

    #: `(host, port)` of the peer, None on UNIX sockets.
    client: tuple[str, int] | None
    #: `(host, port)` of our end, `(path, None)` on UNIX sockets.
    server: tuple[str, int | None] | None
    is_secure: bool
    #: What the scopes of this connection have in common, kept here for the ASGI layer; None until it makes it.
    scope: dict[str, Any] | None
    #: What the ASGI layer thinks of the peer; 0 until it was asked.
    standing: int
    #: What is known of TLS; None without.
    tls: Security | None

    def pump(self) -> None:
        """Apply what the engine wants: write its bytes, start its exchanges, close."""
        raise NotImplementedError

    def push(self) -> None:
        """Write what is queued, as `pump` does, where nothing else can have changed."""
        self.pump()

    def flush(self) -> None:
        """Hand what is queued to the transport now, also from inside a pump."""
        raise NotImplementedError

    def drain(self) -> Awaitable[None] | None:
        """Return None while writing may go on, else an awaitable that ends when it may (or the peer left)."""
        raise NotImplementedError

    def gate(self) -> Gate:
        """Return a new closed gate of this link's runtime."""
        raise NotImplementedError

    def turn(self) -> Awaitable[None]:
        """Return an awaitable that ends in the next turn of the loop: others have theirs before."""
        raise NotImplementedError

    def start(self, cycle: Cycle) -> None:
        """Run a cycle that was not started when its exchange came."""
        raise NotImplementedError

    def send_file(self, file: BinaryIO, offset: int, count: int) -> Awaitable[None]:
        """Send `count` bytes of a file after all that was pumped. Raises OSError when the peer leaves."""
        raise NotImplementedError


class Service:
    """Be what a driver serves: it makes the cycles."""

    __slots__ = ()

    def begin(self, exchange: Any, link: Link) -> Cycle | None:
        """Return the cycle of a new exchange; None if it is taken for later, or answered already."""
        raise NotImplementedError
