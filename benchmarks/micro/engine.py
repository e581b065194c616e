"""Time what the HTTP/1 engine does for one request, with whichever build the interpreter has installed.

    parse      a browser's request with seven fields becomes an exchange: parsed, judged, its target split
    head       a response head with two fields and the default ones becomes bytes, with a short body behind it
    exchange   the whole: bytes in, exchange out, response in, bytes out, connection ready for the next
    stream     the same with twenty chunks of 128 bytes
    upload     a POST of 16 KiB that arrives in one piece and is taken whole

Prints JSON: CPU microseconds of each, the best of several rounds. `python -m benchmarks.micro` runs it in both builds.
"""

import json
import sys
import time
from collections.abc import Callable

from licorne.engine.defaults import DefaultHeaders
from licorne.engine.http1 import new_connection_factory
from licorne.engine.http1.parser import new_parser
from licorne.engine.http1.request import Http1Request
from licorne.engine.http1.response import Http1Response
from licorne.engine.http1.writer import Heads, serialize_head
from licorne.engine.limits import Limits

ROUNDS = 7
ROUND_SECONDS = 0.1

REQUEST = (
    b"GET /articles/2024/unicorns?page=2 HTTP/1.1\r\n"
    b"Host: www.example.org\r\n"
    b"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n"
    b"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
    b"Accept-Language: en-GB,en;q=0.5\r\n"
    b"Accept-Encoding: gzip, deflate, br, zstd\r\n"
    b"Cookie: session=4f2c9d0e1b7a; theme=dark\r\n"
    b"Connection: keep-alive\r\n"
    b"\r\n"
)
UPLOAD = b"POST /upload HTTP/1.1\r\nHost: www.example.org\r\nContent-Length: 16384\r\n\r\n" + b"x" * 16384
FIELDS = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"13")]
BODY = b"Hello, world!"
CHUNK = b"x" * 128
CHUNKS = 20
NOW = 1.0


def new_defaults() -> DefaultHeaders:
    """Make the default fields as the server does."""
    defaults = DefaultHeaders([(b"server", b"licorne")], has_date=True)
    defaults.refresh(0.0)
    return defaults


def prepare_parse(parser_name: str) -> Callable[[], None]:
    """Feed one parser; the reading half judges what it finds."""
    limits = Limits()
    parser = new_parser(parser_name, limits)
    sink = Http1Request(limits, Http1Response(Heads(new_defaults()), b""))

    def parse() -> None:
        parser.feed(REQUEST, sink)
        sink.is_full = False

    return parse


def prepare_head() -> Callable[[], None]:
    """Serialise one head and the body behind it."""
    heads = Heads(new_defaults())

    def write_head() -> None:
        serialize_head(heads.head(200, 0), FIELDS, b"\r\n", BODY)

    return write_head


def prepare_exchange(request: bytes, respond: Callable[..., None]) -> Callable[[], None]:
    """Play one request and its response on a connection that stays."""
    connection = new_connection_factory(Limits(), "native", new_defaults())()
    connection.start(NOW)

    def play() -> None:
        connection.receive_data(request, NOW)
        exchange = connection.next_exchange(NOW)
        respond(exchange)
        if not connection.data_to_send():
            raise RuntimeError("the connection has nothing to send")

    return play


def respond_hello(exchange: object) -> None:
    """Answer in one piece."""
    exchange.start_response(200, FIELDS)  # type: ignore[attr-defined]
    exchange.write(BODY, True)  # type: ignore[attr-defined]


def respond_stream(exchange: object) -> None:
    """Answer in chunks."""
    exchange.start_response(200, FIELDS[:1])  # type: ignore[attr-defined]
    for _ in range(CHUNKS):
        exchange.write(CHUNK, False)  # type: ignore[attr-defined]
    exchange.write(b"", True)  # type: ignore[attr-defined]


def respond_upload(exchange: object) -> None:
    """Take the body, then answer."""
    if len(exchange.take_body()) != 16384:  # type: ignore[attr-defined]
        raise RuntimeError("the body did not come whole")
    respond_hello(exchange)


def microseconds(play: Callable[[], None]) -> float:
    """Return the time of one call in the best of several rounds."""
    play()
    count = 1
    while _time(play, count) < ROUND_SECONDS:
        count *= 2
    return min(_time(play, count) for _ in range(ROUNDS)) / count * 1e6


def _time(play: Callable[[], None], count: int) -> float:
    begun = time.process_time()
    for _ in range(count):
        play()
    return time.process_time() - begun


def main() -> None:
    """Time everything and print it."""
    figures = {
        "parse": microseconds(prepare_parse("native")),
        "parse, httptools": microseconds(prepare_parse("httptools")),
        "parse, h11": microseconds(prepare_parse("h11")),
        "head": microseconds(prepare_head()),
        "exchange": microseconds(prepare_exchange(REQUEST, respond_hello)),
        "stream": microseconds(prepare_exchange(REQUEST, respond_stream)),
        "upload": microseconds(prepare_exchange(UPLOAD, respond_upload)),
    }
    json.dump(figures, sys.stdout)


if __name__ == "__main__":
    main()
