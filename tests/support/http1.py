"""Play bytes to an HTTP/1 engine with an in-memory application behind it, and write down what happens.

Strategy: what a driver and a cycle would do, without either. `Conversation.receive` gives the engine one piece of what
the client sends and lets the application act until nothing moves any more, so facts depend on the bytes and on
nothing else. Time stands still.

Rules: nothing here knows what is right; `read_answers` is strict, because a lenient client would hide faults.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from licorne.engine.connection import Closing, Connection
from licorne.engine.defaults import DefaultHeaders
from licorne.engine.exchange import Exchange
from licorne.engine.http1 import new_connection_factory
from licorne.engine.limits import Limits

__all__ = ["Answer", "Application", "Conversation", "Seen", "converse", "new_factory", "read_answers"]

NOW = 1000.0
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

_STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-5][0-9]{2}) [ -~]*\r\n")
_FIELD_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9a-z-]+): ([\t -~\x80-\xff]*)\r\n")
_CHUNK_LINE = re.compile(rb"([0-9a-f]+)\r\n")


@dataclass(slots=True)
class Seen:
    """Hold one request as the application saw it."""

    method: str
    target: bytes
    version: str
    path: bytes
    query: bytes
    fields: list[tuple[bytes, bytes]]
    body: bytes = b""
    is_complete: bool = False


@dataclass(slots=True)
class Answer:
    """Hold one final response as the client saw it; trailers are among the fields."""

    status: int
    fields: list[tuple[bytes, bytes]]
    body: bytes = b""


class Application:
    """Be one of the applications that `tests/corpus/README.md` names, for one exchange."""

    def __init__(self, kind: str, exchange: Exchange) -> None:
        head = exchange.head
        self.kind = kind
        self.exchange = exchange
        self.seen = Seen(head.method, head.target, head.http_version, head.path, head.query, head.headers)
        self.has_answered = False

    def act(self) -> None:
        """Read what has come; answer when the time is right."""
        exchange = self.exchange
        if self.has_answered or exchange.is_disconnected:
            return
        if self.kind != "early":
            self.seen.body += exchange.take_body()
            if not exchange.is_body_complete:
                exchange.send_continue()
                return
        self.seen.is_complete = self.has_answered = True
        _ANSWERS[self.kind](exchange)


def _answer_at_once(exchange: Exchange) -> None:
    exchange.start_response(200, [(b"content-type", b"text/plain")])
    exchange.write(b"hello", True)


def _answer_in_pieces(exchange: Exchange) -> None:
    exchange.start_response(200, [])
    exchange.write(b"he", False)
    exchange.write(b"llo", False)
    exchange.write(b"", True)


def _answer_with_trailers(exchange: Exchange) -> None:
    exchange.start_response(200, [], True)
    exchange.write(b"he", False)
    exchange.write(b"llo", True)
    exchange.write_trailers([(b"x-sum", b"1")])


def _answer_empty(status: int) -> Callable[[Exchange], None]:
    def answer(exchange: Exchange) -> None:
        exchange.start_response(status, [])
        exchange.write(b"", True)

    return answer


_ANSWERS: dict[str, Callable[[Exchange], None]] = {
    "reads": _answer_at_once,
    "early": _answer_at_once,
    "streams": _answer_in_pieces,
    "trailers": _answer_with_trailers,
    "empty": _answer_empty(200),
    "204": _answer_empty(204),
    "304": _answer_empty(304),
}


@dataclass(slots=True)
class Conversation:
    """Hold a connection, what was said on it, and the application of the exchange that runs."""

    connection: Connection
    kind: str = "reads"
    requests: list[Seen] = field(default_factory=list)
    out: bytearray = field(default_factory=bytearray)
    current: Application | None = None
    is_stalled: bool = False

    def receive(self, data: bytes) -> None:
        """Give the engine a piece of what the client sends, as a driver does, and let the application act."""
        connection = self.connection
        if connection.closing <= Closing.LINGER:
            connection.receive_data(data, NOW)
            self.settle()
            # An application that reads at once leaves the engine no reason to pause.
            self.is_stalled = connection.closing == Closing.OPEN and not connection.wants_data()

    def receive_eof(self) -> None:
        """Close the client's side."""
        if self.connection.closing <= Closing.LINGER:
            self.connection.receive_eof(NOW)
            self.settle()

    def settle(self) -> None:
        """Let the application act until nothing moves any more."""
        connection = self.connection
        if self.current is not None:
            self.current.act()
        while (exchange := connection.next_exchange(NOW)) is not None:
            self.current = Application(self.kind, exchange)
            self.requests.append(self.current.seen)
            self.current.act()
        for data in connection.data_to_send():
            self.out += data

    def sent(self) -> bytes:
        """Return what the client was sent, without 100: whether that comes depends on timing alone."""
        return bytes(self.out).replace(CONTINUE, b"")

    def is_closing(self) -> bool:
        """Tell whether the connection ends."""
        return self.connection.closing != Closing.OPEN


