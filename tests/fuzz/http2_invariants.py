"""What must hold for any frames and any header blocks of an HTTP/2 client. An AssertionError is a find.

1. Nothing raises: a peer's fault is GOAWAY, RST_STREAM or an answer, never an exception.
2. The same bytes make the same requests and the same end however they are cut, as long as no stream is refused and the
   client does not leave: a frame behind that is judged by whether the answer has left.
3. What is held for a peer is bounded by its windows.
4. After the last word nothing more is read.
5. What is sent keeps every rule that a strict client can check (`http2_rules`).
6. A header block means what a decoder that shares no code with the engine takes it for.
"""

from collections.abc import Iterator
from typing import NamedTuple

import hpack

from licorne.engine.connection import Closing
from licorne.engine.exchange import Exchange
from licorne.engine.http2.errors import H2Error
from licorne.engine.http2.hpack.decoder import Decoder
from licorne.engine.http2.hpack.encoder import Encoder
from licorne.engine.limits import Limits
from tests.support.cuts import byte_by_byte
from tests.support.http2_frames import GOAWAY, PREFACE, WINDOW_UPDATE, Code, Frame, headers, request, split_frame
from tests.support.http2_play import Http2Play
from tests.support.http2_rules import Rules

__all__ = ["TIGHT_HTTP2", "check_blocks", "check_frames"]

#: Limits that a few hundred bytes can cross.
TIGHT_HTTP2 = Limits(
    max_body_bytes=100,
    max_fields=6,
    h2_max_streams=3,
    h2_window=65535,
    h2_connection_window=65535,
    h2_max_header_list=300,
    h2_table=100,
    h2_send_buffer=64,
    h2_reset_burst=4,
    h2_glitch_burst=20,
    h2_max_continuations=2,
    h2_max_settings=3,
    h2_max_queued_replies=4,
)
PROBE = headers(2**31 - 1, request())
BODY = b"0123456789" * 100
#: Of a frame that has the wrong length and is wrong besides, either is found first: a length is seen before the rest.
EITHER = {Code.FRAME_SIZE_ERROR: Code.PROTOCOL_ERROR}
#: Longer than any clock.
LONG_SECONDS = 1000.0
#: Every frame that is answered costs less than this.
SLACK = 64 * 1024


class Seen(NamedTuple):
    """Hold a request that its client has not left, and what came of its body."""

    method: str
    path: bytes
    fields: tuple[tuple[bytes, bytes], ...]
    body: bytes
    is_whole: bool


class Outcome(NamedTuple):
    """Hold what became of a conversation."""

    requests: list[Seen]
    code: int | None
    has_refused: bool


def check_frames(limits: Limits, pieces: list[bytes], ends: bool) -> None:
    """Play the pieces, the whole and the single bytes to an application that reads; then to one that answers."""
    sent = b"".join(pieces)
    whole = _read(limits, [sent], ends)
    for cut in (pieces, byte_by_byte(sent)):
        other = _read(limits, cut, ends)
        if not whole.has_refused and not other.has_refused:
            assert other == whole
    _check_answers(limits, sent)


def check_blocks(blocks: list[bytes], limits: Limits) -> None:
    """Compare the reader of header blocks with another one, until one of them refuses a block."""
    ours = Decoder(limits.h2_table, limits.h2_max_header_list, limits.max_fields)
    theirs = hpack.Decoder(max_header_list_size=1 << 24)
    theirs.max_allowed_table_size = max(limits.h2_table, 4096)
    for block in blocks:
        try:
            fields = ours.decode(block)
        except H2Error:
            return
        others = [(bytes(name), bytes(value)) for name, value in theirs.decode(block, raw=True)]
        if ours.is_too_large:
            assert fields == []
            continue
        assert fields == others
        encoded = Encoder().encode_fields(fields)
        again = [(bytes(name), bytes(value)) for name, value in hpack.Decoder().decode(encoded, raw=True)]
        # RFC 9113 §8.2.1: what we send has no white space around it.
        assert again == [(name, value.strip(b" \t")) for name, value in fields]


def _read(limits: Limits, pieces: list[bytes] | Iterator[bytes], ends: bool) -> Outcome:
    """Play to an application that takes all that comes and never answers."""
    play = Http2Play(limits, is_greeted=False)
    bodies: dict[int, bytes] = {}
    for piece in pieces:
        play.send(piece)
        held = sum(exchange.body.size() for exchange in play.exchanges)
        assert held <= max(limits.h2_connection_window, 65535)
        for number, exchange in enumerate(play.exchanges):
            bodies[number] = bodies.get(number, b"") + exchange.take_body()
        play.pump()
        assert play.connection.pending_bytes() < SLACK + len(piece) * 32
    frames = play.frames()
    outcome = Outcome(
        [_seen(exchange, bodies[number]) for number, exchange in enumerate(play.exchanges) if _is_left(exchange)],
        next((EITHER.get(frame.code, frame.code) for frame in frames if frame.kind == GOAWAY and frame.code), None),
        any(_settles(frame) for frame in frames),
    )
    _check_end(play, ends)
    return outcome


def _settles(frame: Frame) -> bool:
    """Tell whether what comes behind it is judged otherwise than before: a refusal, or a farewell."""
    return bool(frame.stream and frame.kind != WINDOW_UPDATE) or (frame.kind == GOAWAY and not frame.code)


def _is_left(exchange: Exchange) -> bool:
    return not exchange.is_disconnected


def _seen(exchange: Exchange, body: bytes) -> Seen:
    head = exchange.head
    return Seen(head.method, head.path + b"?" + head.query, tuple(head.headers), body, exchange.body.has_ended)


def _check_end(play: Http2Play, ends: bool) -> None:
    before = len(play.exchanges)
    if play.connection.closing != Closing.OPEN:
        play.send(PROBE)
    elif ends:
        play.connection.receive_eof(play.now)
        play.pump()
    play.wait(LONG_SECONDS)
    assert len(play.exchanges) == before
    play.connection.lost()
    assert all(exchange.is_disconnected or exchange.is_complete() for exchange in play.exchanges)


def _answer(exchange: Exchange) -> None:
    exchange.start_response(200, [(b"x-path", exchange.head.path)])
    exchange.write(BODY, True)


def _check_answers(limits: Limits, sent: bytes) -> None:
    """Play frame by frame to an application that answers at once, and judge what comes back."""
    play = Http2Play(limits, is_greeted=False)
    play.answer = _answer
    rules = Rules()
    preface = sent[: len(PREFACE)]
    play.send(preface)
    for frame, raw in _frames(sent[len(preface) :]):
        if frame is not None:
            rules.note(frame)
        play.send(raw)
        for answer in play.frames():
            rules.judge(answer)


def _frames(sent: bytes) -> Iterator[tuple[Frame | None, bytes]]:
    """Yield each whole frame and its bytes, then what is left."""
    while (frame := split_frame(sent)) is not None:
        size = 9 + len(frame.payload)
        yield frame, sent[:size]
        sent = sent[size:]
    if sent:
        yield None, sent
