"""Incoming: the receiving half of a session, for every codec: frames in, messages and control frames out.

Strategy: a message that is one whole frame goes straight into the queue; any other is gathered. Control frames
are put by for the session, which looks at `controls` after each feed; nothing here sends or calls anybody.

Frames that bring no message nearer cost the peer next to nothing: after so many of them it rests, full for the
codec, until the session lets it go on in another turn, so that the peers of others have theirs.

Rules (RFC 6455 §5): a frame is judged by its head and its announced length before its payload is taken: reserved
bits, opcode, order, number of fragments, size of the message, also while inflating.
"""

from licorne.engine.websocket.codec import NO_TEXT
from licorne.engine.websocket.controls import CLOSE, Controls
from licorne.engine.websocket.deflate import Deflate
from licorne.engine.websocket.gathering import BinaryGathering, Gathering, TextGathering
from licorne.engine.websocket.messages import MessageQueue
from licorne.engine.websocket.options import SessionOptions
from licorne.errors import WebSocketError

__all__ = ["NO_LIMIT", "Incoming"]

#: What stands for no limit; a C integer holds it, and some more.
NO_LIMIT = 2**62

_CLOSE = CLOSE
_NO_TEXT = NO_TEXT

_FIN = 0x80
_RSV = 0x70
_RSV1 = 0x40
_CONTROL = 0x08
_OPCODE = 0x0F
_CONTINUATION = 0
_TEXT = 1
_BINARY = 2
_WHOLE_BINARY = 0x82

_PROTOCOL_ERROR = 1002
_POLICY = 1008
_TOO_BIG = 1009

_NO_LIMIT = NO_LIMIT
# Larger fragments are paid for by their bytes, which the limit on the message counts.
_SMALL_FRAGMENT_BYTES = 64
# How many frames that bring no message nearer are read before it rests.
_MAX_QUIET = 64


