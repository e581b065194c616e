"""Frames of HTTP/2 as bytes, both ways (RFC 9113 §4, §6).

Pure functions that make frames, and `FrameReader`, which cuts a byte stream into whole frames. What a frame means
is the connection's business; here only its shape is judged: its length, its padding, its settings.

The `put_*` functions append to what will be written anyway, so that the frames of many streams are made in one piece.
"""

from licorne.engine import _bytes
from licorne.engine.http2.errors import H2Error

__all__ = [
    "FrameReader",
    "parse_settings",
    "parse_word",
    "put_head",
    "put_headers",
    "put_word",
    "serialize_goaway",
    "serialize_header",
    "serialize_ping",
    "serialize_settings",
    "serialize_window_update",
    "unpadded",
]

# RFC 9113 §6, RFC 9218 §7.1: frame types.
DATA = 0x00
HEADERS = 0x01
PRIORITY = 0x02
RST_STREAM = 0x03
SETTINGS = 0x04
PUSH_PROMISE = 0x05
PING = 0x06
GOAWAY = 0x07
WINDOW_UPDATE = 0x08
CONTINUATION = 0x09
PRIORITY_UPDATE = 0x10

# RFC 9113 §6: flags.
END_STREAM = 0x01
ACK = 0x01
END_HEADERS = 0x04
PADDED = 0x08
HAS_PRIORITY = 0x20

# RFC 9113 §7: error codes.
NO_ERROR = 0x00
PROTOCOL_ERROR = 0x01
INTERNAL_ERROR = 0x02
FLOW_CONTROL_ERROR = 0x03
SETTINGS_TIMEOUT = 0x04
STREAM_CLOSED = 0x05
FRAME_SIZE_ERROR = 0x06
REFUSED_STREAM = 0x07
CANCEL = 0x08
COMPRESSION_ERROR = 0x09
CONNECT_ERROR = 0x0A
ENHANCE_YOUR_CALM = 0x0B
INADEQUATE_SECURITY = 0x0C
HTTP_1_1_REQUIRED = 0x0D

# RFC 9113 §6.5.2, RFC 8441 §3, RFC 9218 §2.1: settings.
HEADER_TABLE_SIZE = 0x01
ENABLE_PUSH = 0x02
MAX_CONCURRENT_STREAMS = 0x03
INITIAL_WINDOW_SIZE = 0x04
MAX_FRAME_SIZE = 0x05
MAX_HEADER_LIST_SIZE = 0x06
ENABLE_CONNECT_PROTOCOL = 0x08
NO_RFC7540_PRIORITIES = 0x09

#: RFC 9113 §3.4: what a client sends first.
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#: RFC 9113 §6.9.1: the largest window, and the largest stream identifier (§4.1).
MAX_WINDOW = 2**31 - 1
#: RFC 9113 §4.2: what every endpoint takes, and the largest that can be expressed.
DEFAULT_MAX_FRAME = 2**14
LARGEST_MAX_FRAME = 2**24 - 1
#: RFC 9113 §4.1: length, type, flags, stream identifier.
HEADER_BYTES = 9

_HEADER_BYTES = HEADER_BYTES
_HEADERS = HEADERS
_CONTINUATION = CONTINUATION
_SETTINGS = SETTINGS
_END_STREAM = END_STREAM
_END_HEADERS = END_HEADERS
_PADDED = PADDED
_WORD = 0x7FFFFFFF
_SETTING_BYTES = 6
# The room that a head and a word take.
_NO_HEAD = bytes(HEADER_BYTES)
_NO_WORD = bytes(4)
# RFC 9113 §6: frames whose payload has one size; a wrong one is known before the payload is there.
_SIZES = {RST_STREAM: 4, PING: 8, WINDOW_UPDATE: 4}


# --- frames out ---------------------------------------------------------------------------------------------


def put_head(out: bytearray, length: int, kind: int, flags: int, stream_id: int) -> None:
    """Append the nine bytes that begin a frame (RFC 9113 §4.1)."""
    at = len(out)
    out += _NO_HEAD
    buf = out
    buf[at] = length >> 16 & 255
    buf[at + 1] = length >> 8 & 255
    buf[at + 2] = length & 255
    buf[at + 3] = kind
    buf[at + 4] = flags
    buf[at + 5] = stream_id >> 24 & 255
    buf[at + 6] = stream_id >> 16 & 255
    buf[at + 7] = stream_id >> 8 & 255
    buf[at + 8] = stream_id & 255


