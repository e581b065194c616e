"""What an HTTP/2 client may demand of each frame that a server sends (RFC 9113 §4 to §8); a breach is an assertion.

It knows what the client has announced and opened because the client tells it; it never sends anything itself.
"""

from collections.abc import Iterator

from hpack import Decoder

from tests.support.http2_frames import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    PADDED,
    PING,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    Fields,
    Frame,
    Setting,
)

__all__ = ["Answer", "Rules"]

MOST = (1 << 31) - 1
LEAST_MAX_FRAME = 16384
CONNECTION_FIELDS = {b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"}
LEGAL_FLAGS = {DATA: END_STREAM | PADDED, HEADERS: END_STREAM | END_HEADERS, SETTINGS: ACK, PING: ACK}


def pairs_of(payload: bytes) -> Iterator[tuple[int, int]]:
    """Yield the identifiers and values of a SETTINGS payload."""
    for at in range(0, len(payload), 6):
        yield int.from_bytes(payload[at : at + 2], "big"), int.from_bytes(payload[at + 2 : at + 6], "big")


class Answer:
    """Gather what comes on one stream."""

    def __init__(self, window: int) -> None:
        self.window = window
        #: Each header block: interim answers, the answer, perhaps trailers.
        self.blocks: list[Fields] = []
        self.body = b""
        self.is_ended = False
        #: The code of RST_STREAM.
        self.code: int | None = None

    @property
    def status(self) -> int:
        """Return the status of the final answer, 0 while there is none."""
        statuses = [int(value) for fields in self.blocks for name, value in fields if name == b":status"]
        return next((status for status in statuses if status >= 200), 0)


class Rules:
    """Judge frames, in their order, and keep what they say."""

    def __init__(self) -> None:
        self.decoder = Decoder(max_header_list_size=1 << 20)
        self.max_frame = LEAST_MAX_FRAME
        self.first_window = 65535
        self.window = 65535
        self.answers: dict[int, Answer] = {}
        #: The server's settings; None before its first frame.
        self.settings: dict[int, int] | None = None
        self.unacknowledged = 0
        self.last_stream = MOST
        self.open_block: tuple[Frame, bytes] | None = None

    # --- what the client does

    def note(self, frame: Frame) -> None:
        """Note any frame that the client sends."""
        stream = frame.stream & MOST
        if frame.kind == SETTINGS and not frame.flags & ACK and len(frame.payload) % 6 == 0:
            self.announce(tuple(pairs_of(frame.payload)))
        elif frame.kind == WINDOW_UPDATE:
            self.credit(stream, int.from_bytes(frame.payload, "big") & MOST)
        elif frame.kind not in (PUSH_PROMISE, CONTINUATION) and stream:
            # The server may answer any frame on a stream with RST_STREAM.
            self.open(stream)

    def open(self, stream: int) -> Answer:
        """Note a stream that the client has opened."""
        return self.answers.setdefault(stream, Answer(self.first_window))

    def credit(self, stream: int, size: int) -> None:
        """Note a WINDOW_UPDATE of the client."""
        if stream == 0:
            self.window += size
        else:
            self.open(stream).window += size

    def announce(self, pairs: tuple[tuple[int, int], ...]) -> None:
        """Note SETTINGS of the client. The smaller of old and new must hold until they are acknowledged."""
        self.unacknowledged += 1
        for number, value in pairs:
            if number == Setting.INITIAL_WINDOW_SIZE:
                for answer in self.answers.values():
                    answer.window += value - self.first_window
                self.first_window = value
            elif number == Setting.MAX_FRAME_SIZE and value >= LEAST_MAX_FRAME:
                self.max_frame = value

    # --- what the server does

    def judge(self, frame: Frame) -> None:
        """Judge the next frame."""
        assert len(frame.payload) <= self.max_frame, "a frame above SETTINGS_MAX_FRAME_SIZE"
        assert frame.stream <= MOST, "the reserved bit is set"
        if self.settings is None:
            assert (frame.kind, frame.flags & ACK) == (SETTINGS, 0), "the first frame is not SETTINGS"
        if self.open_block is not None:
            assert frame.kind == CONTINUATION, "a frame inside of a header block"
        assert not frame.flags & ~LEGAL_FLAGS.get(frame.kind, END_HEADERS if frame.kind == CONTINUATION else 0)
        judges = {
            DATA: self._judge_data,
            HEADERS: self._judge_headers,
            CONTINUATION: self._judge_continuation,
            RST_STREAM: self._judge_reset,
            SETTINGS: self._judge_settings,
            PING: self._judge_ping,
            GOAWAY: self._judge_goaway,
            WINDOW_UPDATE: self._judge_window_update,
        }
        assert frame.kind in judges, f"a server does not send frames of kind {frame.kind}"
        judges[frame.kind](frame)

    def _find(self, frame: Frame) -> Answer:
        assert frame.stream in self.answers, f"stream {frame.stream} was never opened"
        answer = self.answers[frame.stream]
        assert answer.code is None, "a frame behind RST_STREAM"
        return answer

    def _judge_data(self, frame: Frame) -> None:
        answer = self._find(frame)
        size = len(frame.payload)
        assert not answer.is_ended, "DATA behind END_STREAM"
        assert answer.status, "DATA before a final status"
        assert size <= max(0, answer.window), f"{size} bytes into a window of {answer.window} of a stream"
        assert size <= self.window, f"{size} bytes into a window of {self.window} of the connection"
        answer.window -= size
        self.window -= size
        padding = frame.payload[0] + 1 if frame.flags & PADDED else 0
        answer.body += frame.payload[min(1, padding) : size - max(0, padding - 1)]
        answer.is_ended = frame.ends_stream

    def _judge_headers(self, frame: Frame) -> None:
        if frame.flags & END_HEADERS:
            self._take_block(frame, frame.payload)
        else:
            self.open_block = frame, frame.payload

    def _judge_continuation(self, frame: Frame) -> None:
        assert self.open_block is not None, "CONTINUATION that continues nothing"
        first, fragment = self.open_block
        assert first.stream == frame.stream
        self.open_block = first, fragment + frame.payload
        if frame.flags & END_HEADERS:
            self.open_block = None
            self._take_block(first, fragment + frame.payload)

    def _take_block(self, frame: Frame, fragment: bytes) -> None:
        answer = self._find(frame)
        assert not answer.is_ended, "HEADERS behind END_STREAM"
        fields = tuple((bytes(name), bytes(value)) for name, value in self.decoder.decode(fragment, raw=True))
        pseudo = [name for name, _ in fields if name.startswith(b":")]
        if answer.status:
            assert frame.ends_stream, "trailers do not end the stream"
            assert not pseudo, "trailers have pseudo-header fields"
        else:
            assert pseudo == [b":status"]
            assert fields[0][0] == b":status"
            assert int(fields[0][1]) >= 200 or not frame.ends_stream, "an interim answer ends the stream"
            assert fields[0][1] != b"101", "RFC 9113 §8.6"
        for name, value in fields:
            assert name == name.lower(), name
            assert name not in CONNECTION_FIELDS, name
            assert value == value.strip(b" \t"), value
            assert not set(value) & {0, 10, 13}, value
        answer.blocks.append(fields)
        answer.is_ended = frame.ends_stream

    def _judge_reset(self, frame: Frame) -> None:
        assert len(frame.payload) == 4
        self._find(frame).code = frame.code

    def _judge_settings(self, frame: Frame) -> None:
        assert frame.stream == 0
        assert len(frame.payload) % 6 == 0
        if frame.flags & ACK:
            assert not frame.payload
            assert self.unacknowledged > 0, "SETTINGS are acknowledged that nobody sent"
            self.unacknowledged -= 1
            return
        found = {} if self.settings is None else self.settings
        found.update(pairs_of(frame.payload))
        assert found.get(Setting.ENABLE_PUSH, 0) == 0
        assert found.get(Setting.INITIAL_WINDOW_SIZE, 0) <= MOST
        assert LEAST_MAX_FRAME <= found.get(Setting.MAX_FRAME_SIZE, LEAST_MAX_FRAME) < 1 << 24
        self.settings = found

    def _judge_ping(self, frame: Frame) -> None:
        assert frame.stream == 0
        assert len(frame.payload) == 8

    def _judge_goaway(self, frame: Frame) -> None:
        assert frame.stream == 0
        assert len(frame.payload) >= 8
        last = int.from_bytes(frame.payload[:4], "big")
        assert last <= self.last_stream, "the last stream id of GOAWAY rises"
        self.last_stream = last

    def _judge_window_update(self, frame: Frame) -> None:
        assert len(frame.payload) == 4
        assert 0 < int.from_bytes(frame.payload, "big") <= MOST
        if frame.stream:
            self._find(frame)