class Incoming(MessageQueue):
    """Take the frames of one session."""

    __slots__ = (
        "controls",
        "deflate",
        "final",
        "gathering",
        "is_discarding",
        "left",
        "max_fragments",
        "max_size",
        "quiet",
    )

    # construction

    def __init__(self, options: SessionOptions) -> None:
        self.is_full = False
        super().__init__(_bounded(options.max_queue), _bounded(options.high_water_bytes))
        self.max_size = _bounded(options.max_size)
        self.max_fragments = _bounded(options.max_fragments)
        self.text_limit = self.max_size
        #: Set once permessage-deflate is agreed on.
        self.deflate: Deflate | None = None
        #: The message that is coming in pieces.
        self.gathering: Gathering | None = None
        #: Payload bytes to come of the frame that is told in parts.
        self.left = 0
        self.controls = Controls()
        #: Frames since the last rest that brought no message nearer.
        self.quiet = 0
        #: The code and the reason of an end that stands behind the messages in the queue, which are told first.
        self.final: tuple[int, str] | None = None
        #: Messages are of no interest any more; only a close frame is.
        self.is_discarding = False

    # input

    def on_text(self, text: str, size: int) -> None:
        self._deliver(text, size)

    def on_frame(self, head: int, data: bytes, left: int) -> None:
        if head & _CONTROL:
            self.controls.take(head, data)
            if self.controls.seen & _CLOSE:
                self.is_full = True  # RFC 6455 §5.5.1: nothing follows it
            self._count_quiet()
        elif self.is_discarding:
            self._count_quiet()
        else:
            if not self.left:
                if head == _WHOLE_BINARY and not left and self._is_fit(len(data)):
                    self._deliver(data, len(data))
                    return
                self._begin_frame(head, len(data) + left)
            self.left = left
            self._take_payload(data, not left and head & _FIN != 0)
            if not left and not head & _FIN and len(data) < _SMALL_FRAGMENT_BYTES:
                self._count_quiet()

    def discard(self) -> None:
        """Drop the message that is coming and ignore what follows, up to a close frame."""
        self.is_discarding = True
        self.is_full = self.is_resting()
        self.text_limit = _NO_TEXT
        self.gathering = None
        self.deflate = None

    def put_off(self, code: int, reason: str) -> None:
        """Keep an end until the messages before it are taken; nothing more is read."""
        self.final = (code, reason)
        self.is_full = True
        self.quiet = 0

    def end_rest(self) -> None:
        """Let the codec go on after a rest."""
        self.quiet = 0
        self.is_full = False

    # output

    def take_message(self) -> str | bytes | None:
        """Hand over the oldest message; None if there is none."""
        message = self.take()
        if self.is_full and self.is_low() and self.final is None and not self.is_resting():
            self.is_full = False
        return message

    # predicates

    def is_resting(self) -> bool:
        """Tell whether no further frame is taken in this turn, although there is room."""
        return self.quiet >= _MAX_QUIET

    # internals

    def _count_quiet(self) -> None:
        self.quiet += 1
        if self.quiet >= _MAX_QUIET:
            self.is_full = True

    def _is_fit(self, size: int) -> bool:
        """Tell whether a whole binary message may come now."""
        return self.gathering is None and size <= self.max_size

    def _deliver(self, message: str | bytes, size: int) -> None:
        self.append(message, size)
        if self.is_over():
            self.is_full = True

    def _begin_frame(self, head: int, size: int) -> None:
        """Judge a data frame by its head and its length."""
        gathering = self._continued(head) if head & _OPCODE == _CONTINUATION else self._begun(head)
        if size < _SMALL_FRAGMENT_BYTES:
            gathering.fragments += 1
            if gathering.fragments > self.max_fragments:
                raise WebSocketError(_POLICY, "the message has too many small fragments")
        # What cannot be compressed grows by a little when it is.
        spare = (self.max_size >> 6) + 1024 if gathering.is_compressed else 0
        if size > self.max_size + spare - gathering.wire_size:  # a sum might be more than a C integer holds
            raise WebSocketError(_TOO_BIG, "the message is too large")
        gathering.wire_size += size

    def _continued(self, head: int) -> Gathering:
        if self.gathering is None:
            raise WebSocketError(_PROTOCOL_ERROR, "a continuation of no message")
        if head & _RSV:
            # RFC 7692 §6.1: only the first frame says that a message is compressed.
            raise WebSocketError(_PROTOCOL_ERROR, "a reserved bit is set")
        return self.gathering

    def _begun(self, head: int) -> Gathering:
        if head & _OPCODE > _BINARY:
            raise WebSocketError(_PROTOCOL_ERROR, "an unknown opcode")
        if self.gathering is not None:
            raise WebSocketError(_PROTOCOL_ERROR, "a message inside another")
        if head & _RSV and (head & _RSV != _RSV1 or self.deflate is None):
            raise WebSocketError(_PROTOCOL_ERROR, "a reserved bit is set")
        is_compressed = head & _RSV1 != 0
        gathering = TextGathering(is_compressed) if head & _OPCODE == _TEXT else BinaryGathering(is_compressed)
        self.gathering = gathering
        self.text_limit = _NO_TEXT
        return gathering

    def _take_payload(self, data: bytes, is_last: bool) -> None:
        gathering = self.gathering
        if gathering is None:
            return
        if gathering.is_compressed and self.deflate is not None:
            limit = self.max_size - gathering.size if self.max_size != _NO_LIMIT else -1
            data = self.deflate.inflate(data, is_last, limit)
        gathering.size += len(data)
        if is_last:
            self.gathering = None
            self.text_limit = self.max_size
            self._deliver(gathering.finish(data), gathering.size)
        elif data:
            gathering.append(data)


def _bounded(limit: int) -> int:
    """Return a limit as it is compared with, 0 for none."""
    return min(limit or NO_LIMIT, NO_LIMIT)
