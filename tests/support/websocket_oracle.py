"""A slow reader of what a WebSocket client sends, to compare the engine with; it shares no code with it.

One frame after the other, straight down RFC 6455 §5 and RFC 7692 §7.2.2, on all the bytes at once. Of a frame that has
not come whole, what has come is judged, as far as it can be.
"""

import codecs
import zlib
from dataclasses import dataclass, field

__all__ = ["Judged", "judge_frames"]

TAIL = b"\x00\x00\xff\xff"
MAX_FINAL_BLOCKS = 32
#: Fragments of so many bytes are not counted.
LARGE_FRAGMENT = 64
CODES = {*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)}


@dataclass(slots=True)
class Judged:
    """Hold an opinion; `code` is 0 while the session goes on."""

    messages: list[str | bytes] = field(default_factory=list)
    pongs: list[bytes] = field(default_factory=list)
    code: int = 0
    #: Something unfinished has come.
    is_waiting: bool = False


class Fault(Exception):
    """Carry the close code for a peer that broke a rule."""


class Reader:
    """Read frames; `takeover` is None without permessage-deflate."""

    def __init__(self, data: bytes, max_size: int, max_fragments: int, takeover: bool | None) -> None:
        self.data = data
        self.max_size = max_size
        self.max_fragments = max_fragments
        self.takeover = takeover
        self.judged = Judged()
        self.kind = 0
        self.is_compressed = False
        self.fragments = self.wire = 0
        self.payload = b""
        self.inflator = zlib.decompressobj(-15)
        self.final_blocks = 0
        self.decoder = codecs.getincrementaldecoder("utf-8")()
        self.text = ""

    def take(self, count: int) -> bytes:
        """Take so many bytes; EOFError if they are not there."""
        if len(self.data) < count:
            raise EOFError
        taken, self.data = self.data[:count], self.data[count:]
        return taken

    def read_frame(self) -> None:
        """Read one frame."""
        head, length = self.take(2)
        if length < 128:
            raise Fault(1002)
        length -= 128
        is_control = head & 8
        if is_control and (length > 125 or head < 128):
            raise Fault(1002)
        wide = {126: 2, 127: 8}.get(length, 0)
        rest = self.take(wide + 4)
        if wide:
            length = int.from_bytes(rest[:wide], "big")
            if length < (126 if wide == 2 else 65536) or length >= 2**63:
                raise Fault(1002)
        if not is_control:
            self.begin(head, length)
        elif len(self.data) < length:
            raise EOFError
        payload = bytes(byte ^ rest[wide + at % 4] for at, byte in enumerate(self.data[:length]))
        is_whole = len(payload) == length
        self.data = self.data[length:]
        if is_control:
            self.control(head, payload)
        else:
            self.append(payload, is_whole and head >= 128)
        if not is_whole:
            raise EOFError

    def begin(self, head: int, length: int) -> None:
        """Judge the header of a data frame."""
        opcode = head & 15
        if opcode > 2 or (opcode == 0) == (self.kind == 0):
            raise Fault(1002)
        if head & 0x70 and not (head & 0x70 == 0x40 and opcode and self.takeover is not None):
            raise Fault(1002)
        if opcode:
            self.kind, self.is_compressed = opcode, bool(head & 0x40)
            self.fragments = self.wire = self.final_blocks = 0
            self.payload, self.text = b"", ""
            self.decoder.reset()
        self.fragments += length < LARGE_FRAGMENT
        self.wire += length
        if self.fragments > self.max_fragments:
            raise Fault(1008)
        spare = (self.max_size >> 6) + 1024 if self.is_compressed else 0
        if self.wire > self.max_size + spare:
            raise Fault(1009)

    def append(self, payload: bytes, is_last: bool) -> None:
        """Take payload bytes of a message."""
        if self.is_compressed:
            payload = self.inflate(payload + TAIL if is_last else payload)
        self.payload += payload
        if self.kind == 1:
            try:
                self.text += self.decoder.decode(payload, is_last)
            except UnicodeDecodeError:
                raise Fault(1007) from None
        if is_last:
            self.judged.messages.append(self.text if self.kind == 1 else self.payload)
            self.kind = 0
            if self.is_compressed and not self.takeover:
                self.inflator = zlib.decompressobj(-15)

    def inflate(self, data: bytes) -> bytes:
        """Inflate byte by byte, so that the first fault is the one that counts."""
        out = b""
        for at in range(len(data)):
            try:
                out += self.inflator.decompress(data[at : at + 1], self.max_size + 1)
            except zlib.error:
                raise Fault(1007) from None
            if len(self.payload) + len(out) > self.max_size:
                raise Fault(1009)
            if self.inflator.eof:
                self.inflator = zlib.decompressobj(-15)
                self.final_blocks += 1
                if self.final_blocks > MAX_FINAL_BLOCKS:
                    raise Fault(1007)
                if data[at + 1 :] == TAIL:
                    break
        return out

    def control(self, head: int, payload: bytes) -> None:
        """Take a control frame."""
        if head == 0x89:
            self.judged.pongs.append(payload)
        elif head == 0x88:
            if not payload:
                raise Fault(1005)
            code = int.from_bytes(payload[:2], "big")
            if len(payload) == 1 or code not in CODES:
                raise Fault(1002)
            try:
                payload[2:].decode()
            except UnicodeDecodeError:
                raise Fault(1007) from None
            raise Fault(code)
        elif head != 0x8A:
            raise Fault(1002)


def judge_frames(
    data: bytes, *, max_size: int, max_fragments: int = 1024, takeover: bool | None = None, ends: bool = False
) -> Judged:
    """Judge what stands behind a handshake; permessage-deflate has been agreed on unless `takeover` is None."""
    reader = Reader(data, max_size, max_fragments, takeover)
    judged = reader.judged
    try:
        while reader.data:
            reader.read_frame()
    except EOFError:
        judged.is_waiting = True
    except Fault as fault:
        judged.code = fault.args[0]
    judged.is_waiting |= reader.kind != 0
    if ends and not judged.code:
        judged.code = 1006
    return judged
