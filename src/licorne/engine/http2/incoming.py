"""The reading half of an HTTP/2 connection: frames in, streams out (RFC 9113 §3.4, §5, §6).

Every frame is judged by where its stream is. What breaks the rules of one stream resets that stream; what breaks those
of the connection raises, and the connection ends. What a peer may have sent before it knew that its stream is no more
is ignored, but for what all streams share: the header table, and the window of the connection.

One read may hold thousands of frames that are cheap to send. Reading them rests after a fair share, so that other
connections have their turn: `is_resting`, until `go_on`.
"""

from licorne.engine import _bytes
from licorne.engine.http2.control import Controls
from licorne.engine.http2.errors import H2Error
from licorne.engine.http2.frames import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    ENHANCE_YOUR_CALM,
    FLOW_CONTROL_ERROR,
    FRAME_SIZE_ERROR,
    HAS_PRIORITY,
    HEADERS,
    PADDED,
    PREFACE,
    PROTOCOL_ERROR,
    RST_STREAM,
    SETTINGS,
    STREAM_CLOSED,
    WINDOW_UPDATE,
    FrameReader,
    parse_word,
    unpadded,
)
from licorne.engine.http2.heads import HeadReader
from licorne.engine.http2.hpack.decoder import Decoder
from licorne.engine.http2.intake import Intake
from licorne.engine.http2.settings import max_frame
from licorne.engine.http2.stream import Http2Stream
from licorne.engine.limits import Limits
from licorne.errors import RemoteProtocolError

__all__ = ["Incoming"]

_ACK = ACK
_CONTINUATION = CONTINUATION
_DATA = DATA
_END_HEADERS = END_HEADERS
_END_STREAM = END_STREAM
_HAS_PRIORITY = HAS_PRIORITY
_HEADERS = HEADERS
_PADDED = PADDED
_RST_STREAM = RST_STREAM
_SETTINGS = SETTINGS
_WINDOW_UPDATE = WINDOW_UPDATE

# How far the beginning of the connection is.
_PREFACE = 0  # some of its 24 bytes are missing
_FIRST = 1  # SETTINGS must come
_OPEN = 2

# A field block may be so many times larger than the list that it makes.
_MAX_EXCESS = 4
_PRIORITY_BYTES = 5
# What one turn may cost: a frame counts as one, and the guard says what it counts for beyond that.
_MAX_WORK = 256
# To open a stream, and so many bytes of a field block.
_HEAD_WORK = 4
_HEAD_BYTES_PER_WORK = 64
# A request that is refused costs as much as one that is reset, and its answer besides.
_REFUSAL_WORK = 32


