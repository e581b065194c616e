"""The contract of a WebSocket codec, and its counterpart, the sink of the frames that it finds (RFC 6455 §5).

A codec does frames and nothing else: it finds where they begin and end, undoes the mask, and writes ours. It
refuses frames that cannot be read: unmasked, with a length in a longer form than it needs, and control frames in
fragments or over 125 bytes. All else is the sink's to judge: reserved bits, opcodes, fragments, sizes, UTF-8.

It never calls its owner: the sink is handed in with each feed. Before each frame it looks at `sink.is_full`;
while that is true it keeps what is left, and `feed(b"", sink)` goes on.

A codec raises WebSocketError for a peer's fault and is of no use for reading afterwards.
"""

__all__ = ["CODECS", "NO_TEXT", "Codec", "FrameSink", "new_codec"]

#: The names that `new_codec` knows.
CODECS = ("native", "websockets", "wsproto")

#: The `text_limit` of a sink that takes no whole text now.
NO_TEXT = -1


class FrameSink:
    """Receive frames, unmasked."""

    __slots__ = ("is_full", "text_limit")

    #: The codec must not begin another frame yet.
    is_full: bool
    #: A whole unfragmented text frame, without reserved bits, of at most so many bytes may be told by `on_text`.
    text_limit: int

    def on_frame(self, head: int, data: bytes, left: int) -> None:
        """Take a frame, or a part of one.

        `head` is its first byte: FIN, RSV1-3 and opcode. `left` bytes of it are still to come, in further calls with
        the same `head`; the first call is made as soon as the length is known, if need be with no data. A control
        frame is told whole.

        Raises:
            WebSocketError: The frame breaks a rule.
        """
        raise NotImplementedError

    def on_text(self, text: str, size: int) -> None:
        """Take a whole text message that was `size` bytes long; codecs that do not decode never call this."""
        raise NotImplementedError


class Codec:
    """Turn the bytes of one WebSocket into frames, and frames into bytes."""

    __slots__ = ()

    def feed(self, data: bytes, sink: FrameSink) -> None:
        """Take bytes and tell `sink` the frames in them.

        Raises:
            WebSocketError: The peer broke a rule; `code` and `reason` are for the close frame.
        """
        raise NotImplementedError

    def pending_bytes(self) -> int:
        """Return how many bytes were taken and not yet told."""
        raise NotImplementedError

    def serialize(self, head: int, data: bytes) -> bytes:
        """Return one frame from the server, which is not masked, in one piece."""
        raise NotImplementedError

    def serialize_text(self, head: int, text: str) -> bytes:
        """Return one frame that holds a text in UTF-8.

        Raises:
            UnicodeEncodeError: The text holds half of a surrogate pair.
        """
        return self.serialize(head, text.encode())

    def serialize_start(self, head: int, size: int) -> bytes:
        """Return the header of a frame alone; its `size` bytes follow as they are, so that they need no copy."""
        raise NotImplementedError


def new_codec(name: str, max_size: int) -> Codec:
    """Make the codec of that name; `max_size` is the limit on messages in bytes, 0 for none.

    Raises:
        ImportError: The library behind it is not installed.
        ValueError: There is no such codec.
    """
    if name == "websockets":
        from licorne.engine.websocket.websockets import WebsocketsCodec

        return WebsocketsCodec(max_size)
    if name == "wsproto":
        from licorne.engine.websocket.wsproto import WsprotoCodec

        return WsprotoCodec(max_size)
    if name != "native":
        raise ValueError(f"there is no WebSocket codec {name!r}")
    from licorne.engine.websocket.native import NativeCodec

    return NativeCodec()
