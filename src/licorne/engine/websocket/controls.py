"""Controls: the control frames that came and wait for the session (RFC 6455 §5.5)."""

from licorne.errors import WebSocketError

__all__ = ["CLOSE", "PING", "PONG", "Controls"]

#: Flags of `seen`.
PING = 1
PONG = 2
CLOSE = 4

_PING = PING
_PONG = PONG
_CLOSE = CLOSE

_RSV = 0x70
_WHOLE_CLOSE = 0x88
_WHOLE_PING = 0x89
_WHOLE_PONG = 0x8A
_PROTOCOL_ERROR = 1002
# How many pings of one read are kept to be answered; beyond that the last one stands for those before it.
_MAX_PINGS = 32


class Controls:
    """Keep what control frames say until somebody asks."""

    __slots__ = ("awaited", "close_payload", "pings", "seen")

    def __init__(self) -> None:
        #: What came since the session last looked.
        self.seen = 0
        #: Payloads of the pings that were not answered yet.
        self.pings: list[bytes] | None = None
        #: The payload of the pong that our ping waits for.
        self.awaited: bytes | None = None
        self.close_payload = b""

    def take(self, head: int, payload: bytes) -> None:
        """Take a control frame; `head` is its first byte.

        Raises:
            WebSocketError: There is no such frame.
        """
        if head == _WHOLE_PING:
            self._keep_ping(payload)
        elif head == _WHOLE_PONG:
            # RFC 6455 §5.5.3: a pong that was not asked for means nothing.
            if payload == self.awaited:
                self.awaited = None
                self.seen |= _PONG
        elif head == _WHOLE_CLOSE:
            self.close_payload = payload
            self.seen |= _CLOSE
        else:
            reason = "a reserved bit is set" if head & _RSV else "an unknown opcode"
            raise WebSocketError(_PROTOCOL_ERROR, reason)

    def _keep_ping(self, payload: bytes) -> None:
        self.seen |= _PING
        if self.pings is None:
            self.pings = [payload]
        elif len(self.pings) < _MAX_PINGS:
            self.pings.append(payload)
        else:
            # RFC 6455 §5.5.3: it is enough to answer the most recent one.
            self.pings[-1] = payload
