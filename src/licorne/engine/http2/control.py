"""Frames that carry no request: settings, credit, pings, priorities, leaving (RFC 9113 §6.3, §6.5 to §6.9; RFC 9218).

Most of them are answered, and none of them asks the application; so they are counted, and answers that the peer does
not take are counted too.
"""

from licorne.engine.http2.errors import H2Error
from licorne.engine.http2.frames import (
    ACK,
    CONTINUATION,
    ENHANCE_YOUR_CALM,
    FRAME_SIZE_ERROR,
    GOAWAY,
    HEADER_TABLE_SIZE,
    INITIAL_WINDOW_SIZE,
    MAX_FRAME_SIZE,
    PING,
    PRIORITY,
    PRIORITY_UPDATE,
    PROTOCOL_ERROR,
    PUSH_PROMISE,
    SETTINGS,
    FrameReader,
    parse_settings,
    parse_word,
    put_head,
)
from licorne.engine.http2.hpack.decoder import Decoder
from licorne.engine.http2.intake import Intake
from licorne.engine.http2.scheduler import parse_priority
from licorne.engine.http2.settings import INITIAL_WINDOW, check_setting, stream_window
from licorne.engine.http2.windows import widened
from licorne.engine.limits import Limits

__all__ = ["DRAIN_PING", "Controls"]

#: What the ping of a drain holds: its answer says that the peer knows of it.
DRAIN_PING = b"licorne\0"

_ACK = ACK
_CONTINUATION = CONTINUATION
_GOAWAY = GOAWAY
_PING = PING
_PRIORITY = PRIORITY
_PRIORITY_UPDATE = PRIORITY_UPDATE
_PUSH_PROMISE = PUSH_PROMISE
_SETTINGS = SETTINGS

_PRIORITY_BYTES = 5
# To read a priority and move a stream is so much more work than another frame that carries nothing.
_PRIORITY_WORK = 4


