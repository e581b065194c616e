"""What a WebSocket session is told by the configuration."""

from dataclasses import dataclass, field

from licorne.engine.websocket.deflate import DeflateOptions

__all__ = ["SessionOptions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOptions:
    """Hold limits and clocks of a session. Sizes are bytes, clocks seconds, 0 means "no limit" for all."""

    #: Of a message, once it is inflated.
    max_size: int = 16 * 1024 * 1024
    #: Reading pauses once so many messages wait for the application,
    max_queue: int = 32
    #: or so much of them: bytes, and characters of text.
    high_water_bytes: int = 64 * 1024
    #: Frames of less than 64 bytes that a message may come in; empty ones count.
    max_fragments: int = 1024
    ping_interval: float = 20.0
    ping_timeout: float = 20.0
    #: How long the application may take to accept.
    handshake_timeout: float = 10.0
    #: How long the peer may take to answer a close frame.
    close_timeout: float = 10.0
    #: How long no message may pass either way.
    idle_timeout: float = 0.0
    #: What makes the payloads of pings unpredictable; the engine has no randomness of its own.
    secret: bytes = b""
    #: None when messages are never compressed.
    deflate: DeflateOptions | None = field(default_factory=DeflateOptions)