def new_factory(parser: str, limits: Limits) -> Callable[[], Connection]:
    """Return what makes connections with that parser and no default fields in their answers."""
    return new_connection_factory(limits, parser, DefaultHeaders([], has_date=False))


def converse(connection: Connection, pieces: Iterable[bytes], kind: str = "reads", ends: bool = False) -> Conversation:
    """Play all pieces, then the end of the stream if `ends`, to a new connection."""
    conversation = Conversation(connection, kind)
    connection.start(NOW)
    for piece in pieces:
        conversation.receive(piece)
    if ends:
        conversation.receive_eof()
    return conversation


def read_answers(data: bytes, methods: list[str], has_ended: bool) -> list[Answer]:
    """Read final responses as a strict client does (RFC 9112 §6.3); `methods` are those of the requests, in order.

    Raises:
        ValueError: The bytes are not a sequence of complete responses.
    """
    return list(_read_answers(data, methods, has_ended))


def _read_answers(data: bytes, methods: list[str], has_ended: bool) -> Iterator[Answer]:
    position, count = 0, 0
    while position < len(data):
        match = _expect(_STATUS_LINE, data, position)
        fields, position = _read_fields(data, match.end())
        answer = Answer(int(match[1]), fields)
        method = methods[count] if count < len(methods) else ""
        position = _read_content(data, position, answer, method, has_ended)
        if answer.status >= 200:
            count += 1
            yield answer


def _read_content(data: bytes, position: int, answer: Answer, method: str, has_ended: bool) -> int:
    """Read the content of an answer into it; return where the next one begins."""
    fields = dict(answer.fields)
    if method == "HEAD" or answer.status in (204, 304) or answer.status < 200:
        return position
    if fields.get(b"transfer-encoding") == b"chunked":
        while int((match := _expect(_CHUNK_LINE, data, position))[1], 16):
            end = match.end() + int(match[1], 16)
            answer.body += data[match.end() : end]
            if data[end : end + 2] != b"\r\n":
                raise ValueError(f"a chunk does not end with CRLF: {data[end:]!r}")
            position = end + 2
        trailers, position = _read_fields(data, match.end())
        answer.fields += trailers
        return position
    if b"content-length" in fields:
        end = position + int(fields[b"content-length"])
    elif has_ended:
        end = len(data)
    else:
        raise ValueError("an answer of unknown length on a connection that stays open")
    answer.body = data[position:end]
    if len(answer.body) < end - position:
        raise ValueError("an answer is shorter than its Content-Length")
    return end


def _read_fields(data: bytes, position: int) -> tuple[list[tuple[bytes, bytes]], int]:
    fields = []
    while data[position : position + 2] != b"\r\n":
        match = _expect(_FIELD_LINE, data, position)
        fields.append((match[1], match[2]))
        position = match.end()
    return fields, position + 2


def _expect(pattern: re.Pattern[bytes], data: bytes, position: int) -> re.Match[bytes]:
    match = pattern.match(data, position)
    if match is None:
        raise ValueError(f"expected {pattern.pattern!r} at {data[position : position + 80]!r}")
    return match
