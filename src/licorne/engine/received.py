"""What an engine has received of a request: its head, and the body bytes that nobody took yet."""

__all__ = ["BodyBuffer", "RequestHead"]


class RequestHead:
    """Hold a request's start line and fields, checked and parsed; nothing here changes once it is made."""

    __slots__ = (
        "asks_websocket",
        "content_length",
        "expects_continue",
        "headers",
        "http_version",
        "is_plain",
        "is_websocket",
        "method",
        "path",
        "query",
        "takes_trailers",
        "target",
    )

    #: The request asks to open a WebSocket (RFC 6455 §4.1).
    asks_websocket: bool
    #: Bytes of body announced; -1 when it comes in chunks.
    content_length: int
    expects_continue: bool
    #: (lower-case name, value) in the order received.
    headers: list[tuple[bytes, bytes]]
    http_version: str
    #: No field can be one that proxies add: none has a name that begins so and is as long. False is always right.
    is_plain: bool
    #: It asks, and WebSocket is spoken here.
    is_websocket: bool
    method: str
    #: The raw path, still percent-encoded, without the query.
    path: bytes
    query: bytes
    #: The request said `TE: trailers`.
    takes_trailers: bool
    #: The target as received.
    target: bytes


class BodyBuffer:
    """Hold what has arrived of a request body and was not yet taken."""

    __slots__ = ("first", "has_ended", "high_water", "more")

    def __init__(self, high_water: int) -> None:
        self.first = b""
        self.more: bytearray | None = None
        self.has_ended = False
        self.high_water = high_water

    def append(self, data: bytes) -> None:
        """Add bytes from the wire. One piece is kept as it is; several are gathered, so that tiny chunks stay tiny."""
        if not self.first:
            self.first = data
        elif self.more is None:
            self.more = bytearray(data)
        else:
            self.more += data

    def take(self) -> bytes:
        """Hand over all that has arrived."""
        data = self.first
        if data:
            self.first = b""
            if self.more is not None:
                data = data + self.more
                self.more = None
        return data

    def size(self) -> int:
        """Return the number of bytes held."""
        return len(self.first) + (0 if self.more is None else len(self.more))