def put_word(out: bytearray, word: int) -> None:
    """Append 32 bits in network order."""
    at = len(out)
    out += _NO_WORD
    buf = out
    buf[at] = word >> 24 & 255
    buf[at + 1] = word >> 16 & 255
    buf[at + 2] = word >> 8 & 255
    buf[at + 3] = word & 255


def put_headers(out: bytearray, stream_id: int, block: bytes, end: bool, max_frame: int) -> None:
    """Append a field block as HEADERS and CONTINUATION frames of `max_frame` bytes at most (RFC 9113 §6.2, §6.10)."""
    size = len(block)
    flags = _END_STREAM if end else 0
    if size <= max_frame:
        put_head(out, size, _HEADERS, flags | _END_HEADERS, stream_id)
        out += block
        return
    put_head(out, max_frame, _HEADERS, flags, stream_id)
    out += _bytes.cut(block, 0, max_frame)
    at = max_frame
    while at < size:
        stop = min(at + max_frame, size)
        put_head(out, stop - at, _CONTINUATION, _END_HEADERS if stop == size else 0, stream_id)
        out += _bytes.cut(block, at, stop)
        at = stop


def serialize_header(length: int, kind: int, flags: int, stream_id: int) -> bytes:
    """Return the nine bytes that begin a frame (RFC 9113 §4.1)."""
    out = bytearray()
    put_head(out, length, kind, flags, stream_id)
    return bytes(out)


def serialize_settings(pairs: list[tuple[int, int]]) -> bytes:
    """Return a SETTINGS frame of identifiers and values (RFC 9113 §6.5.1)."""
    out = bytearray()
    put_head(out, _SETTING_BYTES * len(pairs), SETTINGS, 0, 0)
    for identifier, value in pairs:
        out.append(identifier >> 8 & 255)
        out.append(identifier & 255)
        put_word(out, value)
    return bytes(out)


def serialize_ping(payload: bytes, is_ack: bool) -> bytes:
    """Return a PING frame with eight bytes of payload (RFC 9113 §6.7)."""
    return serialize_header(len(payload), PING, ACK if is_ack else 0, 0) + payload


def serialize_goaway(last_id: int, code: int, debug: bytes = b"") -> bytes:
    """Return a GOAWAY frame (RFC 9113 §6.8)."""
    out = bytearray()
    put_head(out, 8 + len(debug), GOAWAY, 0, 0)
    put_word(out, last_id)
    put_word(out, code)
    out += debug
    return bytes(out)


def serialize_window_update(stream_id: int, credit: int) -> bytes:
    """Return a WINDOW_UPDATE frame; stream 0 is the connection (RFC 9113 §6.9)."""
    out = bytearray()
    put_head(out, 4, WINDOW_UPDATE, 0, stream_id)
    put_word(out, credit)
    return bytes(out)


# --- frames in ----------------------------------------------------------------------------------------------


