"""Outgoing: the sending half of a session: messages and control frames in, frames on the tunnel out.

Strategy: a small message leaves in one piece with its header; the payload of a large one follows its header as it
is, so that it is not copied. Sessions share the last small frame: a message for everybody is serialized once.
Whether anything may be sent is the session's to know.
"""

from licorne.engine.exchange import Exchange
from licorne.engine.websocket.codec import Codec
from licorne.engine.websocket.deflate import Deflate
from licorne.engine.websocket.incoming import NO_LIMIT
from licorne.engine.websocket.options import SessionOptions

__all__ = ["LastFrame", "Outgoing"]

# First bytes of frames: whole, without and with RSV1, which says that a message is compressed.
_TEXT_HEAD = 0x81
_BINARY_HEAD = 0x82
_COMPRESSED = 0x40

# A payload that is larger follows its header as it is.
_MAX_COPIED_BYTES = 16 * 1024


class LastFrame:
    """Hold the small message that was last sent uncompressed by any of several sessions, and its frame."""

    __slots__ = ("frame", "message")

    def __init__(self) -> None:
        self.message: str | bytes | None = None
        self.frame = b""


class Outgoing:
    """Send the frames of one session."""

    __slots__ = ("bytes_out", "codec", "deflate", "exchange", "last", "messages_out", "threshold")

    def __init__(self, exchange: Exchange, codec: Codec, options: SessionOptions, last: LastFrame) -> None:
        self.last = last
        self.exchange = exchange
        self.codec = codec
        #: Set once permessage-deflate is agreed on.
        self.deflate: Deflate | None = None
        #: From how many bytes on a message is compressed.
        self.threshold = 0 if options.deflate is None else min(options.deflate.threshold, NO_LIMIT)
        #: What was sent: messages, and their bytes before compression.
        self.messages_out = 0
        self.bytes_out = 0

    def send_text(self, text: str) -> None:
        """Send a text message.

        Raises:
            UnicodeEncodeError: The text holds half of a surrogate pair.
        """
        if type(text) is not str or len(text) >= _MAX_COPIED_BYTES or self.deflate is not None:
            self._send_payload(_TEXT_HEAD, str.encode(text))
            return
        last = self.last
        if last.message is not text:
            last.frame = self.codec.serialize_text(_TEXT_HEAD, text)
            last.message = text
        frame = last.frame
        self.exchange.send_raw(frame)
        self.messages_out += 1
        self.bytes_out += len(frame) - (2 if len(frame) < 128 else 4)

    def send_bytes(self, data: bytes) -> None:
        """Send a binary message."""
        self._send_payload(_BINARY_HEAD, data if type(data) is bytes else bytes(memoryview(data)))

    def send_control(self, head: int, payload: bytes) -> None:
        """Send a control frame."""
        if self.exchange.is_tunnel():  # it may have been aborted since
            self.exchange.send_raw(self.codec.serialize(head, payload))

    def _send_payload(self, head: int, data: bytes) -> None:
        count = len(data)
        deflate = self.deflate
        if deflate is not None and count >= self.threshold:
            data = deflate.compress(data)
            head |= _COMPRESSED
        if len(data) > _MAX_COPIED_BYTES:
            self.exchange.send_raw(self.codec.serialize_start(head, len(data)))
            self.exchange.send_raw(data)
        elif head != _BINARY_HEAD:
            self.exchange.send_raw(self.codec.serialize(head, data))
        else:
            last = self.last
            if last.message is not data:
                last.frame = self.codec.serialize(head, data)
                last.message = data
            self.exchange.send_raw(last.frame)
        self.messages_out += 1
        self.bytes_out += count