class Incoming:
    """Take the frames of one connection."""

    __slots__ = (
        "block",
        "continuations",
        "controls",
        "flags",
        "guard",
        "heads",
        "intake",
        "is_resting",
        "later",
        "limits",
        "phase",
        "preface",
        "reader",
        "stream_id",
    )

    # construction

    def __init__(self, limits: Limits, intake: Intake) -> None:
        self.limits = limits
        self.intake = intake
        self.guard = intake.guard
        self.reader = FrameReader(max_frame(limits))
        decoder = Decoder(limits.h2_table, limits.h2_max_header_list, limits.max_fields)
        self.heads = HeadReader(decoder, intake.takes_websocket)
        self.controls = Controls(limits, intake, decoder)
        self.phase = _PREFACE
        #: How much of the preface has come.
        self.preface = 0
        #: The field block that CONTINUATION must go on with: its stream (0 for none), flags, bytes, and frames.
        self.stream_id = 0
        self.flags = 0
        self.block = bytearray()
        self.continuations = 0
        #: Frames that have come wait for another turn; and what came since, None for nothing.
        self.is_resting = False
        self.later: list[bytes] | None = None

    # input

    def receive(self, data: bytes, now: float) -> None:
        """Take bytes from the wire.

        Raises:
            H2Error: The connection has to end.
        """
        if self.is_resting:
            self.later = [*(self.later or ()), data]
            return
        if self.phase == _PREFACE:
            data = self._match_preface(data)
        self.reader.feed(data)
        self._walk(now)

    def go_on(self, now: float) -> None:
        """Take up what was put off.

        Raises:
            H2Error: The connection has to end.
        """
        self._walk(now)
        later = self.later
        if later is not None and not self.is_resting:
            self.later = None
            self.receive(b"".join(later), now)

    def stop(self) -> None:
        """Forget what was put off: nobody will ask for it."""
        self.is_resting = False
        self.later = None
        self.reader.take_rest()

    # predicates

    def is_owed_more(self) -> bool:
        """Tell whether the peer owes the rest of what it has begun: its preface and settings, a field block, a frame.

        While there are streams, a frame that is not whole is most likely body, which has a clock of its own.
        """
        if self.phase != _OPEN or self.stream_id:
            return True
        return self.intake.table.is_empty() and not self.is_resting and self.reader.pending_bytes() > 0

    # internals: what comes first

    def _match_preface(self, data: bytes) -> bytes:
        """Compare what comes first with the preface, byte by byte; return what is behind it (RFC 9113 §3.4)."""
        count = min(len(data), len(PREFACE) - self.preface)
        if data[:count] != PREFACE[self.preface : self.preface + count]:
            raise H2Error(PROTOCOL_ERROR, "what came first is not the HTTP/2 preface")
        self.preface += count
        if self.preface == len(PREFACE):
            self.phase = _FIRST
        return data[count:]

    # internals: frames

    def _walk(self, now: float) -> None:
        """Take whole frames, as many as one turn may have."""
        reader = self.reader
        guard = self.guard
        guard.work = 0
        self.is_resting = False
        count = 0
        while reader.next():
            try:
                self._receive_frame(reader, now)
            except H2Error as error:
                if not error.stream_id:
                    raise
                self._fail_stream(error, now)
            count += 1
            if count + guard.work >= _MAX_WORK and reader.pending_bytes():
                self.is_resting = True
                return

    def _receive_frame(self, reader: FrameReader, now: float) -> None:
        kind = reader.kind
        if self.stream_id:
            # RFC 9113 §4.3, §6.10: nothing may come between the frames of a field block.
            if kind != _CONTINUATION or reader.stream_id != self.stream_id:
                raise H2Error(PROTOCOL_ERROR, "a frame comes between those of a field block")
            self._on_continuation(reader, now)
        elif self.phase != _OPEN:
            if kind != _SETTINGS or reader.flags & _ACK:
                raise H2Error(PROTOCOL_ERROR, "the first frame is not SETTINGS")
            self.controls.receive_settings(reader)
            self.phase = _OPEN
        elif kind == _HEADERS:
            self._on_headers(reader, now)
        elif kind == _DATA:
            self._on_data(reader, now)
        elif kind == _WINDOW_UPDATE:
            self.controls.receive_credit(reader, now)
        elif kind == _RST_STREAM:
            self._on_reset(reader, now)
        else:
            self.controls.receive(reader, now)

    def _on_headers(self, reader: FrameReader, now: float) -> None:
        stream_id = reader.stream_id
        if not stream_id & 1:
            # RFC 9113 §5.1.1: clients use odd identifiers.
            raise H2Error(PROTOCOL_ERROR, "HEADERS on a stream that a client cannot open")
        flags = reader.flags
        payload = reader.payload
        if flags & (_PADDED | _HAS_PRIORITY):
            payload = self._stripped(payload, flags, stream_id)
        if flags & _END_HEADERS:
            self._take_block(stream_id, payload, flags, now)
            return
        self.stream_id = stream_id
        self.flags = flags
        self.block = bytearray(payload)
        self.continuations = 0

    def _stripped(self, payload: bytes, flags: int, stream_id: int) -> bytes:
        """Return a field block without the padding and the priority around it."""
        start, end = unpadded(flags, payload)
        if flags & _HAS_PRIORITY:
            if end - start < _PRIORITY_BYTES:
                raise H2Error(FRAME_SIZE_ERROR, "HEADERS without the whole of its priority")
            if parse_word(payload, start) == stream_id:
                # RFC 7540 §5.3.1, which RFC 9113 leaves out; the connection ends, as the table may not be left behind.
                raise H2Error(PROTOCOL_ERROR, "a stream depends on itself")
            start += _PRIORITY_BYTES
        return _bytes.cut(payload, start, end)

    def _on_continuation(self, reader: FrameReader, now: float) -> None:
        self.continuations += 1
        self.block += reader.payload
        limit = self.limits.h2_max_continuations
        size = self.limits.h2_max_header_list * _MAX_EXCESS
        if (limit and self.continuations > limit) or (size and len(self.block) > size):
            raise H2Error(ENHANCE_YOUR_CALM, "a field block goes on for too long")
        if reader.flags & _END_HEADERS:
            stream_id = self.stream_id
            self.stream_id = 0
            self._take_block(stream_id, bytes(self.block), self.flags, now)

    def _take_block(self, stream_id: int, block: bytes, flags: int, now: float) -> None:
        intake = self.intake
        ends = flags & _END_STREAM != 0
        table = intake.table
        self.guard.work += _HEAD_WORK + len(block) // _HEAD_BYTES_PER_WORK
        if stream_id > table.highest:
            self._open(stream_id, block, ends, now)
            return
        decoder = self.heads.decoder
        decoded = decoder.decode(block)
        fields = None if decoder.is_too_large else decoded
        stream = table.find(stream_id)
        if stream is None:
            if table.was_left_out(stream_id):
                # RFC 9113 §5.1.1
                raise H2Error(PROTOCOL_ERROR, "a stream is opened after a later one")
            self._ignore_late(stream_id, now)
        elif not stream.can_receive():
            raise H2Error(STREAM_CLOSED, "HEADERS on a stream that has ended", stream_id)
        else:
            intake.add_trailers(stream, fields, ends)
            intake.finish_body(stream, now)

    def _open(self, stream_id: int, block: bytes, ends: bool, now: float) -> None:
        refusal = None
        is_head = False
        head = None
        try:
            head = self.heads.read(block, ends)
            if head is None:
                refusal = RemoteProtocolError(431, "the header fields are too large")
        except RemoteProtocolError as error:
            refusal = error
        if refusal is not None:
            is_head = self.heads.is_head()
        stream = self.intake.open(stream_id, ends, now)
        if stream is None:
            return
        if head is not None:
            self.intake.begin(stream, head, now)
        elif refusal is not None:
            self.guard.work += _REFUSAL_WORK
            self.intake.refuse_new(stream, refusal, is_head, now)

    def _on_data(self, reader: FrameReader, now: float) -> None:
        stream_id = reader.stream_id
        size = reader.length
        intake = self.intake
        payload = reader.payload
        # RFC 9113 §6.9: padding counts too, and so does what nobody will take.
        if not intake.window.spend(size):
            raise H2Error(FLOW_CONTROL_ERROR, "DATA beyond the window of the connection")
        if reader.flags & _PADDED:
            start, end = unpadded(reader.flags, payload)
            payload = _bytes.cut(payload, start, end)
        stream = intake.table.find(stream_id)
        if stream is None:
            if not stream_id or intake.table.is_idle(stream_id):
                raise H2Error(PROTOCOL_ERROR, "DATA on a stream that is not open")
            self._ignore_late(stream_id, now)
            return
        window = stream.window
        if window is None or not stream.can_receive():
            raise H2Error(STREAM_CLOSED, "DATA on a stream that has ended", stream_id)
        if not window.spend(size):
            raise H2Error(FLOW_CONTROL_ERROR, "DATA beyond the window of its stream", stream_id)
        ends = reader.flags & _END_STREAM
        if payload:
            intake.add_body(stream, payload, now)
        elif not ends:
            stream.on_change()  # the window of its padding is given back
            self.guard.count_glitch(now)
        if ends and stream.can_receive():
            intake.finish_body(stream, now)

    def _on_reset(self, reader: FrameReader, now: float) -> None:
        stream_id = reader.stream_id
        if reader.length != 4:
            raise H2Error(FRAME_SIZE_ERROR, "a RST_STREAM frame is not four bytes long")
        if not stream_id or self.intake.table.is_idle(stream_id):
            raise H2Error(PROTOCOL_ERROR, "RST_STREAM on a stream that is not open")
        stream = self.intake.table.find(stream_id)
        if stream is None:
            self.guard.count_glitch(now)
            return
        self.intake.depart(stream)
        self.guard.count_reset(now)

    # internals: faults of streams

    def _ignore_late(self, stream_id: int, now: float) -> None:
        """Take a frame on a stream that is no more."""
        table = self.intake.table
        if stream_id <= self.intake.last_id and not table.was_reset(stream_id):
            raise H2Error(STREAM_CLOSED, "a frame on a stream that is closed")
        self.guard.count_glitch(now)

    def _fail_stream(self, error: H2Error, now: float) -> None:
        """Reset a stream whose peer has broken a rule (RFC 9113 §5.4.2)."""
        stream: Http2Stream | None = self.intake.table.find(error.stream_id)
        if stream is not None:
            self.intake.reset(stream, error.code)
            self.guard.count_reset(now)