class FrameReader:
    """Cut what arrives into whole frames. Take every frame that is there before the next `feed`.

    After `next` has returned True, `kind`, `flags`, `stream_id`, `length` and `payload` are those of one frame.
    """

    __slots__ = (
        "at",
        "buffer",
        "flags",
        "gathered",
        "kind",
        "length",
        "max_frame",
        "payload",
        "stream_id",
        "wanted",
    )

    def __init__(self, max_frame: int = DEFAULT_MAX_FRAME) -> None:
        """Take the largest payload in bytes that was announced (RFC 9113 §4.2)."""
        self.max_frame = max_frame
        self.kind = 0
        self.flags = 0
        self.stream_id = 0
        self.length = 0
        self.payload = b""
        #: What arrived, and where in it the next frame begins.
        self.buffer = b""
        self.at = 0
        #: An incomplete frame, and how many bytes of it must be there before it is looked at again: bytes that
        #: come one at a time are copied a fixed number of times.
        self.gathered: bytearray | None = None
        self.wanted = 0

    def feed(self, data: bytes) -> None:
        """Take bytes from the wire."""
        gathered = self.gathered
        if gathered is not None:
            gathered += data
            if len(gathered) < self.wanted:
                return
            data = bytes(gathered)
            self.gathered = None
        elif self.at < len(self.buffer):
            data = _bytes.cut(self.buffer, self.at, len(self.buffer)) + data
        self.buffer = data
        self.at = 0

    def next(self) -> bool:
        """Step to the next frame; False when none is whole.

        Raises:
            H2Error: FRAME_SIZE_ERROR when a frame is longer than was announced, or begins to arrive with a length
                that ends the connection for frames of its type.
        """
        data = self.buffer
        at = self.at
        end = len(data)
        if end - at < _HEADER_BYTES:
            return self._await(at, _HEADER_BYTES)
        buf = data
        length = buf[at] << 16 | buf[at + 1] << 8 | buf[at + 2]
        if length > self.max_frame:
            raise H2Error(FRAME_SIZE_ERROR, "a frame is longer than was announced")
        start = at + _HEADER_BYTES
        self.kind = buf[at + 3]
        if end - start < length:
            self._check_size(self.kind, length)
            return self._await(at, _HEADER_BYTES + length)
        self.length = length
        self.flags = buf[at + 4]
        # RFC 9113 §4.1: the reserved bit must be ignored.
        self.stream_id = (buf[at + 5] & 127) << 24 | buf[at + 6] << 16 | buf[at + 7] << 8 | buf[at + 8]
        self.payload = _bytes.cut(data, start, start + length)
        self.at = start + length
        return True

    def take_rest(self) -> bytes:
        """Hand over what was fed and belongs to no frame yet."""
        rest = _bytes.cut(self.buffer, self.at, len(self.buffer)) if self.gathered is None else bytes(self.gathered)
        self.buffer, self.at, self.gathered = b"", 0, None
        return rest

    def pending_bytes(self) -> int:
        """Return how many bytes were fed and belong to no frame yet."""
        return len(self.buffer) - self.at + (0 if self.gathered is None else len(self.gathered))

    def _check_size(self, kind: int, length: int) -> None:
        """Refuse a frame that has begun and can only be wrong; who takes a whole one judges it by its payload."""
        if length != _SIZES.get(kind, length) or (kind == _SETTINGS and length % _SETTING_BYTES):
            raise H2Error(FRAME_SIZE_ERROR, "a frame has a length that its type does not have")

    def _await(self, at: int, wanted: int) -> bool:
        """Keep the beginning of a frame until `wanted` bytes of it are there."""
        if at < len(self.buffer):
            self.gathered = bytearray(_bytes.cut(self.buffer, at, len(self.buffer)))
            self.wanted = wanted
        self.buffer = b""
        self.at = 0
        return False


def unpadded(flags: int, payload: bytes) -> tuple[int, int]:
    """Return where the content of a DATA or HEADERS payload begins and ends without its padding (RFC 9113 §6.1).

    Raises:
        H2Error: PROTOCOL_ERROR when the padding is as long as the payload or longer, FRAME_SIZE_ERROR when its
            length is missing.
    """
    if not flags & _PADDED:
        return 0, len(payload)
    if not payload:
        raise H2Error(FRAME_SIZE_ERROR, "a padded frame lacks the length of its padding")
    end = len(payload) - payload[0]
    if end < 1:
        raise H2Error(PROTOCOL_ERROR, "the padding of a frame is longer than its payload")
    return 1, end


def parse_settings(payload: bytes) -> list[tuple[int, int]]:
    """Return the identifiers and values of a SETTINGS payload, in their order (RFC 9113 §6.5.1).

    Raises:
        H2Error: FRAME_SIZE_ERROR when the payload is not a whole number of settings.
    """
    if len(payload) % _SETTING_BYTES:
        raise H2Error(FRAME_SIZE_ERROR, "the length of a SETTINGS frame is not a multiple of six")
    pairs = []
    for at in range(0, len(payload), _SETTING_BYTES):
        identifier = payload[at] << 8 | payload[at + 1]
        value = payload[at + 2]
        value = value << 8 | payload[at + 3]
        value = value << 8 | payload[at + 4]
        value = value << 8 | payload[at + 5]
        pairs.append((identifier, value))
    return pairs


def parse_word(payload: bytes, at: int) -> int:
    """Return the 31 bits at `at`, without the reserved bit: a stream identifier or a window increment."""
    word = payload[at]
    word = word << 8 | payload[at + 1]
    word = word << 8 | payload[at + 2]
    word = word << 8 | payload[at + 3]
    return word & _WORD
