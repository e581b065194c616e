"""NativeCodec: licorne's own WebSocket codec (RFC 6455 §5.2), strict and incremental.

Strategy: a frame that lies whole in one read is unmasked into one new object and told. Of one that does not,
each part is told as it comes, so that nothing but an incomplete header or control frame is ever kept, however
large the frame; what follows a full sink is kept too, and gone through by an offset.
"""

from licorne.engine import _bytes
from licorne.engine.websocket.codec import Codec, FrameSink
from licorne.engine.websocket.header import serialize_start
from licorne.errors import WebSocketError

__all__ = ["NativeCodec"]

_FIN = 0x80
_CONTROL = 0x08
_MASKED = 0x80
_WHOLE_TEXT = 0x81
_MAX_CONTROL_BYTES = 125
_LENGTH_16 = 126
_PROTOCOL_ERROR = 1002


class NativeCodec(Codec):
    """Read masked frames and write unmasked ones."""

    __slots__ = ("head", "left", "mask", "rest", "rest_at")

    def __init__(self) -> None:
        #: Of the data frame whose payload is being read: its first byte, its bytes to come, the mask for the next.
        self.head = 0
        self.left = 0
        self.mask = 0
        #: Bytes taken and not yet told.
        self.rest = b""
        #: Where in it the first of them stands.
        self.rest_at = 0

    # input

    def feed(self, data: bytes, sink: FrameSink) -> None:
        at = 0
        if self.rest:
            if data:
                data = _bytes.cut(self.rest, self.rest_at, len(self.rest)) + data
            else:
                data, at = self.rest, self.rest_at
            self.rest = b""
            self.rest_at = 0
        end = len(data)
        if self.left:
            at = self._read_part(data, at, sink)
        while at < end and not sink.is_full:
            stop = self._read_frame(data, at, end, sink)
            if not stop:
                break
            at = stop
        if at < end:
            self._keep(data, at, sink.is_full)

    # output

    def serialize(self, head: int, data: bytes) -> bytes:
        return _bytes.join_frame(head, data)

    def serialize_text(self, head: int, text: str) -> bytes:
        return _bytes.join_frame(head, text)

    def serialize_start(self, head: int, size: int) -> bytes:
        return serialize_start(head, size)

    # predicates

    def pending_bytes(self) -> int:
        return len(self.rest) - self.rest_at

    # internals

    def _keep(self, data: bytes, at: int, is_full: bool) -> None:
        """Keep many frames with where to go on, until most of them are told, and an incomplete one by itself."""
        if is_full and 2 * at < len(data):
            self.rest, self.rest_at = data, at
        else:
            self.rest, self.rest_at = _bytes.cut(data, at, len(data)), 0

    def _read_frame(self, data: bytes, at: int, end: int, sink: FrameSink) -> int:
        """Tell the frame at `at`, or its first part; return where it ends, or 0 when too little of it is there."""
        if end - at < 2:
            return 0
        buf = data
        head = buf[at]
        size = buf[at + 1] - _MASKED
        if size < 0:
            raise WebSocketError(_PROTOCOL_ERROR, "a frame is not masked")  # RFC 6455 §5.1
        if head & _CONTROL and (size > _MAX_CONTROL_BYTES or not head & _FIN):
            raise WebSocketError(_PROTOCOL_ERROR, "a control frame is fragmented or too long")  # RFC 6455 §5.5
        start = at + 6
        if size > _MAX_CONTROL_BYTES:
            start += 2 if size == _LENGTH_16 else 8
        if start > end:
            return 0
        if size > _MAX_CONTROL_BYTES:
            size = self._read_size(data, at + 2, start - 4)
        mask = buf[start - 1]
        mask = mask << 8 | buf[start - 2]
        mask = mask << 8 | buf[start - 3]
        mask = mask << 8 | buf[start - 4]
        if size > end - start:
            return 0 if head & _CONTROL else self._begin_parts(head, size, mask, data, start, sink)
        if head == _WHOLE_TEXT and size <= sink.text_limit:
            self._read_text(data, start, start + size, mask, sink)
        else:
            sink.on_frame(head, _bytes.unmask(data, start, start + size, mask), 0)
        return start + size

    def _read_size(self, data: bytes, start: int, end: int) -> int:
        buf = data
        size = 0
        if end - start > 2 and buf[start] & 0x80:
            raise WebSocketError(_PROTOCOL_ERROR, "the length of a frame is negative")
        for at in range(start, end):
            size = size << 8 | buf[at]
        # RFC 6455 §5.2: the minimal number of bytes must be used.
        if size <= _MAX_CONTROL_BYTES or (end - start > 2 and size < 65536):
            raise WebSocketError(_PROTOCOL_ERROR, "the length of a frame has a longer form than it needs")
        return size

    def _read_text(self, data: bytes, start: int, end: int, mask: int, sink: FrameSink) -> None:
        """Tell a whole text as what it is; the sink says what is wrong with one that is none."""
        try:
            text = _bytes.unmask_text(data, start, end, mask)
        except UnicodeDecodeError:
            sink.on_frame(_WHOLE_TEXT, _bytes.unmask(data, start, end, mask), 0)
            return
        sink.on_text(text, end - start)

    def _begin_parts(self, head: int, size: int, mask: int, data: bytes, start: int, sink: FrameSink) -> int:
        self.head = head
        self.left = size
        self.mask = mask
        return self._read_part(data, start, sink)

    def _read_part(self, data: bytes, at: int, sink: FrameSink) -> int:
        """Tell what `data` holds of a payload from `at`; return where it ends."""
        size = min(len(data) - at, self.left)
        mask = self.mask
        shift = 8 * (size & 3)
        if shift:
            self.mask = (mask >> shift | mask << (32 - shift)) & 0xFFFFFFFF
        self.left -= size
        sink.on_frame(self.head, _bytes.unmask(data, at, at + size, mask), self.left)
        return at + size
