"""Gathering: a message that comes in several pieces, until it is whole.

Rules: nothing is allocated because a length was announced. Small pieces are joined as they come, so that many of
them cost no more than their bytes; large ones are kept as they are and copied once. Text is decoded piece by
piece, so that the first bad byte is found when it arrives (RFC 6455 §8.1).
"""

from codecs import utf_8_decode
from io import StringIO

from licorne.errors import WebSocketError

__all__ = ["BinaryGathering", "Gathering", "TextGathering"]

# From this size on a piece is kept by itself.
_MIN_PIECE_BYTES = 4096
_NOT_UTF8 = "the text is not UTF-8"


class Gathering:
    """Gather one message."""

    __slots__ = ("fragments", "is_compressed", "size", "wire_size")

    def __init__(self, is_compressed: bool) -> None:
        self.is_compressed = is_compressed
        #: Small frames that have begun.
        self.fragments = 0
        #: Bytes that all frames announced.
        self.wire_size = 0
        #: Bytes of the message, inflated.
        self.size = 0

    def append(self, data: bytes) -> None:
        """Take a piece that is not the last."""
        raise NotImplementedError

    def finish(self, data: bytes) -> str | bytes:
        """Take the last piece and return the message."""
        raise NotImplementedError


class BinaryGathering(Gathering):
    """Gather bytes."""

    __slots__ = ("pieces",)

    def __init__(self, is_compressed: bool) -> None:
        super().__init__(is_compressed)
        self.pieces: list[bytes | bytearray] | None = None

    def append(self, data: bytes) -> None:
        if self.pieces is None:
            self.pieces = []
        if len(data) >= _MIN_PIECE_BYTES:
            self.pieces.append(data)
            return
        last = self.pieces[-1] if self.pieces else None
        if isinstance(last, bytearray):
            last += data
        else:
            self.pieces.append(bytearray(data))

    def finish(self, data: bytes) -> str | bytes:
        if self.pieces is None:
            return data
        self.pieces.append(data)
        return b"".join(self.pieces)


class TextGathering(Gathering):
    """Gather UTF-8."""

    __slots__ = ("carry", "text")

    def __init__(self, is_compressed: bool) -> None:
        super().__init__(is_compressed)
        self.text: StringIO | None = None
        #: The first bytes of a character whose others have not come.
        self.carry = b""

    def append(self, data: bytes) -> None:
        if self.text is None:
            self.text = StringIO()
        self.text.write(self._decode(data, False))

    def finish(self, data: bytes) -> str | bytes:
        end = self._decode(data, True)
        if self.text is None:
            return end
        self.text.write(end)
        return self.text.getvalue()

    def _decode(self, data: bytes, is_last: bool) -> str:
        if self.carry:
            data = self.carry + data
        try:
            text, used = utf_8_decode(data, "strict", is_last)
        except UnicodeDecodeError:
            raise WebSocketError(1007, _NOT_UTF8) from None
        carry = self.carry = data[used:]
        if len(carry) == 2 and carry[0] == 0xED and carry[1] > 0x9F:
            # Half of a surrogate pair (RFC 3629 §3); the decoder would wait for its third byte.
            raise WebSocketError(1007, _NOT_UTF8)
        return text
