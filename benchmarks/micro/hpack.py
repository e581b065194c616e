"""Time header compression and frames, with whichever build the interpreter has installed.

    PYTHONPATH=build/3.13 python benchmarks/micro/hpack.py      the compiled build
    PYTHONPATH=src python benchmarks/micro/hpack.py             the pure build

    decode        a browser's request with ten fields that all repeat: the block becomes fields
    decode, path  the same with a path that is new: one Huffman string
    head          the first of these becomes a request head, known from the last time
    head, path    the second becomes a request head
    head, first   fields become a request head of which nothing is known
    encode        the head of a response that repeats becomes a block
    encode, length  the same with another content-length each time
    frames        32 HEADERS frames in one read are told apart, for each of them

Prints JSON: CPU microseconds of each, the best of several rounds.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from itertools import cycle

from licorne.engine.http2.frames import END_HEADERS, HEADERS, FrameReader, serialize_header
from licorne.engine.http2.heads import HeadReader
from licorne.engine.http2.hpack.decoder import Decoder
from licorne.engine.http2.hpack.encoder import Encoder
from licorne.engine.http2.hpack.huffman import huffman_size, put_huffman
from licorne.engine.pseudo import request_head

ROUNDS = 7
ROUND_SECONDS = 0.1
FRAMES = 32

BROWSER = [
    (b":method", b"GET"),
    (b":scheme", b"https"),
    (b":authority", b"www.example.org"),
    (b"user-agent", b"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
    (b"accept", b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
    (b"accept-language", b"en-GB,en;q=0.5"),
    (b"accept-encoding", b"gzip, deflate, br, zstd"),
    (b"cookie-consent", b"session=4f2c9d0e1b7a; theme=dark"),
    (b"priority", b"u=3, i"),
    (b":path", b"/articles/2024/unicorns?page=2"),
]
RESPONSE = [
    (b"date", b"Mon, 21 Oct 2013 20:13:21 GMT"),
    (b"server", b"licorne"),
    (b"content-type", b"text/plain; charset=utf-8"),
    (b"content-length", b"13"),
]


def prepare_request() -> tuple[Decoder, bytes, Iterator[bytes]]:
    """Return a decoder, the block of the request that repeats, and blocks of that request with other paths."""
    decoder = Decoder()
    fields = [*BROWSER[:2], BROWSER[-1], *BROWSER[2:-1]]
    first = bytearray()
    for name, value in fields:
        first += bytes((0x40, len(name))) + name + bytes((len(value),)) + value
    decoder.decode(bytes(first))
    # The newest entry has index 62.
    indexes = [0x80 | 61 + len(fields) - at for at in range(len(fields))]
    paths = []
    for number in range(64):
        path = b"/articles/2024/unicorns?page=%d" % number
        literal = bytearray((0x04, 0x80 | huffman_size(path)))
        put_huffman(literal, path)
        paths.append(bytes(indexes[:2]) + literal + bytes(indexes[3:]))
    return decoder, bytes(indexes), cycle(paths)


def prepare_encode(is_same: bool) -> Callable[[], object]:
    """Return what encodes a response, the same one or another one each time."""
    encoder = Encoder()
    lists = cycle([[*RESPONSE[:3], (b"content-length", b"%d" % size)] for size in range(100, 164)])
    return (lambda: encoder.encode(200, RESPONSE)) if is_same else (lambda: encoder.encode(200, next(lists)))


def prepare_frames() -> Callable[[], object]:
    """Return what reads many frames."""
    reader = FrameReader()
    data = (serialize_header(20, HEADERS, END_HEADERS, 1) + bytes(20)) * FRAMES

    def read() -> None:
        reader.feed(data)
        while reader.next():
            pass

    return read


def microseconds(play: Callable[[], object]) -> float:
    """Return the time of one call in the best of several rounds."""
    for _ in range(100):
        play()
    count = 1
    while _time(play, count) < ROUND_SECONDS:
        count *= 2
    return min(_time(play, count) for _ in range(ROUNDS)) / count * 1e6


def _time(play: Callable[[], object], count: int) -> float:
    begun = time.process_time()
    for _ in range(count):
        play()
    return time.process_time() - begun


def main() -> None:
    """Time everything and print it."""
    decoder, block, paths = prepare_request()
    fields = decoder.decode(block)
    heads = HeadReader(decoder, True)
    figures = {
        "decode": microseconds(lambda: decoder.decode(block)),
        "decode, path": microseconds(lambda: decoder.decode(next(paths))),
        "head": microseconds(lambda: heads.read(block, True)),
        "head, path": microseconds(lambda: heads.read(next(paths), True)),
        "head, first": microseconds(lambda: request_head(fields, True)),
        "encode": microseconds(prepare_encode(True)),
        "encode, length": microseconds(prepare_encode(False)),
        "frames": microseconds(prepare_frames()) / FRAMES,
    }
    json.dump(figures, sys.stdout)


if __name__ == "__main__":
    main()
