"""WebSocket (RFC 6455, RFC 7692): one session machine over pluggable codecs, on the tunnel of an exchange.

    bytes ⇄ Connection ⇄ Exchange ⇄ WebSocketSession ⇄ ASGI cycle
                                         │  Codec: bytes ⇄ frames (native, websockets, wsproto)
                                         └─ Incoming: frames → messages

The session is fed by the connection that carries its exchange, whatever the HTTP version, and writes through the
exchange. It does no I/O and reads no clock.
"""

from collections.abc import Callable, Sequence

from licorne.engine.exchange import Exchange
from licorne.engine.websocket.codec import new_codec
from licorne.engine.websocket.handshake import is_allowed, read_upgrade
from licorne.engine.websocket.outgoing import LastFrame
from licorne.engine.websocket.session import SessionOptions, WebSocketSession
from licorne.errors import RemoteProtocolError

__all__ = ["new_session_factory"]


def new_session_factory(
    codec_name: str, options: SessionOptions, allowed_origins: Sequence[str] = ()
) -> Callable[[Exchange], WebSocketSession]:
    """Return a function that reads the handshake of an exchange and offers it a session.

    What it returns raises RemoteProtocolError where the handshake or its origin must be refused.

    Raises:
        ImportError: The codec's library is not installed.
        ValueError: There is no such codec.
    """
    new_codec(codec_name, options.max_size)
    last = LastFrame()

    def new_session(exchange: Exchange) -> WebSocketSession:
        upgrade = read_upgrade(exchange.head)
        if not is_allowed(upgrade.origin, allowed_origins):
            raise RemoteProtocolError(403, "the origin is not allowed")
        session = WebSocketSession.__new__(WebSocketSession)
        session.begin(exchange, upgrade, new_codec(codec_name, options.max_size), options, last)
        return session

    return new_session
