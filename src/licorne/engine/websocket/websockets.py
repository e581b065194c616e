"""WebsocketsCodec: frames by the library `websockets`, of which only the layer of frames is used.

The library takes each frame whole. It knows no reserved bits without an extension and nothing of RFC 6455's rules
on lengths, so the head of each frame is looked at before the library sees it: the bits are kept for the session, and
a length that is not well-formed, or not of a control frame, is refused before anything is gathered for it.
"""

from collections.abc import Generator

from websockets.exceptions import PayloadTooBig, ProtocolError
from websockets.extensions import Extension
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from licorne.engine.websocket.codec import Codec, FrameSink
from licorne.engine.websocket.header import check_length, serialize_start, start_bytes
from licorne.errors import WebSocketError

__all__ = ["WebsocketsCodec"]

_FIN, _RSV1, _OPCODE = 0x80, 0x40, 0x0F


class _Bits(Extension):
    """Take the reserved bits off a frame before the library refuses them, and put RSV1 on."""

    def decode(self, frame: Frame, *, max_size: int | None = None) -> Frame:
        frame.rsv1 = frame.rsv2 = frame.rsv3 = False
        return frame

    def encode(self, frame: Frame) -> Frame:
        frame.rsv1 = True
        return frame


_BITS = (_Bits(),)


class WebsocketsCodec(Codec):
    """Let `websockets` read and write frames."""

    __slots__ = ("head", "max_size", "reader", "reading")

    def __init__(self, max_size: int) -> None:
        """Take the limit on a message in bytes, 0 for none."""
        # What cannot be compressed grows by a little when it is; the session is exact, this bounds what is gathered.
        self.max_size = max_size + (max_size >> 6) + 1024 if max_size else None
        self.reader = StreamReader()
        #: The frame that the library is in the middle of.
        self.reading: Generator[None, None, Frame] | None = None
        #: Its first byte.
        self.head = 0

    def feed(self, data: bytes, sink: FrameSink) -> None:
        self.reader.feed_data(data)
        while not sink.is_full:
            if self.reading is None and not self._begin():
                return
            frame = self._read()
            if frame is None:
                return
            sink.on_frame(self.head, bytes(frame.data), 0)

    def pending_bytes(self) -> int:
        return len(self.reader.buffer)

    def serialize(self, head: int, data: bytes) -> bytes:
        frame = Frame(Opcode(head & _OPCODE), data, fin=bool(head & _FIN))
        return frame.serialize(mask=False, extensions=_BITS if head & _RSV1 else None)

    def serialize_start(self, head: int, size: int) -> bytes:
        return serialize_start(head, size)

    # internals

    def _begin(self) -> bool:
        """Begin a frame if its length has arrived."""
        start = bytes(self.reader.buffer[:10])
        if len(start) < 2 or len(start) < start_bytes(start):
            return False
        check_length(start)
        self.head = start[0]
        self.reading = Frame.parse(self.reader.read_exact, mask=True, max_size=self.max_size, extensions=_BITS)
        return True

    def _read(self) -> Frame | None:
        """Let the library go on with its frame; return it when it is whole."""
        if self.reading is None:
            return None
        try:
            next(self.reading)
        except StopIteration as end:
            self.reading = None
            frame: Frame = end.value
            return frame
        except PayloadTooBig as error:
            raise WebSocketError(1009, "the message is too large") from error
        except ProtocolError as error:
            raise WebSocketError(1002, "websockets does not accept the frame") from error
        return None
