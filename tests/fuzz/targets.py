"""The targets: how the bytes of a fuzzer become a test of `invariants`, and the seeds that they start from.

The first three bytes of an input choose parser or codec, limits, extension, ending and cuts, so that the fuzzer can
learn them too; the rest is what the client sends.
"""

from collections.abc import Callable, Iterator

import hpack

from licorne.engine.http1.parser import PARSERS
from licorne.engine.limits import Limits
from licorne.engine.websocket.codec import CODECS
from licorne.engine.websocket.session import SessionOptions
from tests.conformance.http2.test_cases import CASES
from tests.fuzz.http2_invariants import TIGHT_HTTP2, check_blocks, check_frames
from tests.fuzz.invariants import TIGHT, check_chunk_line, check_outcome, check_reading_ahead
from tests.fuzz.socket_invariants import TIGHT_SESSION, check_session, check_unread_session
from tests.support.corpus import load
from tests.support.http1 import new_factory
from tests.support.http2_frames import PREFACE, settings, settings_ack
from tests.support.websocket_corpus import load_sockets

__all__ = ["TARGETS", "seeds"]

_LIMITS = (Limits(), TIGHT)
_FACTORIES = {(parser, limits): new_factory(parser, limits) for parser in PARSERS for limits in _LIMITS}
_SESSIONS = (SessionOptions(), TIGHT_SESSION)
_HTTP2_LIMITS = (Limits(), TIGHT_HTTP2)
_OFFERS = (b"", b"permessage-deflate", b"permessage-deflate; client_no_context_takeover", b"permessage-deflate")
_CHUNKED_HEAD = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
_CHOICES = 3
#: What a client says first.
GREETING = PREFACE + settings() + settings_ack()


def http1(data: bytes) -> None:
    """Take the input for what a client sends on a new connection."""
    if len(data) > _CHOICES:
        _play(data[:_CHOICES], data[_CHOICES:])


def chunked(data: bytes) -> None:
    """Take the input for a chunked body, and its first line for a chunk line."""
    if len(data) > _CHOICES:
        _play(data[:_CHOICES], _CHUNKED_HEAD + data[_CHOICES:])
        check_chunk_line(data[_CHOICES:].partition(b"\r\n")[0])


def websocket(data: bytes) -> None:
    """Take the input for the frames of a client whose WebSocket was accepted."""
    if len(data) > _CHOICES:
        which, first, second = data[:_CHOICES]
        options, offer, ends = _SESSIONS[which % 2], _OFFERS[which // 2 % 4], which // 8 % 2 == 1
        codec, pieces = CODECS[which // 16 % 3], _cut(first, second, data[_CHOICES:])
        check_session(codec, options, offer, pieces, ends)
        check_unread_session(codec, options, offer, pieces)


def http2(data: bytes) -> None:
    """Take the input for what an HTTP/2 client sends, or sends behind its preface and settings."""
    if len(data) > _CHOICES:
        which, first, second = data[:_CHOICES]
        greeting = GREETING if which // 4 % 2 else b""
        check_frames(_HTTP2_LIMITS[which % 2], _cut(first, second, greeting + data[_CHOICES:]), which // 2 % 2 == 1)


def header_blocks(data: bytes) -> None:
    """Take the input for header blocks, a byte of length before each."""
    if len(data) > _CHOICES:
        blocks, rest = [], data[_CHOICES:]
        while rest:
            blocks.append(rest[1 : 1 + rest[0]])
            rest = rest[1 + rest[0] :]
        check_blocks(blocks, _HTTP2_LIMITS[data[0] % 2])


TARGETS: dict[str, Callable[[bytes], None]] = {
    "http1": http1,
    "chunked": chunked,
    "websocket": websocket,
    "http2": http2,
    "header_blocks": header_blocks,
}


def seeds(target: str) -> Iterator[bytes]:
    """Yield inputs that a target should start from: the corpus, behind choices that vary."""
    if target in _SEEDS:
        yield from _SEEDS[target]()
        return
    for number, case in enumerate(load("http1")):
        choices = bytes((number % 12, number * 7 % 256, number * 31 % 256))
        if target == "http1":
            yield choices + case.data
        elif b"chunked\r\n\r\n" in case.data:
            yield choices + case.data.partition(b"chunked\r\n\r\n")[2]


def _socket_seeds() -> Iterator[bytes]:
    for number, case in enumerate(load_sockets()):
        offer = 0 if not case.offer else 2 if b"client_no" in case.offer else 1
        which = number % 2 + 2 * offer + 8 * (number // 2 % 2) + 16 * (number // 4 % 3)
        yield bytes((which, number * 7 % 256, number * 31 % 256)) + case.frames


def _frame_seeds() -> Iterator[bytes]:
    for number, case in enumerate(CASES):
        sent = b"".join(step for step in case.steps if isinstance(step, bytes))
        choices = bytes((number % 4 + 4 * case.is_greeted, number * 7 % 256, number * 31 % 256))
        yield choices + (settings(*case.settings) if case.settings else b"") + sent


def _block_seeds() -> Iterator[bytes]:
    for number in range(8):
        encoder, seed = hpack.Encoder(), bytes((number, 0, 0))
        for path in ("/", "/a", "/a", "/" + "b" * number * 9):
            fields = [(":method", "GET"), (":path", path), ("cookie", "a=b"), ("x-own", "1" * number)]
            if number == path.count("a"):
                encoder.header_table_size = number * 40
            block = encoder.encode(fields, huffman=number % 2 == 0)
            seed += bytes((len(block),)) + block
        yield seed


_SEEDS = {"websocket": _socket_seeds, "http2": _frame_seeds, "header_blocks": _block_seeds}


def _cut(first: int, second: int, data: bytes) -> list[bytes]:
    start, end = sorted((first * len(data) // 256, second * len(data) // 256))
    return [piece for piece in (data[:start], data[start:end], data[end:]) if piece]


def _play(choices: bytes, data: bytes) -> None:
    which, first, second = choices
    parser, limits, ends = PARSERS[which % 3], _LIMITS[which // 3 % 2], which // 6 % 2 == 1
    pieces = _cut(first, second, data)
    new_connection = _FACTORIES[parser, limits]
    check_outcome(new_connection, limits, pieces, ends)
    check_reading_ahead(new_connection(), pieces, limits)
