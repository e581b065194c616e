"""WsprotoCodec: frames by the library `wsproto`, of which only the layer of frames is used.

The library tells large frames in parts, as they arrive. Reserved bits pass through an extension that knows them
all, and notes how long the frame will be.
"""

from typing import cast

from wsproto.extensions import Extension
from wsproto.frame_protocol import FrameDecoder, FrameProtocol, Opcode, ParseFailed, RsvBits

from licorne.engine.websocket.codec import Codec, FrameSink
from licorne.engine.websocket.header import serialize_start
from licorne.errors import WebSocketError

__all__ = ["WsprotoCodec"]

_FIN, _OPCODE = 0x80, 0x0F
_CONTROL = 0x08


class _Bits(Extension):
    """Let every reserved bit through, and note what the header of a frame says."""

    name = "reserved-bits"

    def __init__(self) -> None:
        #: Reserved bits and opcode of the frame being read.
        self.head = 0
        #: Bytes of it that are still to come.
        self.left = 0

    def enabled(self) -> bool:
        return True

    def offer(self) -> bool:
        return False

    def frame_inbound_header(
        self, proto: FrameDecoder | FrameProtocol, opcode: Opcode, rsv: RsvBits, payload_length: int
    ) -> RsvBits:
        self.head = rsv.rsv1 << 6 | rsv.rsv2 << 5 | rsv.rsv3 << 4 | opcode
        self.left = payload_length
        return RsvBits(True, True, True)


class WsprotoCodec(Codec):
    """Let `wsproto` read frames."""

    __slots__ = ("bits", "decoder", "head")

    def __init__(self, max_size: int) -> None:
        """Take the limit on a message, which the session keeps: nothing is gathered here."""
        self.bits = _Bits()
        self.decoder = FrameDecoder(client=False, extensions=[self.bits])
        #: The first byte of the frame of which a part was told, -1 between two frames.
        self.head = -1

    def feed(self, data: bytes, sink: FrameSink) -> None:
        self.decoder.receive_bytes(data)
        while not sink.is_full:
            try:
                frame = self.decoder.process_buffer()
            except ParseFailed as error:
                raise WebSocketError(int(error.code), "wsproto does not accept the frame") from error
            if frame is None:
                self._announce(sink)
                return
            payload = bytes(cast("bytes | bytearray", frame.payload))
            self.bits.left -= len(payload)
            head = _FIN * frame.message_finished | self.bits.head
            self.head = -1 if frame.frame_finished else head
            sink.on_frame(head, payload, self.bits.left)

    def pending_bytes(self) -> int:
        return len(self.decoder.buffer)

    def serialize(self, head: int, data: bytes) -> bytes:
        # The library only writes messages whose type and order it follows itself.
        return serialize_start(head, len(data)) + data

    def serialize_start(self, head: int, size: int) -> bytes:
        return serialize_start(head, size)

    # internals

    def _announce(self, sink: FrameSink) -> None:
        """Tell a data frame whose length is known, though nothing else of it has come."""
        header = self.decoder.header
        if header is None or self.head >= 0 or header.opcode & _CONTROL:
            return
        self.head = _FIN * header.fin | self.bits.head
        sink.on_frame(self.head, b"", self.bits.left)