class Controls:
    """Take the control frames of one connection."""

    __slots__ = ("decoder", "guard", "has_pong", "intake", "is_acknowledged", "is_leaving", "limits", "outgoing")

    def __init__(self, limits: Limits, intake: Intake, decoder: Decoder) -> None:
        self.limits = limits
        self.intake = intake
        self.outgoing = intake.outgoing
        self.guard = intake.guard
        self.decoder = decoder
        #: The peer has said that it knows our settings, that it knows of a drain, and GOAWAY.
        self.is_acknowledged = False
        self.has_pong = False
        self.is_leaving = False

    # input

    def receive(self, reader: FrameReader, now: float) -> None:
        """Take any frame but those of requests and credit.

        Raises:
            H2Error: The peer has broken a rule.
        """
        kind = reader.kind
        self.guard.count_glitch(now)
        if kind == _SETTINGS:
            self.receive_settings(reader)
        elif kind == _PING:
            self._on_ping(reader)
        elif kind == _PRIORITY:
            self._on_priority(reader)
        elif kind == _PRIORITY_UPDATE:
            self._on_priority_update(reader)
        elif kind == _GOAWAY:
            if reader.stream_id:
                raise H2Error(PROTOCOL_ERROR, "GOAWAY on a stream")
            if reader.length < 8:
                raise H2Error(FRAME_SIZE_ERROR, "a GOAWAY frame of less than eight bytes")
            self.is_leaving = True
        elif kind == _PUSH_PROMISE:
            raise H2Error(PROTOCOL_ERROR, "a client cannot push")
        elif kind == _CONTINUATION:
            raise H2Error(PROTOCOL_ERROR, "CONTINUATION without a field block")
        # RFC 9113 §4.1: frames of other types are ignored.

    def receive_credit(self, reader: FrameReader, now: float) -> None:
        """Take WINDOW_UPDATE (RFC 9113 §6.9).

        Raises:
            H2Error: The peer has broken a rule.
        """
        if reader.length != 4:
            raise H2Error(FRAME_SIZE_ERROR, "a WINDOW_UPDATE frame is not four bytes long")
        stream_id = reader.stream_id
        credit = parse_word(reader.payload, 0)
        outgoing = self.outgoing
        self.guard.count_credit(credit, now)
        if not stream_id:
            if not credit:
                raise H2Error(PROTOCOL_ERROR, "WINDOW_UPDATE of nothing")
            outgoing.widen(widened(outgoing.window, credit, 0))
            return
        stream = self.intake.table.find(stream_id)
        if stream is None:
            if self.intake.table.is_idle(stream_id):
                raise H2Error(PROTOCOL_ERROR, "WINDOW_UPDATE on a stream that is not open")
            return
        if not credit:
            raise H2Error(PROTOCOL_ERROR, "WINDOW_UPDATE of nothing", stream_id)
        stream.send_window = widened(stream.send_window, credit, stream_id)
        stream.wake()

    def receive_settings(self, reader: FrameReader) -> None:
        """Take SETTINGS (RFC 9113 §6.5).

        Raises:
            H2Error: The peer has broken a rule.
        """
        if reader.stream_id:
            raise H2Error(PROTOCOL_ERROR, "SETTINGS on a stream")
        if reader.flags & _ACK:
            if reader.length:
                raise H2Error(FRAME_SIZE_ERROR, "an acknowledgement of settings that is not empty")
            self._acknowledge()
            return
        pairs = parse_settings(reader.payload)
        limit = self.limits.h2_max_settings
        if limit and len(pairs) > limit:
            raise H2Error(ENHANCE_YOUR_CALM, "too many settings in a frame")
        self.guard.work += len(pairs) * 2
        self.apply(pairs)
        self.guard.count_reply()
        put_head(self.outgoing.out, 0, _SETTINGS, _ACK, 0)

    def apply(self, pairs: list[tuple[int, int]]) -> None:
        """Take the peer's settings, however they came.

        Raises:
            H2Error: One of them is not allowed.
        """
        for identifier, value in pairs:
            check_setting(identifier, value)
            self._apply(identifier, value)

    # internals

    def _apply(self, identifier: int, value: int) -> None:
        outgoing = self.outgoing
        if identifier == HEADER_TABLE_SIZE:
            outgoing.encoder.set_max_table(value)
        elif identifier == MAX_FRAME_SIZE:
            outgoing.max_frame = value
        elif identifier == INITIAL_WINDOW_SIZE:
            # RFC 9113 §6.9.2: for streams that are open too, whose windows may fall below zero.
            delta = value - outgoing.initial_window
            outgoing.initial_window = value
            self.guard.work += len(self.intake.table.streams)
            for stream in self.intake.table.streams.values():
                stream.send_window = widened(stream.send_window, delta, 0)
                if stream.can_send():
                    stream.wake()
                else:
                    outgoing.scheduler.hold(stream)

    def _acknowledge(self) -> None:
        """Hold the peer to what it now knows of (RFC 9113 §6.5.3)."""
        if self.is_acknowledged:
            return
        self.is_acknowledged = True
        self.decoder.acknowledge()
        size = stream_window(self.limits)
        if size < INITIAL_WINDOW:
            self.intake.window_size = size
            for stream in self.intake.table.streams.values():
                if stream.window is not None:
                    stream.window.resize(size)

    def _on_ping(self, reader: FrameReader) -> None:
        if reader.stream_id:
            raise H2Error(PROTOCOL_ERROR, "PING on a stream")
        if reader.length != 8:
            raise H2Error(FRAME_SIZE_ERROR, "a PING frame is not eight bytes long")
        if reader.flags & _ACK:
            self.has_pong = self.has_pong or reader.payload == DRAIN_PING
            return
        self.guard.count_reply()
        put_head(self.outgoing.out, 8, _PING, _ACK, 0)
        self.outgoing.out += reader.payload

    def _on_priority(self, reader: FrameReader) -> None:
        # RFC 9113 §5.3.2: deprecated; what can be wrong with it is still wrong (§6.3).
        stream_id = reader.stream_id
        if not stream_id:
            raise H2Error(PROTOCOL_ERROR, "PRIORITY without a stream")
        known = 0 if self.intake.table.find(stream_id) is None else stream_id
        if reader.length != _PRIORITY_BYTES:
            raise H2Error(FRAME_SIZE_ERROR, "a PRIORITY frame is not five bytes long", known)
        if parse_word(reader.payload, 0) == stream_id:
            raise H2Error(PROTOCOL_ERROR, "a stream depends on itself", known)

    def _on_priority_update(self, reader: FrameReader) -> None:
        # RFC 9218 §7.1
        if reader.stream_id:
            raise H2Error(PROTOCOL_ERROR, "PRIORITY_UPDATE on a stream")
        if reader.length < 4:
            raise H2Error(FRAME_SIZE_ERROR, "a PRIORITY_UPDATE frame of less than four bytes")
        stream_id = parse_word(reader.payload, 0)
        if not stream_id & 1:
            raise H2Error(PROTOCOL_ERROR, "PRIORITY_UPDATE for a stream that a client cannot open")
        priority = parse_priority(reader.payload[4:])
        self.guard.work += _PRIORITY_WORK
        table = self.intake.table
        stream = table.find(stream_id)
        if stream is not None:
            self.outgoing.scheduler.reprioritize(stream, priority)
        elif table.is_idle(stream_id):
            table.expect_priority(stream_id, priority)
