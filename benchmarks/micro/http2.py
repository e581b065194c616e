"""Time what the HTTP/2 engine does for one request, with whichever build the interpreter has installed.

    hello      32 requests in one read, each answered with a short body: bytes in, exchanges out, bytes out
    browser    the same with the fields of a browser, and another path each time
    download   a body of 1 MiB that the windows let out at once
    upload     a body of 128 KiB in DATA frames of 16 KiB, taken as it comes

Prints JSON: CPU microseconds of one request, the best of several rounds.
"""

import json
import sys
import time
from collections.abc import Callable

from licorne.engine.defaults import DefaultHeaders
from licorne.engine.http2 import new_connection_factory
from licorne.engine.http2.frames import (
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    INITIAL_WINDOW_SIZE,
    MAX_WINDOW,
    PREFACE,
    serialize_header,
    serialize_settings,
    serialize_window_update,
)
from licorne.engine.http2.hpack.encoder import Encoder
from licorne.engine.limits import Limits

ROUNDS = 7
ROUND_SECONDS = 0.1
STREAMS = 32
NOW = 1.0

FIELDS = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"13")]
BODY = b"Hello, world!"
LARGE = b"x" * (1024 * 1024)
PART = b"x" * (16 * 1024)
PARTS = 8

PLAIN = [(b":method", b"GET"), (b":path", b"/"), (b":scheme", b"http"), (b":authority", b"127.0.0.1:8000")]
BROWSER = [
    (b":method", b"GET"),
    (b":authority", b"www.example.org"),
    (b":scheme", b"https"),
    (b"user-agent", b"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
    (b"accept", b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
    (b"accept-language", b"en-GB,en;q=0.5"),
    (b"accept-encoding", b"gzip, deflate, br, zstd"),
    (b"cookie", b"session=4f2c9d0e1b7a; theme=dark"),
    (b"priority", b"u=3, i"),
]


class Client:
    """Be the other side: make requests, and open the windows whenever they may be short."""

    def __init__(self) -> None:
        self.encoder = Encoder()
        self.stream_id = -1
        defaults = DefaultHeaders([(b"server", b"licorne")], has_date=True)
        defaults.refresh(0.0)
        self.new_connection = new_connection_factory(Limits(), defaults)
        self.open()

    def open(self) -> None:
        """Begin a connection, because the last one has no identifiers left."""
        self.connection = self.new_connection()
        self.connection.start(NOW)
        self.encoder = Encoder()
        self.stream_id = -1
        settings = serialize_settings([(INITIAL_WINDOW_SIZE, MAX_WINDOW)])
        self.connection.receive_data(PREFACE + settings, NOW)
        self.connection.data_to_send()

    def request(self, fields: list[tuple[bytes, bytes]], ends: bool = True) -> bytes:
        """Return the frames of a request on a new stream."""
        self.stream_id += 2
        block = self.encoder.encode_fields(fields)
        flags = END_HEADERS | (END_STREAM if ends else 0)
        return serialize_header(len(block), HEADERS, flags, self.stream_id) + block

    def credit(self) -> bytes:
        """Return the credit for what one round was sent."""
        return serialize_window_update(0, len(LARGE) + 1024)

    def play(self, data: bytes, respond: Callable[..., None]) -> None:
        """Feed a connection, answer what it asks, and take what it sends."""
        connection = self.connection
        connection.receive_data(data, NOW)
        while (exchange := connection.next_exchange(NOW)) is not None:
            respond(exchange)
        while connection.pending_bytes():
            connection.data_to_send()


def respond_hello(exchange: object) -> None:
    """Answer in one piece."""
    exchange.start_response(200, FIELDS)  # type: ignore[attr-defined]
    exchange.write(BODY, True)  # type: ignore[attr-defined]


def respond_large(exchange: object) -> None:
    """Answer with a large body."""
    exchange.start_response(200, FIELDS[:1])  # type: ignore[attr-defined]
    exchange.write(LARGE, True)  # type: ignore[attr-defined]


def respond_upload(exchange: object) -> None:
    """Take the body, then answer."""
    if len(exchange.take_body()) != PARTS * len(PART):  # type: ignore[attr-defined]
        raise RuntimeError("the body did not come whole")
    respond_hello(exchange)


def prepare(kind: str) -> tuple[list[bytes], Callable[..., None], int]:
    """Return the reads of one round, what answers them, and how many requests they hold. The first warms tables up."""
    client = Client()
    reads = []
    for turn in range(64):
        parts = [client.credit()]
        count = STREAMS if kind in ("hello", "browser") else 1
        for number in range(count):
            if kind == "browser":
                path = b"/articles/%d/unicorns?page=%d" % (turn, number)
                parts.append(client.request([*BROWSER[:1], (b":path", path), *BROWSER[1:]]))
            elif kind == "upload":
                parts.append(client.request([(b":method", b"POST"), *PLAIN[1:]], ends=False))
                for index in range(PARTS):
                    flags = END_STREAM if index == PARTS - 1 else 0
                    parts += [serialize_header(len(PART), DATA, flags, client.stream_id), PART]
            else:
                parts.append(client.request(PLAIN))
        reads.append(b"".join(parts))
    respond = {"download": respond_large, "upload": respond_upload}.get(kind, respond_hello)
    return reads, respond, count * len(reads)


def microseconds(kind: str) -> float:
    """Return the time of one request in the best of several rounds, each on a new connection."""
    reads, respond, count = prepare(kind)
    best = float("inf")
    begun = time.process_time()
    while time.process_time() - begun < ROUNDS * ROUND_SECONDS:
        client = Client()
        at = time.process_time()
        for data in reads:
            client.play(data, respond)
        best = min(best, time.process_time() - at)
    return best / count * 1e6


def main() -> None:
    """Time everything, or what is named, and print it."""
    kinds = sys.argv[1:] or ["hello", "browser", "download", "upload"]
    json.dump({kind: microseconds(kind) for kind in kinds}, sys.stdout)


if __name__ == "__main__":
    main()
